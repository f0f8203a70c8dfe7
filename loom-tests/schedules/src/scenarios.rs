//! All scenarios, and what they share.

mod controls;
mod mailbox;
mod objects;
mod replies;
mod runners;

use crate::Scenario;
use shuttle::rand::{Rng, thread_rng};
use std::panic;

/// All of them.
pub const ALL: &[Scenario] = &[
    mailbox::MPSC,
    mailbox::SPSC,
    mailbox::LANES,
    objects::MPSC,
    objects::SPSC,
    objects::LANES,
    objects::RESTARTS,
    replies::REPLIES,
    replies::READY,
    runners::RING,
    runners::SHUTDOWN,
    runners::FAILURES,
    runners::SUPERVISED,
];

pub use controls::CONTROLS;

/// One of `0..end`, as the schedule's seed has it.
pub fn choose(end: u64) -> u64 {
    thread_rng().gen_range(0..end)
}

/// Whether it is so one time in that many.
pub fn one_in(end: u64) -> bool {
    choose(end) == 0
}

/// A servant's failure that the scenario wants. It passes the panic hook by.
pub fn planned_panic() -> ! {
    panic::resume_unwind(Box::new("planned"))
}
