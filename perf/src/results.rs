pub mod document;
pub mod output;
pub mod table;
pub mod report;
pub mod compare;
