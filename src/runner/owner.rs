//! Which thread owns a runner, and the proof that it is the calling one.

use crate::sync::{AtomicUsize, thread_local};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;

/// The thread that owns a runner's scheduler, by [`this_thread`]; 0 for nobody.
pub(crate) struct Owner(AtomicUsize);

/// The proof that the calling thread owns a runner.
///
/// It stays on its thread, and no other thread can own the runner while that thread has it.
#[derive(Clone, Copy)]
pub(crate) struct OwnerToken<'a>(PhantomData<(&'a Owner, *const ())>);

impl Owner {
    pub(crate) fn nobody() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Makes the calling thread the owner.
    pub(crate) fn own(&self) {
        OWNS_ANY.with(|owns| owns.set(true));
        // Relaxed: only a thread that wrote its own number acts on it.
        self.0.store(this_thread(), Relaxed);
    }

    /// Leaves it without an owner.
    pub(crate) fn disown(&self) {
        // Relaxed: as in `own`.
        self.0.store(0, Relaxed);
    }

    /// Whether the calling thread is the owner.
    #[inline(always)]
    pub(crate) fn is_mine(&self) -> bool {
        // Relaxed: as in `own`; any other value is not this thread's number.
        self.0.load(Relaxed) == this_thread()
    }

    /// The proof that [`is_mine`](Self::is_mine), if it is so.
    #[inline(always)]
    pub(crate) fn token(&self) -> Option<OwnerToken<'_>> {
        self.is_mine().then_some(OwnerToken(PhantomData))
    }
}

thread_local!(static IS_RUNNER: Cell<bool> = const { Cell::new(false) });

/// Marks the calling thread as a runner's: waits without a limit are refused here.
pub(crate) fn become_runner() {
    IS_RUNNER.with(|is_runner| is_runner.set(true));
}

/// Marks or unmarks the calling thread; returns what it was before.
pub(crate) fn set_runner(is_runner: bool) -> bool {
    IS_RUNNER.with(|before| before.replace(is_runner))
}

/// Whether the calling thread is a runner's.
pub(crate) fn is_runner() -> bool {
    IS_RUNNER.with(Cell::get)
}

thread_local!(static OWNS_ANY: Cell<bool> = const { Cell::new(false) });

/// Whether the calling thread owns a runner's scheduler, or has owned one.
pub(crate) fn owns_any() -> bool {
    OWNS_ANY.with(Cell::get)
}

/// A number that no other living thread has: the address of a thread-local byte.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    thread_local!(static MARK: Cell<u8> = const { Cell::new(0) });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}
