//! How often, and after which delays, an object whose servant fails gets a new one.

use std::time::{Duration, Instant};

/// How many restarts a window allows by default. A servant that fails once in a while keeps
/// running; one that can't work at all is given up within a second.
pub const RESTARTS_DEFAULT: u32 = 5;

/// How long the window is by default. It is far longer than the default delays together, so a
/// servant that fails every time does use up its restarts.
pub const RESTARTS_WITHIN_DEFAULT: Duration = Duration::from_secs(60);

/// The default delay before the first restart of a window: long enough for a peer to come back,
/// too short to be noticed.
pub const BACKOFF_DEFAULT: Duration = Duration::from_millis(10);

/// The default limit up to which delays double.
pub const BACKOFF_MAX_DEFAULT: Duration = Duration::from_secs(1);

/// How often, and after which delays, a servant that panicked is replaced. For
/// [`Spawn::restart_on_panic`](crate::Spawn::restart_on_panic) and
/// [`Supervisor`](crate::Supervisor).
///
/// Restarts are counted in windows. A failure outside any window begins one. Within a window the
/// first restart comes after the first delay, and each further one after twice the delay before
/// it. A failure after the window has passed begins the next window, with a fresh count and the
/// first delay. A failure that finds no restart left stops the object.
///
/// ```
/// use mainspring::Restart;
/// use std::time::Duration;
///
/// // At once, every time: for a servant that only needs fresh state.
/// let at_once = Restart::new().backoff(Duration::ZERO, Duration::ZERO);
/// // A peer may be away for hours: keep trying, once a minute at most.
/// let stubborn = Restart::new()
///     .times(u32::MAX)
///     .backoff(Duration::from_millis(100), Duration::from_secs(60));
/// assert_ne!(at_once, stubborn);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Restart {
    times: u32,
    within: Duration,
    first: Duration,
    max: Duration,
}

impl Restart {
    /// [`RESTARTS_DEFAULT`] restarts in [`RESTARTS_WITHIN_DEFAULT`], after [`BACKOFF_DEFAULT`] and up to
    /// [`BACKOFF_MAX_DEFAULT`].
    pub const fn new() -> Self {
        Self {
            times: RESTARTS_DEFAULT,
            within: RESTARTS_WITHIN_DEFAULT,
            first: BACKOFF_DEFAULT,
            max: BACKOFF_MAX_DEFAULT,
        }
    }

    /// How many restarts a window allows; 0 allows none.
    pub const fn times(mut self, restarts: u32) -> Self {
        self.times = restarts;
        self
    }

    /// How long a window is. One of [`Duration::MAX`] never ends, so the count is never reset.
    pub const fn within(mut self, window: Duration) -> Self {
        self.within = window;
        self
    }

    /// The delay before the first restart of a window, and the limit up to which delays double. A
    /// `max` below `first` counts as `first`. A delay of zero restarts at once; others are
    /// rounded up to the runner's ticks of 65.5 µs.
    pub const fn backoff(mut self, first: Duration, max: Duration) -> Self {
        (self.first, self.max) = (first, max);
        self
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::new()
    }
}

/// What is left of the restarts of one object, or of one supervisor.
#[derive(Debug)]
pub(crate) struct Budget {
    restart: Restart,
    used: u32,
    /// When the window began.
    since: Option<Instant>,
}

impl Budget {
    pub(crate) fn new(restart: Restart) -> Self {
        Self { restart, used: 0, since: None }
    }

    /// Takes one restart: the delay before it, or `None` if none is left.
    ///
    /// A time before the window counts as the window's beginning: members of one supervisor may
    /// go by different clocks.
    pub(crate) fn spend(&mut self, now: Instant) -> Option<Duration> {
        let Restart { times, within, first, max } = self.restart;
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= within) {
            (self.since, self.used) = (Some(now), 0);
        }
        if self.used >= times {
            return None;
        }
        let factor = 1_u32.checked_shl(self.used).unwrap_or(u32::MAX);
        self.used += 1;
        Some(first.saturating_mul(factor).min(max.max(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn delays_double_up_to_the_largest_until_the_count_is_used_up() {
        let restart = Restart::new().times(5).backoff(ms(10), ms(50));
        let (mut budget, now) = (Budget::new(restart), Instant::now());
        let delays: Vec<_> = (0..7).map(|_| budget.spend(now)).collect();
        let expected = [Some(10), Some(20), Some(40), Some(50), Some(50), None, None];
        assert_eq!(delays, expected.map(|delay| delay.map(ms)));
    }

    #[test]
    fn a_window_that_has_passed_gives_count_and_delay_anew() {
        let restart = Restart::new().times(2).within(ms(1000)).backoff(ms(10), ms(50));
        let (mut budget, start) = (Budget::new(restart), Instant::now());
        assert_eq!(budget.spend(start), Some(ms(10)));
        assert_eq!(budget.spend(start + ms(900)), Some(ms(20)));
        assert_eq!(budget.spend(start + ms(999)), None);
        assert_eq!(budget.spend(start + ms(1000)), Some(ms(10)), "the window began with the first");
        assert_eq!(budget.spend(start + ms(500)), Some(ms(20)), "an older time is its beginning");
    }

    #[test]
    fn the_ends_of_all_ranges_are_kept() {
        let now = Instant::now();
        assert_eq!(Budget::new(Restart::new().times(0)).spend(now), None);
        let mut for_ever = Budget::new(Restart::new().times(u32::MAX).within(Duration::MAX));
        let delays: Vec<_> = (0..100).filter_map(|_| for_ever.spend(now)).collect();
        assert_eq!((delays.len(), delays[99]), (100, BACKOFF_MAX_DEFAULT));
        let mut widest = Budget::new(Restart::new().backoff(ms(1), Duration::MAX).times(40));
        assert_eq!((0..40).filter_map(|_| widest.spend(now)).count(), 40);
        let mut crossed = Budget::new(Restart::new().backoff(ms(9), ms(1)));
        assert_eq!([crossed.spend(now), crossed.spend(now)], [Some(ms(9)); 2]);
        let mut no_window = Budget::new(Restart::new().times(1).within(Duration::ZERO));
        assert_eq!([no_window.spend(now), no_window.spend(now)], [Some(BACKOFF_DEFAULT); 2]);
    }
}
