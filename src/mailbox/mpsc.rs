//! The ring for many producers: a compare-and-swap claims a slot, a stamp in the slot publishes it.
//!
//! Each slot carries a stamp, `lap << 2 | state`:
//!
//! | state | meaning | who moves it on |
//! |---|---|---|
//! | free | a claim of this lap may fill it | the producer whose claim owns the position: to full, or to void |
//! | full | holds a request | the consumer: to free in the next lap |
//! | void | the claim was given up; there is no request | the consumer: to free in the next lap |
//!
//! A producer owns a slot from its claim (the CAS on the tail) to its stamp; the consumer owns it
//! from there until it stamps it free again, *after* the request was handled. So the capacity is
//! the number of requests accepted and not yet served (but for a group that is given back at
//! once), and nothing but the stamp crosses between
//! the cores: the consumer reads the tail only when the head slot isn't full, and does no
//! read-modify-write to take a request.
//!
//! **Progress.** Nothing here waits. A push retries only when another producer's claim succeeded
//! (lock-free). But a producer suspended between claim and stamp delays delivery of everything
//! behind it ([`Pop::InFlight`]), so the ring as a whole is not lock-free.
//!
//! # Source
//! D. Vyukov, "Bounded MPMC queue" (1024cores.net); laps as in crossbeam's `ArrayQueue`; the idle
//! bit in the producers' word as in JCTools' `MpscBlockingConsumerArrayQueue`.

use super::drop_all::DropAll;
use super::guest;
use super::intrusive_arc::{IntrusiveArc, RefCounted, try_increment};
use super::ring::{Geometry, Position, Slots, release_every};
use super::sealed;
use super::stamped::{Batch, FILL_AHEAD, FREE, FULL, SERVE_AHEAD, STATE_BITS, Span, Stamped, VOID};
use super::tail::Tail;
use super::{Bell, CapacityError, Heat, Mpsc, Pop, PushError, Silent};
use crate::sync::{AtomicU64, AtomicUsize};
use std::fmt;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// The memory that both ends share.
///
/// In this order: first the line that producers write, then what everybody reads and nobody writes,
/// and behind the bell (which says itself what of it is written) the consumer's.
#[repr(C, align(128))]
pub struct Ring<T, B> {
    /// Read by the consumer only when it finds nothing.
    tail: Tail,
    producers: AtomicUsize,
    holders: AtomicUsize,
    refused: AtomicU64,
    fixed: Fixed<T, B>,
    head: Head,
}

/// Written never, but for the slots' address: once.
#[repr(C, align(64))]
struct Fixed<T, B> {
    slots: Slots<Stamped<T>>,
    geometry: Geometry,
    bell: B,
}

/// Written by the consumer; read by batch pushes and by whoever asks for the length.
#[repr(align(64))]
struct Head(AtomicU64);

// SAFETY: the count starts at 1 in `with_bell`, and only `IntrusiveArc` uses it.
unsafe impl<T, B> RefCounted for Ring<T, B> {
    fn holders(&self) -> &AtomicUsize {
        &self.holders
    }
}

/// Makes a ring for exactly `capacity` requests, whose consumer polls.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn mailbox<T: Send>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    with_bell(capacity, Silent)
}

/// The two ends of one ring.
pub type Ends<T, B = Silent> = (Producer<T, B>, Consumer<T, B>);

/// Makes a ring whose producers ring `bell` when they find it cold.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn with_bell<T: Send, B: Bell>(capacity: usize, bell: B) -> Result<Ends<T, B>, CapacityError> {
    let fixed = Fixed { slots: Slots::unallocated(), geometry: Geometry::new(capacity)?, bell };
    let ring = IntrusiveArc::new(Ring {
        tail: Tail::new(),
        producers: AtomicUsize::new(1),
        holders: AtomicUsize::new(1),
        refused: AtomicU64::new(0),
        fixed,
        head: Head(AtomicU64::new(0)),
    });
    Ok((Producer { ring: ring.clone() }, Consumer { ring, head: 0, backlog: false }))
}

/// The end that adds requests. Clone it for more producers; the last one dropped closes the ring.
pub struct Producer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
}

