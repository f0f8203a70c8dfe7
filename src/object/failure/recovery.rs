//! What an object does when its servant has failed: it ends, goes on, or gets another servant.

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
    /// Ends the call whose method panicked, says what follows, and does it.
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

    /// What follows a panic; its call has ended, and it was reported.
    pub(crate) fn report_panic(
        &mut self,
        method: &'static str,
        payload: Box<dyn Any + Send>,
        failed_while: FailedWhile,
        turn: &Turn,
    ) -> (Recovery, Cause) {
        let message = panic_message(&*payload);
        drop_caught(payload);
        // Close first: a caller who learns of the panic finds the object stopped, if it stops.
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

    /// Decides what follows a failure, and ends admission if that is the end.
    pub(crate) fn decide(&mut self, failed_while: FailedWhile, turn: &Turn) -> Recovery {
        let is_closed = self.ring.is_closed();
        let is_aborted = self.shared().is_aborted();
        let failure_policy = self
            .failure_policy
            .get_or_insert_with(|| Box::new(FailurePolicy::new(OnFailure::Stop)));
        failure_policy.is_ending |= is_aborted;
        let next = failure_policy.decide(failed_while, is_closed, turn.clock());
        if next.is_end() {
            close::<S, K>(&self.ring);
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

    /// Drops the servant for good, and what it would have gone on with; answers that it owes end
    /// `Stopped`.
    pub(crate) fn drop_servant(&mut self) {
        if let Some(servant) = self.servant.take() {
            self.shared().stop_replies();
            drop_caught(servant);
            self.drop_continuations();
        }
    }

    /// Drops the servant for another one, and what it would have gone on with.
    pub(crate) fn lose_servant(&mut self, turn: &mut Turn) {
        drop_caught(self.servant.take());
        self.cancel_timers(turn);
        self.drop_continuations();
    }

    /// Lets go of the calls that it waits for.
    pub(crate) fn drop_continuations(&mut self) {
        if let Some(continuations) = self.agenda.as_mut().and_then(|agenda| agenda.continuations())
        {
            continuations.give_up();
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

    /// Whether it is suspended and stays so. A close is looked for after the suspension was noted: one that
    /// is not seen here wakes the runner.
    pub(crate) fn stays_suspended(&self) -> bool {
        if !self.is_suspended() {
            return false;
        }
        let is_closed = self.ring.is_closed();
        if is_closed {
            // They were put off, and nothing else may be there that would have it turned to.
            self.shared().call_again();
        }
        !is_closed
    }

    /// Ends the suspension of an object that was closed: nobody waits for a delay who waits for its end.
    #[cold]
    pub(crate) fn restart_if_closed(&mut self, turn: &mut Turn) -> bool {
        if self.ring.is_closed() {
            self.restart_now(turn);
        }
        self.servant.is_some()
    }

    /// Ends a suspension.
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

    /// Makes another servant, and lets it begin. If that fails it isn't tried again at once.
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
