//! What an engine reports beside its results.

use std::fmt;

/// What an engine reports. The default handler prints one line to stderr for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Who burns CPU time while idle, and who would have but may not. Said when that changes.
    Spinning {
        /// Each spinning runner, with its CPU.
        spinning: Vec<(String, usize)>,
        /// Each pinned runner that parks although its strategy spins, with the reason.
        downgraded: Vec<(String, &'static str)>,
    },
    /// A runner that was to be pinned, with [`Pinning::Prefer`](crate::Pinning::Prefer), runs unpinned.
    Unpinned {
        /// The runner's name.
        runner: String,
        /// Why.
        reason: String,
    },
    /// A servant panicked, and its object stops.
    Panicked {
        /// The object's name, or its type's.
        object: String,
        /// The method that panicked; or "a timer", "a continuation", or a hook's name.
        method: &'static str,
        /// What the panic said.
        message: String,
        /// Whether a call was told; false for one-way requests.
        awaited: bool,
    },
    /// A factory failed after its `start` had returned, as it does when a servant spawns on
    /// another runner.
    FactoryFailed {
        /// The error's text.
        reason: String,
    },
    /// A runner's [`poll`](crate::Runner::poll) hook panicked: the runner goes on without it.
    PollPanicked {
        /// The runner's name.
        runner: String,
        /// What the panic said.
        message: String,
    },
    /// A servant's method did not return, so its thread was left behind.
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
            Self::Panicked { object, method, message, .. } => {
                write!(f, "object {object:?} stops: its method {method} panicked: {message}")
            }
            Self::FactoryFailed { reason } => f.write_str(reason),
            Self::PollPanicked { runner, message } => {
                write!(f, "runner {runner:?} polls no more: its hook panicked: {message}")
            }
            Self::LeftBehind { runner } => {
                write!(f, "runner {runner:?} is left behind: a method there has not returned")
            }
        }
    }
}

/// Who handles events: the user's code.
pub(crate) type Hook = Box<dyn Fn(&Event) + Send + Sync>;
