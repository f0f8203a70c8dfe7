//! What stands in for the system in the builds of both checkers: fences, a futex and a poller's
//! descriptor, made of the checker's own words.

use super::{AtomicU32, Sleepers, fence, yield_now};
use crate::sys::BorrowedFd;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// Whether sizes are those of the checker's stand-ins.
pub(crate) const IS_MODEL: bool = true;

/// The models have no asymmetric fences: two ordinary ones are what they amount to.
pub(crate) fn light_fence() {
    // SeqCst: as the native one.
    fence(SeqCst);
}

pub(crate) fn heavy_fence() {
    // SeqCst: as above.
    fence(SeqCst);
}

pub(crate) fn can_fence_heavily() -> bool {
    true
}

/// A futex as a checker can explore it.
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
        if limit.is_some() {
            // The worst case: time is always up first.
            return yield_now();
        }
        // Relaxed: like the kernel's own check, it only decides whether to sleep.
        self.sleepers.sleep_if(|| self.word.load(Relaxed) == expected);
    }

    pub(crate) fn wake_one(&self) {
        self.sleepers.wake_one();
    }
}

/// A poller's descriptor as a checker can explore it: whether it is made, and how many tokens it has.
/// There is no real one to borrow.
#[derive(Debug, Default)]
pub(crate) struct WakeFd {
    is_made: AtomicU32,
    tokens: AtomicU32,
    sleepers: Sleepers,
}

impl WakeFd {
    pub(crate) fn make(&self) -> std::io::Result<BorrowedFd<'_>> {
        // Relaxed, as in all of this: the protocol must order what it needs by its own words.
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
        if limit.is_some() {
            // As of the futex.
            yield_now();
        } else {
            // Relaxed: as in `make`.
            while self.sleepers.sleep_if(|| self.tokens.load(Relaxed) == 0) {}
        }
        true
    }
}

/// # Safety
/// None here: every element is made. The signature is the native one.
pub(crate) unsafe fn zeroed_slice<T>(length: usize, make: fn() -> T) -> Box<[T]> {
    (0..length).map(|_| make()).collect()
}
