//! How a request or a call ends other than with a result, and what the caller can do.

use crate::mailbox::PushError;
use std::fmt;
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

/// What a call ends with: the method's result, or why there is none.
pub(crate) type Outcome<R> = Result<R, CallError>;

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
