//! The producer's side of a lane.

use super::Lane;
use crate::mailbox::bell::Bell;
use crate::mailbox::error::PushError;
use crate::mailbox::gate::Gate;
use crate::mailbox::ring::{PlainSlot, Position, Slots};
use crate::sys::prefetch_for_write;
use std::cell::Cell;
use std::mem;
use std::sync::atomic::Ordering::{Acquire, Release};

/// What the producer of a lane knows. All its methods take that lane and its mailbox's gate.
pub(crate) struct ProducerCursor {
    /// The next position to fill.
    tail: Cell<Position>,
    /// How many slots from there on are certainly free; 0 while a batch is being filled.
    room: Cell<u64>,
    /// A batch is being filled: its iterator, the user's code, may use this producer.
    is_filling: Cell<bool>,
}

impl ProducerCursor {
    /// For the first producer of a lane, or one that continues where another stopped.
    pub(crate) fn on<T: Send>(lane: &Lane<T>) -> Self {
        // Acquire [lane.tail]: also sees what the last producer filled.
        let tail = Cell::new(lane.tail.load(Acquire));
        Self { tail, room: Cell::new(0), is_filling: Cell::new(false) }
    }

    #[inline(always)]
    pub(crate) fn push<T: Send, B: Bell>(
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

    pub(crate) fn push_batch<T, B, I>(
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
        // Also inside another batch, which continues after this one and must find its state
        // unchanged.
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

    /// How many slots are free. Reads the head only if fewer than `wanted` are known to be.
    #[inline(always)]
    pub(crate) fn room_for<T: Send>(&self, lane: &Lane<T>, wanted: u64) -> u64 {
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
        // Set before the bell may ring, which is the user's code. Slots that don't count are never
        // filled again: nothing is pushed after a close.
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
        // the consumer has freed.
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

    /// Ends the filling; returns how many slots were filled, and 0 the second time.
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
