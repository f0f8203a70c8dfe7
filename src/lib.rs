#![doc = include_str!("../README.md")]

// The layers, from the top down: each imports what stands below it, and never what stands above.
// A call starts in `proxy`, enters a `mailbox`, is taken out by a `runner`, served by an `object`,
// and answered through `reply`. An `allow` names a file that may hold `unsafe`; so do the layers' own
// lists of files.

// Whole engines on one thread, by a seed.
pub mod testkit;
// Models of the protocols, for the model checkers.
#[cfg(any(mainspring_loom, mainspring_shuttle))]
pub mod model;
// Runners and objects: how they are made, named, found and stopped.
mod engine;
// What a caller holds: it turns calls into requests.
mod proxy;
// One active object: its servant, what callers share of it, how it fails and restarts.
mod object;
// Where an answer meets its caller, and everything that waits for answers.
mod reply;
// The step that serves objects, its drivers, how they wait, and how they are woken.
mod runner;
// The rings that requests wait in.
pub mod mailbox;
// What the machine is, and how a thread is bound to it.
mod machine;

// The ground, which every layer may use.

// What an engine tells those who listen.
mod event;
// Panics of the user's code, caught.
mod panics;
// The primitives of the standard library, or those of a model checker.
mod sync;
// System calls, and hints to the CPU.
#[allow(unsafe_code)] // both
mod sys;

pub use engine::builder::{Builder, DROP_TIMEOUT};
pub use engine::engine::Engine;
pub use engine::error::{FindError, StartError};
pub use engine::factory::{Factory, FactoryMut, Fallible, Plain};
pub use engine::handle::{EngineHandle, Wakeups};
pub use engine::inline::Inline;
#[doc(hidden)]
pub use engine::inline::inline;
#[cfg(feature = "profile")]
pub use engine::profile::{
    Profile, ProfileError, ProfileFailure, ProfileMachine, ProfileObject, ProfileRunner,
};
pub use engine::runner::Runner;
pub use engine::spawn::{CALLS_MIN, PHASE_DEFAULT, Spawn, spawn};
pub use event::{Event, Recovery};
pub use machine::pin::{PinError, PinFailure};
pub use machine::pin::{Pinning, allowed_cpus};
pub use machine::topology::{CoreClass, Cpu, Distance, Topology, TopologyError};
#[doc(hidden)]
pub use machine::topology::{cpu_controllers, cpus_in, list_of};
pub use mainspring_macros::active;
pub use object::active::{Active, Batch, Method, REQUEST_BYTES_MAX};
pub use object::context::Context;
pub use object::exit::{Exit, ExitReason};
pub use object::failure::restart::{
    BACKOFF_DEFAULT, BACKOFF_MAX_DEFAULT, RESTARTS_DEFAULT, RESTARTS_WITHIN_DEFAULT, Restart,
};
pub use object::failure::supervisor::Supervisor;
#[doc(hidden)]
pub use object::guard::{Guarded, ask_guard};
pub use object::overflow::{CAPACITY_DEFAULT, OnFull};
pub use object::priority::{PASSED_MAX, Priority};
pub use object::timers::{Missed, TimerId};
pub use proxy::handle::Handle;
pub use proxy::options::{Bound, Options};
pub use proxy::proxy::Proxy;
#[doc(hidden)]
pub use proxy::proxy::{sendable, wrong_request};
pub use proxy::topic::{Published, Publisher, Subscription, Topic};
pub use proxy::weak::Weak;
pub use reply::call::{Call, Map};
pub use reply::call_set::{CallSet, NextEnded};
pub use reply::cell::{reply_bytes, reply_bytes_max};
pub use reply::error::{CallError, Executed, SendError, WaitError};
pub use reply::join::{JoinAll, Select, join_all, select};
pub use reply::later::Later;
pub use reply::reply::Reply;
pub use reply::waiter::OBSERVER_BYTES_MAX;
pub use runner::fan_out::fan_out;
pub use runner::invoker::Parked;
pub use runner::scheduler::{BATCH_MAX, COOL_AFTER, Scheduler};
pub use runner::timer_wheel::TICK as TIMER_TICK;
#[cfg(feature = "traffic")]
pub use runner::traffic::{Edge, Served, Traffic};
pub use runner::wait::{CALLER_SPIN_DEFAULT, SPIN_DEFAULT, WaitStrategy};

/// What most programs need.
pub mod prelude {
    pub use crate::{
        Active, Batch, Call, CallError, Context, Engine, Later, Missed, OnFull, Options, Priority,
        Proxy, Runner, Scheduler, SendError, TimerId, Topic, WaitError, Weak, active,
    };
}

/// Compiles and runs the programs of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/GUIDE.md")]
struct Guide;
