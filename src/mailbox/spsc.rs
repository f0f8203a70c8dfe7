//! The ring for one producer: positions alone, each side with a cached copy of the other's.
//!
//! The producer fills slots and then moves the tail over them, one at a time or many at once; the
//! consumer moves the head over what it has served. Each looks at the other's word only when its
//! cached copy says that it must.
//!
//! Publishing is a compare-and-swap, not a plain store, because two others change the same word:
//! the consumer sets `COLD`, and anyone may set `CLOSED`. A store would erase either: a lost
//! wake-up, or admission after the close. The CAS costs one uncontended locked instruction per
//! publication, so publish in batches where the rate matters.
//!
//! **Progress.** Wait-free for the consumer; for the producer too, but for a retry when `COLD` or
//! `CLOSED` was set at that moment, each at most once per cooling.
//!
//! # Source
//! L. Lamport's ring (1977) with cached indices: P. Lee et al., "MCRingBuffer" (2010); rigtorp's
//! SPSCQueue; rtrb.

use super::ring::{Bare, Geometry, Position, Slots, release_every};
use super::sealed;
use super::tail::{Seen, Tail};
use super::{Bell, CapacityError, Pop, PushError, Silent, Spsc};
use crate::sync::{Arc, AtomicU64};
use crate::sys::{prefetch_for_read, prefetch_for_write};
use crossbeam_utils::CachePadded;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The memory that both ends share.
pub struct Ring<T, B> {
    /// Moved by the producer; flags set by others.
    tail: Tail,
    /// Moved by the consumer alone.
    head: CachePadded<AtomicU64>,
    fixed: CachePadded<Fixed<T, B>>,
}

/// In this order: a bell says itself what of it is written.
#[repr(C)]
struct Fixed<T, B> {
    slots: Slots<Bare<T>>,
    geometry: Geometry,
    bell: B,
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

/// Makes a ring whose producer rings `bell` when it finds the ring cold.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn with_bell<T: Send, B: Bell>(capacity: usize, bell: B) -> Result<Ends<T, B>, CapacityError> {
    let fixed = Fixed { slots: Slots::unallocated(), geometry: Geometry::new(capacity)?, bell };
    let ring = Arc::new(Ring {
        tail: Tail::new(),
        head: CachePadded::new(AtomicU64::new(0)),
        fixed: CachePadded::new(fixed),
    });
    let producer = Producer { ring: ring.clone(), tail: Cell::new(0), head: Cell::new(0) };
    Ok((producer, Consumer { ring, head: 0, tail: 0 }))
}

/// The end that adds requests: `Send`, but neither `Clone` nor `Sync`. Dropping it closes the ring.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<mainspring::mailbox::spsc::Producer<u64>>();
/// ```
pub struct Producer<T: Send, B: Bell = Silent> {
    ring: Arc<Ring<T, B>>,
    /// The next position to fill; what was published is the tail word's.
    tail: Cell<Position>,
    /// The head as last seen: never ahead of the real one.
    head: Cell<Position>,
}

