//! The ring for one producer: one lane (`lane.rs`), and the gate before it (`gate.rs`).
//!
//! Publishing is a store, a fence, and a look at a word that others write only when the mailbox
//! cools or closes. The fence waits until the store is visible. So publish in batches where the
//! rate matters, or make the object always hot, which needs no fence.
//!
//! **Progress.** Wait-free for producer and consumer.

use super::bell::{Bell, Heat, Silent};
use super::capacity::CapacityError;
use super::ends;
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

impl<T: Send, B: Bell> Ring<T, B> {
    fn close(&self) {
        self.gate.close();
    }

    #[inline(always)]
    fn end(&self) -> Position {
        self.lane.end()
    }

    fn len(&self) -> usize {
        self.lane.len()
    }

    fn capacity(&self) -> usize {
        self.lane.capacity()
    }
}

ends::makers!(
    "Makes a ring for exactly `capacity` requests, whose consumer polls.",
    "Makes a ring whose producer rings `bell` when it finds the ring cold."
);

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

    /// Claims a slot to fill later. Dropping the claim gives it back, and changes nothing.
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
    /// Takes no more from the iterator than it adds. If the iterator panics, what it gave before is
    /// published.
    ///
    /// # Errors
    /// [`PushError::Full`] when there was no room; [`PushError::Closed`] after a close, with what
    /// was taken from the iterator.
    pub fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        self.producing.push_batch(&self.ring.lane, &self.ring.gate, values)
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        self.ring.gate.close();
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

/// The end that takes requests, one thread at a time. Dropping it closes the ring.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    consuming: ConsumerCursor,
}

impl<T: Send, B: Bell> Consumer<T, B> {
    /// Hands up to `max` requests to `handler`, oldest first; returns how many.
    ///
    /// The flag says that nothing more was ready when the batch began: flush now. Slots are freed
    /// at the end, and on the way in groups of an eighth of the capacity, at most 64.
    ///
    /// # Panics
    /// Only if `handler` does. Its request counts as taken; the rest remain.
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

    #[inline(always)]
    fn has_any(&mut self) -> bool {
        self.consuming.look(&self.ring.lane) > 0
    }

    #[inline(always)]
    fn before(&mut self, end: Position) -> usize {
        if self.has_any() { self.consuming.before(&self.ring.lane, end) } else { 0 }
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true`, the [`Bell`] rings exactly once, at the latest for the next publication or
    /// close. It may ring for a request that was already taken, if its producer was slow. Then the
    /// mailbox is empty, and the bell rings again only after the next call of this method.
    pub fn cool(&mut self) -> bool {
        let Self { ring, consuming } = self;
        ring.gate.cool(|| consuming.is_empty(&ring.lane))
    }
}

ends::producer!("spsc", "How many requests fit.");
ends::consumer!("spsc", Empty, "How many requests fit.");
ends::gated!();

impl sealed::Kind for Spsc {
    ends::kind!(with_heat);

    fn upgrade<T: Send + 'static, B: Bell>(_: &IntrusiveArc<Ring<T, B>>) -> Option<Producer<T, B>> {
        None
    }
}
