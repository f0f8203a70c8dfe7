pub mod plan;
pub mod rounds;
pub mod summary;
pub mod session;
pub mod harness;
