//! What the machine is, and how a thread is bound to it.

pub(crate) mod pin;
pub(crate) mod topology;
