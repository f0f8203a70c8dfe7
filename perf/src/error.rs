//! What can go wrong, and the exit code that follows.

use mainspring::{CallError, StartError, WaitError};
use std::io;
use std::time::Duration;

/// Why a run did not take place, or stopped early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bad input: the value, the rule, and the way out.
    #[error("{0}")]
    Usage(String),
    /// The library refused to start something.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A call failed that should not have.
    #[error("a call failed: {0}")]
    Call(#[from] CallError),
    /// A call did not end.
    #[error("a call did not end: {0}")]
    Wait(#[from] WaitError),
    /// An object stopped too early.
    #[error("an object stopped while it was measured")]
    Stopped,
    /// The engine did not end when it was told to.
    #[error("the engine did not end within {0:?}")]
    StopTimedOut(Duration),
    /// A requested rate was not reached.
    #[error("{0}; give a lower --rate, or leave --rate out to find the knee")]
    RateMissed(String),
    /// What was counted at the end is not what was sent.
    #[error("{what}: {got} arrived, {sent} expected")]
    Mismatch {
        /// What was counted.
        what: &'static str,
        /// The count, or the sum, that arrived.
        got: u64,
        /// The one expected.
        sent: u64,
    },
    /// A scenario failed.
    #[error("{scenario}: {cause}")]
    Scenario {
        /// Its name.
        scenario: String,
        /// What happened.
        cause: Box<Error>,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(io::Error),
    /// A system file or clock could not be read, or a result could not be written.
    #[error("{what}: {error}")]
    System {
        /// Which.
        what: String,
        /// Why not.
        error: io::Error,
    },
}

impl Error {
    /// 2 for what the user can fix on the command line, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }

    /// Checks a count or a sum.
    pub fn check(what: &'static str, got: u64, sent: u64) -> Result<(), Self> {
        if got == sent { Ok(()) } else { Err(Self::Mismatch { what, got, sent }) }
    }

    /// The same error with the scenario's name.
    pub fn in_scenario(self, scenario: &str) -> Self {
        Self::Scenario { scenario: scenario.into(), cause: Box::new(self) }
    }
}
