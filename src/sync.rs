//! The primitives under every protocol: the standard library's, or one of two model checkers'.
//!
//! This is the only file that asks which. A model therefore runs the shipped source of a
//! protocol, not a copy of it. The cfgs have names of their own because other crates react to `loom`.

#[cfg(not(any(mainspring_loom, mainspring_shuttle)))]
pub(crate) use self::native::*;

#[cfg(mainspring_loom)]
pub(crate) use self::model::*;

#[cfg(mainspring_shuttle)]
mod schedules;
#[cfg(mainspring_shuttle)]
pub(crate) use self::schedules::*;

#[cfg(not(any(mainspring_loom, mainspring_shuttle)))]
mod native {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
    pub(crate) use std::sync::{Arc, Condvar};
    pub(crate) use std::thread::yield_now;
    pub(crate) use std::thread_local;

    /// For the registry, which waits under it.
    pub(crate) use std::sync::{Mutex as RawMutex, MutexGuard as RawMutexGuard};

    use crate::sys::{BorrowedFd, EventFd};
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
        pub(crate) fn wait(&self, limit: Option<std::time::Duration>) -> bool {
            self.0.get().map(|made| made.wait(limit)).is_some()
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

    // The checker's would have to be known to it before they are used, and no model needs them: its
    // threads use none that two of them could confuse.
    pub(crate) use std::thread_local;

    // The registry is no part of a model, and the checker's condition variable shares its token with
    // other sleeps.
    pub(crate) use std::sync::{Condvar, Mutex as RawMutex, MutexGuard as RawMutexGuard};

    use crate::sys::BorrowedFd;
    use std::sync::atomic::Ordering::Relaxed;

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

        pub(crate) fn wait(&self, expected: u32, limit: Option<std::time::Duration>) {
            if limit.is_some() {
                // The worst case: time is always up first.
                return yield_now();
            }
            // Relaxed: like the kernel's own check, it only decides whether to sleep.
            if self.word.load(std::sync::atomic::Ordering::Relaxed) == expected {
                self.notify.wait();
            }
        }

        pub(crate) fn wake_one(&self) {
            self.notify.notify();
        }
    }

    /// A poller's descriptor as the model checker can explore it: whether it is made, how many tokens
    /// it has, and a wake-up that keeps its own. There is no real one to borrow.
    #[derive(Debug)]
    pub(crate) struct WakeFd {
        is_made: AtomicU32,
        tokens: AtomicU32,
        notify: loom::sync::Notify,
    }

    impl Default for WakeFd {
        fn default() -> Self {
            let (is_made, tokens) = (AtomicU32::new(0), AtomicU32::new(0));
            Self { is_made, tokens, notify: loom::sync::Notify::new() }
        }
    }

    impl WakeFd {
        pub(crate) fn make(&self) -> std::io::Result<BorrowedFd<'_>> {
            // Relaxed, as in all of this: the protocol must order what it needs by its own words.
            if self.is_made.swap(1, Relaxed) == 0 {
                self.ring();
            }
            Err(std::io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn is_made(&self) -> bool {
            // Relaxed: as in `make`.
            self.is_made.load(Relaxed) != 0
        }

        pub(crate) fn ring(&self) -> bool {
            if !self.is_made() {
                return false;
            }
            // Relaxed: as in `make`.
            self.tokens.fetch_add(1, Relaxed);
            self.notify.notify();
            true
        }

        pub(crate) fn drain(&self) {
            if self.is_made() {
                // Relaxed: as in `make`.
                self.tokens.swap(0, Relaxed);
            }
        }

        pub(crate) fn wait(&self, _limit: Option<std::time::Duration>) -> bool {
            // Relaxed: as in `make`.
            while self.is_made() && self.tokens.load(Relaxed) == 0 {
                self.notify.wait();
            }
            self.is_made()
        }
    }

    /// # Safety
    /// None here: every element is made. The signature is the native one.
    #[allow(unsafe_code)] // the same signature as the native form
    pub(crate) unsafe fn zeroed_slice<T>(length: usize, make: fn() -> T) -> Box<[T]> {
        (0..length).map(|_| make()).collect()
    }
}
