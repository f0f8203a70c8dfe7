//! Why a request or a call ended without a result, and what the caller can do.

use crate::mailbox::PushError;
use std::fmt;
use thiserror::Error;

/// Why a request was not accepted. It never ran, and its content is returned inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<A> {
    /// No slot was free, or for a call no reply cell. Retry, shed, or wait.
    Full(A),
    /// The object has stopped or is stopping. Retrying cannot help.
    Stopped(A),
    /// No slot was free, and the sender is the only thread that could make room, so it must not wait.
    /// Only with [`OnFull::Wait`](crate::OnFull).
    WouldDeadlock(A),
}

impl<A> SendError<A> {
    /// Takes out what was refused.
    pub fn into_inner(self) -> A {
        match self {
            Self::Full(value) | Self::Stopped(value) | Self::WouldDeadlock(value) => value,
        }
    }

    /// How a call ends whose request was refused this way.
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

    /// Converts the content with `change`.
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

/// What a call ends with: the method's result, or the reason why there is none.
pub(crate) type Outcome<R> = Result<R, CallError>;

/// Why a call ended without the method's result. Errors that the method itself returns are results.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// No slot or no reply cell was free. The request was not accepted.
    #[error("the object's mailbox is full: retry, shed, or give it more capacity")]
    Full,
    /// No slot or no reply cell was free, and the sender is the only thread that could make room, so it
    /// must not wait ([`OnFull::Wait`](crate::OnFull)). The request was not accepted.
    #[error("{NO_ROOM_HERE}")]
    SendWouldDeadlock,
    /// The request was dropped before it started, because there was no room: by
    /// [`OnFull::DropNewest`](crate::OnFull), by [`Spawn::shed_oldest`](crate::Spawn::shed_oldest), or
    /// because too many requests were waiting for their guards.
    #[error("the request was dropped for want of room, before it started")]
    Shed,
    /// The object stopped. `started` says whether the method may have begun.
    #[error("the object has stopped ({})", if *.started { "the method had started" } else { "the method did not start" })]
    Stopped {
        /// Whether the method may have begun.
        started: bool,
    },
    /// The caller cancelled the call before it started.
    #[error("the call was cancelled before it started")]
    Cancelled,
    /// The call's deadline passed before it started.
    #[error("the call's deadline passed before it started")]
    Expired,
    /// The method panicked. It is not retried, and the object stops.
    #[error("the method {method} panicked: {message}")]
    Panicked {
        /// The method's name.
        method: &'static str,
        /// The panic message, if it was text.
        message: Box<str>,
    },
    /// The servant dropped the [`Reply`](crate::Reply) without sending a result.
    #[error("the servant dropped the reply")]
    Dropped,
    /// Waiting on this thread might never end, or would stop a runner. The call continues without this
    /// handle.
    #[error(
        "waiting without a timeout on a runner thread could never end: use on_complete, or Context::then"
    )]
    WouldDeadlock,
    /// The outcome has already been taken from this handle.
    #[error("the call's outcome was taken before")]
    Taken,
}

/// Whether the method of a call that ended with an error may have run.
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

/// Why a limited wait ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WaitError {
    /// Time ran out. The call is still pending, and the handle can be used again.
    #[error("the call has not ended in time; it is still pending")]
    TimedOut,
    /// The object runs on this thread, so waiting for it here could never succeed. The call is still
    /// pending.
    #[error("the object runs on this thread, so waiting for it here could never end")]
    WouldDeadlock,
    /// The call has ended with an error.
    #[error(transparent)]
    Ended(#[from] CallError),
}
