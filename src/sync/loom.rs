//! The primitives of the models: loom's, which explores each order of the accesses to them.

pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::Arc;
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
pub(crate) use loom::thread::yield_now;

pub(super) use loom::sync::{Mutex as Lock, MutexGuard as LockGuard};

// The checker's would have to be known to it before they are used, and no model needs them: its
// threads use none that two of them could confuse.
pub(crate) use std::thread_local;

// The registry is no part of a model, and the checker's condition variable shares its token with
// other sleeps.
pub(crate) use std::sync::{Condvar, Mutex as RawMutex, MutexGuard as RawMutexGuard};

/// The one thread that sleeps on a word.
///
/// `Notify` may keep a wake-up that a real futex would drop, never the reverse, and it explores
/// one spurious return; `loom::thread::park` would lose tokens.
#[derive(Debug, Default)]
pub(super) struct Sleepers(loom::sync::Notify);

impl Sleepers {
    /// Sleeps if it is so, and tells whether it did. It may wake up for no reason.
    pub(super) fn sleep_if(&self, is_so: impl FnOnce() -> bool) -> bool {
        let sleeps = is_so();
        if sleeps {
            self.0.wait();
        }
        sleeps
    }

    pub(super) fn wake_one(&self) {
        self.0.notify();
    }
}
