//! What a thread does between two polls that found nothing.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// The kinds of idling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Idling {
    /// Nothing at all.
    Bare,
    /// One `pause`.
    Pause,
    /// As the engine's runners: one `pause`, but a microsecond of them when a stream was caught up
    /// with, so that the producer can fill lines that nobody pulls away.
    Linger,
}

/// A pass that took so many was part of a stream.
const DENSE: u64 = 2;
/// So many passes with fewer end the stream.
const DENSE_PASSES: u32 = 8;
const LINGER: Duration = Duration::from_micros(1);

/// One thread's idling.
pub struct Idle {
    kind: Idling,
    polls: u32,
    dense: u32,
}

impl Idle {
    /// Nothing has happened yet.
    pub fn new(kind: Idling) -> Self {
        Self { kind, polls: 0, dense: 0 }
    }

    /// A pass has taken something.
    #[inline(always)]
    pub fn worked(&mut self, taken: u64) {
        self.polls = 0;
        self.dense = if taken >= DENSE { DENSE_PASSES } else { self.dense.saturating_sub(1) };
    }

    /// A pass has found nothing.
    #[inline(always)]
    pub fn idle(&mut self) {
        self.polls = self.polls.saturating_add(1);
        match self.kind {
            Idling::Bare => {}
            Idling::Linger if self.polls == 1 && self.dense > 0 => linger(),
            Idling::Pause | Idling::Linger => spin_loop(),
        }
    }
}

#[cold]
fn linger() {
    let begun = Instant::now();
    while begun.elapsed() < LINGER {
        spin_loop();
    }
}
