#![doc = include_str!("../README.md")]

// The modules in the order a call travels; each `allow` names a file that may hold `unsafe`.

mod active;
mod proxy;
#[allow(unsafe_code)] // that it may be sent
mod handle;
#[allow(unsafe_code)] // as of proxies
mod weak;
mod options;
mod full;
#[allow(unsafe_code)] // shares of reply cells
mod call;
#[allow(unsafe_code)] // a call under another type
mod any_call;
mod call_set;
mod join;
mod pending;
#[allow(unsafe_code)] // pushing an object's link
mod ended;
#[allow(unsafe_code)] // the waker, which one thread at a time may touch
mod task_slot;
pub mod mailbox;
#[allow(unsafe_code)] // a queue that one thread alone may touch
mod local;
mod fan_out;
mod topic;
#[allow(unsafe_code)] // pushing the object's link
mod desk;
#[allow(unsafe_code)] // making and pushing the lanes beside a mailbox
mod priority;
mod object;
mod task;
mod context;
mod waits;
mod guard;
mod life;
mod scheduler;
mod runner;
mod invoker;
mod poll;
#[allow(unsafe_code)] // that the servant's end may be sent
mod reply;
mod later;
#[allow(unsafe_code)] // the cell's outcome and waiter
mod cell;
#[allow(unsafe_code)] // closures stored without their type
mod waiter;
#[allow(unsafe_code)] // the cells' memory
mod pool;

// Beside the path.

mod engine;
mod control;
mod registry;
mod similar;
mod event;
mod spawn;
mod factory;
mod seed;
mod inline;
mod supervise;
mod supervisor;
#[allow(unsafe_code)] // what is made with the first monitor
mod exit;
#[allow(unsafe_code)] // pushing the runner's own link
mod station;
#[allow(unsafe_code)] // the intrusive stack
mod ready;
mod park;
mod wait;
mod world;
pub mod testkit;
mod linger;
mod neighbours;
mod wheel;
mod topology;
mod traffic;
mod pin;
#[cfg(feature = "profile")]
mod profile;
mod error;
mod sync;
#[allow(unsafe_code)] // system calls, and hints to the CPU
mod sys;

pub use active::{Active, Batch, Method, REQUEST_BYTES_MAX};
pub use call::{Call, Map};
pub use call_set::{CallSet, NextEnded};
pub use cell::{reply_bytes, reply_bytes_max};
pub use context::{Context, Missed, TimerId};
pub use engine::{Builder, DROP_TIMEOUT, Engine, EngineHandle, Wakeups};
pub use error::{
    CallError, Executed, FindError, PinError, PinFailure, SendError, StartError, WaitError,
};
pub use event::{Event, Recovery};
pub use exit::{Exit, ExitReason};
pub use factory::{Factory, FactoryMut, Fallible, Plain};
pub use fan_out::fan_out;
pub use full::OnFull;
#[doc(hidden)]
pub use guard::{Guarded, ask_guard};
pub use handle::Handle;
pub use inline::Inline;
#[doc(hidden)]
pub use inline::inline;
pub use invoker::Parked;
pub use join::{JoinAll, Select, join_all, select};
pub use later::Later;
pub use mainspring_macros::active;
pub use options::{Bound, Options};
pub use pin::{Pinning, allowed_cpus};
pub use priority::{PASSED_MAX, Priority};
#[cfg(feature = "profile")]
pub use profile::{
    Profile, ProfileError, ProfileFailure, ProfileMachine, ProfileObject, ProfileRunner,
};
pub use proxy::Proxy;
#[doc(hidden)]
pub use proxy::{sendable, wrong_request};
pub use reply::Reply;
pub use runner::Runner;
pub use scheduler::{BATCH_MAX, COOL_AFTER, Scheduler};
pub use spawn::{CALLS_MIN, CAPACITY_DEFAULT, PHASE_DEFAULT, Spawn, spawn};
pub use supervise::{
    BACKOFF_DEFAULT, BACKOFF_MAX_DEFAULT, RESTARTS_DEFAULT, RESTARTS_WITHIN_DEFAULT, Restart,
};
pub use supervisor::Supervisor;
pub use topic::{Published, Publisher, Subscription, Topic};
pub use topology::{CoreClass, Cpu, Distance, Topology, TopologyError};
#[doc(hidden)]
pub use topology::{cpu_controllers, cpus_in, list_of};
#[cfg(feature = "traffic")]
pub use traffic::{Edge, Served, Traffic};
pub use wait::{CALLER_SPIN_DEFAULT, SPIN_DEFAULT, WaitStrategy};
pub use waiter::OBSERVER_BYTES_MAX;
pub use weak::Weak;
pub use wheel::TICK as TIMER_TICK;

#[cfg(any(mainspring_loom, mainspring_shuttle))]
#[allow(unsafe_code)] // pushing links that the model keeps alive
pub mod model;

/// What most programs need.
pub mod prelude {
    pub use crate::{
        Active, Batch, Call, CallError, Context, Engine, Later, Missed, OnFull, Options, Priority,
        Proxy, Runner, Scheduler, SendError, TimerId, Topic, WaitError, Weak, active,
    };
}