impl<T: Send, B: Bell> Producer<T, B> {
    /// Adds a request, or gives it back.
    ///
    /// # Errors
    /// [`PushError::Full`] when no slot is free, [`PushError::Closed`] after a close; the request
    /// is inside.
    /// # Blocking
    /// Never.
    /// # Ordering
    /// What the caller wrote before is visible to the consumer of this request (pair `spsc.tail`).
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        let position = self.tail.get();
        if self.room(1) == 0 {
            return Err(self.refusal(value));
        }
        self.ring.fill(position, value);
        self.publish(1).map_err(|()| PushError::Closed(self.ring.take_back(position)))
    }

    /// Claims a slot to fill later. Dropping the claim gives it back; nothing was changed.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn claim(&mut self) -> Result<Claim<'_, T, B>, PushError<()>> {
        let closed = self.ring.is_closed();
        if closed || self.room(1) == 0 {
            return Err(if closed { PushError::Closed(()) } else { PushError::Full(()) });
        }
        Ok(Claim { producer: self })
    }

    /// Adds as many of `values` as there is room for, by one publication; returns how many.
    ///
    /// Takes nothing from the iterator beyond what it adds. If the iterator panics, what it gave
    /// before is published.
    ///
    /// # Errors
    /// [`PushError::Full`] when there was room for none; [`PushError::Closed`] after a close, with
    /// what had been taken from the iterator.
    pub fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        let wanted = values.len() as u64;
        let room = self.room(wanted);
        if room == 0 && wanted > 0 {
            return Err(self.refusal(Vec::new()));
        }
        let mut filled = Filled { producer: self, slots: self.ring.slots(), room, count: 0 };
        for value in values.take(room.min(wanted) as usize) {
            filled.add(value);
        }
        filled.publish()
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

    /// Free slots, as far as needed: the head is looked up only if the cached one shows too few.
    #[inline(always)]
    fn room(&self, wanted: u64) -> u64 {
        let geometry = &self.ring.fixed.geometry;
        let room = |head| geometry.capacity() as u64 - geometry.distance(self.tail.get(), head);
        let cached = room(self.head.get());
        if cached >= wanted {
            return cached;
        }
        // Acquire [spsc.head]: the consumer has moved those requests out.
        self.head.set(self.ring.head.load(Acquire));
        room(self.head.get())
    }

    #[cold]
    fn refusal<V>(&self, value: V) -> PushError<V> {
        if self.ring.is_closed() { PushError::Closed(value) } else { PushError::Full(value) }
    }

    /// Shows the next `count` filled slots to the consumer; refused after a close.
    #[inline(always)]
    fn publish(&self, count: u64) -> Result<(), ()> {
        let position = self.tail.get();
        let next = self.ring.fixed.geometry.advance(position, count);
        let mut seen = Seen::open_at(position);
        loop {
            match self.ring.tail.advance(seen, next) {
                Ok(()) => {
                    self.tail.set(next);
                    if seen.is_cold() {
                        self.ring.fixed.bell.ring();
                    }
                    return Ok(());
                }
                Err(now) => seen = now,
            }
            if seen.is_closed() {
                return Err(());
            }
        }
    }
}

/// Slots that were filled and not yet published: published on unwind, so that nothing is lost.
struct Filled<'a, T: Send, B: Bell> {
    producer: &'a Producer<T, B>,
    slots: *const Bare<T>,
    /// How many slots were free when the batch was begun.
    room: u64,
    count: u64,
}

impl<T: Send, B: Bell> Filled<'_, T, B> {
    #[inline(always)]
    fn add(&mut self, value: T) {
        debug_assert!(self.count < self.room);
        let Producer { ring, tail, .. } = self.producer;
        let geometry = &ring.fixed.geometry;
        let position = geometry.advance(tail.get(), self.count);
        // SAFETY: as in `Ring::fill`; `room` positions from the tail are free.
        unsafe { (*self.slots.add(geometry.index(position))).0.with_mut(|v| (*v).write(value)) };
        self.count += 1;
        // The publication waits for all of the batch's lines to arrive: ask early for those that
        // the consumer has left.
        if self.count + Slots::<Bare<T>>::AHEAD < self.room {
            let ahead = geometry.advance(position, Slots::<Bare<T>>::AHEAD);
            prefetch_for_write(self.slots.wrapping_add(geometry.index(ahead)));
        }
    }

    fn publish(mut self) -> Result<usize, PushError<Vec<T>>> {
        match std::mem::take(&mut self.count) {
            0 => Ok(0),
            count => match self.producer.publish(count) {
                Ok(()) => Ok(count as usize),
                Err(()) => Err(PushError::Closed(self.take_back(count))),
            },
        }
    }

    #[cold]
    fn take_back(&self, count: u64) -> Vec<T> {
        let Producer { ring, tail, .. } = self.producer;
        let position = |step| ring.fixed.geometry.advance(tail.get(), step);
        (0..count).map(|step| ring.take_back(position(step))).collect()
    }
}

impl<T: Send, B: Bell> Drop for Filled<'_, T, B> {
    fn drop(&mut self) {
        let count = std::mem::take(&mut self.count);
        if count > 0 && self.producer.publish(count).is_err() {
            drop(self.take_back(count));
        }
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        self.ring.close();
    }
}

