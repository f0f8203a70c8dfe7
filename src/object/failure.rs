//! What follows a panic: nothing, another servant, or the end of the object.

pub(crate) mod policy;
mod recovery;
pub(crate) mod restart;
pub(crate) mod supervisor;
mod injection;
