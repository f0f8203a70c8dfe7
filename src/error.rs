//! Every public error: what happened, to which value, and what the caller can do.

use crate::mailbox::{CapacityError, PushError};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use thiserror::Error;

/// Why a request was not accepted. It never ran, and what it carried comes back inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<A> {
    /// No slot (or, for a call, no reply cell) was free. Retry, shed, or wait.
    Full(A),
    /// The object has stopped, or is stopping. Retrying cannot help.
    Stopped(A),
    /// No slot was free, and the sender was to wait for one, on the thread that alone could make room.
    /// Only with [`OnFull::Wait`](crate::OnFull).
    WouldDeadlock(A),
}

impl<A> SendError<A> {
    /// Takes back what was refused.
    pub fn into_inner(self) -> A {
        match self {
            Self::Full(value) | Self::Stopped(value) | Self::WouldDeadlock(value) => value,
        }
    }

    /// How a call ends that was refused so.
    pub(crate) fn reason(&self) -> CallError {
        match self {
            Self::Full(_) => CallError::Full,
            Self::Stopped(_) => CallError::Stopped { started: false },
            Self::WouldDeadlock(_) => CallError::SendWouldDeadlock,
        }
    }

    /// Whether retrying can help.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// The same refusal with another content.
    pub fn map<B>(self, change: impl FnOnce(A) -> B) -> SendError<B> {
        match self {
            Self::Full(value) => SendError::Full(change(value)),
            Self::Stopped(value) => SendError::Stopped(change(value)),
            Self::WouldDeadlock(value) => SendError::WouldDeadlock(change(value)),
        }
    }
}

impl<A> From<PushError<A>> for SendError<A> {
    fn from(error: PushError<A>) -> Self {
        match error {
            PushError::Full(value) => Self::Full(value),
            PushError::Closed(value) => Self::Stopped(value),
        }
    }
}

impl<A> fmt::Debug for SendError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Stopped(_) => "Stopped(..)",
            Self::WouldDeadlock(_) => "WouldDeadlock(..)",
        })
    }
}

impl<A> fmt::Display for SendError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}",
            match self {
                Self::Full(_) =>
                    "the object's mailbox is full: retry, shed, or give it more capacity",
                Self::Stopped(_) => "the object has stopped: the request was not accepted",
                Self::WouldDeadlock(_) => NO_ROOM_HERE,
            }
        )
    }
}

impl<A> std::error::Error for SendError<A> {}

const NO_ROOM_HERE: &str = "the object's mailbox is full, and waiting for room on a runner's thread \
                            could never end: send with another OnFull, or give it more capacity";

/// How a call ended, other than with the method's result. The servant's own errors are results.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// No slot or no reply cell was free; the request was not accepted.
    #[error("the object's mailbox is full: retry, shed, or give it more capacity")]
    Full,
    /// No slot or no reply cell was free, and the sender was to wait for one
    /// ([`OnFull::Wait`](crate::OnFull)), on the thread that alone could make room; not accepted.
    #[error("{NO_ROOM_HERE}")]
    SendWouldDeadlock,
    /// The request was dropped for want of room, before it started: by
    /// [`OnFull::DropNewest`](crate::OnFull), by [`Spawn::shed_oldest`](crate::Spawn::shed_oldest), or
    /// because too many wait for their guards.
    #[error("the request was dropped for want of room, before it started")]
    Shed,
    /// The object stopped; `started` says whether the method may have begun.
    #[error("the object has stopped ({})", if *.started { "the method had started" } else { "the method did not start" })]
    Stopped {
        /// Whether the method may have begun.
        started: bool,
    },
    /// The caller took it back before it started.
    #[error("the call was cancelled before it started")]
    Cancelled,
    /// Its deadline had passed before it started.
    #[error("the call's deadline passed before it started")]
    Expired,
    /// The method panicked. It is not retried, and the object stops.
    #[error("the method {method} panicked: {message}")]
    Panicked {
        /// The method's name.
        method: &'static str,
        /// What the panic said, if it was text.
        message: Box<str>,
    },
    /// The servant dropped its end without an answer.
    #[error("the servant dropped the reply")]
    Dropped,
    /// Waiting here could never end, or would stop a runner: the call goes on without this handle.
    #[error(
        "waiting without a timeout on a runner thread could never end: use on_complete, or Context::then"
    )]
    WouldDeadlock,
    /// The outcome was taken from this handle before.
    #[error("the call's outcome was taken before")]
    Taken,
}

/// Whether a method that ended with an error may have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// It did not begin: the call is safe to repeat.
    No,
    /// It may have begun, or even finished: repeat it only if it is idempotent.
    Maybe,
}

impl CallError {
    /// Whether the method may have run.
    pub fn executed(&self) -> Executed {
        match self {
            Self::Full | Self::SendWouldDeadlock | Self::Shed => Executed::No,
            Self::Cancelled | Self::Expired | Self::Stopped { started: false } => Executed::No,
            _ => Executed::Maybe,
        }
    }
}

/// How a limited wait ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WaitError {
    /// Time was up. The call is still pending, and the handle usable.
    #[error("the call has not ended in time; it is still pending")]
    TimedOut,
    /// The object lives on this very thread, so waiting here could never succeed. Still pending.
    #[error("the object runs on this thread, so waiting for it here could never end")]
    WouldDeadlock,
    /// The call has ended, with an error.
    #[error(transparent)]
    Ended(#[from] CallError),
}

/// Why a runner's thread could not be pinned as asked.
#[derive(Debug, Error)]
#[error(
    "runner {runner:?} cannot run on cpu {wanted:?}: {reason}; allowed here: {allowed:?}; \
         choose one of these, or pin with Prefer"
)]
pub struct PinError {
    /// The runner's name.
    pub runner: String,
    /// The CPUs asked for.
    pub wanted: Vec<usize>,
    /// The CPUs that this process may use.
    pub allowed: Vec<usize>,
    /// What stood in the way.
    #[source]
    pub reason: PinFailure,
}

