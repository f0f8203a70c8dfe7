//! The reply cell, where the servant's answer meets the caller.
//!
//! A cell has two owners, the caller (a [`Call`](crate::Call)) and the responder (a
//! [`Reply`](crate::Reply) inside the request), and returns to its pool when both have released it. A third
//! party, whoever aborts the object, may end a call from outside. One word decides everything:
//!
//! | bit | meaning | set by | then |
//! |---|---|---|---|
//! | `STARTED` | the servant's method may have begun | responder | a cancel comes too late |
//! | `CANCELLED` | the caller cancelled the call before the start | caller, unless `STARTED`, `DONE` or `ENDED` | the method isn't run |
//! | `ENDED` | aborted from outside; with `LATE` if it had been started | aborter, unless `DONE` or `CANCELLED` | the responder drops its own outcome |
//! | `DONE` | the outcome is in the cell | responder, with `RESPONDER_GONE`, unless `ENDED` or `CANCELLED` | the caller takes it |
//! | `WAITER` | the cell's waiter is set | caller, unless `DONE` or `ENDED` | whoever sets `DONE` or `ENDED` first takes the waiter, and clears the bit |
//! | `CALLER_GONE` | the caller has released its share | caller | the responder drops the outcome |
//! | `RESPONDER_GONE` | the responder has released its share | responder | – |
//! | `TIMED` | the outcome's place holds a deadline until then | caller, before it sends | the responder compares it with its clock, and clears the bit with the start |
//! | `UNWANTED` | the caller's cancel came too late | caller | the method may look |
//!
//! Whoever makes the change after which both `GONE` are set and `WAITER` is clear recycles the cell. So it
//! isn't reused while its waiter is being read. As long as another thread may change the word, every change
//! is a read-modify-write; a cell with one owner left, or none, is written by plain stores.

#[allow(unsafe_code)] // the caller's share
mod caller;
#[allow(unsafe_code)] // the outcome, before anybody may read it
pub(crate) mod responder;

use crate::panics::caught;
use crate::reply::error::{CallError, Outcome};
use crate::reply::pool::Pool;
use crate::reply::waiter::Waiter;
use crate::sync::{AtomicU32, IS_MODEL, UnsafeCell};
use std::mem::{self, MaybeUninit};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
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

/// One reply cell, without its outcome's type. Outcomes that don't fit into `inline` lie behind the cell.
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

/// How many bytes an outcome of `R` takes behind its cell: 0 if it fits inside.
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
        // SAFETY: a pool lives until all its cells have been given back (see `Pool`), and this one has not.
        unsafe { self.pool.as_ref() }
    }

    /// Runs `access` with the place for an outcome of `R`.
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

    /// Takes the waiter out and tells it that the call has ended. Only for the winner: whoever's RMW set
    /// `DONE` or `ENDED` first and saw `WAITER`.
    ///
    /// # Safety
    /// `outcome` as in [`Observer::run`].
    unsafe fn pay_waiter(this: NonNull<Self>, outcome: Result<*mut u8, CallError>) {
        // SAFETY: as in `with_outcome`: `WAITER` keeps the cell.
        let cell = unsafe { this.as_ref() };
        // SAFETY: `WAITER` said that it is set, and the winner alone reads it, once.
        let waiter = cell.waiter.with(|waiter| unsafe { (*waiter).assume_init_read() });
        match waiter {
            // SAFETY: the caller's promise. It reads the outcome, so it runs before the cell is released.
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

    /// Gives the cell back to its pool. Only for its last owner.
    #[inline(always)]
    pub(crate) fn recycle(this: NonNull<Self>) {
        // SAFETY: the last owner's share is still ours.
        let cell = unsafe { this.as_ref() };
        // Relaxed: nobody else holds the cell; an aborter that still reads it fails its CAS.
        cell.state.store(FREE, Relaxed);
        cell.pool().give_back(cell);
    }

    /// Ends the call from outside, unless it has ended. The pool must be alive.
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

    /// Whether the call has not ended. The call of an unused cell has.
    pub(crate) fn is_pending(this: NonNull<Self>) -> bool {
        // Relaxed: a look.
        Self::state_of(this).load(Relaxed) & (DONE | ENDED | CANCELLED) == 0
    }
}
