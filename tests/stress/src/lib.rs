//! Scenarios that put the engine under stress, each of which checks itself.
//!
//! A scenario is a function that runs one *round*: it makes what it needs from the round's seed, lets
//! threads meet, waits until all has ended, and balances its books. Rounds know nothing of each other, so
//! a program may run one of them under valgrind or a million of them for hours.
//!
//! This file is also a module of two tests of the main package, `tests/stress.rs` and `tests/chaos.rs`,
//! and therefore names its own parts by `super`.

pub mod book;
pub mod chance;
pub mod chaos;
pub mod hostile;
pub mod machine;
pub mod program;
pub mod scenarios;
pub mod victim;
pub mod watch;
