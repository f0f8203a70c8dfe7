//! The servant's end of a call, which answers it.

use crate::reply::cell::responder::Start;
use crate::reply::cell::{CALLER_GONE, CANCELLED, Cell, STARTED, UNWANTED, WAITER};
use crate::reply::error::CallError;
use crate::reply::unserved::end_of_dropped;
use crate::runner::environment;
use crate::sync::thread_local;
use std::cell::Cell as StdCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// The servant's end of one call: [`serve`](Reply::serve) runs the method, [`send`](Reply::send) sends a
/// result that is already known.
///
/// If it is dropped without either, the call ends with [`CallError::Dropped`].
pub struct Reply<R> {
    pub(crate) cell: Option<NonNull<Cell>>,
    outcome: PhantomData<fn(R)>,
}

// SAFETY: a share in a cell can be used from any thread (the protocol above); what it passes on is
// an `R`, which may be sent.
unsafe impl<R: Send> Send for Reply<R> {}

impl<R> Reply<R> {
    /// The reply of a one-way request: nobody waits, and the result is dropped.
    #[inline(always)]
    pub fn none() -> Self {
        Self { cell: None, outcome: PhantomData }
    }

    pub(crate) fn to(cell: NonNull<Cell>) -> Self {
        Self { cell: Some(cell), outcome: PhantomData }
    }

    /// The call's deadline, until the call is started.
    pub fn deadline(&self) -> Option<Instant> {
        self.cell.and_then(Cell::deadline)
    }

    /// Runs the servant's method and sends its result. Does nothing if the call was cancelled or aborted,
    /// and ends it with [`CallError::Expired`] if its deadline has passed by the system's clock.
    ///
    /// # Panics
    /// If `method` panics. The engine catches that and ends the call with [`CallError::Panicked`].
    #[inline(always)]
    pub fn serve(self, method: impl FnOnce() -> R) {
        let start = self.cell.map(|cell| Cell::start(cell, environment::now));
        self.run(start, |_| method());
    }

    /// The call's deadline, if its method may run; whoever runs it then has the responder's share. `None` if
    /// the call has ended.
    #[inline(always)]
    pub(crate) fn begin(self, cell: NonNull<Cell>, start: Start) -> Option<Option<Instant>> {
        match start {
            Start::Runs(deadline) => {
                mem::forget(self);
                Some(deadline)
            }
            Start::Expired => {
                mem::forget(self);
                Cell::complete::<R>(cell, Err(CallError::Expired));
                None
            }
            // The drop of this end lets go.
            Start::Over => None,
        }
    }

    /// Runs the method of a one-way request, or of a call whose start was tried.
    #[inline(always)]
    pub(crate) fn run(self, start: Option<Start>, method: impl FnOnce(Option<Instant>) -> R) {
        let (Some(cell), Some(start)) = (self.cell, start) else {
            drop(method(None));
            return;
        };
        let Some(deadline) = self.begin(cell, start) else { return };
        let unanswered = LeftToEngine(ErasedReply::of::<R>(cell));
        let result = method(deadline);
        mem::forget(unanswered);
        Cell::complete(cell, Ok(result));
    }

    /// Sends a result that is already known, even after the call's deadline. It is dropped if the call was
    /// cancelled or aborted before.
    pub fn send(self, result: R) {
        // The result has been computed, so the caller gets it, in time or not.
        if let Some(cell) = self.cell.filter(|cell| Cell::start_at_any_time(*cell)) {
            mem::forget(self);
            Cell::complete(cell, Ok(result));
        }
    }

    /// Whether the caller has tried to cancel the call, even if too late. A servant that answers later can
    /// skip the work then.
    pub fn is_cancelled(&self) -> bool {
        // Relaxed: a look.
        let is_cancelled = |cell| Cell::state_of(cell).load(Relaxed) & (CANCELLED | UNWANTED) != 0;
        self.cell.is_some_and(is_cancelled)
    }

    /// Whether anybody waits for the result: `false` for one-way requests and detached calls. A hint.
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

/// A call whose method is running. If the method unwinds, the call is left to the engine, which knows the
/// panic message.
pub(crate) struct LeftToEngine(pub(crate) ErasedReply);

/// Ends a call without knowing its result type.
#[derive(Clone, Copy)]
pub(crate) struct ErasedReply {
    cell: NonNull<Cell>,
    fail: fn(NonNull<Cell>, CallError),
}

thread_local!(static UNANSWERED: StdCell<Option<ErasedReply>> = const { StdCell::new(None) });

impl ErasedReply {
    #[inline(always)]
    pub(crate) fn of<R>(cell: NonNull<Cell>) -> Self {
        Self { cell, fail: |cell, error| Cell::complete::<R>(cell, Err(error)) }
    }

    /// The call whose method has just unwound on this thread, if there is one.
    pub(crate) fn take() -> Option<Self> {
        UNANSWERED.with(StdCell::take)
    }

    pub(crate) fn end(self, error: CallError) {
        (self.fail)(self.cell, error);
    }
}

impl Drop for LeftToEngine {
    fn drop(&mut self) {
        if let Some(older) = UNANSWERED.with(|unanswered| unanswered.replace(Some(self.0))) {
            older.end(CallError::Dropped);
        }
    }
}
