pub mod plan;
pub mod run;
pub mod summary;
pub mod session;
pub mod harness;
