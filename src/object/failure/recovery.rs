//! What an object does when its servant has failed: it ends, continues, or gets a new servant.

use crate::event::{Event, Recovery};
use crate::mailbox::Kind;
use crate::mailbox::sealed::SharedRing as _;
use crate::object::active::Active;
use crate::object::control::close;
use crate::object::failure::policy::{Cause, FailedWhile, FailurePolicy, OnFailure};
use crate::object::hooks::ON_START;
use crate::object::object::Object;
use crate::panics::drop_caught;
use crate::panics::panic_message;
use crate::reply::error::CallError;
use crate::reply::reply::ErasedReply;
use crate::runner::task::{RESTART_TIMER, Turn};
use crate::runner::timer_wheel::TimerTarget;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

impl<S: Active, K: Kind> Object<S, K> {
    /// Ends the call whose method panicked, reports what follows, and does it.
    #[cold]
    pub(crate) fn panicked(
        &mut self,
        method: &'static str,
        payload: Box<dyn Any + Send>,
        turn: &mut Turn,
    ) -> Recovery {
        let (next, cause) = self.report_panic(method, payload, FailedWhile::Serving, turn);
        match next {
            Recovery::Resumes => self.ask_guards_soon(turn),
            Recovery::Restarts { after } => self.restart_after(after, turn),
            end => self.end_by(end, cause),
        }
        next
    }

    /// Ends the call whose method panicked, and reports the panic; returns what follows.
    pub(crate) fn report_panic(
        &mut self,
        method: &'static str,
        payload: Box<dyn Any + Send>,
        failed_while: FailedWhile,
        turn: &Turn,
    ) -> (Recovery, Cause) {
        let message = panic_message(&*payload);
        drop_caught(payload);
        // Decide first, which may close the object: a caller who learns of the panic then finds it stopped.
        let next = self.decide(failed_while, turn);
        let unanswered = ErasedReply::take();
        let awaited = unanswered.is_some();
        if let Some(call) = unanswered {
            call.end(CallError::Panicked { method, message: message.clone() });
        }
        let (object, text) = (self.name(), message.clone().into());
        self.tell(Event::Panicked { object, method, message: text, awaited, next });
        (next, Cause::Panicked { method, message })
    }

    /// Decides what follows a failure, and ends admission if the object ends.
    pub(crate) fn decide(&mut self, failed_while: FailedWhile, turn: &Turn) -> Recovery {
        let is_closed = self.ring.is_closed();
        let is_aborted = self.shared().is_aborted();
        let failure_policy = self
            .failure_policy
            .get_or_insert_with(|| Box::new(FailurePolicy::new(OnFailure::Stop)));
        failure_policy.is_ending |= is_aborted;
        let next = failure_policy.decide(failed_while, is_closed, turn.clock());
        if next.is_end() {
            close(&*self.ring);
        }
        next
    }

    pub(crate) fn end_by(&mut self, end: Recovery, cause: Cause) {
        let is_aborted = self.shared().is_aborted();
        if let Some(failure_policy) = self.failure_policy.as_mut().filter(|_| !is_aborted) {
            failure_policy.record_cause(end, cause);
        }
        self.drop_servant();
    }

    /// Drops the servant for good, with its continuations; calls that it hasn't answered end `Stopped`.
    pub(crate) fn drop_servant(&mut self) {
        if let Some(servant) = self.servant.take() {
            self.shared().stop_replies();
            drop_caught(servant);
            self.drop_continuations();
        }
    }

    /// Drops the servant before it is replaced, with its timers and continuations.
    pub(crate) fn lose_servant(&mut self, turn: &mut Turn) {
        drop_caught(self.servant.take());
        self.cancel_timers(turn);
        self.drop_continuations();
    }

    /// Gives up the calls that it waits for.
    pub(crate) fn drop_continuations(&mut self) {
        if let Some(continuations) = self.agenda.as_mut().and_then(|agenda| agenda.continuations())
        {
            continuations.give_up();
        }
    }

    /// Drops the servant, and makes another: at once, or when the restart timer fires.
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
        let target = TimerTarget { object: self.shared().key() as u32, timer: RESTART_TIMER };
        let armed = turn.wheel.arm(later(turn.clock(), after), target);
        if let Some(failure_policy) = &mut self.failure_policy {
            failure_policy.restart_timer = Some(armed);
        }
        self.shared().flags().note_suspended(true);
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.failure_policy
            .as_ref()
            .is_some_and(|failure_policy| failure_policy.restart_timer.is_some())
    }

    /// Whether it is suspended and stays so. The close is checked after the suspension was noted: a close
    /// that is missed here wakes the runner.
    pub(crate) fn stays_suspended(&self) -> bool {
        if !self.is_suspended() {
            return false;
        }
        let is_closed = self.ring.is_closed();
        if is_closed {
            // Its local calls were left for later, and nothing else may make the runner look at it.
            self.shared().call_again();
        }
        !is_closed
    }

    /// Ends the suspension of an object that was closed: those who wait for its end shouldn't wait for
    /// the delay.
    #[cold]
    pub(crate) fn restart_if_closed(&mut self, turn: &mut Turn) -> bool {
        if self.ring.is_closed() {
            self.restart_now(turn);
        }
        self.servant.is_some()
    }

    /// Ends the suspension: makes a new servant, unless the object was aborted.
    pub(crate) fn restart_now(&mut self, turn: &mut Turn) {
        let is_aborted = self.shared().is_aborted();
        let Some(failure_policy) = &mut self.failure_policy else { return };
        let Some(armed) = failure_policy.restart_timer.take() else { return };
        turn.wheel.cancel(armed);
        self.shared().flags().note_suspended(false);
        if !is_aborted {
            self.rebuild(turn);
        }
        self.shared().call_again();
    }

    /// Makes another servant and starts it. If that fails, it isn't tried again at once.
    pub(crate) fn rebuild(&mut self, turn: &mut Turn) {
        let Some(make) =
            self.failure_policy.as_mut().and_then(|failure_policy| failure_policy.make())
        else {
            return;
        };
        let made = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
            let reason = format!("it panicked: {}", panic_message(&*payload));
            drop_caught(payload);
            Err(reason)
        });
        let (next, cause) = match made {
            Err(reason) => {
                let next = self.decide(FailedWhile::Restarting, turn);
                let (object, text) = (self.name(), reason.clone());
                self.tell(Event::RestartFailed { object, reason: text, next });
                (next, Cause::Factory { reason })
            }
            Ok(servant) => {
                self.servant = Some(servant);
                match self.try_run_hook(turn, S::started) {
                    Err(payload) => {
                        self.report_panic(ON_START, payload, FailedWhile::Restarting, turn)
                    }
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
            end => self.end_by(end, cause),
        }
    }

    /// Has deferred requests tried again: by a timer, since their methods may fail every time.
    pub(crate) fn ask_guards_soon(&mut self, turn: &mut Turn) {
        if let Self { ring, agenda, deferred: Some(deferred), .. } = self {
            deferred.wake_soon(&mut turn.context(agenda, ring.bell()));
        }
    }
}

/// The time after that delay. Beyond the clock's range there is none, and the timer is due now.
fn later(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now)
}
