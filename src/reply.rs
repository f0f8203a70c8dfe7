//! The servant's end of a call.

use crate::active::Active;
use crate::cell::{CALLER_GONE, CANCELLED, Cell, ENDED, STARTED, Start, WAITER};
use crate::context::Context;
use crate::error::CallError;
use crate::full::end_of_dropped;
use std::cell::Cell as StdCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// The servant's end of one call: consumed by [`serve`](Reply::serve) or [`send`](Reply::send).
///
/// Dropped without either, it ends the call with [`CallError::Dropped`].
pub struct Reply<R> {
    cell: Option<NonNull<Cell>>,
    outcome: PhantomData<fn(R)>,
}

// SAFETY: a share in a cell can be used from any thread (the protocol above); what it passes on is
// an `R`, which may be sent.
unsafe impl<R: Send> Send for Reply<R> {}

impl<R> Reply<R> {
    /// The reply of a one-way request: nobody waits, the result is dropped.
    #[inline(always)]
    pub fn none() -> Self {
        Self { cell: None, outcome: PhantomData }
    }

    pub(crate) fn to(cell: NonNull<Cell>) -> Self {
        Self { cell: Some(cell), outcome: PhantomData }
    }

    /// For a method with a guard: whether the method wouldn't run even if it held, as the call was
    /// cancelled, ended or is too late.
    pub fn is_over<S: Active>(&self, context: &Context<'_, S>) -> bool {
        let Some(cell) = self.cell else { return false };
        // Relaxed: a look; the start decides.
        let seen = Cell::state_of(cell).load(Relaxed);
        let is_late = || self.deadline().is_some_and(|deadline| context.clock() >= deadline);
        seen & (CANCELLED | ENDED) != 0 || is_late()
    }

    /// The call's deadline, before it is started.
    pub fn deadline(&self) -> Option<Instant> {
        self.cell.and_then(Cell::deadline)
    }

    /// Runs the servant's method, unless the call was cancelled, ended or too late before, and sends
    /// the result. The clock that deadlines are compared with is the system's.
    ///
    /// # Panics
    /// If `method` does. The engine catches it, and ends the call with [`CallError::Panicked`].
    #[inline(always)]
    pub fn serve(self, method: impl FnOnce() -> R) {
        let start = self.cell.map(|cell| Cell::start(cell, Instant::now));
        self.run(start, |_| method());
    }

    /// As [`serve`](Self::serve), by the clock of the runner: for a method that takes no context.
    #[inline(always)]
    pub fn serve_by<S: Active>(self, context: &Context<'_, S>, method: impl FnOnce() -> R) {
        let start = self.cell.map(|cell| Cell::start(cell, || context.clock()));
        self.run(start, |_| method());
    }

    /// As [`serve`](Self::serve), by the clock of the runner: for a method that takes the context, which
    /// knows the call while it runs.
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

    /// Runs the method of a call whose start was tried, or of a one-way request.
    #[inline(always)]
    fn run(self, start: Option<Start>, method: impl FnOnce(Option<Instant>) -> R) {
        let (Some(cell), Some(start)) = (self.cell, start) else {
            drop(method(None));
            return;
        };
        let deadline = match start {
            Start::Runs(deadline) => deadline,
            Start::Expired => {
                mem::forget(self);
                return Cell::complete::<R>(cell, Err(CallError::Expired));
            }
            // The drop of this end lets go.
            Start::Over => return,
        };
        let unanswered = Unanswered(Failure { cell, fail: fail::<R> });
        mem::forget(self);
        let result = method(deadline);
        mem::forget(unanswered);
        Cell::complete(cell, Ok(result));
    }

    /// Sends a result that was computed otherwise, whatever the call's deadline; dropped if the call was
    /// cancelled before.
    pub fn send(self, result: R) {
        // What has been computed is the caller's, in time or not.
        if let Some(cell) = self.cell.filter(|cell| Cell::start_at_any_time(*cell)) {
            mem::forget(self);
            Cell::complete(cell, Ok(result));
        }
    }

    /// Whether anybody holds the other end: `false` for one-way requests and detached calls.
    pub fn is_awaited(&self) -> bool {
        // Relaxed: a hint.
        let gone =
            |cell| Cell::state_of(cell).load(Relaxed) & (CALLER_GONE | WAITER) == CALLER_GONE;
        self.cell.is_some_and(|cell| !gone(cell))
    }
}

impl<R> Drop for Reply<R> {
    fn drop(&mut self) {
        let Some(cell) = self.cell else { return };
        // SAFETY: the responder's share keeps the cell.
        let stopped = unsafe { cell.as_ref() }.pool().is_stopped();
        // Relaxed: only this responder sets the bit.
        let started = Cell::state_of(cell).load(Relaxed) & STARTED != 0;
        let error = match stopped {
            true => CallError::Stopped { started },
            // SAFETY: as above.
            false => end_of_dropped(unsafe { cell.as_ref() }.pool()),
        };
        Cell::complete::<R>(cell, Err(error));
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("one_way", &self.cell.is_none()).finish()
    }
}

fn fail<R>(cell: NonNull<Cell>, error: CallError) {
    Cell::complete::<R>(cell, Err(error));
}

/// A call whose method is running: if it unwinds, the call is left to the engine, which knows the
/// panic's message.
struct Unanswered(Failure);

/// How to end a call without knowing its result's type.
#[derive(Clone, Copy)]
pub(crate) struct Failure {
    cell: NonNull<Cell>,
    fail: fn(NonNull<Cell>, CallError),
}

thread_local!(static UNANSWERED: StdCell<Option<Failure>> = const { StdCell::new(None) });

impl Failure {
    /// The call whose method has just unwound on this thread, if it had one.
    pub(crate) fn take() -> Option<Self> {
        UNANSWERED.take()
    }

    pub(crate) fn end(self, error: CallError) {
        (self.fail)(self.cell, error);
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(older) = UNANSWERED.replace(Some(self.0)) {
            older.end(CallError::Dropped);
        }
    }
}
