//! Why a push is refused.

use std::fmt;

/// Why a request did not enter the mailbox. It comes back inside, untouched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// No slot was free. Retry, shed, or wait: the mailbox never grows.
    Full(T),
    /// The mailbox is closed. Retrying cannot help.
    Closed(T),
}

impl<T> PushError<T> {
    /// Takes the refused request back.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether the reason was that no slot was free.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "Full(..)" } else { "Closed(..)" })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "the mailbox is full" } else { "the mailbox is closed" })
    }
}

impl<T> std::error::Error for PushError<T> {}
