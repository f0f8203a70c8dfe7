//! What goes wrong in a simulation: by chance, or on request.

use super::faults::Faults;
use super::faulty_task::Admission;
use super::trace::Happening;
use super::world::{Next, SimulatedWorld, later};
use crate::runner::environment;
use crate::runner::task::Identity;
use std::time::{Duration, Instant};

impl SimulatedWorld {
    pub(super) fn set_faults(&self, faults: Faults) {
        self.faults.set(faults);
    }

    pub(super) fn doom(&self, object: &str) {
        *self.doomed.borrow_mut().entry(object.into()).or_default() += 1;
    }

    pub(super) fn stall(&self, object: &str, length: Duration) {
        self.note(Happening::Fault { what: "stall", at: object.into() });
        let until = later(environment::now(), length);
        self.stalled.borrow_mut().insert(object.into(), until);
    }

    pub(super) fn hold(&self, runner: &str, length: Duration) {
        let runners = self.runners.borrow();
        let runner = runners.iter().find(|other| *other.name == *runner && !other.has_ended());
        if let Some(runner) = runner {
            runner.hold(later(environment::now(), length));
            self.note(Happening::Fault { what: "slow runner", at: runner.name.clone() });
        }
    }

    /// Fills the mailbox of the object of that name, in any engine; `false` if it was full already.
    pub(super) fn fill(&self, object: &str) -> bool {
        let engines = self.engines();
        let found = engines.iter().find_map(|engine| engine.find(object).ok());
        let is_filled = found.is_some_and(|control| control.exhaust() > 0);
        if is_filled {
            self.note(Happening::Fault { what: "full mailbox", at: object.into() });
        }
        is_filled
    }

    fn up_to(&self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }

    /// What may go wrong at each step.
    pub(super) fn go_wrong(&self, next: &Next) {
        let faults = self.faults.get();
        if self.chance(faults.full_mailboxes) {
            let controls: Vec<_> = self.engines().iter().flat_map(|one| one.controls()).collect();
            if !controls.is_empty() {
                let control = &controls[self.below(controls.len() as u64) as usize];
                let at = control.name().unwrap_or_else(|| control.types().0).into();
                if control.exhaust() > 0 {
                    self.note(Happening::Fault { what: "full mailbox", at });
                }
            }
        }
        if let Next::Runner(runner) = next
            && self.chance(faults.slow_runners)
        {
            runner.hold(later(environment::now(), self.up_to(faults.slow_max)));
            self.note(Happening::Fault { what: "slow runner", at: runner.name.clone() });
        }
    }

    /// What an object may do in its turn.
    pub(super) fn admits(&self, object: Identity<'_>) -> Admission {
        let faults = self.faults.get();
        let name = self.name_of(object);
        let now = environment::now();
        if self.stalled.borrow().get(&name).is_some_and(|until| *until > now) {
            return Admission::Stall;
        }
        if self.is_doomed(&name) || self.chance(faults.panics) {
            self.note(Happening::Fault { what: "panic", at: name });
            return Admission::Fail;
        }
        if self.chance(faults.stalls) {
            self.stall(&name, self.up_to(faults.stall_max));
            return Admission::Stall;
        }
        Admission::Serve
    }

    /// Whether a panic of this object was requested; uses up one request.
    fn is_doomed(&self, object: &str) -> bool {
        let mut doomed = self.doomed.borrow_mut();
        let left = doomed.get_mut(object).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }

    /// When the clock arrives that was to advance to that time.
    pub(super) fn maybe_late(&self, at: Instant) -> Instant {
        let faults = self.faults.get();
        if !self.chance(faults.late_timers) {
            return at;
        }
        self.note(Happening::Fault { what: "late timer", at: "the clock".into() });
        later(at, self.up_to(faults.late_max))
    }

    /// When the first stall ends, if any object is stalled.
    pub(super) fn stalls_end(&self) -> Option<Instant> {
        let now = environment::now();
        let mut stalled = self.stalled.borrow_mut();
        stalled.retain(|_, until| *until > now);
        stalled.values().min().copied()
    }
}
