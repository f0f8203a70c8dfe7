//! The consumer's side of a lane.

use super::Lane;
use crate::mailbox::ring::{PlainSlot, Position, Slots, release_every};
use crate::sys::prefetch_for_read;
use std::mem;
use std::sync::atomic::Ordering::Release;

/// What the consumer of a lane knows.
pub(crate) struct ConsumerCursor {
    head: Position,
    /// How many requests from there on were certainly published.
    waiting: u64,
}

impl ConsumerCursor {
    pub(crate) fn new() -> Self {
        Self { head: 0, waiting: 0 }
    }

    /// Whether the next [`drain`](Self::drain) looks for what the producer has published.
    #[inline(always)]
    pub(crate) fn will_look(&self) -> bool {
        self.waiting == 0
    }

    /// How many requests are certainly there. Reads the producer's words only if none is known to
    /// be: each read takes their line away from it.
    #[inline(always)]
    pub(crate) fn look<T: Send>(&mut self, lane: &Lane<T>) -> u64 {
        if self.waiting == 0 {
            self.waiting = lane.fixed.geometry.distance(lane.published(), self.head);
        }
        self.waiting
    }

    /// How many requests lie before that place.
    #[inline(always)]
    pub(crate) fn before<T: Send>(&self, lane: &Lane<T>, end: Position) -> usize {
        lane.fixed.geometry.distance(end, self.head) as usize
    }

    /// Hands up to `max` requests to `handler`, oldest first; returns how many.
    ///
    /// `last` says of each whether nothing further was seen behind it.
    #[inline(always)]
    pub(crate) fn drain<T: Send>(
        &mut self,
        lane: &Lane<T>,
        max: usize,
        mut handler: impl FnMut(T, bool),
    ) -> usize {
        let geometry = lane.fixed.geometry;
        let count = self.look(lane).min(max as u64);
        let Some(slots) = lane.fixed.slots.get().filter(|_| count > 0) else { return 0 };
        // How many requests have one so far ahead that was published too, and can be prefetched.
        let mut far = self.waiting.saturating_sub(Slots::<PlainSlot<T>>::AHEAD);
        let release_every = release_every(geometry.capacity());
        let mut batch = Batch { lane, consuming: self, taken: 0 };
        let mut left = count;
        while left > 0 {
            let index = geometry.index(batch.consuming.head);
            // Slots in a row, freed together.
            let run = left.min(release_every).min((geometry.capacity() - index) as u64);
            left -= run;
            for step in 0..run {
                // SAFETY: the index is below the capacity, the number of slots.
                let slot = unsafe { slots.add(index + step as usize) };
                if far > 0 {
                    far -= 1;
                    // At the end of the ring it asks for a line behind the ring, in vain.
                    prefetch_for_read(slot.wrapping_add(Slots::<PlainSlot<T>>::AHEAD as usize));
                }
                // Counted before the handler runs: if it unwinds, its request is not read again.
                batch.taken += 1;
                // SAFETY: the slot lies between head and tail, so the producer has filled it and
                // let go of it; read once.
                let request = unsafe { (*slot).0.with(|value| (*value).assume_init_read()) };
                handler(request, left == 0 && step + 1 == run);
            }
            batch.release();
        }
        count as usize
    }

    /// Whether everything was taken.
    pub(crate) fn is_empty<T: Send>(&self, lane: &Lane<T>) -> bool {
        lane.is_empty(self.head)
    }

    /// Whether everything that counts was taken. Call it only after the gate was found closed, and
    /// a fence.
    pub(crate) fn is_over<T: Send>(&self, lane: &Lane<T>) -> bool {
        lane.seal() == self.head
    }
}

/// Frees slots, also when the handler unwinds.
struct Batch<'a, T> {
    lane: &'a Lane<T>,
    consuming: &'a mut ConsumerCursor,
    /// How many were taken and not yet freed.
    taken: u64,
}

impl<T> Batch<'_, T> {
    #[inline(always)]
    fn release(&mut self) {
        let taken = mem::take(&mut self.taken);
        let ConsumerCursor { head, waiting } = self.consuming;
        *head = self.lane.fixed.geometry.advance(*head, taken);
        *waiting -= taken;
        // Release [lane.head]: the requests before it were moved out; pairs with `look_for_room`.
        self.lane.head.0.store(*head, Release);
    }
}

impl<T> Drop for Batch<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.taken > 0 {
            self.release();
        }
    }
}
