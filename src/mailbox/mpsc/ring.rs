//! The memory of the shared ring, and how producers claim and fill its slots.

use crate::mailbox::bell::Bell;
use crate::mailbox::capacity::CapacityError;
use crate::mailbox::drop_all::DropAll;
use crate::mailbox::error::PushError;
use crate::mailbox::intrusive_arc::{IntrusiveArc, RefCounted};
use crate::mailbox::ring::{Geometry, Position, Slots};
use crate::mailbox::sealed;
use crate::mailbox::stamped::{FILL_AHEAD, FREE, FULL, STATE_BITS, Span, Stamped, VOID};
use crate::mailbox::tail::Tail;
use crate::sync::{AtomicU64, AtomicUsize};
use std::sync::atomic::Ordering::{Acquire, Relaxed};

/// The memory that both ends share.
///
/// Its order: the line that producers write; what all read and nobody writes, with the bell at its
/// end; and the consumer's line.
#[repr(C, align(128))]
pub struct Ring<T, B> {
    /// Read by the consumer only when it finds nothing.
    pub(super) tail: Tail,
    pub(super) producers: AtomicUsize,
    holders: AtomicUsize,
    refused: AtomicU64,
    pub(super) fixed: Fixed<T, B>,
    pub(super) head: Head,
}

/// Never written, apart from the slots' address: once.
#[repr(C, align(64))]
pub(super) struct Fixed<T, B> {
    slots: Slots<Stamped<T>>,
    pub(super) geometry: Geometry,
    bell: B,
}

/// Written by the consumer; read by batch pushes and for the length.
#[repr(align(64))]
pub(super) struct Head(pub(super) AtomicU64);

// SAFETY: the count starts at 1 in `new`, and only `IntrusiveArc` uses it.
unsafe impl<T, B> RefCounted for Ring<T, B> {
    fn holders(&self) -> &AtomicUsize {
        &self.holders
    }
}

/// What a successful claim gave its producer.
#[derive(Clone, Copy)]
pub(super) struct Claimed {
    pub(super) position: Position,
    /// The claim cleared `COLD`, so this producer owes the consumer the bell.
    pub(super) cold: bool,
}

/// Several slots in a row. Its drop, also during a panic, gives up those not filled and rings the
/// bell if it is owed.
struct ClaimMany<'a, T: Send, B: Bell> {
    ring: &'a Ring<T, B>,
    span: Span<'a, T>,
    next: Claimed,
    left: u64,
}

impl<T: Send, B: Bell> ClaimMany<'_, T, B> {
    fn publish(&mut self, value: T) {
        self.ring.fill(self.span, self.next.position, value);
        self.step();
    }

    fn step(&mut self) {
        self.next.position = self.span.geometry.advance(self.next.position, 1);
        self.left -= 1;
    }
}

impl<T: Send, B: Bell> Drop for ClaimMany<'_, T, B> {
    fn drop(&mut self) {
        while self.left > 0 {
            self.span.stamp(self.next.position, VOID);
            self.step();
        }
        self.ring.ring_if(self.next.cold);
    }
}

impl<T: Send, B: Bell> Ring<T, B> {
    /// A ring that counts one producer.
    pub(super) fn new(capacity: usize, bell: B) -> Result<IntrusiveArc<Self>, CapacityError> {
        let fixed = Fixed { slots: Slots::unallocated(), geometry: Geometry::new(capacity)?, bell };
        Ok(IntrusiveArc::new(Self {
            tail: Tail::new(),
            producers: AtomicUsize::new(1),
            holders: AtomicUsize::new(1),
            refused: AtomicU64::new(0),
            fixed,
            head: Head(AtomicU64::new(0)),
        }))
    }

    /// As [`Producer::push`](super::Producer::push).
    #[inline(always)]
    pub(crate) fn push(&self, value: T) -> Result<(), PushError<T>> {
        let span = self.span();
        match self.claim(span) {
            Ok(claimed) => {
                self.publish(span, claimed, value);
                Ok(())
            }
            Err(PushError::Full(())) => Err(PushError::Full(value)),
            Err(PushError::Closed(())) => Err(PushError::Closed(value)),
        }
    }

