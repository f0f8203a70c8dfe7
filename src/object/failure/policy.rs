//! What an object does about failures of its servant, and why it ends.
//!
//! Made for objects with a policy of their own, or with the first failure.

use crate::event::Recovery;
use crate::object::exit::ExitReason;
use crate::object::failure::restart::Budget;
use crate::object::failure::supervisor::{Member, Order};
use crate::runner::timer_wheel::{Armed, TICK};
use std::time::{Duration, Instant};

/// Makes a servant, again and again, or says why not.
pub(crate) type Make<S> = Box<dyn FnMut() -> Result<S, String> + Send>;

/// What follows a panic.
pub(crate) enum Remedy<S> {
    Stop,
    Resume,
    Restart { make: Make<S>, by: Judge },
}

/// Who says whether there is another restart.
pub(crate) enum Judge {
    Alone(Budget),
    Supervised(Member),
}

/// See the module.
pub(crate) struct Life<S> {
    remedy: Remedy<S>,
    /// The timer that ends the suspension, while it is suspended.
    pub(crate) revival: Option<Armed>,
    /// No servant is made any more.
    pub(crate) is_ending: bool,
    reason: Option<ExitReason>,
}

/// What failed.
pub(crate) enum Fault {
    Panicked { method: &'static str, message: Box<str> },
    Factory { reason: String },
}

/// When a failure is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// The last servant's successor didn't come to serve.
    Restarting,
}

impl<S> Life<S> {
    pub(crate) fn new(remedy: Remedy<S>) -> Self {
        Self { remedy, revival: None, is_ending: false, reason: None }
    }

    /// Decides what follows a failure.
    ///
    /// An object that is closed restarts without delay, to serve what it has accepted: nobody waits
    /// for a backoff who waits for its end. If that fails it ends.
    pub(crate) fn judge(&mut self, phase: Phase, is_closed: bool, now: Instant) -> Recovery {
        if self.is_ending {
            return Recovery::Stops;
        }
        let after = match &mut self.remedy {
            Remedy::Stop => return Recovery::Stops,
            Remedy::Resume => return Recovery::Resumes,
            Remedy::Restart { .. } if is_closed && phase == Phase::Restarting => None,
            Remedy::Restart { by: Judge::Alone(budget), .. } => budget.spend(now),
            Remedy::Restart { by: Judge::Supervised(member), .. } => member.failed(now),
        };
        match (after, phase) {
            (None, _) => Recovery::GivesUp,
            (Some(_), _) if is_closed => Recovery::Restarts { after: Duration::ZERO },
            (Some(after), Phase::Serving) => Recovery::Restarts { after },
            // What fails at once mustn't keep its runner from all others.
            (Some(after), Phase::Restarting) => Recovery::Restarts { after: after.max(TICK) },
        }
    }

    /// Takes an order of the supervisor's; `false` if it has been carried out.
    pub(crate) fn obey(&mut self, order: Order) -> bool {
        match &mut self.remedy {
            Remedy::Restart { by: Judge::Supervised(member), .. } => member.obey(order),
            _ => false,
        }
    }

    /// What makes servants, if the object restarts.
    pub(crate) fn make(&mut self) -> Option<&mut Make<S>> {
        match &mut self.remedy {
            Remedy::Restart { make, .. } => Some(make),
            Remedy::Stop | Remedy::Resume => None,
        }
    }

    /// Keeps the failure that ended the object: the first one counts.
    pub(crate) fn blame(&mut self, next: Recovery, fault: Fault) {
        let reason = match (next, fault) {
            (Recovery::GivesUp, Fault::Panicked { method, message }) => {
                let failure = format!("its method {method} panicked: {message}").into();
                ExitReason::RestartsExhausted { failure }
            }
            (_, Fault::Panicked { method, message }) => ExitReason::Panicked { method, message },
            (_, Fault::Factory { reason }) => {
                let failure = format!("its factory failed: {reason}").into();
                ExitReason::RestartsExhausted { failure }
            }
        };
        self.reason.get_or_insert(reason);
    }

    /// Why it ended, if not because it was told to.
    pub(crate) fn reason(&mut self) -> Option<ExitReason> {
        let is_given_up = match &self.remedy {
            Remedy::Restart { by: Judge::Supervised(member), .. } => member.is_given_up(),
            _ => false,
        };
        self.reason.take().or(is_given_up.then_some(ExitReason::SupervisorGaveUp))
    }
}
