//! A ring for one producer: positions alone, each side with a cached copy of the other's.
//!
//! The producer fills slots and then moves the tail over them, one at a time or many at once; the
//! consumer moves the head over what it has served. Each looks at the other's word only when what
//! it knows is used up. Both words have one writer, so plain stores are enough; admission and
//! wake-ups are the [gate's](super::gate) business.
//!
//! | word | meaning | moved by |
//! |---|---|---|
//! | `tail` | what lies before it was published | the producer |
//! | `head` | what lies before it was taken | the consumer |
//! | `last` | `OPEN`, or where the lane ends: what was published behind it never counts | by one CAS: the consumer that has seen the mailbox closed, to the tail it sees; or a producer that finds the gate closed behind its publication, to the end of that |
//!
//! **Progress.** Wait-free for both: no loop retries.
//!
//! # Source
//! L. Lamport's ring (1977) with cached indices: P. Lee et al., "MCRingBuffer" (2010); rigtorp's
//! SPSCQueue; rtrb.

use super::drop_all::DropAll;
use super::gate::Gate;
use super::ring::{Geometry, PlainSlot, Position, Slots, release_every};
use super::{Bell, CapacityError, PushError};
use crate::sync::{AtomicU64, IS_MODEL};
use crate::sys::{prefetch_for_read, prefetch_for_write};
use std::cell::Cell;
use std::mem;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The lane has not ended.
const OPEN: Position = Position::MAX;

/// See the module. The producer's lines first, then, in a pair of lines of its own, the consumer's.
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
        // AcqRel [lane.last]: Release carries the request to a consumer that learns of it from here;
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

    /// Whether nothing is there that was not taken; `head` is the consumer's.
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
        // SAFETY: as in `fill`; it was filled, the consumer never reads behind the lane's end, and the
        // caller reads it once.
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
            // SAFETY: in bounds as ever; between head and tail every slot is full, and nobody else
            // is left to read it.
            let value = unsafe { &(*first.add(geometry.index(position))).0 };
            // SAFETY: as above; dropped once.
            remains.drop(|| value.with_mut(|value| unsafe { (*value).assume_init_drop() }));
            position = geometry.advance(position, 1);
        }
        slots.free(geometry);
        remains.end();
    }
}

/// What the producer of a lane knows. All its methods take that lane and its mailbox's gate.
pub(super) struct ProducerCursor {
    /// The next position to fill.
    tail: Cell<Position>,
    /// Slots from there on that are certainly free; 0 while a batch is being filled.
    room: Cell<u64>,
    /// A batch is being filled: its iterator, the user's code, may use this producer.
    is_filling: Cell<bool>,
}

impl ProducerCursor {
    /// For the first producer of a lane, or one that goes on where another has stopped.
    pub(super) fn on<T: Send>(lane: &Lane<T>) -> Self {
        // Acquire [lane.tail]: also sees what the last producer filled.
        let tail = Cell::new(lane.tail.load(Acquire));
        Self { tail, room: Cell::new(0), is_filling: Cell::new(false) }
    }

    #[inline(always)]
    pub(super) fn push<T: Send, B: Bell>(
        &self,
        lane: &Lane<T>,
        gate: &Gate<B>,
        value: T,
    ) -> Result<(), PushError<T>> {
        if gate.is_closed() {
            return Err(PushError::Closed(value));
        }
        if self.room_for(lane, 1) == 0 {
            return Err(PushError::Full(value));
        }
        let position = self.tail.get();
        // SAFETY: there is room, and this is the lane's producer.
        unsafe { lane.fill(lane.slots(), position, value) };
        if self.publish(lane, gate, 1) {
            return Ok(());
        }
        // SAFETY: it was filled just now, and doesn't count.
        Err(PushError::Closed(unsafe { lane.take_back(position) }))
    }

