//! The primitives under every protocol: the standard library's, or the model checker's.
//!
//! This is the only file that asks which. A model therefore runs the shipped source of a
//! protocol, not a copy of it. The cfg has a name of its own because other crates react to `loom`.

#[cfg(not(mainspring_loom))]
pub(crate) use self::native::*;

#[cfg(mainspring_loom)]
pub(crate) use self::model::*;

#[cfg(not(mainspring_loom))]
mod native {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
    pub(crate) use std::thread::yield_now;

    pub(crate) use crate::sys::{can_fence_heavily, heavy_fence};

    /// The cheap half of an asymmetric fence: it holds the compiler back, and [`heavy_fence`], called
    /// by the other party, does the rest.
    #[inline(always)]
    pub(crate) fn light_fence() {
        // SeqCst: no access may move across it, in either direction.
        std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
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

    /// For what happens once in an object's life, never for a request. A panic under it leaves the
    /// value whole: nothing of the user's runs there.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        pub(crate) fn wait(&self, expected: u32, limit: Option<std::time::Duration>) {
            crate::sys::futex_wait(&self.0, expected, limit);
        }

        pub(crate) fn wake_one(&self) {
            crate::sys::futex_wake_one(&self.0);
        }
    }

    /// A slice whose every element is all zero bytes, in pages that nobody has touched yet.
    ///
    /// # Safety
    /// All zero bytes must be a valid `T`, and the value that `make` returns.
    #[allow(unsafe_code)] // the allocator's zeroed pages cost nothing until they are used
    pub(crate) unsafe fn zeroed_slice<T>(length: usize, _make: fn() -> T) -> Box<[T]> {
        let zeroed = Box::<[T]>::new_zeroed_slice(length);
        // SAFETY: the caller vouches that zero bytes are a valid `T`.
        unsafe { zeroed.assume_init() }
    }
}

#[cfg(mainspring_loom)]
mod model {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
    pub(crate) use loom::thread::yield_now;

    pub(crate) use loom::cell::UnsafeCell;

    /// The model has no asymmetric fences: two ordinary ones are what they amount to.
    pub(crate) fn light_fence() {
        // SeqCst: as above.
        fence(std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn heavy_fence() {
        // SeqCst: as above.
        fence(std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn can_fence_heavily() -> bool {
        true
    }

    pub(crate) const IS_MODEL: bool = true;

    /// As above; the checker's own has the same poison.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    /// A futex as the model checker can explore it: a word, and a wake-up that keeps its token.
    ///
    /// `Notify` may keep a wake-up that a real futex would drop, never the reverse, and it explores
    /// one spurious return; `loom::thread::park` would lose tokens.
    #[derive(Debug)]
    pub(crate) struct Futex {
        word: AtomicU32,
        notify: loom::sync::Notify,
    }

    impl Default for Futex {
        fn default() -> Self {
            Self { word: AtomicU32::new(0), notify: loom::sync::Notify::new() }
        }
    }

    impl Futex {
        pub(crate) fn word(&self) -> &AtomicU32 {
            &self.word
        }

        pub(crate) fn wait(&self, expected: u32, _limit: Option<std::time::Duration>) {
            // Relaxed: like the kernel's own check, it only decides whether to sleep.
            if self.word.load(std::sync::atomic::Ordering::Relaxed) == expected {
                self.notify.wait();
            }
        }

        pub(crate) fn wake_one(&self) {
            self.notify.notify();
        }
    }

    /// # Safety
    /// None here: every element is made. The signature is the native one.
    #[allow(unsafe_code)] // the same signature as the native form
    pub(crate) unsafe fn zeroed_slice<T>(length: usize, make: fn() -> T) -> Box<[T]> {
        (0..length).map(|_| make()).collect()
    }
}
