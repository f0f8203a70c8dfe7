//! The slots of the shared ring. Each has a stamp that says who owns it.
//!
//! The table of [`mpsc`](super::mpsc) lists the states, and who may change them.

use super::ring::{Geometry, Position, Slot};
use crate::sync::{AtomicU64, UnsafeCell};
use crate::sys::prefetch_for_write;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::sync::atomic::Ordering::{Acquire, Release};

pub(super) const FREE: u64 = 0;
pub(super) const FULL: u64 = 1;
pub(super) const VOID: u64 = 2;
pub(super) const STATE_BITS: u32 = 2;

/// How many slots ahead a producer prefetches the line that it will fill. Fewer than the consumer
/// frees at once: beyond those it is still serving. (Single requests, up to 26 slots ahead: 0.94 to
/// 0.97 times the time.)
pub(super) const FILL_AHEAD: u64 = 8;
/// How many slots ahead a consumer prefetches the line of a request that it knows to be there.
pub(super) const SERVE_AHEAD: u64 = 16;

/// One slot.
pub(super) struct Stamped<T> {
    /// `lap << 2 | state`, see [`mpsc`](super::mpsc). Zero is "free in the first lap".
    pub(super) stamp: AtomicU64,
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a stamp of 0 and an uninit value are all zero bytes.
unsafe impl<T: Send> Slot for Stamped<T> {
    fn free() -> Self {
        Self { stamp: AtomicU64::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }
}

/// The slots and how to find one. It is read once for each request: the compiler would repeat the
/// reads after an atomic access.
pub(super) struct Span<'a, T> {
    slots: *const Stamped<T>,
    pub(super) geometry: Geometry,
    ring: PhantomData<&'a Stamped<T>>,
}

impl<T> Clone for Span<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Span<'_, T> {}

impl<'a, T> Span<'a, T> {
    /// # Safety
    /// There are as many slots as the geometry says, and they live as long as what is borrowed.
    #[inline(always)]
    pub(super) unsafe fn new(slots: *const Stamped<T>, geometry: Geometry) -> Self {
        Self { slots, geometry, ring: PhantomData }
    }

    #[inline(always)]
    pub(super) fn slot(self, position: Position) -> &'a Stamped<T> {
        // SAFETY: the index is below the capacity, which is the number of slots; they live as long
        // as the ring (`new`).
        unsafe { &*self.slots.add(self.geometry.index(position)) }
    }

    /// Hands the slot to the consumer.
    #[inline(always)]
    pub(super) fn stamp(self, position: Position, state: u64) {
        // Release [mpsc.full]: carries the request; pairs with the Acquire in `state`.
        let stamp = self.geometry.lap(position) << STATE_BITS | state;
        self.slot(position).stamp.store(stamp, Release);
    }

    /// The state of the slot if its stamp says that it is this lap's and not free.
    #[inline(always)]
    pub(super) fn state(self, position: Position) -> Option<u64> {
        // Acquire [mpsc.full]: sees the request; pairs with the Release in `stamp`.
        let seen = self.slot(position).stamp.load(Acquire);
        let state = seen.wrapping_sub(self.geometry.lap(position) << STATE_BITS);
        matches!(state, FULL | VOID).then_some(state)
    }

    /// For how many of the next `max` requests the one [`SERVE_AHEAD`] slots further is there as
    /// well. One look at the last slot tells: claims are made in order, so every slot before a full
    /// one was claimed. Only prefetches depend on it.
    ///
    /// It is worth the look only in a backlog. With few requests it takes a line from its producer
    /// in vain.
    #[inline(always)]
    pub(super) fn sure(self, head: Position, max: u64) -> u64 {
        let last = max.saturating_sub(1);
        if last < SERVE_AHEAD || last >= self.geometry.capacity() as u64 {
            return 0;
        }
        let is_full = self.state(self.geometry.advance(head, last)) == Some(FULL);
        if is_full { last - SERVE_AHEAD } else { 0 }
    }

    /// Prefetches the line of the slot `ahead` further.
    #[inline(always)]
    pub(super) fn prefetch(self, position: Position, ahead: u64) {
        let index = self.geometry.index(self.geometry.advance(position, ahead));
        prefetch_for_write(self.slots.wrapping_add(index));
    }
}

/// Frees served slots, in groups and the rest at the end, also when the handler unwinds.
pub(super) struct Batch<'a, T> {
    pub(super) span: Span<'a, T>,
    /// Where others see the position of the consumer.
    pub(super) shown: &'a AtomicU64,
    /// The oldest slot not yet freed.
    pub(super) freed: Position,
    pub(super) unfreed: u64,
    pub(super) head: &'a mut Position,
}

impl<T> Batch<'_, T> {
    /// Frees the oldest slot last. A producer that waits for room polls that one, and finds all of
    /// them free at once. In the other order it would fill the first while its neighbours in the
    /// same cache line are still being stamped (measured: 80 ns a request rather than 30).
    pub(super) fn free(&mut self) {
        let Self { span, shown, freed, unfreed, head } = self;
        for step in (0..mem::take(unfreed)).rev() {
            let position = span.geometry.advance(*freed, step);
            let stamp = (span.geometry.lap(position) + 1) << STATE_BITS | FREE;
            // Release [mpsc.free]: the request was moved out; pairs with `Ring::claim`.
            span.slot(position).stamp.store(stamp, Release);
        }
        *freed = **head;
        // Release [mpsc.head]: the stamps before it are free; pairs with `Ring::claim_many`.
        shown.store(**head, Release);
    }
}

impl<T> Drop for Batch<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.unfreed > 0 {
            self.free();
        }
    }
}
