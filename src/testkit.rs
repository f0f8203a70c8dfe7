//! Tests that decide what happens when: a [`Simulation`] runs whole engines on one thread.
//!
//! What runs is the shipped engine, with the proxies that `#[active]` generates: mailboxes, guards, timers,
//! supervision, replies, stops. Only threads and the clock are replaced: runners take turns on the calling
//! thread, in an order that a seed decides, and time moves on when nobody has anything to do. A second of
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
//! door.open().get()?; // the runner has its turns while this waits
//! simulation.advance(Duration::from_secs(59));
//! assert_eq!(door.is_open().get(), Ok(true));
//! simulation.advance(Duration::from_secs(2));
//! assert_eq!(door.is_open().get(), Ok(false));
//! simulation.assert_quiescent();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`SimulationHandle::client`] adds callers that go on in any order among the runners.
//! - [`Faults`] have objects panic and stall, mailboxes be full, runners be slow, timers be late.
//! - [`explore`] runs many seeds; the first that fails is made simpler, and shown with its [`Trace`].
//!
//! # What it shows, and what not
//! The order of turns, of requests from different callers, of timers and deadlines, and faults: a protocol
//! between objects that breaks under some order is found, and found again. It says nothing about memory
//! orderings and races inside the engine, which the model checks do (`docs/VERIFICATION.md`), and nothing
//! about speed. Threads of your own that call into it make it depend on when they run, so don't. A servant's
//! method runs to its end: another runner comes in between only where the method waits.
//!
//! A scenario repeats itself only if it asks nothing else: no clock but the simulation's
//! ([`Context::now`](crate::Context::now) is), no `HashMap` with random hashes whose order matters, no
//! addresses.
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
