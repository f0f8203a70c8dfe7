//! The shipped source under randomised schedules: many threads and many requests, where the models of
//! `loom-tests` have two or three of each.
//!
//! Every access to a shared word may hand over to another thread, at random or by priorities. All of
//! them are in one order, so orderings are not checked here, but everything else is: the logic of the
//! protocols, at sizes that nobody can explore to the end. A scenario asks whether anything was lost,
//! doubled, dropped twice or never, whether its mailbox was a queue, and whether all threads ended:
//! where none can go on, shuttle says so.
//!
//! Nothing wakes up by itself (see `src/sync/shuttle.rs`), so a wake-up that is lost is a deadlock; but
//! others that are still at work may make up for it. So in most scenarios those who ring end before the
//! one that sleeps.

#[cfg(not(mainspring_shuttle))]
compile_error!(
    "the flags of loom-tests/schedules/.cargo/config.toml are missing: run `cargo schedules` from the \
     project's root, without RUSTFLAGS in the environment"
);

pub mod books;
pub mod marks;
pub mod mutants;
pub mod orders;
pub mod run;
pub mod scenarios;
pub mod seeded;

#[path = "../../../tests/common/history.rs"]
pub mod history;
#[path = "../../../tests/common/mailboxes.rs"]
pub mod mailboxes;

#[path = "../../src/seeding.rs"]
mod seeding;

/// What several threads do to each other.
pub struct Scenario {
    pub name: &'static str,
    /// One schedule of it.
    pub run: fn(),
    /// States that some schedule must reach.
    pub marks: &'static [&'static str],
    /// How many schedules, compared with the others: fewer of what is large.
    pub weight: u64,
}
