//! The reply cell, where the servant's answer meets the caller.
//!
//! A cell has two owners, the caller (a [`Call`](crate::Call)) and the responder (a [`Reply`]
//! inside the request), and goes back to its pool after both have let go. A third party, whoever
//! aborts the object, may end a call from outside. One word decides everything:
//!
//! | bit | meaning | set by | then |
//! |---|---|---|---|
//! | `STARTED` | the servant's method may have begun | responder | a cancel comes too late |
//! | `CANCELLED` | the caller took the call back before the start | caller, unless `STARTED`, `DONE` or `ENDED` | the method isn't run |
//! | `ENDED` | aborted from outside; with `LATE` if it had been started | aborter, unless `DONE` or `CANCELLED` | the responder drops its own outcome |
//! | `DONE` | the outcome is in the cell | responder, with `RESPONDER_GONE`, unless `ENDED` or `CANCELLED` | the caller takes it |
//! | `WAITER` | the cell's waiter is set | caller, unless `DONE` or `ENDED` | whoever sets `DONE` or `ENDED` first takes the waiter, and clears the bit |
//! | `CALLER_GONE` | the caller has let go | caller | the responder drops the outcome |
//! | `RESPONDER_GONE` | the responder has let go | responder | – |
//! | `TIMED` | a deadline lies where the outcome will | caller, before it sends | the responder compares it with its clock, and clears the bit with the start |
//! | `UNWANTED` | the caller's cancel came too late | caller | the method may look |
//!
//! The change that makes both `GONE` true and `WAITER` false recycles the cell: so it can't be
//! reused while somebody still reads its waiter. While another may change the word, every change
//! is a read-modify-write; a cell that has one owner left, or none, is written plainly.

use crate::panics::caught;
use crate::panics::drop_caught;
use crate::reply::error::{CallError, Outcome};
use crate::reply::pool::Pool;
use crate::reply::waiter::Waiter;
use crate::runner::environment;
use crate::sync::{AtomicU32, IS_MODEL, UnsafeCell};
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Instant;

pub(crate) const STARTED: u32 = 1;
pub(crate) const CANCELLED: u32 = 1 << 1;
pub(crate) const ENDED: u32 = 1 << 2;
pub(crate) const LATE: u32 = 1 << 3;
pub(crate) const DONE: u32 = 1 << 4;
pub(crate) const WAITER: u32 = 1 << 5;
pub(crate) const CALLER_GONE: u32 = 1 << 6;
pub(crate) const RESPONDER_GONE: u32 = 1 << 7;
const TIMED: u32 = 1 << 8;
pub(crate) const UNWANTED: u32 = 1 << 9;

/// The state of a cell in the free list: nothing to end, nobody to wake.
pub(crate) const FREE: u32 = DONE | CALLER_GONE | RESPONDER_GONE;

/// Outcomes up to this size share a cache line with the state.
const INLINE_BYTES: usize = 40;

/// One reply cell, without its outcome's type. Outcomes that don't fit `inline` lie behind it.
#[repr(C, align(64))]
pub(crate) struct Cell {
    pub(crate) state: AtomicU32,
    /// The next free cell, while this one is in the free list.
    pub(crate) next: AtomicU32,
    pool: NonNull<Pool>,
    index: u32,
    inline: UnsafeCell<MaybeUninit<[u64; INLINE_BYTES / 8]>>,
    waiter: UnsafeCell<MaybeUninit<Waiter>>,
}

const _: () = assert!(
    IS_MODEL || mem::size_of::<Cell>() == 128,
    "one line for state and outcome, one for the waiter"
);

const _: () = assert!(
    mem::size_of::<Instant>() <= INLINE_BYTES && mem::align_of::<Instant>() <= 8,
    "a deadline lies where the outcome will"
);

/// Whether a method may run.
pub(crate) enum Start {
    /// It may, and this is its deadline.
    Runs(Option<Instant>),
    /// Its deadline has passed.
    Expired,
    /// The call was cancelled or ended.
    Over,
}

/// How many bytes behind a cell an outcome of `R` takes: 0 when it fits inside.
///
/// For hand-written [`Active`](crate::Active) implementations: the largest of these is
/// [`Active::REPLY_BYTES`](crate::Active::REPLY_BYTES).
pub const fn reply_bytes<R>() -> usize {
    let fits = mem::size_of::<Outcome<R>>() <= INLINE_BYTES && mem::align_of::<Outcome<R>>() <= 8;
    assert!(mem::align_of::<Outcome<R>>() <= 64, "a reply may be aligned to 64 bytes at most");
    if fits { 0 } else { mem::size_of::<Outcome<R>>() }
}

/// The largest of several [`reply_bytes`].
pub const fn reply_bytes_max(sizes: &[usize]) -> usize {
    let (mut max, mut i) = (0, 0);
    while i < sizes.len() {
        if sizes[i] > max {
            max = sizes[i];
        }
        i += 1;
    }
    max
}

