//! The primitives under randomised schedules: shuttle's, whose every access may hand over to another
//! thread.
//!
//! Its accesses are sequentially consistent and its fences do nothing, so nothing here can find a
//! missing ordering: that is the other model checker's part. This one goes where that one can't, to
//! many threads with many requests each. All its threads are one of the system's, which is why thread
//! locals are shuttle's own here.

pub(crate) use shuttle::hint::spin_loop;
pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
pub(crate) use shuttle::sync::{Arc, Condvar};
pub(crate) use shuttle::thread::yield_now;
pub(crate) use shuttle::thread_local;

pub(super) use shuttle::sync::{Mutex as Lock, MutexGuard as LockGuard};
/// For the registry, which waits under it.
pub(crate) use shuttle::sync::{Mutex as RawMutex, MutexGuard as RawMutexGuard};

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

/// A cell that panics when two accesses overlap, one of them a change: with one thread of the
/// system's there are no data races, so somebody has to look.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T> {
    /// How many read; [`CHANGED`] while one changes it. Scheduling points, both before the access and
    /// after it.
    users: AtomicU32,
    value: std::cell::UnsafeCell<T>,
}

const CHANGED: u32 = u32::MAX;

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { users: AtomicU32::new(0), value: std::cell::UnsafeCell::new(value) }
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        // Relaxed, as all in this file: shuttle knows no other order than its own.
        let before = self.users.fetch_add(1, Relaxed);
        assert_ne!(before, CHANGED, "read while it is changed");
        let _leaving = Leaving(|| _ = self.users.fetch_sub(1, Relaxed));
        read(self.value.get())
    }

    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        // Relaxed: as above.
        let before = self.users.swap(CHANGED, Relaxed);
        assert_eq!(before, 0, "changed while it is in use");
        let _leaving = Leaving(|| _ = self.users.swap(0, Relaxed));
        write(self.value.get())
    }
}

/// Ends an access, by a return or an unwinding.
struct Leaving<F: FnMut()>(F);

impl<F: FnMut()> Drop for Leaving<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Those who sleep on a word, to the letter: who sleeps was told nothing, keeps no token, and is woken
/// by nobody but who calls `wake_one` after it. Going to sleep is one step with the look at the word, as
/// in the kernel. Shuttle's own parking wakes up for no reason, and so hides what is lost.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    gate: RawMutex<()>,
    bell: Condvar,
}

impl Sleepers {
    /// Sleeps if it is so, and tells whether it did.
    pub(super) fn sleep_if(&self, is_so: impl FnOnce() -> bool) -> bool {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let sleeps = is_so();
        if sleeps {
            drop(self.bell.wait(gate).unwrap_or_else(PoisonError::into_inner));
        }
        sleeps
    }

    pub(super) fn wake_one(&self) {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.bell.notify_one();
    }
}