impl<T: Send, B: Bell> fmt::Debug for Producer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("spsc::Producer").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// Room for one request, held and not yet filled.
#[must_use = "dropping a claim gives the slot back"]
pub struct Claim<'a, T: Send, B: Bell = Silent> {
    producer: &'a mut Producer<T, B>,
}

impl<T: Send, B: Bell> Claim<'_, T, B> {
    /// Fills the slot and shows it to the consumer.
    ///
    /// # Errors
    /// [`PushError::Closed`] if the ring was closed since the claim; the request is inside.
    pub fn publish(self, value: T) -> Result<(), PushError<T>> {
        self.producer.push(value)
    }
}

impl<T: Send, B: Bell> fmt::Debug for Claim<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("spsc::Claim")
    }
}

impl<T: Send, B> Ring<T, B> {
    #[inline(always)]
    fn slots(&self) -> *const Bare<T> {
        self.fixed.slots.get_or_allocate(&self.fixed.geometry)
    }

    /// Only the producer may call this, for a position that it found free.
    #[inline(always)]
    fn fill(&self, position: Position, value: T) {
        let (slots, geometry) = (self.slots(), &self.fixed.geometry);
        // SAFETY: the index is below the capacity, the number of slots. The position lies between
        // tail and head plus a lap, so the slot is the producer's, and empty.
        unsafe { (*slots.add(geometry.index(position))).0.with_mut(|v| (*v).write(value)) };
    }

    /// Only the producer may call this, for a position it filled and could not publish.
    fn take_back(&self, position: Position) -> T {
        let (slots, geometry) = (self.slots(), &self.fixed.geometry);
        // SAFETY: as in `fill`; it was filled, the consumer never saw it, and nobody reads it again.
        unsafe { (*slots.add(geometry.index(position))).0.with(|v| (*v).assume_init_read()) }
    }

    fn is_closed(&self) -> bool {
        self.tail.read().is_closed()
    }

    fn len(&self) -> usize {
        // Relaxed: a length is a hint; head first, so that the distance is rarely negative.
        let head = self.head.load(Relaxed);
        let tail = self.tail.glance().position();
        self.fixed.geometry.distance(tail, head) as usize
    }

    fn capacity(&self) -> usize {
        self.fixed.geometry.capacity()
    }
}

impl<T, B: Bell> Ring<T, B> {
    fn close(&self) {
        if self.tail.close() {
            self.fixed.bell.ring();
        }
    }
}

impl<T: Send + 'static, B: Bell> sealed::Shared<B> for Ring<T, B> {
    fn bell(&self) -> &B {
        &self.fixed.bell
    }

    fn close(&self) {
        Ring::close(self);
    }

    fn is_closed(&self) -> bool {
        Ring::is_closed(self)
    }

    fn len(&self) -> usize {
        Ring::len(self)
    }

    fn capacity(&self) -> usize {
        Ring::capacity(self)
    }
}

impl<T, B> Drop for Ring<T, B> {
    fn drop(&mut self) {
        let Fixed { slots, geometry, .. } = &mut *self.fixed;
        let Some(first) = slots.get() else { return };
        // Relaxed, both: `&mut self` is the last use, the `Arc` ordered everything before it.
        let mut position = self.head.load(Relaxed);
        let end = self.tail.glance().position();
        while position != end {
            // SAFETY: in bounds as ever; between head and tail every slot is full, and nobody else
            // is left to read it.
            let value = unsafe { &(*first.add(geometry.index(position))).0 };
            // SAFETY: as above; dropped once.
            value.with_mut(|value| unsafe { (*value).assume_init_drop() });
            position = geometry.advance(position, 1);
        }
        slots.free(geometry);
    }
}

/// The end that takes requests, one thread at a time. Dropping it closes the ring.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: Arc<Ring<T, B>>,
    head: Position,
    /// The tail as last seen: never ahead of the real one.
    tail: Position,
}

impl<T: Send, B: Bell> Consumer<T, B> {
    /// Takes the oldest request, or says why there is none. Never [`Pop::InFlight`].
    ///
    /// # Blocking
    /// Never.
    pub fn pop(&mut self) -> Pop<T> {
        let mut taken = None;
        self.drain(1, |request, _| taken = Some(request));
        match (taken, self.peek()) {
            (Some(request), _) => Pop::Request(request),
            (None, Pop::Closed) => Pop::Closed,
            (None, _) => Pop::Empty,
        }
    }

