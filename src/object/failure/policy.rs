//! What an object does about failures of its servant, and why it ends.
//!
//! Objects with a policy of their own have one from the start, others from their first failure on.

use crate::event::Recovery;
use crate::object::exit::ExitReason;
use crate::object::failure::restart::Budget;
use crate::object::failure::supervisor::Membership;
use crate::runner::task::RestartOrder;
use crate::runner::timer_wheel::{TICK, TimerKey};
use std::time::{Duration, Instant};

/// Makes servants, or says why it can't.
pub(crate) type MakeServant<S> = Box<dyn FnMut() -> Result<S, String> + Send>;

/// What follows a panic.
pub(crate) enum OnFailure<S> {
    Stop,
    Resume,
    Restart { make: MakeServant<S>, by: RestartBudget },
}

/// Who decides whether there is another restart.
pub(crate) enum RestartBudget {
    Alone(Budget),
    Supervised(Membership),
}

/// See the module.
pub(crate) struct FailurePolicy<S> {
    on_failure: OnFailure<S>,
    /// The timer that ends the suspension, while the object is suspended.
    pub(crate) restart_timer: Option<TimerKey>,
    /// No more servants are made.
    pub(crate) is_ending: bool,
    reason: Option<ExitReason>,
}

/// What failed.
pub(crate) enum Cause {
    Panicked { method: &'static str, message: Box<str> },
    Factory { reason: String },
}

/// What the object was doing when it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedWhile {
    Serving,
    /// The new servant couldn't be made or started.
    Restarting,
}

impl<S> FailurePolicy<S> {
    pub(crate) fn new(on_failure: OnFailure<S>) -> Self {
        Self { on_failure, restart_timer: None, is_ending: false, reason: None }
    }

    /// Decides what follows a failure.
    ///
    /// A closed object restarts without delay, to serve what it has accepted: those who wait for its end
    /// shouldn't wait for a backoff. If the restart fails, it ends.
    pub(crate) fn decide(
        &mut self,
        failed_while: FailedWhile,
        is_closed: bool,
        now: Instant,
    ) -> Recovery {
        if self.is_ending {
            return Recovery::Stops;
        }
        let after = match &mut self.on_failure {
            OnFailure::Stop => return Recovery::Stops,
            OnFailure::Resume => return Recovery::Resumes,
            OnFailure::Restart { .. } if is_closed && failed_while == FailedWhile::Restarting => {
                None
            }
            OnFailure::Restart { by: RestartBudget::Alone(budget), .. } => budget.spend(now),
            OnFailure::Restart { by: RestartBudget::Supervised(member), .. } => member.failed(now),
        };
        match (after, failed_while) {
            (None, _) => Recovery::GivesUp,
            (Some(_), _) if is_closed => Recovery::Restarts { after: Duration::ZERO },
            (Some(after), FailedWhile::Serving) => Recovery::Restarts { after },
            // An object that fails at once must not keep its runner from the others.
            (Some(after), FailedWhile::Restarting) => Recovery::Restarts { after: after.max(TICK) },
        }
    }

    /// Takes an order of the supervisor; `false` if it was carried out already.
    pub(crate) fn apply(&mut self, order: RestartOrder) -> bool {
        match &mut self.on_failure {
            OnFailure::Restart { by: RestartBudget::Supervised(member), .. } => member.apply(order),
            _ => false,
        }
    }

    /// What makes servants, if the object restarts.
    pub(crate) fn make(&mut self) -> Option<&mut MakeServant<S>> {
        match &mut self.on_failure {
            OnFailure::Restart { make, .. } => Some(make),
            OnFailure::Stop | OnFailure::Resume => None,
        }
    }

    /// Keeps the failure that ended the object: the first one counts.
    pub(crate) fn record_cause(&mut self, next: Recovery, cause: Cause) {
        let reason = match (next, cause) {
            (Recovery::GivesUp, Cause::Panicked { method, message }) => {
                let failure = format!("its method {method} panicked: {message}").into();
                ExitReason::RestartsExhausted { failure }
            }
            (_, Cause::Panicked { method, message }) => ExitReason::Panicked { method, message },
            (_, Cause::Factory { reason }) => {
                let failure = format!("its factory failed: {reason}").into();
                ExitReason::RestartsExhausted { failure }
            }
        };
        self.reason.get_or_insert(reason);
    }

    /// Why it ended, unless somebody ended it.
    pub(crate) fn take_reason(&mut self) -> Option<ExitReason> {
        let is_given_up = match &self.on_failure {
            OnFailure::Restart { by: RestartBudget::Supervised(member), .. } => {
                member.is_given_up()
            }
            _ => false,
        };
        self.reason.take().or(is_given_up.then_some(ExitReason::SupervisorGaveUp))
    }
}
