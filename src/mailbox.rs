//! The activation queue: a bounded ring of requests before one consumer.
//!
//! Three kinds, fixed when the mailbox is made. [`mpsc`] takes requests from any number of producers
//! and is the default; [`spsc`] takes them from one, and is cheaper; [`lanes`] gives each producer a
//! ring of its own. None ever waits: [`spsc::Producer::push`] and its relatives return at once, with
//! the value when it was refused. Waiting belongs to whoever holds the ends.
//!
//! # Closing and cooling
//! Two bits of one word, which producers look at with each publication: `CLOSED` ends admission,
//! `COLD` says that the consumer has gone to do something else. Whoever clears `COLD` owes the
//! consumer a wake-up, which it pays by ringing the [`Bell`]. In the shared ring the bits lie beside
//! the position that producers move, so that the read-modify-write which claims a slot also decides
//! whether it is admitted. A consumer that polls all the time never cools its mailbox
//! ([`Heat::Always`]), and the bell ([`Silent`]) is never rung.
//!
//! ```
//! use mainspring::mailbox::{mpsc, Pop};
//!
//! let (producer, mut consumer) = mpsc::mailbox(2)?;
//! producer.push(1).unwrap();
//! producer.push(2).unwrap();
//! assert!(producer.push(3).unwrap_err().is_full()); // exact: two slots, two requests
//! assert_eq!(consumer.pop(), Pop::Request(1));
//! # Ok::<(), mainspring::mailbox::CapacityError>(())
//! ```

mod gate;
mod guest;
#[allow(unsafe_code)] // counted handles
pub(crate) mod intrusive_arc;
#[allow(unsafe_code)] // slots that one side owns at a time
mod lane;
#[allow(unsafe_code)] // the list of lanes
pub mod lanes;
#[allow(unsafe_code)] // claims and the consumer's reads of those slots
pub mod mpsc;
mod drop_all;
#[allow(unsafe_code)] // slots hold requests that one side owns at a time
mod ring;
#[allow(unsafe_code)] // its count of holders
pub mod spsc;
#[allow(unsafe_code)] // the slots of the shared ring
mod stamped;
mod tail;

pub use ring::CAPACITY_MAX;
pub(crate) use ring::Position;

use std::fmt;
use thiserror::Error;

/// How a cold mailbox tells its consumer that something arrived.
///
/// Rung once each time the consumer has cooled the mailbox: by the producer whose request (or whose
/// close) found it cold. Nobody rings again before it was cooled again, so a consumer that was rung
/// for looks for requests, and cools the mailbox anew before it sleeps. The bell runs on that
/// producer's thread.
pub trait Bell: Send + Sync + 'static {
    /// Wakes the consumer.
    fn ring(&self);

    /// A request was accepted although its producer then found the mailbox closed: the two met.
    /// Called on the producer's thread, by [`spsc`] and [`lanes`] only.
    fn late(&self) {}
}

/// Whether a mailbox may be cooled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heat {
    /// Its consumer may stop polling, after it has asked for the bell.
    #[default]
    Varies,
    /// Its consumer polls for as long as the mailbox lives, and is never rung for.
    ///
    /// In [`spsc`] and [`lanes`] a publication is a plain store then. Closing such a mailbox makes
    /// the system call `membarrier(2)`, which interrupts each thread of the process that is running,
    /// for a microsecond or so; where it is missing, producers fence as if the heat varied.
    Always,
}

/// The bell of a mailbox whose consumer polls and never cools it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Bell for Silent {
    fn ring(&self) {}
}

/// What [`mpsc::Consumer::pop`] or [`spsc::Consumer::pop`] found at the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pop<T> {
    /// The oldest request.
    Request(T),
    /// Nothing is there now.
    Empty,
    /// A producer has claimed the head and not yet filled it; behind it there may be more.
    /// Never a reason to wait inside the ring: poll again, or do something else.
    InFlight,
    /// Closed, and everything that was accepted has been taken.
    Closed,
}

/// Why a request did not enter the mailbox. It comes back inside, untouched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// No slot was free. Retry, shed, or wait: the mailbox never grows.
    Full(T),
    /// The mailbox is closed. Retrying cannot help.
    Closed(T),
}

impl<T> PushError<T> {
    /// Takes the refused request back.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether the reason was that no slot was free.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "Full(..)" } else { "Closed(..)" })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "the mailbox is full" } else { "the mailbox is closed" })
    }
}

impl<T> std::error::Error for PushError<T> {}

/// A capacity that no ring can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a mailbox capacity of {capacity} is not possible: give 1 to {max} requests", max = CAPACITY_MAX)]
pub struct CapacityError {
    /// What was asked for, in requests.
    pub capacity: usize,
}

/// Whether a mailbox can have that capacity.
pub(crate) fn check_capacity(capacity: usize) -> Result<(), CapacityError> {
    ring::Geometry::new(capacity).map(drop)
}

/// The marker of the default kind: any number of producers, so the proxy is `Clone + Sync`.
#[derive(Clone, Copy, Debug)]
pub struct Mpsc;

/// The marker of the kind with one producer: its proxy can be sent, not cloned or shared.
#[derive(Clone, Copy, Debug)]
pub struct Spsc;

/// The marker of the kind with a ring for each producer: its proxy can be sent and cloned, not shared.
#[derive(Clone, Copy, Debug)]
pub struct Lanes;

/// The marker of proxies of [`Mpsc`] mailboxes that don't keep their object: see
/// [`Weak::guest`](crate::Weak::guest).
#[derive(Clone, Copy, Debug)]
pub struct Guest;

/// Which ring an object's mailbox is. Chosen when the object is spawned, never changed.
pub trait Kind: sealed::Kind {}

/// The kinds whose producers can be cloned.
pub trait ClonedKind: Kind + sealed::ClonedKind {}

/// The kinds whose producers can also be used by several threads at once.
pub trait SharedKind: ClonedKind + sealed::SharedKind {}

impl Kind for Mpsc {}
impl Kind for Spsc {}
impl Kind for Lanes {}
impl Kind for Guest {}
impl ClonedKind for Mpsc {}
impl ClonedKind for Lanes {}
impl ClonedKind for Guest {}
impl SharedKind for Mpsc {}
impl SharedKind for Guest {}

/// What the engine needs of a ring, whichever kind it is.
pub(crate) mod sealed {
    use super::intrusive_arc::{IntrusiveArc, RefCounted};
    use super::ring::Position;
    use super::{Bell, CapacityError, Heat, Pop, PushError};
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

        /// One more producer, while there is any; `None` also where there can be only one.
        fn upgrade<T: Send + 'static, B: Bell>(
            ring: &IntrusiveArc<Self::Ring<T, B>>,
        ) -> Option<Self::Producer<T, B>>;
    }

    pub trait SharedKind: ClonedKind {
        /// A producer that doesn't count.
        fn guest<T: Send + 'static, B: Bell>(
            ring: &IntrusiveArc<Self::Ring<T, B>>,
        ) -> <super::Guest as Kind>::Producer<T, B>;
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
        /// Where the mailbox ends now, unless it is closed: what lies before was accepted earlier. Always
        /// 0 where producers have no common order.
        fn end(&self) -> Option<Position>;
        fn len(&self) -> usize;
        fn capacity(&self) -> usize;
        /// How many requests were refused.
        fn refused(&self) -> &AtomicU64;

        /// Takes all the room there is with claims that are given up, as far as the kind allows a further
        /// producer; returns how much it was. The object's next turn gives it back.
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
}