impl Cell {
    pub(crate) fn new(pool: NonNull<Pool>, index: u32) -> Self {
        Self {
            state: AtomicU32::new(FREE),
            next: AtomicU32::new(0),
            pool,
            index,
            inline: UnsafeCell::new(MaybeUninit::uninit()),
            waiter: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn pool(&self) -> &Pool {
        // SAFETY: a pool lives until all its cells are back (see `Pool`), and this one is not.
        unsafe { self.pool.as_ref() }
    }

    /// Runs `access` with the place of an outcome of `R`.
    #[inline(always)]
    fn with_outcome<R, O>(this: NonNull<Self>, access: impl FnOnce(*mut Outcome<R>) -> O) -> O {
        // SAFETY: every holder of a cell pointer owns a share of the cell.
        let cell = unsafe { this.as_ref() };
        cell.inline.with_mut(|inline| {
            if reply_bytes::<R>() == 0 {
                access(inline.cast())
            } else {
                // SAFETY: the pool lays cells out with the largest outcome of the object behind
                // each, and `Handle::call` checks at compile time that `R` is no larger.
                access(unsafe { this.as_ptr().add(1) }.cast())
            }
        })
    }

    /// Runs `access` with the place in the cell's first line.
    #[inline(always)]
    fn with_inline<O>(this: NonNull<Self>, access: impl FnOnce(*mut u64) -> O) -> O {
        // SAFETY: as in `with_outcome`.
        let cell = unsafe { this.as_ref() };
        cell.inline.with_mut(|inline| access(inline.cast()))
    }

    #[inline(always)]
    pub(crate) fn state_of<'a>(this: NonNull<Self>) -> &'a AtomicU32 {
        // SAFETY: as in `with_outcome`; the reference isn't used once the share is given up.
        unsafe { &(*this.as_ptr()).state }
    }

    /// Takes the waiter out, then lets go of it, then runs it. Only for who won it: the one whose
    /// RMW set `DONE` or `ENDED` first and saw `WAITER`.
    ///
    /// # Safety
    /// `outcome` as in [`Observer::run`].
    unsafe fn pay_waiter(this: NonNull<Self>, outcome: Result<*mut u8, CallError>) {
        // SAFETY: as in `with_outcome`: `WAITER` keeps the cell.
        let cell = unsafe { this.as_ref() };
        // SAFETY: `WAITER` said that it is set, and the winner alone reads it, once.
        let waiter = cell.waiter.with(|waiter| unsafe { (*waiter).assume_init_read() });
        match waiter {
            // SAFETY: the caller's promise. It reads the outcome, so before the cell is let go.
            Waiter::Observer(observer) => unsafe { observer.run(outcome) },
            waiter => {
                Self::clear(this, WAITER);
                // A waker is the user's code: its panic must not take the servant along.
                caught(|| waiter.wake());
                return;
            }
        }
        Self::clear(this, WAITER);
    }

    fn clear(this: NonNull<Self>, bit: u32) {
        // AcqRel [reply.gone]: Release, that the reading above is over; Acquire, that so is the
        // others', for a recycling here.
        let before = Self::state_of(this).fetch_and(!bit, AcqRel);
        Self::recycle_if_last(this, before, before & !bit);
    }

    #[inline(always)]
    fn recycle_if_last(this: NonNull<Self>, before: u32, after: u32) {
        const OVER: u32 = CALLER_GONE | RESPONDER_GONE | WAITER;
        const LAST: u32 = CALLER_GONE | RESPONDER_GONE;
        if after & OVER == LAST && before & OVER != LAST {
            Self::recycle(this);
        }
    }

    /// Gives the cell back. Only for its last owner.
    #[inline(always)]
    pub(crate) fn recycle(this: NonNull<Self>) {
        // SAFETY: the last owner's share is still ours.
        let cell = unsafe { this.as_ref() };
        // Relaxed: nobody else holds the cell; an aborter that still reads it fails its CAS.
        cell.state.store(FREE, Relaxed);
        cell.pool().give_back(cell);
    }

    // --- the responder's side ---

    /// Whether the method may run: neither cancelled nor ended before, nor too late by `clock`, which
    /// is read if there is a deadline.
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

    /// For the responder, before the start.
    pub(crate) fn deadline(this: NonNull<Self>) -> Option<Instant> {
        // Relaxed: the bit came with the request.
        let is_timed = Self::state_of(this).load(Relaxed) & TIMED != 0;
        // SAFETY: `TIMED` says that it is there, and no outcome has taken its place: only this
        // responder writes one, later.
        let read = |place: *mut u64| unsafe { place.cast::<Instant>().read() };
        is_timed.then(|| Self::with_inline(this, read))
    }

    /// As [`start`](Self::start), whatever the deadline.
    pub(crate) fn start_at_any_time(this: NonNull<Self>) -> bool {
        // Relaxed, both: nothing but the responder's own change.
        Self::state_of(this).fetch_and(!TIMED, Relaxed);
        matches!(Self::start(this, environment::now), Start::Runs(_))
    }

    /// Puts the outcome in, tells whoever waits, and lets go.
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

    /// The caller waits, is gone, or was told otherwise before; or the method never started.
    #[cold]
    fn complete_slowly<R>(this: NonNull<Self>) {
        let place = Self::with_outcome::<R, _>(this, |place| place);
        let state = Self::state_of(this);
        // Acquire [reply.gone]: for a recycling here, the caller's use of the cell is over.
        let mut seen = state.load(Acquire);
        loop {
            if seen & (ENDED | CANCELLED) != 0 {
                // SAFETY: the caller was told otherwise, so nobody else reads it; and the cell is
                // still ours. A destructor that panics must not keep it, nor take the servant along.
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

    // --- the aborter's side ---

    /// Ends a call that nobody has ended yet. For cells of a pool that is alive.
    pub(crate) fn end(this: NonNull<Self>) {
        let state = Self::state_of(this);
        // Relaxed: a first guess for the CAS.
        let mut seen = state.load(Relaxed);
        loop {
            if seen & (DONE | ENDED | CANCELLED) != 0 {
                return;
            }
            let late = if seen & STARTED != 0 { LATE } else { 0 };
            // AcqRel: Acquire [reply.waiter] as for the responder; Release [reply.done], so that
            // the caller sees the end after what the aborter did. Relaxed on failure: again.
            match state.compare_exchange(seen, seen | ENDED | late, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & WAITER != 0 {
            let error = CallError::Stopped { started: seen & STARTED != 0 };
            // SAFETY: no outcome is passed; `ENDED` came first, so the waiter is ours.
            unsafe { Self::pay_waiter(this, Err(error)) };
        }
    }

    /// Whether the call has not ended. A cell that nobody uses has.
    pub(crate) fn is_pending(this: NonNull<Self>) -> bool {
        // Relaxed: a look.
        Self::state_of(this).load(Relaxed) & (DONE | ENDED | CANCELLED) == 0
    }

    // --- the caller's side ---

    /// Gives the call a deadline. Only for who has just taken it from the pool, before it is sent.
    pub(crate) fn set_deadline(this: NonNull<Self>, deadline: Instant) {
        // SAFETY: the outcome's place is nobody's before the request is sent; the assertion below says
        // that it fits.
        Self::with_inline(this, |place| unsafe { place.cast::<Instant>().write(deadline) });
        // Relaxed: as in `open`.
        Self::state_of(this).store(TIMED, Relaxed);
    }

    /// Says that the caller would rather have the call cancelled.
    pub(crate) fn unwant(this: NonNull<Self>) {
        // Relaxed: advice; no data rides on it.
        Self::state_of(this).fetch_or(UNWANTED, Relaxed);
    }

    /// Whether the caller has said so.
    pub(crate) fn is_unwanted(this: NonNull<Self>) -> bool {
        // Relaxed: as above.
        Self::state_of(this).load(Relaxed) & UNWANTED != 0
    }

    /// Takes the cell for one call. Only for who has just taken it from the pool.
    pub(crate) fn open(this: NonNull<Self>) {
        // Relaxed: the request's publication carries it to the responder.
        Self::state_of(this).store(0, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_ready(this: NonNull<Self>) -> bool {
        // Acquire [reply.done]: sees the outcome.
        Self::state_of(this).load(Acquire) & (DONE | ENDED) != 0
    }

    /// The outcome, if the call has ended; then the caller has let go.
    ///
    /// `registered`: this caller has left a waiter at some time, which another may still hold.
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

    /// Lets go of a call that has ended, or was cancelled.
    pub(crate) fn leave(this: NonNull<Self>) {
        // AcqRel [reply.gone]: as in `clear`.
        let before = Self::state_of(this).fetch_or(CALLER_GONE, AcqRel);
        Self::recycle_if_last(this, before, before | CALLER_GONE);
    }

    /// Lets go of a call whatever its state: its outcome will be dropped. The caller has left no
    /// waiter that it could still take back.
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

    /// Leaves a waiter; gives it back if the call has ended already.
    ///
    /// With `leave`, lets go of the cell by the same change: the waiter gets the outcome.
    /// The caller has no waiter there.
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
        // SAFETY: written above, and never shown to anyone.
        Err(cell.waiter.with(|place| unsafe { (*place).assume_init_read() }))
    }

    /// Takes the waiter back, with `set` set by the same change; `false` if the call has ended and
    /// the waiter is another's now, or `not` stands in the way. The caller keeps its share.
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
            // A waker is the user's; its destructor's panic must not keep the cell from its pool.
            drop_caught(waiter);
        }
        true
    }
}

/// What is left to do with a cell when its outcome was dropped, which may panic: it is the user's.
struct Defer<F: Fn()>(F);

impl<F: Fn()> Drop for Defer<F> {
    #[inline(always)]
    fn drop(&mut self) {
        (self.0)();
    }
}