/// What stood in the way of pinning a thread.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PinFailure {
    /// A CPU that doesn't exist, or that the process may not use.
    #[error("cpu {0} does not exist or is not allowed to this process")]
    NotAllowed(usize),
    /// An empty set.
    #[error("no cpu was named")]
    Empty,
    /// The kernel refused.
    #[error("the kernel refused")]
    Refused(#[source] io::Error),
    /// The mask read back differs from the one that was set.
    #[error("the mask read back is {0:?}")]
    NotInForce(Vec<usize>),
}

/// Why an engine, a runner or an object did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A mailbox of that size isn't possible.
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    /// Objects of one engine have different names.
    #[error("an object named {name:?} is alive already: choose another name, or stop that one")]
    DuplicateObject {
        /// The name given twice.
        name: String,
    },
    /// Runners of one engine have different names.
    #[error("a runner named {name:?} exists already: choose another name")]
    DuplicateRunner {
        /// The name given twice.
        name: String,
    },
    /// There is no runner of that name.
    #[error("there is no runner named {name:?}; this engine has {known:?}: add it with add_runner")]
    UnknownRunner {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// An object that is always hot needs a runner that never parks.
    #[error(
        "object {object:?} is always hot, but runner {runner:?} parks: give the runner \
         WaitStrategy::Spin, SpinThenYield or Backoff, or leave always_hot out"
    )]
    AlwaysHot {
        /// The object's name, or its type's.
        object: String,
        /// The runner's name.
        runner: String,
    },
    /// An object with one proxy, the caller's, has none that the engine could keep.
    #[error(
        "object {object:?} has a single producer, so it can't be kept alive: leave keep_alive or \
         single_producer out"
    )]
    KeepAlive {
        /// The object's name, or its type's.
        object: String,
    },
    /// A runner with a [`poll`](crate::Runner::poll) hook must never park.
    #[error(
        "runner {runner:?} has a poll hook, but its wait strategy {strategy} parks, and nobody would \
         wake it to poll: give it WaitStrategy::Spin, SpinThenYield or Backoff, or leave poll out"
    )]
    PollParks {
        /// The runner's name.
        runner: String,
        /// The strategy's name.
        strategy: &'static str,
    },
    /// The engine has no runner to put the object on.
    #[error("the engine has no runner: add one, or spawn with on_own_runner")]
    NoRunner,
    /// The runner has ended, or is stopping.
    #[error("the runner {name:?} has stopped: spawn on another")]
    RunnerStopped {
        /// The runner's name.
        name: String,
    },
    /// The engine has ended, or is stopping.
    #[error("the engine has stopped: start a new one")]
    EngineStopped,
    /// The runner's thread was to be pinned and could not be.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The [profile](crate::Profile) can't be used. With the feature `profile`.
    #[cfg(feature = "profile")]
    #[error(transparent)]
    Profile(crate::profile::ProfileError),
    /// A thread option that the kernel refused.
    #[error(
        "runner {runner:?}: {option} was refused: {source}; drop the option, or grant the right"
    )]
    Option {
        /// The runner's name.
        runner: String,
        /// Which option, with its value.
        option: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The thread could not be created.
    #[error("the thread of runner {runner:?} could not be started: {source}")]
    Thread {
        /// The runner's name.
        runner: String,
        /// What the system said.
        source: io::Error,
    },
    /// The object's factory returned an error.
    #[error("the factory of object {object:?} failed: {message}")]
    Factory {
        /// The object's name.
        object: String,
        /// The error's text.
        message: String,
    },
    /// The object's factory panicked.
    #[error("the factory of object {object:?} panicked: {message}")]
    FactoryPanicked {
        /// The object's name.
        object: String,
        /// What the panic said, if it was text.
        message: String,
    },
}

/// Why no proxy was found for a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FindError {
    /// No object of that name is alive.
    #[error("no object named {name:?} is alive{}", others(.similar))]
    Unknown {
        /// The name asked for.
        name: String,
        /// Up to five names there are, the most similar first.
        similar: Vec<String>,
    },
    /// The object of that name has a servant of another type.
    #[error("object {name:?} is served by {found}, not by {wanted}: look up the other type")]
    OtherType {
        /// The name asked for.
        name: String,
        /// The type asked for.
        wanted: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// Its mailbox is of another kind.
    #[error("object {name:?} has a mailbox of the kind {found}, not {wanted}: {}", kind_advice(.found))]
    OtherKind {
        /// The name asked for.
        name: String,
        /// The kind asked for.
        wanted: &'static str,
        /// The kind it has.
        found: &'static str,
    },
    /// It was stopped, or its last proxy has gone: it serves what it has accepted, and ends.
    #[error("object {name:?} is ending: spawn it anew once it has, or with keep_alive")]
    Ending {
        /// The name asked for.
        name: String,
    },
}

fn others(names: &[String]) -> String {
    match names {
        [] => ", nor any other that has a name".into(),
        names => format!("; there are {names:?}"),
    }
}

fn kind_advice(found: &str) -> String {
    match found {
        "Spsc" => "it has one proxy for good; spawn it without single_producer".into(),
        found => format!("look it up with find_in::<_, {found}>"),
    }
}

/// Runs the user's code where a panic has nobody left to tell; its payload is dropped.
pub(crate) fn caught(run: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(run)) else { return };
    // The payload is the user's too, and may panic in its own drop: that panic's is leaked.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

/// The text of a panic, as far as it has one.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> Box<str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(the panic carried no text)").into()
}
