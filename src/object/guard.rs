//! Requests whose guards don't hold yet.
//!
//! A guard is a predicate on the servant and the arguments. A request whose guard is false when it is
//! taken out is deferred: kept in order of arrival, and tried again after each request that ran, after a
//! timer of the object has fired, and at its deadline. Each time the oldest is tried first, until no guard
//! holds.
//!
//! # Source
//! R. G. Lavender, D. C. Schmidt, "Active Object" (1995): method requests with `can_run`, and a
//! scheduler that dispatches those that may.

use crate::object::active::Active;
use crate::object::context::Context;
use crate::object::timers::TimerId;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// The result of a guard. For generated code.
#[doc(hidden)]
pub enum Guarded {
    /// The method may run.
    Holds,
    /// Not now.
    Waits,
    /// It panicked, which counts as the method's panic.
    Panicked(Box<dyn Any + Send>),
}

/// Evaluates a guard. For generated code.
#[doc(hidden)]
#[inline]
pub fn ask_guard(guard: impl FnOnce() -> bool) -> Guarded {
    match catch_unwind(AssertUnwindSafe(guard)) {
        Ok(true) => Guarded::Holds,
        Ok(false) => Guarded::Waits,
        Err(payload) => Guarded::Panicked(payload),
    }
}

/// The requests of one object whose guards didn't hold, oldest first.
pub(crate) struct Deferred<R> {
    requests: VecDeque<(R, Option<Instant>)>,
    max: usize,
    /// The timer for the earliest deadline among them, or for that of a request that has left. It only has
    /// to fire, since deferred requests are tried again after each timer.
    wake: Option<(Instant, TimerId)>,
}

impl<R> Deferred<R> {
    pub(crate) fn new(max: usize) -> Self {
        Self { requests: VecDeque::new(), max, wake: None }
    }

    /// Tries a new request: it runs, is kept here, or is handed back if there is no room.
    pub(crate) fn run_or_keep<S: Active<Request = R>>(
        &mut self,
        servant: &mut S,
        request: R,
        context: &mut Context<'_, S>,
    ) -> Ran<R> {
        match servant.try_dispatch(request, context) {
            Ok(()) => Ran::Yes,
            Err((request, _)) if self.requests.len() >= self.max => Ran::NoRoom(request),
            Err((request, deadline)) => {
                self.requests.push_back((request, deadline));
                self.wake_by(deadline, context);
                Ran::NotYet
            }
        }
    }

    /// Tries the deferred requests until none runs; `about` is told of each before it is tried. A panic
    /// leaves the others in their order.
    pub(crate) fn retry<S: Active<Request = R>>(
        &mut self,
        servant: &mut S,
        context: &mut Context<'_, S>,
        mut about: impl FnMut(&R),
    ) {
        // One full rotation for each request that runs, so the order is always kept.
        while self.try_each(servant, context, &mut about) {}
        if self.wake.is_some_and(|(at, _)| at <= context.now()) {
            self.wake = None;
            let next = self.requests.iter().filter_map(|(_, deadline)| *deadline).min();
            self.wake_by(next, context);
        }
    }

    /// Has the timer fire at that time, unless it fires earlier anyway.
    fn wake_by<S: Active>(&mut self, at: Option<Instant>, context: &mut Context<'_, S>) {
        let Some(at) = at.filter(|at| self.wake.is_none_or(|(wake, _)| *at < wake)) else { return };
        if let Some((_, later)) = self.wake.replace((at, context.at(at, |_, _| ()))) {
            context.cancel_timer(later);
        }
    }

    fn try_each<S: Active<Request = R>>(
        &mut self,
        servant: &mut S,
        context: &mut Context<'_, S>,
        about: &mut impl FnMut(&R),
    ) -> bool {
        let mut round = Round { left: self.requests.len(), requests: &mut self.requests };
        while round.left > 0
            && let Some((request, _)) = round.requests.pop_front()
        {
            round.left -= 1;
            about(&request);
            match servant.try_dispatch(request, context) {
                Err(waits) => round.requests.push_back(waits),
                Ok(()) => return true,
            }
        }
        false
    }

    /// Forgets its timer, which is cancelled together with the servant's.
    pub(crate) fn forget_wake(&mut self) {
        self.wake = None;
    }

    /// Has the deferred requests tried again soon: after a panic the servant is a new one, or has changed.
    pub(crate) fn wake_soon<S: Active>(&mut self, context: &mut Context<'_, S>) {
        if !self.requests.is_empty() {
            self.wake_by(Some(context.now()), context);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Takes the oldest one.
    pub(crate) fn pop(&mut self) -> Option<R> {
        self.requests.pop_front().map(|(request, _)| request)
    }
}

/// One pass over the deferred requests: those that were tried are at the back.
struct Round<'a, R> {
    requests: &'a mut VecDeque<(R, Option<Instant>)>,
    left: usize,
}

impl<R> Drop for Round<'_, R> {
    /// Restores the order, even if a method unwinds.
    fn drop(&mut self) {
        self.requests.rotate_left(self.left);
    }
}

/// What happened to a request.
pub(crate) enum Ran<R> {
    Yes,
    NotYet,
    NoRoom(R),
}
