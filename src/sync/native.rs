//! The standard library's primitives, and the system's.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
pub(crate) use std::sync::{Arc, Condvar};
pub(crate) use std::thread::yield_now;
pub(crate) use std::thread_local;

pub(crate) use crate::sys::{can_fence_heavily, heavy_fence};

pub(super) use std::sync::{Mutex as Lock, MutexGuard as LockGuard};
/// For the registry, which waits under it.
pub(crate) use std::sync::{Mutex as RawMutex, MutexGuard as RawMutexGuard};

use crate::sys::{BorrowedFd, EventFd};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// The cheap half of an asymmetric fence: it holds the compiler back, and [`heavy_fence`], called
/// by the other party, does the rest.
#[inline(always)]
pub(crate) fn light_fence() {
    // SeqCst: no access may move across it, in either direction.
    std::sync::atomic::compiler_fence(SeqCst);
}

/// Whether sizes are those of the checker's stand-ins.
pub(crate) const IS_MODEL: bool = false;

/// `std::cell::UnsafeCell` behind the access-scoped interface that the model checker needs.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// The word a thread sleeps on until another changes it.
#[derive(Debug, Default)]
pub(crate) struct Futex(AtomicU32);

impl Futex {
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps while the word holds `expected`, at most for `limit`; may return early.
    pub(crate) fn wait(&self, expected: u32, limit: Option<Duration>) {
        crate::sys::futex_wait(&self.0, expected, limit);
    }

    pub(crate) fn wake_one(&self) {
        crate::sys::futex_wake_one(&self.0);
    }
}

/// What a runner sleeps on inside the user's own poller: nothing until it is made.
#[derive(Debug, Default)]
pub(crate) struct WakeFd(std::sync::OnceLock<EventFd>);

impl WakeFd {
    /// Makes it, readable at first. Only the runner does.
    pub(crate) fn make(&self) -> std::io::Result<BorrowedFd<'_>> {
        let made = match self.0.get() {
            Some(made) => made,
            None => {
                let fresh = EventFd::new()?;
                self.0.get_or_init(|| fresh)
            }
        };
        Ok(made.as_fd())
    }

    /// Leaves a token; `false` if it isn't made.
    pub(crate) fn ring(&self) -> bool {
        self.0.get().map(EventFd::add).is_some()
    }

    /// Takes all tokens, if it is made.
    pub(crate) fn drain(&self) {
        self.0.get().inspect(|made| made.take());
    }

    /// Sleeps until there is a token, at most for `limit`; may return early. `false` at once if
    /// it isn't made.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> bool {
        self.0.get().map(|made| made.wait(limit)).is_some()
    }
}

/// A slice whose every element is all zero bytes, in pages that nobody has touched yet.
///
/// # Safety
/// All zero bytes must be a valid `T`, and the value that `make` returns.
pub(crate) unsafe fn zeroed_slice<T>(length: usize, _make: fn() -> T) -> Box<[T]> {
    let zeroed = Box::<[T]>::new_zeroed_slice(length);
    // SAFETY: the caller vouches that zero bytes are a valid `T`.
    unsafe { zeroed.assume_init() }
}
