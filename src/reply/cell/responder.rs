//! The responder's side of a reply cell: it starts the call, and completes it.

use crate::panics::caught;
use crate::reply::cell::{
    CALLER_GONE, CANCELLED, Cell, DONE, ENDED, RESPONDER_GONE, STARTED, TIMED, WAITER,
};
use crate::reply::error::Outcome;
use crate::runner::environment;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Instant;

/// Whether a method may run.
pub(crate) enum Start {
    /// It may, and this is its deadline.
    Runs(Option<Instant>),
    /// Its deadline has passed.
    Expired,
    /// The call was cancelled or ended.
    Over,
}

impl Cell {
    /// Starts the call, if it was neither cancelled nor ended and its deadline has not passed by `clock`,
    /// which is read only if there is a deadline.
    #[inline(always)]
    pub(crate) fn start(this: NonNull<Self>, clock: impl FnOnce() -> Instant) -> Start {
        // A CAS from the likely state, not an `or`: it fetches the cell's line once, for writing.
        // Relaxed: the word's own order of changes decides; no data rides on it.
        let started = Self::state_of(this).compare_exchange(0, STARTED, Relaxed, Relaxed);
        if started.is_ok() { Start::Runs(None) } else { Self::start_slowly(this, clock) }
    }

    #[cold]
    fn start_slowly(this: NonNull<Self>, clock: impl FnOnce() -> Instant) -> Start {
        let state = Self::state_of(this);
        // Relaxed: a first guess for the CAS.
        let mut seen = state.load(Relaxed);
        let deadline = Self::deadline(this);
        if deadline.is_some_and(|deadline| clock() >= deadline) {
            return Start::Expired;
        }
        loop {
            // Relaxed, both: as in `start`.
            match state.compare_exchange(seen, seen & !TIMED | STARTED, Relaxed, Relaxed) {
                Ok(_) if seen & (CANCELLED | ENDED) == 0 => return Start::Runs(deadline),
                Ok(_) => return Start::Over,
                Err(now) => seen = now,
            }
        }
    }

    /// The call's deadline, for the responder before the start.
    pub(crate) fn deadline(this: NonNull<Self>) -> Option<Instant> {
        // Relaxed: the bit came with the request.
        let is_timed = Self::state_of(this).load(Relaxed) & TIMED != 0;
        // SAFETY: `TIMED` says that it is there, and no outcome has replaced it: only this responder
        // writes one, later.
        let read = |place: *mut u64| unsafe { place.cast::<Instant>().read() };
        is_timed.then(|| Self::with_inline(this, read))
    }

    /// Like [`start`](Self::start), but ignores the deadline.
    pub(crate) fn start_at_any_time(this: NonNull<Self>) -> bool {
        // Relaxed, both: nothing but the responder's own change.
        Self::state_of(this).fetch_and(!TIMED, Relaxed);
        matches!(Self::start(this, environment::now), Start::Runs(_))
    }

    /// Stores the outcome, tells the waiter, and releases the responder's share.
    #[inline(always)]
    pub(crate) fn complete<R>(this: NonNull<Self>, outcome: Outcome<R>) {
        // SAFETY: only the responder writes the outcome, once, and nobody reads it before `DONE`.
        Self::with_outcome::<R, _>(this, |place| unsafe { place.write(outcome) });
        const DONE_NOW: u32 = STARTED | DONE | RESPONDER_GONE;
        // Release [reply.done]: carries the outcome to `Cell::poll`. Relaxed on failure: the slow
        // path looks again.
        let done = Self::state_of(this).compare_exchange(STARTED, DONE_NOW, Release, Relaxed);
        if done.is_err() {
            Self::complete_slowly::<R>(this);
        }
    }

    /// The other cases: the caller waits, is gone, or was told another outcome; or the method never started.
    #[cold]
    fn complete_slowly<R>(this: NonNull<Self>) {
        let place = Self::with_outcome::<R, _>(this, |place| place);
        let state = Self::state_of(this);
        // Acquire [reply.gone]: for a recycling here, the caller's use of the cell is over.
        let mut seen = state.load(Acquire);
        loop {
            if seen & (ENDED | CANCELLED) != 0 {
                // SAFETY: the caller was told another outcome, so nobody else reads this one, and the cell is
                // still the responder's. A destructor's panic must neither leak the cell nor end the servant.
                caught(|| unsafe { ptr::drop_in_place(place) });
                // AcqRel [reply.gone]: as in `clear`.
                let before = state.fetch_or(RESPONDER_GONE, AcqRel);
                return Self::recycle_if_last(this, before, before | RESPONDER_GONE);
            }
            if seen & (CALLER_GONE | WAITER) == CALLER_GONE {
                // SAFETY: nobody is left to read it. Caught as above.
                caught(|| unsafe { ptr::drop_in_place(place) });
                return Self::recycle(this);
            }
            let done = seen | DONE | RESPONDER_GONE;
            // AcqRel: Release [reply.done] carries the outcome to `Cell::poll`; Acquire
            // [reply.waiter] sees the waiter. Acquire on failure: as above.
            match state.compare_exchange(seen, done, AcqRel, Acquire) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & WAITER != 0 {
            // SAFETY: the outcome is of `R`; a caller that left an observer never reads it. `DONE`
            // came first, so the waiter is ours.
            unsafe { Self::pay_waiter(this, Ok(place.cast())) };
        }
    }
}
