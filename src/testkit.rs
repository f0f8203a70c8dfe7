//! Tests that decide what happens when: a [`Simulation`] runs whole engines on one thread.
//!
//! What runs is the shipped engine, with the proxies that `#[active]` generates: mailboxes, guards, timers,
//! supervision, replies, stops. Only threads and the clock are replaced: runners take turns on the calling
//! thread, in an order that a seed decides, and time advances when nobody has anything to do. A second of
//! simulated time costs nothing if nothing happens in it.
//!
//! ```
//! use mainspring::prelude::*;
//! use mainspring::testkit::Simulation;
//! use std::time::Duration;
//!
//! struct Door { is_open: bool }
//!
//! #[active]
//! impl Door {
//!     pub fn open(&mut self, cx: &mut Context<Self>) {
//!         self.is_open = true;
//!         cx.after(Duration::from_secs(60), |door, _| door.is_open = false);
//!     }
//!     pub fn is_open(&self) -> bool { self.is_open }
//! }
//!
//! let simulation = Simulation::new(1);
//! let engine = Engine::builder().runner(Runner::named("house")).start()?;
//! let door = engine.spawn("door", || Door { is_open: false }).start()?;
//! door.open().get()?; // the runner runs while this waits
//! simulation.advance(Duration::from_secs(59));
//! assert_eq!(door.is_open().get(), Ok(true));
//! simulation.advance(Duration::from_secs(2));
//! assert_eq!(door.is_open().get(), Ok(false));
//! simulation.assert_quiescent();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`SimulationHandle::client`] adds callers, which are interleaved with the runners.
//! - [`Faults`] make objects panic and stall, mailboxes full, runners slow, and timers late.
//! - [`explore`] runs many seeds. It simplifies the first one that fails and shows its [`Trace`].
//!
//! # What it finds, and what it doesn't
//! It varies the order of turns, of requests from different callers, of timers and of deadlines, and it
//! injects faults. If a protocol between objects breaks under some order, it finds that order, and finds it
//! again. It says nothing about speed, and nothing about memory orderings and races inside the engine: model
//! checks cover those (`docs/VERIFICATION.md`). Don't call into it from threads of your own: the result would
//! depend on when they run. A servant's method runs to its end: another runner is scheduled in between only
//! where the method waits.
//!
//! A scenario is repeatable only if it depends on nothing else: no clock but the simulation's (use
//! [`Context::now`](crate::Context::now)), no iteration over a `HashMap` with random hashes, no addresses.
//!
//! # Source
//! The idea of running the real code in one thread with time and chance replaced: FoundationDB's simulation
//! (W. Wilson, "Testing Distributed Systems w/ Deterministic Simulation", 2014), TigerBeetle's VOPR.

mod choices;
mod clients;
mod explore;
mod faults;
mod injection;
mod stuck;
mod runners;
mod simulation;
mod world;
mod trace;
mod faulty_task;

pub use clients::Sleep;
pub use explore::{Explored, Found, SEED_VARIABLE, explore};
pub use faults::Faults;
pub use simulation::{RUN_MAX, Simulation, SimulationHandle};
pub use trace::Trace;
