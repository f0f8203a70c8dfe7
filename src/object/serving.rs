//! Runs a call's method with its context and the runner's clock.

use crate::object::active::Active;
use crate::object::context::Context;
use crate::reply::cell::{CANCELLED, Cell, ENDED};
use crate::reply::error::CallError;
use crate::reply::later::Later;
use crate::reply::reply::{ErasedReply, LeftToEngine, Reply};
use std::sync::atomic::Ordering::Relaxed;

impl<R> Reply<R> {
    /// Whether the call was cancelled or aborted, or its deadline has passed, so that its method won't run.
    /// For a method with a guard: its guard need not be evaluated then.
    pub fn is_over<S: Active>(&self, context: &Context<'_, S>) -> bool {
        let Some(cell) = self.cell else { return false };
        // Relaxed: a look; the start decides.
        let seen = Cell::state_of(cell).load(Relaxed);
        let is_late = || self.deadline().is_some_and(|deadline| context.clock() >= deadline);
        seen & (CANCELLED | ENDED) != 0 || is_late()
    }

    /// Like [`serve`](Self::serve), with the runner's clock. For a method that takes no context.
    #[inline(always)]
    pub fn serve_by<S: Active>(self, context: &Context<'_, S>, method: impl FnOnce() -> R) {
        let start = self.cell.map(|cell| Cell::start(cell, || context.clock()));
        self.run(start, |_| method());
    }

    /// Like [`serve`](Self::serve), with the runner's clock. For a method that takes the context, which
    /// describes the call while the method runs.
    #[inline(always)]
    pub fn serve_in<S: Active>(
        self,
        context: &mut Context<'_, S>,
        method: impl FnOnce(&mut Context<'_, S>) -> R,
    ) {
        let cell = self.cell;
        let start = cell.map(|cell| Cell::start(cell, || context.clock()));
        self.run(start, |deadline| context.serving(cell, deadline, method));
    }

    /// Like [`serve_in`](Self::serve_in), for a method that answers later: it takes the reply from the
    /// context with [`Context::later`].
    pub fn serve_later<S: Active>(
        self,
        context: &mut Context<'_, S>,
        method: impl FnOnce(&mut Context<'_, S>) -> Later<R>,
    ) where
        R: 'static,
    {
        let cell = self.cell;
        let start = cell.map(|cell| Cell::start(cell, || context.clock()));
        let deadline = match (cell, start) {
            (Some(cell), Some(start)) => match self.begin(cell, start) {
                Some(deadline) => deadline,
                None => return,
            },
            _ => None,
        };
        context.park_reply::<R>(cell, deadline);
        let failure = cell.map(|cell| ErasedReply::of::<R>(cell));
        let mut parked = LaterGuard { context, failure, has_returned: false };
        let _ = method(parked.context);
        parked.has_returned = true;
    }
}

/// A call whose method may take the reply, to answer later. If it returns without it, the call ends here;
/// if it unwinds without it, the call is left to the engine.
struct LaterGuard<'c, 'a, S: Active> {
    context: &'c mut Context<'a, S>,
    /// `None` for a one-way request.
    failure: Option<ErasedReply>,
    has_returned: bool,
}

impl<S: Active> Drop for LaterGuard<'_, '_, S> {
    fn drop(&mut self) {
        let is_there = self.context.unpark_reply();
        match self.failure.take_if(|_| is_there) {
            Some(failure) if self.has_returned => failure.end(CallError::Dropped),
            Some(failure) => drop(LeftToEngine(failure)),
            None => {}
        }
    }
}