    pub(super) fn push_batch<T, B, I>(
        &self,
        lane: &Lane<T>,
        gate: &Gate<B>,
        values: &mut I,
    ) -> Result<usize, PushError<Vec<T>>>
    where
        T: Send,
        B: Bell,
        I: ExactSizeIterator<Item = T>,
    {
        if gate.is_closed() {
            return Err(PushError::Closed(Vec::new()));
        }
        let wanted = values.len() as u64;
        // Also inside another batch, which goes on after this one: it must find itself as it was.
        if wanted == 0 {
            return Ok(0);
        }
        let room = self.room_for(lane, wanted);
        if room == 0 {
            return Err(PushError::Full(Vec::new()));
        }
        let (slots, from) = (lane.slots(), self.tail.get());
        self.room.set(0);
        self.is_filling.set(true);
        let mut filled = BatchWrite { producing: self, lane, gate, slots, from, room, count: 0 };
        for value in values.take(room.min(wanted) as usize) {
            filled.add(value);
        }
        filled.publish()
    }

    /// Free slots, as far as needed: the head is looked up only if too few are known.
    #[inline(always)]
    pub(super) fn room_for<T: Send>(&self, lane: &Lane<T>, wanted: u64) -> u64 {
        if self.room.get() >= wanted { self.room.get() } else { self.look_for_room(lane) }
    }

    fn look_for_room<T: Send>(&self, lane: &Lane<T>) -> u64 {
        if self.is_filling.get() {
            return 0;
        }
        let geometry = &lane.fixed.geometry;
        // Acquire [lane.head]: the consumer has moved those requests out.
        let used = geometry.distance(self.tail.get(), lane.head.0.load(Acquire));
        self.room.set(geometry.capacity() as u64 - used);
        self.room.get()
    }

    /// Shows the next `count` filled slots to the consumer; `false` if they don't count any more.
    #[inline(always)]
    fn publish<T: Send, B: Bell>(&self, lane: &Lane<T>, gate: &Gate<B>, count: u64) -> bool {
        let to = lane.fixed.geometry.advance(self.tail.get(), count);
        // Before the bell may ring, which is the user's code. What doesn't count is not filled again:
        // nothing is pushed after a close.
        self.tail.set(to);
        self.room.set(self.room.get() - count);
        // Release [lane.tail]: carries the requests to the consumer.
        lane.tail.store(to, Release);
        gate.is_quiet() || gate.pass(|| lane.settle(to))
    }
}

/// Slots that were filled and not yet published: published on unwind, so that nothing is lost.
struct BatchWrite<'a, T: Send, B: Bell> {
    producing: &'a ProducerCursor,
    lane: &'a Lane<T>,
    gate: &'a Gate<B>,
    slots: *const PlainSlot<T>,
    /// Where the batch begins.
    from: Position,
    /// How many slots are free from there on.
    room: u64,
    count: u64,
}

impl<T: Send, B: Bell> BatchWrite<'_, T, B> {
    #[inline(always)]
    fn add(&mut self, value: T) {
        debug_assert!(self.count < self.room);
        let position = self.position(self.count);
        // SAFETY: `room` positions from the tail are free, and this is the lane's producer.
        unsafe { self.lane.fill(self.slots, position, value) };
        self.count += 1;
        // The publication waits for all of the batch's lines to arrive: ask early for those that
        // the consumer has left.
        if self.count + Slots::<PlainSlot<T>>::AHEAD < self.room {
            let geometry = &self.lane.fixed.geometry;
            let ahead = geometry.advance(position, Slots::<PlainSlot<T>>::AHEAD);
            prefetch_for_write(self.slots.wrapping_add(geometry.index(ahead)));
        }
    }

    #[inline(always)]
    fn position(&self, step: u64) -> Position {
        self.lane.fixed.geometry.advance(self.from, step)
    }

    fn publish(mut self) -> Result<usize, PushError<Vec<T>>> {
        let count = self.end();
        if count == 0 || self.producing.publish(self.lane, self.gate, count) {
            return Ok(count as usize);
        }
        Err(PushError::Closed(self.take_back(count)))
    }

    /// Nothing more is filled; how many were. The second time: 0.
    fn end(&mut self) -> u64 {
        if self.producing.is_filling.replace(false) {
            self.producing.room.set(self.room);
        }
        mem::take(&mut self.count)
    }

    #[cold]
    fn take_back(&self, count: u64) -> Vec<T> {
        // SAFETY: they were filled, and don't count.
        (0..count).map(|step| unsafe { self.lane.take_back(self.position(step)) }).collect()
    }
}

