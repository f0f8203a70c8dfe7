//! What an object does when its servant has failed: it ends, goes on, or gets another servant.

use crate::event::{Event, Recovery};
use crate::mailbox::Kind;
use crate::mailbox::sealed::Shared as _;
use crate::object::active::Active;
use crate::object::control::close;
use crate::object::failure::policy::{Fault, Life, Phase, Remedy};
use crate::object::object::{ON_START, Object};
use crate::panics::drop_caught;
use crate::panics::panic_message;
use crate::reply::error::CallError;
use crate::reply::reply::Failure;
use crate::runner::task::{REVIVAL, Turn};
use crate::runner::timer_wheel::Target;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

impl<S: Active, K: Kind> Object<S, K> {
    /// Ends the call whose method panicked, says what follows, and does it.
    #[cold]
    pub(crate) fn panicked(
        &mut self,
        method: &'static str,
        payload: Box<dyn Any + Send>,
        turn: &mut Turn,
    ) -> Recovery {
        let (next, fault) = self.unwound(method, payload, Phase::Serving, turn);
        match next {
            Recovery::Resumes => self.ask_guards_soon(turn),
            Recovery::Restarts { after } => self.restart_after(after, turn),
            end => self.end_by(end, fault),
        }
        next
    }

    /// What follows a panic; its call has ended, and it was reported.
    pub(crate) fn unwound(
        &mut self,
        method: &'static str,
        payload: Box<dyn Any + Send>,
        phase: Phase,
        turn: &Turn,
    ) -> (Recovery, Fault) {
        let message = panic_message(&*payload);
        drop_caught(payload);
        // Close first: a caller who learns of the panic finds the object stopped, if it stops.
        let next = self.judge(phase, turn);
        let unanswered = Failure::take();
        let awaited = unanswered.is_some();
        if let Some(call) = unanswered {
            call.end(CallError::Panicked { method, message: message.clone() });
        }
        let (object, text) = (self.name(), message.clone().into());
        self.tell(Event::Panicked { object, method, message: text, awaited, next });
        (next, Fault::Panicked { method, message })
    }

    /// Decides what follows a failure, and ends admission if that is the end.
    pub(crate) fn judge(&mut self, phase: Phase, turn: &Turn) -> Recovery {
        let is_closed = self.ring.is_closed();
        let is_aborted = self.desk().is_aborted();
        let life = self.life.get_or_insert_with(|| Box::new(Life::new(Remedy::Stop)));
        life.is_ending |= is_aborted;
        let next = life.judge(phase, is_closed, turn.clock());
        if next.is_end() {
            close::<S, K>(&self.ring);
        }
        next
    }

    pub(crate) fn end_by(&mut self, end: Recovery, fault: Fault) {
        let is_aborted = self.desk().is_aborted();
        if let Some(life) = self.life.as_mut().filter(|_| !is_aborted) {
            life.blame(end, fault);
        }
        self.drop_servant();
    }

    /// Drops the servant for good, and what it would have gone on with; answers that it owes end
    /// `Stopped`.
    pub(crate) fn drop_servant(&mut self) {
        if let Some(servant) = self.servant.take() {
            self.desk().stop_replies();
            drop_caught(servant);
            self.drop_waits();
        }
    }

    /// Drops the servant for another one, and what it would have gone on with.
    pub(crate) fn lose_servant(&mut self, turn: &mut Turn) {
        drop_caught(self.servant.take());
        self.cancel_timers(turn);
        self.drop_waits();
    }

    /// Lets go of the calls that it waits for.
    pub(crate) fn drop_waits(&mut self) {
        if let Some(waits) = self.agenda.as_mut().and_then(|agenda| agenda.waits()) {
            waits.give_up();
        }
    }

    /// Lets the servant go, and has another made: at once, or when its timer fires.
    pub(crate) fn restart_after(&mut self, after: Duration, turn: &mut Turn) {
        self.lose_servant(turn);
        if let Some(deferred) = &mut self.deferred {
            deferred.forget_wake();
        }
        match after {
            Duration::ZERO => self.rebuild(turn),
            after => self.suspend(after, turn),
        }
    }

    pub(crate) fn suspend(&mut self, after: Duration, turn: &mut Turn) {
        let target = Target { object: self.desk().key() as u32, timer: REVIVAL };
        let armed = turn.wheel.arm(later(turn.clock(), after), target);
        if let Some(life) = &mut self.life {
            life.revival = Some(armed);
        }
        self.desk().note_suspended(true);
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.revival.is_some())
    }

    /// Whether it is suspended and stays so. A close is looked for after the suspension was noted: one that
    /// is not seen here wakes the runner.
    pub(crate) fn rests(&self) -> bool {
        if !self.is_suspended() {
            return false;
        }
        let is_closed = self.ring.is_closed();
        if is_closed {
            // They were put off, and nothing else may be there that would have it turned to.
            self.desk().call_again();
        }
        !is_closed
    }

    /// Ends the suspension of an object that was closed: nobody waits for a delay who waits for its end.
    #[cold]
    pub(crate) fn is_revived(&mut self, turn: &mut Turn) -> bool {
        if self.ring.is_closed() {
            self.revive(turn);
        }
        self.servant.is_some()
    }

    /// Ends a suspension.
    pub(crate) fn revive(&mut self, turn: &mut Turn) {
        let is_aborted = self.desk().is_aborted();
        let Some(life) = &mut self.life else { return };
        let Some(armed) = life.revival.take() else { return };
        turn.wheel.cancel(armed);
        self.desk().note_suspended(false);
        if !is_aborted {
            self.rebuild(turn);
        }
        self.desk().call_again();
    }

    /// Makes another servant, and lets it begin. If that fails it isn't tried again at once.
    pub(crate) fn rebuild(&mut self, turn: &mut Turn) {
        let Some(make) = self.life.as_mut().and_then(|life| life.make()) else { return };
        let made = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
            let reason = format!("it panicked: {}", panic_message(&*payload));
            drop_caught(payload);
            Err(reason)
        });
        let (next, fault) = match made {
            Err(reason) => {
                let next = self.judge(Phase::Restarting, turn);
                let (object, text) = (self.name(), reason.clone());
                self.tell(Event::RestartFailed { object, reason: text, next });
                (next, Fault::Factory { reason })
            }
            Ok(servant) => {
                self.servant = Some(servant);
                match self.try_beside(turn, S::started) {
                    Err(payload) => self.unwound(ON_START, payload, Phase::Restarting, turn),
                    Ok(()) => {
                        self.tell(Event::Restarted { object: self.name() });
                        return self.ask_guards_soon(turn);
                    }
                }
            }
        };
        match next {
            Recovery::Restarts { after } => {
                self.lose_servant(turn);
                self.suspend(after, turn);
            }
            end => self.end_by(end, fault),
        }
    }

    /// Has what waits for its guard tried again: by a timer, since methods may fail each time.
    pub(crate) fn ask_guards_soon(&mut self, turn: &mut Turn) {
        if let Self { ring, agenda, deferred: Some(deferred), .. } = self {
            deferred.wake_soon(&mut turn.context(agenda, ring.bell()));
        }
    }
}

/// At the end of the clock's range there is no such time, and the timer is due.
fn later(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now)
}
