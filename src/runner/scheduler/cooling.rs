//! When an object is no longer polled, and whether the runner may sleep.

use super::Scheduler;
use super::objects::Entry;
use crate::runner::task::Cooling;
use std::time::{Duration, Instant};

/// How long an object stays hot without work, while others of its runner are busy.
pub const COOL_AFTER: Duration = Duration::from_micros(50);

/// A runner that never sleeps keeps up to this many objects hot, so that no call pays for a wake-up.
pub(super) const HOT_KEPT: usize = 8;

/// Whether a runner that has cooled its objects may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParkDecision {
    /// Everything is cold: the ready set's wake-up is enough.
    Cold,
    /// Something arrived meanwhile.
    Disturbed,
    /// Some objects have to be polled: nothing would wake the runner for them.
    Polled,
}

impl Scheduler {
    /// Decides whether an object that has been idle for a while stays hot.
    #[cold]
    pub(super) fn settle(&mut self, place: usize, now: Instant) -> bool {
        let keep = self.never_parks && self.objects.hot.len() <= HOT_KEPT;
        let Some((hot, entry)) = self.objects.hot(place) else { return false };
        hot.cool_at = Some(later(now));
        let key = hot.key;
        let cooling = entry.cool_or(keep);
        match cooling {
            Cooling::Over => self.remove(key),
            Cooling::Suspended => self.set_aside(key),
            Cooling::Cold | Cooling::Hot | Cooling::Polled => {}
        }
        matches!(cooling, Cooling::Hot | Cooling::Polled)
    }

    /// Tries to cool everything, so that the runner may sleep.
    pub(crate) fn prepare_to_park(&mut self) -> ParkDecision {
        let mut place = 0;
        while place < self.objects.hot.len() {
            let Some((hot, entry)) = self.objects.hot(place) else {
                return ParkDecision::Disturbed;
            };
            let key = hot.key;
            match entry.cool() {
                Cooling::Hot => return ParkDecision::Disturbed,
                Cooling::Polled => {
                    place += 1;
                    continue;
                }
                Cooling::Cold => {}
                Cooling::Suspended => self.set_aside(key),
                Cooling::Over => self.remove(key),
            }
            self.objects.hot.swap_remove(place);
        }
        match () {
            () if self.remote.has_own_wakes() => ParkDecision::Disturbed,
            () if self.objects.hot.is_empty() => ParkDecision::Cold,
            () => ParkDecision::Polled,
        }
    }

    /// Leaves an object alone until its new servant is due. It may be on the list already, if it was
    /// woken meanwhile.
    pub(super) fn set_aside(&mut self, key: usize) {
        if !self.suspended.contains(&key) {
            self.suspended.push(key);
        }
    }
}

impl Entry {
    /// Tries to cool the object. If that succeeds, the caller takes it off the list of hot ones.
    pub(super) fn cool(&mut self) -> Cooling {
        self.cool_or(false)
    }

    /// The same, unless it may stay hot.
    fn cool_or(&mut self, keep: bool) -> Cooling {
        let cooling = if keep { self.task.keep() } else { self.task.cool() };
        self.is_hot = !matches!(cooling, Cooling::Cold | Cooling::Suspended);
        cooling
    }
}

/// When an object that is idle from now on is cooled: at once, if the clock's range ends before.
#[inline(always)]
pub(super) fn later(now: Instant) -> Instant {
    now.checked_add(COOL_AFTER).unwrap_or(now)
}
