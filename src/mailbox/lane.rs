//! A ring for one producer: two positions, each side with a cached copy of the other's.
//!
//! The producer fills slots and then moves the tail over them, one at a time or many at once. The
//! consumer moves the head over what it has served. Each side reads the other's word only when its
//! copy is used up. Both words have one writer, so plain stores are enough. The
//! [gate](super::gate) handles admission and wake-ups.
//!
//! | word | meaning | moved by |
//! |---|---|---|
//! | `tail` | what lies before it was published | the producer |
//! | `head` | what lies before it was taken | the consumer |
//! | `last` | `OPEN`, or where the lane ends: what was published after it never counts | one CAS: by the consumer that has seen the mailbox closed, to the tail it sees; or by a producer that finds the gate closed after its publication, to the end of that |
//!
//! **Progress.** Wait-free for both: no loop retries.
//!
//! # Source
//! L. Lamport's ring (1977) with cached indices: P. Lee et al., "MCRingBuffer" (2010); rigtorp's
//! SPSCQueue; rtrb.

#[allow(unsafe_code)] // reads of slots that the producer has filled
mod consuming;
#[allow(unsafe_code)] // filling slots that it found free
mod producing;

use super::capacity::CapacityError;
use super::drop_all::DropAll;
use super::ring::{Geometry, PlainSlot, Position, Slots};
use crate::sync::{AtomicU64, IS_MODEL};
use std::mem;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

pub(super) use consuming::ConsumerCursor;
pub(super) use producing::ProducerCursor;

/// The lane has not ended.
const OPEN: Position = Position::MAX;

/// See the module. The producer's lines come first, then the consumer's pair of lines.
#[repr(C)]
pub(super) struct Lane<T> {
    tail: AtomicU64,
    last: AtomicU64,
    fixed: Fixed<T>,
    head: Padded<AtomicU64>,
}

/// Read by both, written once.
#[repr(C, align(64))]
struct Fixed<T> {
    slots: Slots<PlainSlot<T>>,
    geometry: Geometry,
}

#[repr(C, align(128))]
struct Padded<T>(T);

const _: () = assert!(IS_MODEL || mem::size_of::<Lane<u64>>() == 256);

impl<T: Send> Lane<T> {
    pub(super) fn new(capacity: usize) -> Result<Self, CapacityError> {
        let geometry = Geometry::new(capacity)?;
        Ok(Self {
            tail: AtomicU64::new(0),
            last: AtomicU64::new(OPEN),
            fixed: Fixed { slots: Slots::unallocated(), geometry },
            head: Padded(AtomicU64::new(0)),
        })
    }

    /// A lane that never takes anything: for a producer of a mailbox that has ended.
    pub(super) fn ended(capacity: usize) -> Result<Self, CapacityError> {
        let mut lane = Self::new(capacity)?;
        lane.last = AtomicU64::new(0);
        Ok(lane)
    }

    /// The producer's side: whether a request that ends at `to` still counts.
    fn settle(&self, to: Position) -> bool {
        // AcqRel [lane.last]: Release carries the request to a consumer that learns of it here;
        // Acquire, also on failure, sees what the consumer did before it ended the lane.
        match self.last.compare_exchange(OPEN, to, AcqRel, Acquire) {
            Ok(_) => true,
            Err(last) => last >= to,
        }
    }

    /// The consumer's side, once it has seen the gate closed and fenced: the end of the lane.
    fn seal(&self) -> Position {
        // Acquire [lane.tail]: sees the requests.
        let tail = self.tail.load(Acquire);
        // AcqRel [lane.last]: as in `settle`, with the sides changed.
        match self.last.compare_exchange(OPEN, tail, AcqRel, Acquire) {
            Ok(_) => tail,
            Err(last) => last,
        }
    }

    /// The consumer's side: how far it may read.
    #[inline(always)]
    fn published(&self) -> Position {
        // Acquire [lane.last]: sees a request that counts because its producer said so.
        let last = self.last.load(Acquire);
        // Acquire [lane.tail]: sees the requests before it.
        self.tail.load(Acquire).min(last)
    }

    /// What the producer has published so far; for the producer's thread.
    #[inline(always)]
    pub(super) fn end(&self) -> Position {
        // Relaxed: this thread is the one that wrote it, or was told so by the one that did.
        self.tail.load(Relaxed)
    }

    /// Whether everything was taken; `head` is the consumer's.
    pub(super) fn is_empty(&self, head: Position) -> bool {
        self.published() == head
    }

    pub(super) fn len(&self) -> usize {
        // Relaxed, all: a length is a hint; head first, so that the distance is rarely negative.
        let head = self.head.0.load(Relaxed);
        let tail = self.tail.load(Relaxed).min(self.last.load(Relaxed));
        self.fixed.geometry.distance(tail, head) as usize
    }

    pub(super) fn capacity(&self) -> usize {
        self.fixed.geometry.capacity()
    }

    #[inline(always)]
    fn slots(&self) -> *const PlainSlot<T> {
        self.fixed.slots.get_or_allocate(&self.fixed.geometry)
    }

    /// # Safety
    /// Only the producer may call this, with a position that it found free, and the slots' address.
    #[inline(always)]
    unsafe fn fill(&self, slots: *const PlainSlot<T>, position: Position, value: T) {
        let index = self.fixed.geometry.index(position);
        // SAFETY: the index is below the capacity, the number of slots. The position lies between
        // tail and head plus a lap, so the slot is the producer's, and empty.
        unsafe { (*slots.add(index)).0.with_mut(|v| (*v).write(value)) };
    }

    /// # Safety
    /// Only the producer may call this, once, for a position that it filled and that doesn't count.
    unsafe fn take_back(&self, position: Position) -> T {
        let index = self.fixed.geometry.index(position);
        // SAFETY: as in `fill`; it was filled, the consumer never reads behind the lane's end, and
        // the caller reads it once.
        unsafe { (*self.slots().add(index)).0.with(|v| (*v).assume_init_read()) }
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        let Fixed { slots, geometry } = &mut self.fixed;
        let Some(first) = slots.get() else { return };
        let mut remains = DropAll::default();
        // Relaxed, all: `&mut self` is the last use, the mailbox's count ordered everything before.
        let mut position = self.head.0.load(Relaxed);
        let end = self.tail.load(Relaxed).min(self.last.load(Relaxed));
        while position != end {
            // SAFETY: in bounds, as the index is below the capacity; between head and tail every
            // slot is full, and nobody else is left to read it.
            let value = unsafe { &(*first.add(geometry.index(position))).0 };
            // SAFETY: as above; dropped once.
            remains.drop(|| value.with_mut(|value| unsafe { (*value).assume_init_drop() }));
            position = geometry.advance(position, 1);
        }
        slots.free(geometry);
        remains.end();
    }
}
