//! What a runner does after a turn without work, and a caller while its reply isn't there: spin,
//! yield, back off, park.

use crate::sync::{spin_loop, yield_now};
use std::time::{Duration, Instant};

/// How a runner waits for work, or a caller for a reply. Budgets are times, because one `pause` costs 10 to 140 cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStrategy {
    /// Never gives up the CPU: the fastest reaction, for a CPU that nothing else needs.
    Spin,
    /// Spins for a while, then keeps yielding to whoever else is runnable.
    SpinThenYield {
        /// How long it spins first.
        spin: Duration,
    },
    /// Spins, yields, then sleeps for longer and longer. Senders never make a system call, but a request
    /// that finds the runner asleep waits until its sleep ends.
    Backoff {
        /// The longest sleep. The kernel adds its timer slack, usually 50 µs.
        sleep_max: Duration,
    },
    /// Spins for a while, then sleeps until a request arrives.
    SpinThenPark {
        /// How long it spins first. The runner shortens it while spinning rarely pays.
        spin: Duration,
    },
    /// Sleeps as soon as there is nothing to do.
    Park,
}

/// The default spin budget: about what a wake-up costs, so spinning at most doubles the cost of
/// waiting (the ski-rental bound).
pub const SPIN_DEFAULT: Duration = Duration::from_micros(50);

/// How long a caller spins for a reply by default, before it parks.
pub const CALLER_SPIN_DEFAULT: Duration = Duration::from_micros(20);

/// How callers wait for replies by default.
pub(crate) const CALLER_WAIT: WaitStrategy =
    WaitStrategy::SpinThenPark { spin: CALLER_SPIN_DEFAULT };

impl Default for WaitStrategy {
    fn default() -> Self {
        Self::SpinThenPark { spin: SPIN_DEFAULT }
    }
}

impl WaitStrategy {
    /// Whether a runner with this strategy burns CPU time while it waits.
    pub fn spins(self) -> bool {
        self != Self::Park
    }

    /// Whether it never sleeps on its ready set.
    pub(crate) fn never_parks(self) -> bool {
        !matches!(self, Self::Park | Self::SpinThenPark { .. })
    }

    /// A word for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::SpinThenYield { .. } => "spin-then-yield",
            Self::Backoff { .. } => "backoff",
            Self::SpinThenPark { .. } => "spin-then-park",
            Self::Park => "park",
        }
    }
}

/// What to do after one more turn without work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Look again at once.
    Poll,
    Yield,
    Sleep(Duration),
    /// Sleep until woken.
    Park,
}

/// Polls between two looks at the clock.
const POLLS_PER_LOOK: u32 = 32;
/// A spin that found work fewer than one time in 16 is not worth its budget.
const WORTH: u32 = u32::MAX / 16;

/// One thread's waiting: how long it has waited this time, and whether spinning pays.
#[derive(Debug)]
pub(crate) struct Waiting {
    strategy: WaitStrategy,
    polls: u32,
    since: Option<Instant>,
    /// The average success of the last spins, scaled to `u32::MAX`.
    success: u32,
    next_sleep: Duration,
}

const SLEEP_FIRST: Duration = Duration::from_micros(50);

impl Waiting {
    pub(crate) fn new(strategy: WaitStrategy) -> Self {
        Self { strategy, polls: 0, since: None, success: u32::MAX, next_sleep: SLEEP_FIRST }
    }

    /// There was work. Returns whether it ended a wait.
    #[inline(always)]
    pub(crate) fn worked(&mut self) -> bool {
        let has_waited = self.polls != 0;
        if has_waited {
            self.note(true);
            self.polls = 0;
            self.since = None;
            self.next_sleep = SLEEP_FIRST;
        }
        has_waited
    }

    /// The sleep is over; the next wait begins anew, and the last spin had not paid.
    pub(crate) fn slept(&mut self) {
        self.note(false);
        self.polls = 0;
        self.since = None;
    }

    /// An exponential average over about the last 8 waits.
    fn note(&mut self, paid: bool) {
        self.success -= self.success / 8;
        if paid {
            self.success = self.success.saturating_add(u32::MAX / 8);
        }
    }

