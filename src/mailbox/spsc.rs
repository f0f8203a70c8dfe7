//! The ring for one producer: one lane (`lane.rs`), and the gate before it (`gate.rs`).
//!
//! Publishing is a store, a fence, and a look at a word that others write only when something
//! begins or ends. The fence waits until the store is visible; so publish in batches where the rate
//! matters, or make the object always hot, which needs none.
//!
//! **Progress.** Wait-free for producer and consumer.

use super::bell::{Bell, Heat, Silent};
use super::capacity::CapacityError;
use super::drop_all::DropAll;
use super::error::PushError;
use super::gate::Gate;
use super::intrusive_arc::{IntrusiveArc, RefCounted};
use super::kind::Spsc;
use super::lane::{ConsumerCursor, Lane, ProducerCursor};
use super::pop::Pop;
use super::ring::Position;
use super::sealed;
use crate::sync::{AtomicU64, AtomicUsize};
use std::fmt;

/// The memory that both ends share.
#[repr(C)]
pub struct Ring<T, B> {
    lane: Lane<T>,
    gate: Gate<B>,
    holders: AtomicUsize,
    refused: AtomicU64,
}

// SAFETY: the count starts at 1 in `with_heat`, and only `IntrusiveArc` uses it.
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
    with_heat(capacity, Heat::Always, Silent)
}

/// The two ends of one ring.
pub type Ends<T, B = Silent> = (Producer<T, B>, Consumer<T, B>);

/// Makes a ring whose producer rings `bell` when it finds the ring cold.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn with_bell<T: Send, B: Bell>(capacity: usize, bell: B) -> Result<Ends<T, B>, CapacityError> {
    with_heat(capacity, Heat::Varies, bell)
}

/// As [`with_bell`], and says whether the ring may be cooled.
///
/// # Errors
/// As there.
pub fn with_heat<T: Send, B: Bell>(
    capacity: usize,
    heat: Heat,
    bell: B,
) -> Result<Ends<T, B>, CapacityError> {
    let ring = IntrusiveArc::new(Ring {
        lane: Lane::new(capacity)?,
        gate: Gate::new(bell, heat),
        holders: AtomicUsize::new(1),
        refused: AtomicU64::new(0),
    });
    let producing = ProducerCursor::on(&ring.lane);
    let producer = Producer { ring: ring.clone(), producing };
    Ok((producer, Consumer { ring, consuming: ConsumerCursor::new() }))
}

/// The end that adds requests: `Send`, but neither `Clone` nor `Sync`. Dropping it closes the ring.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<mainspring::mailbox::spsc::Producer<u64>>();
/// ```
pub struct Producer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    producing: ProducerCursor,
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
    /// What the caller wrote before is visible to the consumer of this request (pair `lane.tail`).
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.producing.push(&self.ring.lane, &self.ring.gate, value)
    }

    /// Claims a slot to fill later. Dropping the claim gives it back; nothing was changed.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn claim(&mut self) -> Result<Claim<'_, T, B>, PushError<()>> {
        let closed = self.ring.gate.is_closed();
        if closed || self.producing.room_for(&self.ring.lane, 1) == 0 {
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
        self.producing.push_batch(&self.ring.lane, &self.ring.gate, values)
    }

    /// Ends admission: what was accepted remains for the consumer. Idempotent.
    pub fn close(&self) {
        self.ring.gate.close();
    }

    /// Requests accepted and not yet served; exact only while nothing moves.
    pub fn len(&self) -> usize {
        self.ring.lane.len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests fit.
    pub fn capacity(&self) -> usize {
        self.ring.lane.capacity()
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        self.ring.gate.close();
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

impl<T: Send + 'static, B: Bell> sealed::SharedRing<B> for Ring<T, B> {
    fn bell(&self) -> &B {
        self.gate.bell()
    }

    fn close(&self) {
        self.gate.close();
    }

    fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    #[inline(always)]
    fn end(&self) -> Option<Position> {
        (!self.gate.is_closed()).then(|| self.lane.end())
    }

    fn len(&self) -> usize {
        self.lane.len()
    }

    fn capacity(&self) -> usize {
        self.lane.capacity()
    }

    fn refused(&self) -> &AtomicU64 {
        &self.refused
    }
}

/// The end that takes requests, one thread at a time. Dropping it closes the ring.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    consuming: ConsumerCursor,
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
    pub fn drain(&mut self, max: usize, handler: impl FnMut(T, bool)) -> usize {
        self.consuming.drain(&self.ring.lane, max, handler)
    }

    /// What is at the head, without taking it.
    pub fn peek(&self) -> Pop<()> {
        let Self { ring, consuming } = self;
        if !consuming.is_empty(&ring.lane) {
            Pop::Request(())
        } else if !ring.gate.is_closing() {
            Pop::Empty
        } else if consuming.is_over(&ring.lane) {
            Pop::Closed
        } else {
            Pop::Request(())
        }
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true` the [`Bell`] rings exactly once, at the latest for the next publication or close.
    /// It may ring for a request that was taken before, whose producer was slow: then nothing is
    /// there, and nobody rings again until this was called again.
    pub fn cool(&mut self) -> bool {
        let Self { ring, consuming } = self;
        ring.gate.cool(|| consuming.is_empty(&ring.lane))
    }

    /// Ends admission; what was accepted can still be taken.
    pub fn close(&self) {
        self.ring.gate.close();
    }

    /// Requests accepted and not yet served; exact only while nothing moves.
    pub fn len(&self) -> usize {
        self.ring.lane.len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests fit.
    pub fn capacity(&self) -> usize {
        self.ring.lane.capacity()
    }
}

impl<T: Send, B: Bell> Drop for Consumer<T, B> {
    fn drop(&mut self) {
        self.ring.gate.close();
        let mut remains = DropAll::default();
        loop {
            while self.drain(usize::MAX, |request, _| remains.drop(|| drop(request))) > 0 {}
            if self.peek() == Pop::Closed {
                break;
            }
        }
        remains.end();
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
        self.consuming.look(&self.ring.lane) > 0
    }

    #[inline(always)]
    fn before(&mut self, end: Position) -> usize {
        if self.has_any() { self.consuming.before(&self.ring.lane, end) } else { 0 }
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
        heat: Heat,
        bell: B,
    ) -> Result<(Producer<T, B>, Consumer<T, B>), CapacityError> {
        with_heat(capacity, heat, bell)
    }

    fn upgrade<T: Send + 'static, B: Bell>(_: &IntrusiveArc<Ring<T, B>>) -> Option<Producer<T, B>> {
        None
    }
}
