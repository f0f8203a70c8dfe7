//! A counted pointer whose count lies inside what it points to.
//!
//! `Arc` puts its counts before the value. With cache-padded values that is two more lines for each
//! object, of which 16 bytes are used. Here the value decides where the count is: in a line that
//! threads which clone and drop handles write anyway.

use crate::sync::{AtomicUsize, fence};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Counts one more producer of a mailbox, unless none is left.
///
/// | count | meaning | moved by |
/// |---|---|---|
/// | 1 or more | so many producers | one that is cloned: +1; a weak handle: +1, here; one that is dropped: −1 |
/// | 0 | none ever again; the mailbox is closed, or the last producer is about to close it | nobody |
pub(super) fn try_increment(producers: &AtomicUsize) -> bool {
    // Relaxed, all: the count alone decides. What the producers did before travels to the last one
    // across this change too, which is one link of the chain that their Releases have begun.
    let mut count = producers.load(Relaxed);
    while count > 0 {
        match producers.compare_exchange_weak(count, count + 1, Relaxed, Relaxed) {
            Ok(_) => return true,
            Err(now) => count = now,
        }
    }
    false
}

/// A value that holds the count of its own holders.
///
/// # Safety
/// The count starts at 1, and nobody but [`IntrusiveArc`] changes it.
pub unsafe trait RefCounted {
    /// Where the count is.
    fn holders(&self) -> &AtomicUsize;
}

/// See the module.
pub struct IntrusiveArc<T: RefCounted>(NonNull<T>);

// SAFETY: like `Arc`: a hold gives shared access from several threads, and the last one, on
// whatever thread, drops the value.
unsafe impl<T: RefCounted + Send + Sync> Send for IntrusiveArc<T> {}
// SAFETY: as above.
unsafe impl<T: RefCounted + Send + Sync> Sync for IntrusiveArc<T> {}

impl<T: RefCounted> IntrusiveArc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(value))))
    }
}

impl<T: RefCounted> Deref for IntrusiveArc<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this hold is counted, and the value is freed only when the count is 0.
        unsafe { self.0.as_ref() }
    }
}

impl<T: RefCounted> Clone for IntrusiveArc<T> {
    fn clone(&self) -> Self {
        // Relaxed: the count alone matters, and this hold keeps it above 0 meanwhile.
        let before = self.holders().fetch_add(1, Relaxed);
        // Only leaked handles, more than memory could hold otherwise, lead here.
        assert!(before < usize::MAX / 2, "too many handles of one mailbox");
        Self(self.0)
    }
}

impl<T: RefCounted> Drop for IntrusiveArc<T> {
    fn drop(&mut self) {
        // Release [arc.count]: what was done through this hold comes before the freeing.
        if self.holders().fetch_sub(1, Release) != 1 {
            return;
        }
        // Acquire [arc.count]: sees what was done through all the others.
        fence(Acquire);
        // SAFETY: the count is 0, so this was the last hold; the value was leaked from a box.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
