//! The timers of one object.

use crate::runner::timer_wheel::{TimerKey, TimerWheel};
use std::time::{Duration, Instant};

/// A timer of one object. Another object can't use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId {
    pub(super) slot: u32,
    generation: u32,
}

/// What a periodic timer does about times that it missed because its runner was busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// Skips them: it fires once, and next at the first multiple of its period that is still to come.
    #[default]
    Skip,
    /// Fires once for each of them.
    CatchUp,
}

impl Missed {
    /// The time after `at`.
    pub(super) fn next(self, at: Instant, period: Duration, now: Instant) -> Instant {
        let next = later(at, period);
        if self == Self::CatchUp || next > now {
            return next;
        }
        let behind = now.duration_since(at).as_nanos();
        let into = u64::try_from(behind % period.as_nanos()).map_or(period, Duration::from_nanos);
        later(now, period - into)
    }
}

/// The time after that delay; at the end of the clock's range, as late as possible.
pub(super) fn later(now: Instant, delay: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now.checked_add(delay).or_else(|| now.checked_add(FAR)).unwrap_or(now)
}

/// An object's timers: `O` runs once, `E` again and again.
pub(super) struct Timers<O, E> {
    pub(super) slots: Vec<Slot<O, E>>,
    /// The vacant slots.
    vacant: Vec<u32>,
    pub(super) len: usize,
}

pub(super) struct Slot<O, E> {
    pub(super) action: Action<O, E>,
    /// When it is due.
    pub(super) at: Instant,
    pub(super) armed: TimerKey,
    pub(super) generation: u32,
}

pub(super) enum Action<O, E> {
    Vacant,
    /// Its action is running.
    Running,
    Once(O),
    Every {
        period: Duration,
        missed: Missed,
        action: E,
    },
}

impl<O, E> Timers<O, E> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), vacant: Vec::new(), len: 0 }
    }

    pub(super) fn add(
        &mut self,
        at: Instant,
        action: Action<O, E>,
        arm: impl FnOnce(u32) -> TimerKey,
    ) -> TimerId {
        self.len += 1;
        if let Some(slot) = self.vacant.pop() {
            let place = &mut self.slots[slot as usize];
            (place.action, place.at, place.armed) = (action, at, arm(slot));
            return TimerId { slot, generation: place.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer timers than 2^32");
        self.slots.push(Slot { action, at, armed: arm(slot), generation: 0 });
        TimerId { slot, generation: 0 }
    }

    pub(super) fn armed(&mut self, timer: TimerId) -> Option<&mut Slot<O, E>> {
        let slot = self.slots.get_mut(timer.slot as usize)?;
        let is_armed =
            slot.generation == timer.generation && !matches!(slot.action, Action::Vacant);
        is_armed.then_some(slot)
    }

    pub(super) fn free(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        place.action = Action::Vacant;
        place.generation = place.generation.wrapping_add(1);
        self.vacant.push(slot);
        self.len -= 1;
    }

    /// Takes all of them off the wheel.
    pub(super) fn cancel(&self, wheel: &mut TimerWheel) {
        for slot in &self.slots {
            if !matches!(slot.action, Action::Vacant) {
                wheel.cancel(slot.armed);
            }
        }
    }
}
