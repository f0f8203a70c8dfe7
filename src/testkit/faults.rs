//! What goes wrong on purpose.

use std::time::Duration;

/// What goes wrong in a simulation, and how often; its seed decides when. Probabilities are from 0 to 1, and 0
/// unless set.
///
/// ```
/// use mainspring::testkit::Faults;
/// use std::time::Duration;
///
/// let faults = Faults::none()
///     .panics(0.01)
///     .stalls(0.02, Duration::from_millis(5))
///     .full_mailboxes(0.02)
///     .slow_runners(0.01, Duration::from_millis(20))
///     .late_timers(0.1, Duration::from_millis(1));
/// assert_ne!(faults, Faults::none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub(super) panics: u32,
    pub(super) stalls: u32,
    pub(super) stall_max: Duration,
    pub(super) full_mailboxes: u32,
    pub(super) slow_runners: u32,
    pub(super) slow_max: Duration,
    pub(super) late_timers: u32,
    pub(super) late_max: Duration,
}

impl Faults {
    /// Nothing goes wrong.
    pub const fn none() -> Self {
        Self {
            panics: 0,
            stalls: 0,
            stall_max: Duration::ZERO,
            full_mailboxes: 0,
            slow_runners: 0,
            slow_max: Duration::ZERO,
            late_timers: 0,
            late_max: Duration::ZERO,
        }
    }

    /// The probability that an object panics in its turn: in the next request's method, before that does
    /// anything.
    pub fn panics(mut self, chance: f64) -> Self {
        self.panics = per_million(chance);
        self
    }

    /// The probability that an object stalls in its turn: it serves nothing for up to `longest`, while
    /// requests wait and may fill its mailbox.
    pub fn stalls(mut self, chance: f64, longest: Duration) -> Self {
        (self.stalls, self.stall_max) = (per_million(chance), longest);
        self
    }

    /// The probability, at each step, that the mailbox of one object is full until its next turn. Calls from
    /// its own runner, other priorities, and mailboxes whose producers have rings of their own
    /// ([`single_producer`](crate::Spawn::single_producer), [`lanes`](crate::Spawn::lanes)) are not
    /// affected: stall those objects.
    pub fn full_mailboxes(mut self, chance: f64) -> Self {
        self.full_mailboxes = per_million(chance);
        self
    }

    /// The probability, at each step, that a runner does nothing for up to `longest`, as if its CPU had been
    /// taken away.
    pub fn slow_runners(mut self, chance: f64, longest: Duration) -> Self {
        (self.slow_runners, self.slow_max) = (per_million(chance), longest);
        self
    }

    /// The probability that the clock, when it advances to the next timer, goes up to `longest` beyond it.
    pub fn late_timers(mut self, chance: f64, longest: Duration) -> Self {
        (self.late_timers, self.late_max) = (per_million(chance), longest);
        self
    }
}

fn per_million(chance: f64) -> u32 {
    // NaN counts as 0.
    (chance.clamp(0.0, 1.0) * 1e6).round() as u32
}
