//! One active object: its servant, what its callers share of it, what its methods may use, and how
//! it fails and restarts.

pub(crate) mod active;
pub(crate) mod agenda;
pub(crate) mod context;
pub(crate) mod continuations;
pub(crate) mod control;
pub(crate) mod ends;
#[allow(unsafe_code)] // what is made with the first monitor
pub(crate) mod exit;
pub(crate) mod failure;
pub(crate) mod flags;
pub(crate) mod guard;
pub(crate) mod hooks;
pub(crate) mod object;
pub(crate) mod overflow;
pub(crate) mod priority;
pub(crate) mod registration;
pub(crate) mod serving;
#[allow(unsafe_code)] // pushing the object's link
pub(crate) mod shared;
pub(crate) mod task;
pub(crate) mod timers;
