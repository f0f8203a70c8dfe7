//! The caller's side of a reply cell: it takes the outcome, leaves a waiter, releases its share.

use crate::panics::drop_caught;
use crate::reply::cell::{CALLER_GONE, Cell, DONE, ENDED, LATE, TIMED, UNWANTED, WAITER};
use crate::reply::error::{CallError, Outcome};
use crate::reply::waiter::Waiter;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Instant;

impl Cell {
    /// Gives the call a deadline. Only for whoever has just taken the cell from the pool, before the request
    /// is sent.
    pub(crate) fn set_deadline(this: NonNull<Self>, deadline: Instant) {
        // SAFETY: nobody else touches the outcome's place before the request is sent. An assertion beside
        // `Cell` says that a deadline fits.
        Self::with_inline(this, |place| unsafe { place.cast::<Instant>().write(deadline) });
        // Relaxed: as in `open`.
        Self::state_of(this).store(TIMED, Relaxed);
    }

    /// Notes that the caller wanted to cancel the call.
    pub(crate) fn unwant(this: NonNull<Self>) {
        // Relaxed: advice; no data rides on it.
        Self::state_of(this).fetch_or(UNWANTED, Relaxed);
    }

    /// Whether the caller wanted to cancel the call.
    pub(crate) fn is_unwanted(this: NonNull<Self>) -> bool {
        // Relaxed: as above.
        Self::state_of(this).load(Relaxed) & UNWANTED != 0
    }

    /// Resets the cell for a call. Only for whoever has just taken it from the pool.
    pub(crate) fn open(this: NonNull<Self>) {
        // Relaxed: the request's publication carries it to the responder.
        Self::state_of(this).store(0, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_ready(this: NonNull<Self>) -> bool {
        // Acquire [reply.done]: sees the outcome.
        Self::state_of(this).load(Acquire) & (DONE | ENDED) != 0
    }

    /// Takes the outcome if the call has ended, and releases the caller's share.
    ///
    /// `registered`: the caller has left a waiter at some time, which another thread may still hold.
    ///
    /// # Safety
    /// The caller's share is given up when this returns `Some`.
    #[inline(always)]
    pub(crate) unsafe fn poll<R>(this: NonNull<Self>, registered: bool) -> Option<Outcome<R>> {
        // Acquire [reply.done]: sees the outcome.
        let seen = Self::state_of(this).load(Acquire);
        if seen & (DONE | ENDED) == 0 {
            return None;
        }
        if seen & ENDED != 0 {
            Self::leave(this);
            return Some(Err(CallError::Stopped { started: seen & LATE != 0 }));
        }
        // SAFETY: `DONE` without `ENDED`: the outcome is there, and the caller takes it, once.
        let outcome = Self::with_outcome::<R, _>(this, |place| unsafe { place.read() });
        if registered {
            Self::leave(this);
        } else {
            // `DONE` came with `RESPONDER_GONE`, and nobody holds a waiter: the caller is alone.
            Self::recycle(this);
        }
        Some(outcome)
    }

    /// Releases the caller's share of a call that has ended or was cancelled.
    pub(crate) fn leave(this: NonNull<Self>) {
        // AcqRel [reply.gone]: as in `clear`.
        let before = Self::state_of(this).fetch_or(CALLER_GONE, AcqRel);
        Self::recycle_if_last(this, before, before | CALLER_GONE);
    }

    /// Releases the caller's share of a call in any state; the outcome is dropped. The caller has left no
    /// waiter, or has taken it back.
    pub(crate) fn abandon<R>(this: NonNull<Self>) {
        let state = Self::state_of(this);
        // Acquire [reply.done]: for an outcome that is dropped here.
        let mut seen = state.load(Acquire);
        while seen & (DONE | ENDED) == 0 {
            // AcqRel [reply.gone]: as in `clear`. Acquire on failure: as above.
            match state.compare_exchange(seen, seen | CALLER_GONE, AcqRel, Acquire) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        let _leave = Defer(|| Self::leave(this));
        if seen & ENDED == 0 {
            // SAFETY: `DONE` without `ENDED`: the outcome is the caller's, who never took it, and
            // the cell is still the caller's too.
            Self::with_outcome::<R, _>(this, |place| unsafe { ptr::drop_in_place(place) });
        }
    }

    /// Leaves a waiter; returns it if the call has already ended. The caller must not have left one before.
    ///
    /// With `leave`, the same change releases the caller's share: the waiter gets the outcome.
    pub(crate) fn wait_with(
        this: NonNull<Self>,
        waiter: Waiter,
        leave: bool,
    ) -> Result<(), Waiter> {
        // SAFETY: the caller's share keeps the cell.
        let cell = unsafe { this.as_ref() };
        // SAFETY: `WAITER` is not set, so nobody else looks at the place.
        cell.waiter.with_mut(|place| unsafe { (*place).write(waiter) });
        let bits = WAITER | if leave { CALLER_GONE } else { 0 };
        // Relaxed: a first guess for the CAS.
        let mut seen = cell.state.load(Relaxed);
        while seen & (DONE | ENDED) == 0 {
            // Release [reply.waiter]: carries the waiter to the responder or aborter that takes
            // it. Relaxed on failure: the caller polls again, with Acquire.
            match cell.state.compare_exchange(seen, seen | bits, Release, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
        // SAFETY: written above, and never shared.
        Err(cell.waiter.with(|place| unsafe { (*place).assume_init_read() }))
    }

    /// Takes the waiter back and sets the bits `set` in the same change. Returns `false` and changes nothing
    /// if the call has ended, so that another thread has the waiter, or if one of the bits `not` is set. The
    /// caller keeps its share.
    pub(crate) fn withdraw(this: NonNull<Self>, waiting: bool, set: u32, not: u32) -> bool {
        let state = Self::state_of(this);
        // Relaxed: a first guess for the CAS.
        let mut seen = state.load(Relaxed);
        loop {
            if seen & (DONE | ENDED | not) != 0 {
                return false;
            }
            // AcqRel [reply.gone]: as in `clear`. Relaxed on failure: again.
            match state.compare_exchange(seen, seen & !WAITER | set, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if waiting {
            // SAFETY: the caller's share keeps the cell; it is given up later, never by this change.
            let cell = unsafe { this.as_ref() };
            // SAFETY: `WAITER` was set and nobody had won the waiter: it is the caller's again.
            let waiter = cell.waiter.with(|place| unsafe { (*place).assume_init_read() });
            // A waker is the user's code: a panic in its destructor must not leak the cell.
            drop_caught(waiter);
        }
        true
    }
}

/// Runs a closure on drop: after an outcome's destructor, which is the user's code and may panic.
struct Defer<F: Fn()>(F);

impl<F: Fn()> Drop for Defer<F> {
    #[inline(always)]
    fn drop(&mut self) {
        (self.0)();
    }
}
