//! One active object: its servant, what its callers share of it, what its methods may use, and how
//! it fails and restarts.

// What a user's type is, and what its methods may use.
pub(crate) mod active;
pub(crate) mod context;
pub(crate) mod agenda;
pub(crate) mod timers;
pub(crate) mod continuations;
pub(crate) mod serving;

// What callers share: where requests enter, which go first, what happens if there is no room.
pub(crate) mod ends;
#[allow(unsafe_code)] // pushing the object's link
pub(crate) mod shared;
pub(crate) mod flags;
pub(crate) mod priority;
pub(crate) mod overflow;
#[allow(unsafe_code)] // what is made with the first monitor
pub(crate) mod exit;

// What runs on the runner's thread: turns, requests, hooks, guards, failures.
pub(crate) mod task;
pub(crate) mod object;
pub(crate) mod hooks;
pub(crate) mod guard;
pub(crate) mod failure;

// How an engine lists and stops objects.
pub(crate) mod control;
pub(crate) mod registration;