impl<T: Send, B: Bell> Producer<T, B> {
    /// Adds a request, or gives it back.
    ///
    /// # Errors
    /// [`PushError::Full`] when no slot is free, [`PushError::Closed`] after a close; the request
    /// is inside.
    /// # Blocking
    /// Never. Lock-free: a retry means that another producer's claim succeeded.
    /// # Ordering
    /// What the caller wrote before is visible to the consumer of this request (pair `mpsc.full`).
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.ring.push(value)
    }

    /// Claims a slot to fill later. Dropping the claim gives it up.
    ///
    /// Until then the consumer can't see past it: keep a claim for a few instructions only.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn claim(&self) -> Result<Claim<'_, T, B>, PushError<()>> {
        let claimed = self.ring.claim(self.ring.span())?;
        Ok(Claim { ring: &self.ring, claimed: Some(claimed) })
    }

    /// Adds as many of `values` as there is room for, by one claim; returns how many.
    ///
    /// Takes nothing from the iterator beyond what it adds. If the iterator panics or ends early,
    /// the rest of the claim is given up.
    ///
    /// # Errors
    /// [`PushError::Full`] when there was room for none, [`PushError::Closed`] after a close; the
    /// list inside holds what had been taken from the iterator (here always nothing).
    pub fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        self.ring.push_batch(values)
    }

    /// Ends admission: what was accepted remains for the consumer. Idempotent.
    pub fn close(&self) {
        self.ring.close();
    }

    /// Requests accepted and not yet served; exact only while nothing moves.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests fit.
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }
}

impl<T: Send, B: Bell> Clone for Producer<T, B> {
    fn clone(&self) -> Self {
        // Relaxed: the count alone matters, and this handle keeps it above zero meanwhile.
        self.ring.producers.fetch_add(1, Relaxed);
        Self { ring: self.ring.clone() }
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        // AcqRel [mpsc.producers]: Release hands what this producer did to the last one; Acquire
        // lets the last one pass all of it on with the close.
        if self.ring.producers.fetch_sub(1, AcqRel) == 1 {
            self.ring.close();
        }
    }
}

impl<T: Send, B: Bell> fmt::Debug for Producer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("mpsc::Producer").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// A slot that is owned and not yet filled.
#[must_use = "dropping a claim gives the slot up"]
pub struct Claim<'a, T: Send, B: Bell = Silent> {
    ring: &'a Ring<T, B>,
    claimed: Option<Claimed>,
}

impl<T: Send, B: Bell> Claim<'_, T, B> {
    /// Fills the slot and shows it to the consumer.
    pub fn publish(mut self, value: T) {
        if let Some(claimed) = self.claimed.take() {
            self.ring.publish(self.ring.span(), claimed, value);
        }
    }
}

impl<T: Send, B: Bell> Drop for Claim<'_, T, B> {
    fn drop(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            self.ring.span().stamp(claimed.position, VOID);
            self.ring.ring_if(claimed.cold);
        }
    }
}

impl<T: Send, B: Bell> fmt::Debug for Claim<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mpsc::Claim")
    }
}

/// What a successful claim gave its producer.
#[derive(Clone, Copy)]
struct Claimed {
    position: Position,
    /// The claim cleared `COLD`, so this producer owes the consumer the bell.
    cold: bool,
}

