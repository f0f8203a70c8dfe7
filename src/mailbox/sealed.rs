//! What the engine needs of a ring, whichever kind it is.

use super::bell::{Bell, Heat};
use super::capacity::CapacityError;
use super::error::PushError;
use super::intrusive_arc::{IntrusiveArc, RefCounted};
use super::kind::Guest;
use super::pop::Pop;
use super::ring::Position;
use crate::sync::{AtomicU64, AtomicUsize};
use std::sync::atomic::Ordering::Relaxed;

pub trait Kind: Sized + Send + Sync + 'static {
    type Producer<T: Send + 'static, B: Bell>: Producer<T, B, Ring = Self::Ring<T, B>>;
    type Consumer<T: Send + 'static, B: Bell>: Consumer<T, B>;
    type Ring<T: Send + 'static, B: Bell>: SharedRing<B> + RefCounted;

    #[allow(clippy::type_complexity)] // the pair is the whole point, and returned once
    fn mailbox<T: Send + 'static, B: Bell>(
        capacity: usize,
        heat: Heat,
        bell: B,
    ) -> Result<(Self::Producer<T, B>, Self::Consumer<T, B>), CapacityError>;

    /// One more producer, while at least one is left. `None` also where there can be only one.
    fn upgrade<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Self::Ring<T, B>>,
    ) -> Option<Self::Producer<T, B>>;
}

pub trait SharedKind: ClonedKind {
    /// A producer that doesn't count.
    fn guest<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Self::Ring<T, B>>,
    ) -> <Guest as Kind>::Producer<T, B>;
}

pub trait ClonedKind: Kind {
    fn clone_producer<T: Send + 'static, B: Bell>(
        producer: &Self::Producer<T, B>,
    ) -> Self::Producer<T, B>;
    /// How many there are.
    fn producers<T: Send + 'static, B: Bell>(ring: &Self::Ring<T, B>) -> &AtomicUsize;
}

/// The ring itself, as any thread that holds it may use it.
pub trait SharedRing<B>: Send + Sync + 'static {
    fn bell(&self) -> &B;
    fn close(&self);
    fn is_closed(&self) -> bool;
    /// Where the mailbox ends now, unless it is closed: everything before was accepted earlier.
    /// Always 0 where producers have no common order.
    fn end(&self) -> Option<Position>;
    fn len(&self) -> usize;
    fn capacity(&self) -> usize;
    /// How many requests were refused.
    fn refused(&self) -> &AtomicU64;

    /// Takes all the room with claims that are given up, if the kind allows another producer.
    /// Returns how much it was. The object's next turn gives it back.
    fn exhaust(&self) -> usize {
        0
    }

    #[cold]
    fn count_refusal(&self) {
        // Relaxed: a count.
        self.refused().fetch_add(1, Relaxed);
    }
}

pub trait Producer<T, B>: Send {
    type Ring: RefCounted;
    fn push(&self, value: T) -> Result<(), PushError<T>>;
    fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>;
    fn ring(&self) -> &IntrusiveArc<Self::Ring>;
}

pub trait Consumer<T, B>: Send {
    fn drain(&mut self, max: usize, handler: impl FnMut(T, bool)) -> usize;
    /// Whether a drain might find something: `false` only if there was nothing.
    fn has_any(&mut self) -> bool;
    /// How many requests lie before that end of the mailbox, if they can be taken now.
    fn before(&mut self, end: Position) -> usize;
    fn peek(&self) -> Pop<()>;
    fn cool(&mut self) -> bool;
    fn close(&self);
}
