//! The times that all measurements share.

use std::time::{Duration, Instant};

/// How long a call that ends a measurement may take.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// How long everything is idle before a wake-up, unless something else is asked for.
pub const IDLE: Duration = Duration::from_millis(1);

/// The time of one round of one scenario; its first tenth is for warming up.
#[derive(Clone, Copy)]
pub struct RoundSpan {
    /// When what is measured counts.
    pub warm: Instant,
    /// When it is over.
    pub end: Instant,
}

impl RoundSpan {
    /// Begins now.
    pub fn of(length: Duration) -> Self {
        let now = Instant::now();
        Self { warm: now + length / 10, end: now + length }
    }
}