/// Several slots in a row. On drop, which may be an unwinding, those not filled are given up and
/// the bell is rung if it is owed.
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
    /// As [`Producer::push`].
    #[inline(always)]
    pub(super) fn push(&self, value: T) -> Result<(), PushError<T>> {
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

    /// As [`Producer::push_batch`].
    pub(super) fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
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
    fn allocated(&self) -> Option<Span<'_, T>> {
        let Fixed { slots, geometry, .. } = &self.fixed;
        // SAFETY: made for this geometry, and freed with the ring.
        slots.get().map(|slots| unsafe { Span::new(slots, *geometry) })
    }

    /// The slots, allocated by whoever needs them first.
    #[inline(always)]
    fn span(&self) -> Span<'_, T> {
        let Fixed { slots, geometry, .. } = &self.fixed;
        // SAFETY: as in `allocated`.
        unsafe { Span::new(slots.get_or_allocate(geometry), *geometry) }
    }

    #[inline(always)]
    fn claim(&self, span: Span<'_, T>) -> Result<Claimed, PushError<()>> {
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
                // The slot still belongs to the last lap: to its consumer, or to a producer that
                // has claimed and not filled it. Neither is worth waiting for here.
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
    fn publish(&self, span: Span<'_, T>, claimed: Claimed, value: T) {
        self.fill(span, claimed.position, value);
        self.ring_if(claimed.cold);
    }

    #[inline(always)]
    fn fill(&self, span: Span<'_, T>, position: Position, value: T) {
        // SAFETY: the claim gave this thread the slot until the stamp below, and the consumer emptied
        // it a lap ago: nothing alive is overwritten.
        span.slot(position).value.with_mut(|v| unsafe { (*v).write(value) });
        span.stamp(position, FULL);
        // The stamp waits for its line to arrive: ask early for one that the consumer may have left.
        span.prefetch(position, FILL_AHEAD.min(span.geometry.capacity() as u64));
    }

    #[inline(always)]
    fn ring_if(&self, cold: bool) {
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
    fn close(&self) {
        if self.tail.close() {
            self.fixed.bell.ring();
        }
    }

    fn len(&self) -> usize {
        // Relaxed: a length is a hint; head first, so that the distance is rarely negative.
        let head = self.head.0.load(Relaxed);
        let tail = self.tail.load_relaxed().position();
        self.fixed.geometry.distance(tail, head) as usize
    }

    fn capacity(&self) -> usize {
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
            // SAFETY: in bounds as ever; nobody else is left.
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

/// The end that takes requests, one thread at a time. Dropping it closes the ring.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    head: Position,
    /// The last drain took as many as it might, so the next one may find as many again.
    backlog: bool,
}

impl<T: Send, B: Bell> Consumer<T, B> {
    /// Takes the oldest request, or says why there is none.
    ///
    /// # Blocking
    /// Never.
    pub fn pop(&mut self) -> Pop<T> {
        let mut taken = None;
        self.drain(1, |request, _| taken = Some(request));
        match (taken, self.peek()) {
            (Some(request), _) => Pop::Request(request),
            (None, Pop::Empty) => Pop::Empty,
            (None, Pop::Closed) => Pop::Closed,
            // It was claimed just now, and may even have been filled since.
            (None, Pop::InFlight | Pop::Request(())) => Pop::InFlight,
        }
    }

    /// Hands up to `max` requests to `handler`, oldest first; returns how many.
    ///
    /// The flag says that nothing further was ready when the request was taken: flush now. Slots
    /// are given back in groups of up to 64 and an eighth of the capacity, and at the end.
    ///
    /// # Panics
    /// Only if `handler` does; its request counts as taken, the rest remain.
    #[inline]
    pub fn drain(&mut self, max: usize, mut handler: impl FnMut(T, bool)) -> usize {
        let Self { ring, head, backlog } = self;
        let Some(span) = ring.allocated() else { return 0 };
        let sure = if *backlog { span.sure(*head, max as u64) } else { 0 };
        let release_every = release_every(span.geometry.capacity());
        let mut batch = Batch { span, shown: &ring.head.0, freed: *head, unfreed: 0, head };
        let mut count = 0;
        let mut state = span.state(*batch.head);
        while count < max {
            let position = *batch.head;
            let Some(found) = state else { break };
            // Moved on before the handler runs: if it unwinds, its request is not read again.
            *batch.head = span.geometry.advance(position, 1);
            batch.unfreed += 1;
            if (count as u64) < sure {
                span.prefetch(position, SERVE_AHEAD);
            }
            state = span.state(*batch.head);
            if found == FULL {
                count += 1;
                let last = count == max || state != Some(FULL);
                // SAFETY: the stamp says full, so the producer has written the value and let go of
                // it; the head has moved on, so it is read once.
                let request =
                    span.slot(position).value.with(|v| unsafe { (*v).assume_init_read() });
                handler(request, last);
            }
            if batch.unfreed == release_every {
                batch.free();
            }
        }
        *backlog = count == max;
        count
    }

    /// What is at the head, without taking it.
    pub fn peek(&self) -> Pop<()> {
        if self.state() == Some(FULL) {
            return Pop::Request(());
        }
        let tail = self.ring.tail.read();
        if tail.position() != self.head {
            Pop::InFlight
        } else if tail.is_closed() {
            Pop::Closed
        } else {
            Pop::Empty
        }
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true` the next claim or close rings the [`Bell`], exactly once.
    pub fn cool(&mut self) -> bool {
        self.ring.tail.cool(self.head)
    }

    /// Takes the last cooling back: the bell isn't rung for it, if it wasn't before.
    pub(crate) fn clear_cold(&self) {
        let _ = self.ring.tail.clear_cold();
    }

    /// Ends admission; what was accepted can still be taken.
    pub fn close(&self) {
        self.ring.close();
    }

    /// Requests accepted and not yet served; exact only while nothing moves.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests fit.
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// The state of the slot at the head if there is something.
    #[inline(always)]
    fn state(&self) -> Option<u64> {
        self.ring.allocated()?.state(self.head)
    }
}

impl<T: Send, B: Bell> Drop for Consumer<T, B> {
    fn drop(&mut self) {
        self.ring.close();
        let mut remains = DropAll::default();
        // A producer that is still filling its claim leaves the value to the ring's own drop.
        self.drain(usize::MAX, |request, _| remains.drop(|| drop(request)));
        remains.end();
    }
}

impl<T: Send, B: Bell> fmt::Debug for Consumer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("mpsc::Consumer").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl<T: Send + 'static, B: Bell> sealed::Producer<T, B> for Producer<T, B> {
    type Ring = Ring<T, B>;

    #[inline(always)]
    fn push(&self, value: T) -> Result<(), PushError<T>> {
        Producer::push(self, value)
    }

    fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        Producer::push_batch(self, values)
    }

    #[inline(always)]
    fn ring(&self) -> &IntrusiveArc<Ring<T, B>> {
        &self.ring
    }
}

impl<T: Send + 'static, B: Bell> sealed::Consumer<T, B> for Consumer<T, B> {
    #[inline(always)]
    fn drain(&mut self, max: usize, handler: impl FnMut(T, bool)) -> usize {
        Consumer::drain(self, max, handler)
    }

    #[inline(always)]
    fn has_any(&mut self) -> bool {
        self.state().is_some()
    }

    #[inline(always)]
    fn before(&mut self, end: Position) -> usize {
        if end == self.head || !self.has_any() {
            return 0;
        }
        self.ring.fixed.geometry.distance(end, self.head) as usize
    }

    fn peek(&self) -> Pop<()> {
        Consumer::peek(self)
    }

    fn cool(&mut self) -> bool {
        Consumer::cool(self)
    }

    fn close(&self) {
        Consumer::close(self);
    }
}

impl sealed::Kind for Mpsc {
    type Producer<T: Send + 'static, B: Bell> = Producer<T, B>;
    type Consumer<T: Send + 'static, B: Bell> = Consumer<T, B>;
    type Ring<T: Send + 'static, B: Bell> = Ring<T, B>;

    fn mailbox<T: Send + 'static, B: Bell>(
        capacity: usize,
        _heat: Heat,
        bell: B,
    ) -> Result<(Producer<T, B>, Consumer<T, B>), CapacityError> {
        with_bell(capacity, bell)
    }

    fn upgrade<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Ring<T, B>>,
    ) -> Option<Producer<T, B>> {
        try_increment(&ring.producers).then(|| Producer { ring: ring.clone() })
    }
}

impl sealed::SharedKind for Mpsc {
    fn guest<T: Send + 'static, B: Bell>(ring: &IntrusiveArc<Ring<T, B>>) -> guest::Producer<T, B> {
        guest::Producer::of(ring)
    }
}

impl sealed::ClonedKind for Mpsc {
    fn clone_producer<T: Send + 'static, B: Bell>(producer: &Producer<T, B>) -> Producer<T, B> {
        producer.clone()
    }

    fn producers<T: Send + 'static, B: Bell>(ring: &Ring<T, B>) -> &AtomicUsize {
        &ring.producers
    }
}
