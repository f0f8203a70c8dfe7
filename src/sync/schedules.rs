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

/// For the registry, which waits under it.
pub(crate) use shuttle::sync::{Mutex as RawMutex, MutexGuard as RawMutexGuard};

use crate::sys::BorrowedFd;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Nothing to do: each access is in one order with all others.
pub(crate) fn light_fence() {}

pub(crate) fn heavy_fence() {}

pub(crate) fn can_fence_heavily() -> bool {
    true
}

pub(crate) const IS_MODEL: bool = true;

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

/// As the native one.
#[derive(Debug)]
pub(crate) struct Mutex<T>(RawMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RawMutex::new(value))
    }

    pub(crate) fn lock(&self) -> RawMutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A futex to the letter: who sleeps was told nothing, keeps no token, and is woken by nobody but who
/// calls `wake_one` after it. Shuttle's own parking wakes up for no reason, and so hides what is lost.
#[derive(Debug, Default)]
pub(crate) struct Futex {
    word: AtomicU32,
    sleepers: Sleepers,
}

impl Futex {
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    pub(crate) fn wait(&self, expected: u32, limit: Option<Duration>) {
        match limit {
            // The worst case: time is always up first.
            Some(_) => yield_now(),
            // Relaxed: as in `UnsafeCell`.
            None => self.sleepers.sleep_if(|| self.word.load(Relaxed) == expected),
        }
    }

    pub(crate) fn wake_one(&self) {
        self.sleepers.wake_one();
    }
}

/// Those who sleep on a word. Going to sleep is one step with the look at the word, as in the kernel.
#[derive(Debug, Default)]
struct Sleepers {
    gate: RawMutex<()>,
    bell: Condvar,
}

impl Sleepers {
    fn sleep_if(&self, is_so: impl FnOnce() -> bool) {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if is_so() {
            drop(self.bell.wait(gate).unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn wake_one(&self) {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.bell.notify_one();
    }
}

/// A poller's descriptor: whether it is made, and how many tokens it has. There is no real one to
/// borrow.
#[derive(Debug, Default)]
pub(crate) struct WakeFd {
    is_made: AtomicU32,
    tokens: AtomicU32,
    sleepers: Sleepers,
}

impl WakeFd {
    pub(crate) fn make(&self) -> std::io::Result<BorrowedFd<'_>> {
        // Relaxed, as in all of this: as in `UnsafeCell`.
        if self.is_made.swap(1, Relaxed) == 0 {
            self.ring();
        }
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn is_made(&self) -> bool {
        // Relaxed: as in `make`.
        self.is_made.load(Relaxed) != 0
    }

    pub(crate) fn ring(&self) -> bool {
        if !self.is_made() {
            return false;
        }
        // Relaxed: as in `make`.
        self.tokens.fetch_add(1, Relaxed);
        self.sleepers.wake_one();
        true
    }

    pub(crate) fn drain(&self) {
        if self.is_made() {
            // Relaxed: as in `make`.
            self.tokens.swap(0, Relaxed);
        }
    }

    pub(crate) fn wait(&self, limit: Option<Duration>) -> bool {
        if !self.is_made() {
            return false;
        }
        match limit {
            Some(_) => yield_now(),
            // Relaxed: as in `make`.
            None => self.sleepers.sleep_if(|| self.tokens.load(Relaxed) == 0),
        }
        true
    }
}

/// # Safety
/// None here: every element is made. The signature is the native one.
#[allow(unsafe_code)] // the same signature as the native form
pub(crate) unsafe fn zeroed_slice<T>(length: usize, make: fn() -> T) -> Box<[T]> {
    (0..length).map(|_| make()).collect()
}