    /// As [`Producer::push_batch`](super::Producer::push_batch).
    pub(crate) fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        let Some((first, count)) = self.claim_many(values.len())? else { return Ok(0) };
        let span = self.span();
        let mut claims = ClaimMany { ring: self, span, next: first, left: count };
        for value in values.take(count as usize) {
            claims.publish(value);
        }
        Ok((count - claims.left) as usize)
    }

    /// The slots, if anyone has used them yet.
    #[inline(always)]
    pub(super) fn allocated(&self) -> Option<Span<'_, T>> {
        let Fixed { slots, geometry, .. } = &self.fixed;
        // SAFETY: made for this geometry, and freed with the ring.
        slots.get().map(|slots| unsafe { Span::new(slots, *geometry) })
    }

    /// The slots, allocated at their first use.
    #[inline(always)]
    pub(super) fn span(&self) -> Span<'_, T> {
        let Fixed { slots, geometry, .. } = &self.fixed;
        // SAFETY: as in `allocated`.
        unsafe { Span::new(slots.get_or_allocate(geometry), *geometry) }
    }

    #[inline(always)]
    pub(super) fn claim(&self, span: Span<'_, T>) -> Result<Claimed, PushError<()>> {
        let geometry = span.geometry;
        loop {
            let tail = self.tail.read();
            if tail.is_closed() {
                return Err(PushError::Closed(()));
            }
            let position = tail.position();
            let lap = geometry.lap(position);
            // Acquire [mpsc.free]: the consumer has moved the last lap's request out.
            let seen = span.slot(position).stamp.load(Acquire);
            if seen >> STATE_BITS < lap {
                // The slot is still the last lap's: its consumer's, or that of a producer that has
                // claimed and not filled it. This is no place to wait for either.
                return Err(PushError::Full(()));
            }
            let is_free = seen == lap << STATE_BITS | FREE;
            if is_free && self.tail.advance(tail, geometry.advance(position, 1)).is_ok() {
                return Ok(Claimed { position, cold: tail.is_cold() });
            }
            // Another producer was faster: its claim succeeded, so this retry is progress.
        }
    }

    /// Claims up to `wanted` slots in a row by one CAS; `None` when nothing was wanted.
    fn claim_many(&self, wanted: usize) -> Result<Option<(Claimed, u64)>, PushError<Vec<T>>> {
        let geometry = &self.fixed.geometry;
        self.fixed.slots.get_or_allocate(geometry);
        loop {
            // Acquire [mpsc.head]: every slot before this position was stamped free. Loaded before
            // the tail, so that the distance is never negative.
            let head = self.head.0.load(Acquire);
            let tail = self.tail.read();
            if tail.is_closed() {
                return Err(PushError::Closed(Vec::new()));
            }
            if wanted == 0 {
                return Ok(None);
            }
            let used = geometry.distance(tail.position(), head);
            let room = (geometry.capacity() as u64).saturating_sub(used);
            let count = room.min(wanted as u64);
            if count == 0 {
                return Err(PushError::Full(Vec::new()));
            }
            let position = tail.position();
            if self.tail.advance(tail, geometry.advance(position, count)).is_ok() {
                return Ok(Some((Claimed { position, cold: tail.is_cold() }, count)));
            }
        }
    }

    #[inline(always)]
    pub(super) fn publish(&self, span: Span<'_, T>, claimed: Claimed, value: T) {
        self.fill(span, claimed.position, value);
        self.ring_if(claimed.cold);
    }

    #[inline(always)]
    fn fill(&self, span: Span<'_, T>, position: Position, value: T) {
        // SAFETY: the claim gave this thread the slot until the stamp below, and the consumer
        // emptied it a lap ago: nothing alive is overwritten.
        span.slot(position).value.with_mut(|v| unsafe { (*v).write(value) });
        span.stamp(position, FULL);
        // A stamp waits for its line to arrive: ask early for one that the consumer may have freed.
        span.prefetch(position, FILL_AHEAD.min(span.geometry.capacity() as u64));
    }

    #[inline(always)]
    pub(super) fn ring_if(&self, cold: bool) {
        if cold {
            self.fixed.bell.ring();
        }
    }
}

impl<T: Send + 'static, B: Bell> sealed::SharedRing<B> for Ring<T, B> {
    fn bell(&self) -> &B {
        &self.fixed.bell
    }

    fn close(&self) {
        Ring::close(self);
    }

    fn is_closed(&self) -> bool {
        self.tail.read().is_closed()
    }

    #[inline(always)]
    fn end(&self) -> Option<Position> {
        let tail = self.tail.read();
        (!tail.is_closed()).then(|| tail.position())
    }

    fn len(&self) -> usize {
        Ring::len(self)
    }

    fn capacity(&self) -> usize {
        Ring::capacity(self)
    }

    fn refused(&self) -> &AtomicU64 {
        &self.refused
    }

    fn exhaust(&self) -> usize {
        // Full or closed: there is no room to take.
        let claimed = self.claim_many(Ring::capacity(self)).ok().flatten();
        claimed.map_or(0, |(next, left)| {
            drop(ClaimMany { ring: self, span: self.span(), next, left });
            left as usize
        })
    }
}

impl<T, B: Bell> Ring<T, B> {
    pub(super) fn close(&self) {
        if self.tail.close() {
            self.fixed.bell.ring();
        }
    }

    pub(super) fn len(&self) -> usize {
        // Relaxed: a length is a hint; head first, so that the distance is rarely negative.
        let head = self.head.0.load(Relaxed);
        let tail = self.tail.load_relaxed().position();
        self.fixed.geometry.distance(tail, head) as usize
    }

    pub(super) fn capacity(&self) -> usize {
        self.fixed.geometry.capacity()
    }
}

impl<T, B> Drop for Ring<T, B> {
    fn drop(&mut self) {
        let Fixed { slots, geometry, .. } = &mut self.fixed;
        let Some(first) = slots.get() else { return };
        let mut remains = DropAll::default();
        // Relaxed, both: `&mut self` is the last use, the count ordered everything before it.
        let mut position = self.head.0.load(Relaxed);
        let end = self.tail.load_relaxed().position();
        while position != end {
            // SAFETY: in bounds, as the index is below the capacity; nobody else is left.
            let slot = unsafe { &*first.add(geometry.index(position)) };
            // Relaxed: as above.
            if slot.stamp.load(Relaxed) == geometry.lap(position) << STATE_BITS | FULL {
                // SAFETY: full and never taken, so the value is alive, and dropped once.
                remains
                    .drop(|| slot.value.with_mut(|value| unsafe { (*value).assume_init_drop() }));
            }
            position = geometry.advance(position, 1);
        }
        slots.free(geometry);
        remains.end();
    }
}