    /// Decides, and pauses the CPU if it says `Poll`. `now` is refreshed when the clock was read.
    #[inline]
    pub(crate) fn idle(&mut self, may_spin: bool, now: &mut Instant) -> Pause {
        self.polls = self.polls.saturating_add(1);
        if may_spin && !self.polls.is_multiple_of(POLLS_PER_LOOK) {
            spin_loop();
            return Pause::Poll;
        }
        *now = Instant::now();
        if !may_spin {
            // Whatever the strategy: a spinner that shares its CPU takes it from those it waits for.
            return Pause::Park;
        }
        let waited = now.duration_since(*self.since.get_or_insert(*now));
        self.after(waited)
    }

    fn after(&mut self, waited: Duration) -> Pause {
        match self.strategy {
            WaitStrategy::Spin => Pause::Poll,
            WaitStrategy::SpinThenYield { spin } if waited < spin => Pause::Poll,
            WaitStrategy::SpinThenYield { .. } => Pause::Yield,
            WaitStrategy::Backoff { .. } if waited < SPIN_DEFAULT => Pause::Poll,
            WaitStrategy::Backoff { .. } if waited < 2 * SPIN_DEFAULT => Pause::Yield,
            WaitStrategy::Backoff { sleep_max } => {
                let sleep = self.next_sleep.min(sleep_max);
                self.next_sleep = (sleep * 2).min(sleep_max);
                Pause::Sleep(sleep)
            }
            WaitStrategy::SpinThenPark { spin } if waited < self.worth(spin) => Pause::Poll,
            WaitStrategy::SpinThenPark { .. } | WaitStrategy::Park => Pause::Park,
        }
    }

    /// The budget, or an eighth of it while spinning rarely pays.
    fn worth(&self, spin: Duration) -> Duration {
        if self.success > WORTH { spin } else { spin / 8 }
    }
}

/// Gives the CPU away once.
pub(crate) fn give_way() {
    yield_now();
}

/// Waiting where nobody will wake the runner: a producer is suspended between its claim and its
/// publication, at the head of a mailbox; or something must be polled, on a runner that may not spin.
///
/// So this is the one sleep that ends by itself: first it spins, then it yields, then it naps for 50 µs
/// to 1 ms.
#[derive(Debug, Default)]
pub(crate) struct ParkBackoff {
    times: u32,
}

impl ParkBackoff {
    const SPINS: u32 = 100;
    const YIELDS: u32 = 200;

    /// What to do this time; pauses the CPU if it says `Poll`.
    pub(crate) fn pause(&mut self) -> Pause {
        self.times = self.times.saturating_add(1);
        if self.times < Self::SPINS {
            spin_loop();
            return Pause::Poll;
        }
        if self.times < Self::YIELDS {
            return Pause::Yield;
        }
        let doublings = (self.times - Self::YIELDS).min(5);
        Pause::Sleep(Duration::from_micros(50 << doublings).min(Duration::from_millis(1)))
    }

    /// The obstacle is gone: the next time it begins anew.
    pub(crate) fn over(&mut self) {
        self.times = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(strategy: WaitStrategy, waited: Duration) -> Pause {
        Waiting::new(strategy).after(waited)
    }

    #[test]
    fn spin_then_park_parks_after_its_budget() {
        let strategy = WaitStrategy::default();
        assert_eq!(waits(strategy, Duration::ZERO), Pause::Poll);
        assert_eq!(waits(strategy, SPIN_DEFAULT), Pause::Park);
    }

    #[test]
    fn a_runner_that_may_not_spin_parks_at_once() {
        let mut waiting = Waiting::new(WaitStrategy::default());
        assert_eq!(waiting.idle(false, &mut Instant::now()), Pause::Park);
    }

    #[test]
    fn a_spin_that_seldom_pays_is_shortened_and_recovers() {
        let mut waiting = Waiting::new(WaitStrategy::default());
        for _ in 0..64 {
            waiting.slept();
        }
        assert!(waiting.worth(SPIN_DEFAULT) < SPIN_DEFAULT);
        for _ in 0..8 {
            waiting.polls = 1;
            waiting.worked();
        }
        assert_eq!(waiting.worth(SPIN_DEFAULT), SPIN_DEFAULT);
    }

    #[test]
    fn backoff_sleeps_longer_and_longer_up_to_its_limit() {
        let sleep_max = Duration::from_micros(150);
        let mut waiting = Waiting::new(WaitStrategy::Backoff { sleep_max });
        let late = Duration::from_millis(1);
        let micros = |n| Pause::Sleep(Duration::from_micros(n));
        assert_eq!([(); 3].map(|()| waiting.after(late)), [micros(50), micros(100), micros(150)]);
    }
}
