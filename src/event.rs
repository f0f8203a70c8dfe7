//! What an engine reports.

use std::fmt;
use std::time::Duration;

/// What an engine reports. The default handler prints one line to stderr for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Which runners spin while idle, and which would but may not. Reported when that changes.
    Spinning {
        /// Each spinning runner, with its CPU.
        spinning: Vec<(String, usize)>,
        /// Each pinned runner that parks although its strategy spins, with the reason why.
        downgraded: Vec<(String, &'static str)>,
    },
    /// A runner with [`Pinning::Prefer`](crate::Pinning::Prefer) could not be pinned.
    Unpinned {
        /// The runner's name.
        runner: String,
        /// Why.
        reason: String,
    },
    /// A servant panicked.
    Panicked {
        /// The object's name, or its type's.
        object: String,
        /// The method that panicked; or "a timer", "a continuation", or a hook's name.
        method: &'static str,
        /// The panic's text.
        message: String,
        /// Whether a call ended with it; false for one-way requests.
        awaited: bool,
        /// What becomes of the object.
        next: Recovery,
    },
    /// A factory failed to make a new servant for a restart.
    RestartFailed {
        /// The object's name, or its type's.
        object: String,
        /// The error's text.
        reason: String,
        /// What becomes of the object.
        next: Recovery,
    },
    /// An object has a new servant, after a failure of its own or of another object of its
    /// [`Supervisor`](crate::Supervisor).
    Restarted {
        /// The object's name, or its type's.
        object: String,
    },
    /// A factory failed after its `start` had returned, as it does when a servant spawns on
    /// another runner.
    FactoryFailed {
        /// The error's text.
        reason: String,
    },
    /// A runner's [`poll`](crate::Runner::poll) hook panicked. The runner continues without it.
    PollPanicked {
        /// The runner's name.
        runner: String,
        /// The panic's text.
        message: String,
    },
    /// A servant's method did not return in time, so its thread was left running.
    LeftBehind {
        /// The runner's name.
        runner: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spinning { spinning, downgraded } => {
                let who = spinning.iter().map(|(runner, cpu)| format!("{runner:?} on cpu {cpu}"));
                let who = who.collect::<Vec<_>>().join(", ");
                write!(f, "spinning (100 % CPU while busy-waiting, by design): ")?;
                f.write_str(if who.is_empty() { "nobody" } else { &who })?;
                for (runner, reason) in downgraded {
                    write!(f, "; {runner:?} parks at once: {reason}")?;
                }
                Ok(())
            }
            Self::Unpinned { runner, reason } => {
                write!(f, "runner {runner:?} is not pinned: {reason}")
            }
            Self::Panicked { object, method, message, next, .. } => {
                write!(f, "object {object:?} {next}: its method {method} panicked: {message}")
            }
            Self::RestartFailed { object, reason, next } => {
                write!(f, "object {object:?} {next}: its factory failed on a restart: {reason}")
            }
            Self::Restarted { object } => write!(f, "object {object:?} has a new servant"),
            Self::FactoryFailed { reason } => f.write_str(reason),
            Self::PollPanicked { runner, message } => {
                write!(f, "runner {runner:?} no longer polls: its hook panicked: {message}")
            }
            Self::LeftBehind { runner } => {
                write!(f, "runner {runner:?} is left behind: a method there has not returned")
            }
        }
    }
}

/// What becomes of an object whose servant failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovery {
    /// It stops; what waits ends [`Stopped`](crate::CallError::Stopped).
    Stops,
    /// It stops: its restarts are used up, or a restart failed while it was being stopped.
    GivesUp,
    /// It gets a new servant.
    Restarts {
        /// After this time.
        after: Duration,
    },
    /// It continues with the servant that it has.
    Resumes,
}

impl Recovery {
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Stops | Self::GivesUp)
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stops => f.write_str("stops"),
            Self::GivesUp => f.write_str("stops for good"),
            Self::Restarts { after } if after.is_zero() => f.write_str("restarts at once"),
            Self::Restarts { after } => write!(f, "restarts in {after:?}"),
            Self::Resumes => f.write_str("continues"),
        }
    }
}

/// Who handles events: the user's code.
pub(crate) type Hook = Box<dyn Fn(&Event) + Send + Sync>;