impl<T: Send, B: Bell> Drop for BatchWrite<'_, T, B> {
    fn drop(&mut self) {
        let count = self.end();
        if count > 0 && !self.producing.publish(self.lane, self.gate, count) {
            drop(self.take_back(count));
        }
    }
}

/// What the consumer of a lane knows.
pub(super) struct ConsumerCursor {
    head: Position,
    /// Requests from there on that are certainly there.
    waiting: u64,
}

impl ConsumerCursor {
    pub(super) fn new() -> Self {
        Self { head: 0, waiting: 0 }
    }

    /// Whether the next [`drain`](Self::drain) looks for what the producer has published.
    #[inline(always)]
    pub(super) fn will_look(&self) -> bool {
        self.waiting == 0
    }

    /// How many requests are certainly there. Looks at what the producer writes only if none is known
    /// to be: each look takes the line from it.
    #[inline(always)]
    pub(super) fn look<T: Send>(&mut self, lane: &Lane<T>) -> u64 {
        if self.waiting == 0 {
            self.waiting = lane.fixed.geometry.distance(lane.published(), self.head);
        }
        self.waiting
    }

    /// How many requests lie before that place.
    #[inline(always)]
    pub(super) fn before<T: Send>(&self, lane: &Lane<T>, end: Position) -> usize {
        lane.fixed.geometry.distance(end, self.head) as usize
    }

    /// Hands up to `max` requests to `handler`, oldest first; returns how many.
    ///
    /// `last` says of each whether nothing further was seen behind it.
    #[inline(always)]
    pub(super) fn drain<T: Send>(
        &mut self,
        lane: &Lane<T>,
        max: usize,
        mut handler: impl FnMut(T, bool),
    ) -> usize {
        let geometry = lane.fixed.geometry;
        let count = self.look(lane).min(max as u64);
        let Some(slots) = lane.fixed.slots.get().filter(|_| count > 0) else { return 0 };
        // What lies so far ahead of a request was published too, and can be asked for.
        let mut far = self.waiting.saturating_sub(Slots::<PlainSlot<T>>::AHEAD);
        let release_every = release_every(geometry.capacity());
        let mut batch = Batch { lane, consuming: self, taken: 0 };
        let mut left = count;
        while left > 0 {
            let index = geometry.index(batch.consuming.head);
            // Slots in a row, given back together.
            let run = left.min(release_every).min((geometry.capacity() - index) as u64);
            left -= run;
            for step in 0..run {
                // SAFETY: the index is below the capacity, the number of slots.
                let slot = unsafe { slots.add(index + step as usize) };
                if far > 0 {
                    far -= 1;
                    // Around the end of the ring it asks for a line behind it, for nothing.
                    prefetch_for_read(slot.wrapping_add(Slots::<PlainSlot<T>>::AHEAD as usize));
                }
                // Counted before the handler runs: if it unwinds, its request is not read again.
                batch.taken += 1;
                // SAFETY: the slot lies between head and tail, so the producer has filled it and let
                // go of it; read once.
                let request = unsafe { (*slot).0.with(|value| (*value).assume_init_read()) };
                handler(request, left == 0 && step + 1 == run);
            }
            batch.release();
        }
        count as usize
    }

    /// Whether nothing is there that was not taken.
    pub(super) fn is_empty<T: Send>(&self, lane: &Lane<T>) -> bool {
        lane.is_empty(self.head)
    }

    /// Whether everything that counts was taken. Only after the gate was found closed, and a fence.
    pub(super) fn is_over<T: Send>(&self, lane: &Lane<T>) -> bool {
        lane.seal() == self.head
    }
}

/// Gives slots back, also when the handler unwinds.
struct Batch<'a, T> {
    lane: &'a Lane<T>,
    consuming: &'a mut ConsumerCursor,
    /// How many were taken and not given back.
    taken: u64,
}

impl<T> Batch<'_, T> {
    #[inline(always)]
    fn release(&mut self) {
        let taken = mem::take(&mut self.taken);
        let ConsumerCursor { head, waiting } = self.consuming;
        *head = self.lane.fixed.geometry.advance(*head, taken);
        *waiting -= taken;
        // Release [lane.head]: the requests before it were moved out; pairs with `look_for_room`.
        self.lane.head.0.store(*head, Release);
    }
}

impl<T> Drop for Batch<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.taken > 0 {
            self.release();
        }
    }
}
