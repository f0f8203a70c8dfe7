//! Many producers, each with a lane of its own, merged by the consumer in fair rounds.
//!
//! No two producers write the same cache line, so none delays another: a push is wait-free, and a
//! suspended producer delays only its own requests. Requests of one producer arrive in its order;
//! requests of two have no order. The cost is a ring for each producer, and for the consumer a look
//! at each lane in a round.
//!
//! The lanes are a list that only grows, the newest first. A new producer takes a lane that was
//! given up, if there is one. The list's head word also says whether the mailbox has ended:
//!
//! | head | meaning | moved by |
//! |---|---|---|
//! | a lane | the newest; the others follow it | a cloned producer: to its own lane |
//! | the same, odd | the mailbox has ended: later lanes take nothing | the consumer, once it found the mailbox closed and every lane at its end |
//!
//! **Progress.** Wait-free for producers, and for the consumer.

#[allow(unsafe_code)] // looking into lanes that live as long as the ring
mod consumer;
#[allow(unsafe_code)] // nodes, linked by pointers
mod list;

use super::bell::{Bell, Heat, Silent};
use super::capacity::{CapacityError, check_capacity};
use super::ends;
use super::error::PushError;
use super::gate::Gate;
use super::intrusive_arc::{IntrusiveArc, RefCounted, try_increment};
use super::kind::Lanes;
use super::lane::{Lane, ProducerCursor};
use super::ring::Position;
use super::sealed;
use crate::sync::{AtomicU64, AtomicUsize, fence};
use list::{LaneList, Node};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub use consumer::{Consumer, ROUND_MAX};

/// The memory that all ends share.
pub struct Ring<T, B> {
    gate: Gate<B>,
    lanes: LaneList<T>,
    capacity: usize,
    producers: AtomicUsize,
    holders: AtomicUsize,
    refused: AtomicU64,
}

// SAFETY: the count starts at 1 in `with_heat`, and only `IntrusiveArc` uses it.
unsafe impl<T, B> RefCounted for Ring<T, B> {
    fn holders(&self) -> &AtomicUsize {
        &self.holders
    }
}

// SAFETY: lanes pass each value from one thread to another, never to two at once; so `Send` values
// are enough.
unsafe impl<T: Send, B: Bell> Send for Ring<T, B> {}
// SAFETY: as above.
unsafe impl<T: Send, B: Bell> Sync for Ring<T, B> {}

impl<T: Send, B: Bell> Ring<T, B> {
    fn close(&self) {
        self.gate.close();
    }

    /// Producers have no common order.
    #[inline(always)]
    fn end(&self) -> Position {
        0
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn len(&self) -> usize {
        self.lanes.nodes().map(|node| node.lane.len()).sum()
    }
}

impl<T, B> Drop for Ring<T, B> {
    fn drop(&mut self) {
        self.lanes.free();
    }
}

ends::makers!(
    "Makes a mailbox with `capacity` slots for each producer, whose consumer polls.",
    "Makes a mailbox whose producers ring `bell` when they find it cold."
);

/// As [`with_bell`], and says whether the mailbox may be cooled.
///
/// # Errors
/// As there.
pub fn with_heat<T: Send, B: Bell>(
    capacity: usize,
    heat: Heat,
    bell: B,
) -> Result<Ends<T, B>, CapacityError> {
    // The first producer makes the first lane, and can't refuse a capacity: so this does.
    check_capacity(capacity)?;
    let ring = IntrusiveArc::new(Ring {
        gate: Gate::new(bell, heat),
        lanes: LaneList::new(),
        capacity,
        producers: AtomicUsize::new(1),
        holders: AtomicUsize::new(1),
        refused: AtomicU64::new(0),
    });
    let producer = Producer::of(ring.clone());
    Ok((producer, Consumer::of(ring)))
}

/// One producer, with a lane of its own. It is `Send`, but not `Sync`; clone it for another lane.
/// The last one dropped closes the mailbox.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<mainspring::mailbox::lanes::Producer<u64>>();
/// ```
pub struct Producer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    node: NonNull<Node<T>>,
    producing: ProducerCursor,
}

// SAFETY: the node is used by this producer alone, or is shared like the ring; values are `Send`.
unsafe impl<T: Send, B: Bell> Send for Producer<T, B> {}

impl<T: Send, B: Bell> Producer<T, B> {
    /// For a ring that has counted this producer.
    fn of(ring: IntrusiveArc<Ring<T, B>>) -> Self {
        let node = ring.lanes.lane(ring.capacity);
        // SAFETY: nodes live as long as the ring.
        let producing = ProducerCursor::on(&unsafe { node.as_ref() }.lane);
        Self { ring, node, producing }
    }

    #[inline(always)]
    fn lane(&self) -> &Lane<T> {
        // SAFETY: nodes live as long as the ring, which this handle holds.
        &unsafe { self.node.as_ref() }.lane
    }

    /// Adds a request, or gives it back.
    ///
    /// # Errors
    /// [`PushError::Full`] when no slot of this producer's lane is free, [`PushError::Closed`]
    /// after a close; the request is inside.
    /// # Blocking
    /// Never: wait-free.
    /// # Ordering
    /// What the caller wrote before is visible to the consumer of this request (pair `lane.tail`).
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.producing.push(self.lane(), &self.ring.gate, value)
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
        self.producing.push_batch(self.lane(), &self.ring.gate, values)
    }
}

impl<T: Send, B: Bell> Clone for Producer<T, B> {
    /// Takes a lane that was given up, or allocates one.
    fn clone(&self) -> Self {
        // Relaxed: the count alone matters, and this handle keeps it above zero meanwhile.
        self.ring.producers.fetch_add(1, Relaxed);
        Self::of(self.ring.clone())
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        // SAFETY: nodes live as long as the ring.
        unsafe { self.node.as_ref() }.give_up();
        // Release [lanes.producers]: hands what this producer did to the last one.
        if self.ring.producers.fetch_sub(1, Release) == 1 {
            // Acquire [lanes.producers]: lets the last one publish all of it with the close.
            fence(Acquire);
            self.ring.gate.close();
        }
    }
}

ends::producer!("lanes", "How many requests fit into each producer's lane.");
ends::gated!();
ends::cloned_kind!(Lanes);

impl sealed::Kind for Lanes {
    ends::kind!(with_heat);

    fn upgrade<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Ring<T, B>>,
    ) -> Option<Producer<T, B>> {
        try_increment(&ring.producers).then(|| Producer::of(ring.clone()))
    }
}
