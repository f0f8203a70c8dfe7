//! A producer of the shared ring that isn't counted: it holds the memory, but doesn't keep the ring
//! open.
//!
//! The count of producers decides only who closes the ring at last; the rest of the protocol
//! doesn't use it. A request that a claim accepts is served, because the claim and the close change
//! the same word. A producer that finds the ring cold rings a bell in memory that it holds. So a
//! guest is a producer like any other, except that it may come when the others have gone. Then it
//! finds the ring closed.

use super::bell::{Bell, Heat};
use super::capacity::CapacityError;
use super::error::PushError;
use super::intrusive_arc::IntrusiveArc;
use super::kind::{Guest, Mpsc};
use super::mpsc::{Consumer, Ring};
use super::sealed;
use crate::sync::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// See the module.
pub struct Producer<T: Send, B: Bell> {
    ring: IntrusiveArc<Ring<T, B>>,
}

impl<T: Send, B: Bell> Producer<T, B> {
    fn of(ring: &IntrusiveArc<Ring<T, B>>) -> Self {
        Self { ring: ring.clone() }
    }
}

impl<T: Send + 'static, B: Bell> sealed::Producer<T, B> for Producer<T, B> {
    type Ring = Ring<T, B>;

    #[inline(always)]
    fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.ring.push(value)
    }

    fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        self.ring.push_batch(values)
    }

    #[inline(always)]
    fn ring(&self) -> &IntrusiveArc<Ring<T, B>> {
        &self.ring
    }
}

impl sealed::Kind for Guest {
    type Producer<T: Send + 'static, B: Bell> = Producer<T, B>;
    type Consumer<T: Send + 'static, B: Bell> = Consumer<T, B>;
    type Ring<T: Send + 'static, B: Bell> = Ring<T, B>;

    /// A mailbox of guests alone is closed from the start; no object has one.
    fn mailbox<T: Send + 'static, B: Bell>(
        capacity: usize,
        heat: Heat,
        bell: B,
    ) -> Result<(Producer<T, B>, Consumer<T, B>), CapacityError> {
        let (producer, consumer) = <Mpsc as sealed::Kind>::mailbox(capacity, heat, bell)?;
        Ok((Producer::of(sealed::Producer::ring(&producer)), consumer))
    }

    fn upgrade<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Ring<T, B>>,
    ) -> Option<Producer<T, B>> {
        // Relaxed: a guest changes nothing by being there, and is refused once the ring is closed.
        let count = <Self as sealed::ClonedKind>::producers(ring).load(Relaxed);
        (count > 0).then(|| Producer::of(ring))
    }
}

impl sealed::SharedKind for Mpsc {
    fn guest<T: Send + 'static, B: Bell>(ring: &IntrusiveArc<Ring<T, B>>) -> Producer<T, B> {
        Producer::of(ring)
    }
}

impl sealed::SharedKind for Guest {
    fn guest<T: Send + 'static, B: Bell>(ring: &IntrusiveArc<Ring<T, B>>) -> Producer<T, B> {
        Producer::of(ring)
    }
}

impl sealed::ClonedKind for Guest {
    fn clone_producer<T: Send + 'static, B: Bell>(producer: &Producer<T, B>) -> Producer<T, B> {
        Producer::of(&producer.ring)
    }

    fn producers<T: Send + 'static, B: Bell>(ring: &Ring<T, B>) -> &AtomicUsize {
        <Mpsc as sealed::ClonedKind>::producers(ring)
    }
}