    /// Hands up to `max` requests to `handler`, oldest first; returns how many.
    ///
    /// The flag says that nothing further was ready when the batch was begun: flush now. Slots are
    /// given back in groups of up to 64 and an eighth of the capacity, and at the end.
    ///
    /// # Panics
    /// Only if `handler` does; its request counts as taken, the rest remain.
    #[inline]
    pub fn drain(&mut self, max: usize, mut handler: impl FnMut(T, bool)) -> usize {
        let Self { ring, head, tail } = self;
        let geometry = ring.fixed.geometry;
        if tail == head {
            *tail = ring.tail.read().position();
        }
        let waiting = geometry.distance(*tail, *head);
        let count = waiting.min(max as u64);
        let Some(slots) = ring.fixed.slots.get().filter(|_| count > 0) else { return 0 };
        let release_every = release_every(geometry.capacity());
        let mut until_release = release_every;
        let batch = Batch { ring: &**ring, head };
        for step in 0..count {
            let position = *batch.head;
            if step + Slots::<Bare<T>>::AHEAD < waiting {
                let ahead = geometry.advance(position, Slots::<Bare<T>>::AHEAD);
                prefetch_for_read(slots.wrapping_add(geometry.index(ahead)));
            }
            // Moved on before the handler runs: if it unwinds, its request is not read again.
            *batch.head = geometry.advance(position, 1);
            // SAFETY: the index is below the capacity, the number of slots. The position lies before
            // the tail, so the producer has filled the slot and let go of it; read once.
            let request = unsafe {
                (*slots.add(geometry.index(position))).0.with(|value| (*value).assume_init_read())
            };
            handler(request, step + 1 == count);
            until_release -= 1;
            if until_release == 0 {
                batch.release();
                until_release = release_every;
            }
        }
        count as usize
    }

    /// What is at the head, without taking it.
    pub fn peek(&self) -> Pop<()> {
        let tail = self.ring.tail.read();
        if tail.position() != self.head {
            Pop::Request(())
        } else if tail.is_closed() {
            Pop::Closed
        } else {
            Pop::Empty
        }
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true` the next publication or close rings the [`Bell`], exactly once.
    pub fn cool(&mut self) -> bool {
        self.ring.tail.cool(self.head)
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
}

/// Gives the slots back at the end of a batch, also when the handler unwinds.
struct Batch<'a, T, B> {
    ring: &'a Ring<T, B>,
    head: &'a mut Position,
}

impl<T, B> Batch<'_, T, B> {
    #[inline(always)]
    fn release(&self) {
        // Release [spsc.head]: the requests before it were moved out; pairs with `Producer::room`.
        self.ring.head.store(*self.head, Release);
    }
}

impl<T, B> Drop for Batch<'_, T, B> {
    #[inline(always)]
    fn drop(&mut self) {
        self.release();
    }
}

impl<T: Send, B: Bell> Drop for Consumer<T, B> {
    fn drop(&mut self) {
        self.ring.close();
        while self.drain(usize::MAX, |request, _| drop(request)) > 0 {}
    }
}

impl<T: Send, B: Bell> fmt::Debug for Consumer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("spsc::Consumer").field("capacity", &self.capacity()).finish_non_exhaustive()
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
    fn ring(&self) -> &Arc<Ring<T, B>> {
        &self.ring
    }
}

impl<T: Send + 'static, B: Bell> sealed::Consumer<T, B> for Consumer<T, B> {
    #[inline(always)]
    fn drain(&mut self, max: usize, handler: impl FnMut(T, bool)) -> usize {
        Consumer::drain(self, max, handler)
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

impl sealed::Kind for Spsc {
    type Producer<T: Send + 'static, B: Bell> = Producer<T, B>;
    type Consumer<T: Send + 'static, B: Bell> = Consumer<T, B>;
    type Ring<T: Send + 'static, B: Bell> = Ring<T, B>;

    fn mailbox<T: Send + 'static, B: Bell>(
        capacity: usize,
        bell: B,
    ) -> Result<(Producer<T, B>, Consumer<T, B>), CapacityError> {
        with_bell(capacity, bell)
    }
}
