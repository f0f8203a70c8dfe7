//! The ring whose slots say themselves whose turn it is (D. Vyukov, 1024cores.net).
//!
//! The stamp of a slot is `position << 1` while it is free for that position, and one more when it
//! holds the request of that position. Two kinds: `SHARED`, where a compare-and-swap on the tail
//! claims a slot, for any number of producers; and for one producer, which counts for itself.

use super::layout::{Layout, Usual, prefetch_for_write};
use super::publish::FLAG_BITS;
use super::{CAPACITY, Consumer, Message, Producer, Ring, Tuning, Words};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

const FULL: u64 = 1;

/// The memory.
#[repr(C, align(128))]
pub struct StampedRing<
    const SHARED: bool,
    const WORDS: usize,
    L: Layout = Usual,
    const SLOTS: usize = CAPACITY,
> {
    tail: L::Padded<AtomicU64>,
    /// Read by batch claims alone.
    head: L::Padded<AtomicU64>,
    slots: L::Padded<[Slot<WORDS>; SLOTS]>,
}

struct Slot<const WORDS: usize> {
    stamp: AtomicU64,
    words: Words<WORDS>,
}

impl<const SHARED: bool, const WORDS: usize, L: Layout, const SLOTS: usize> Ring<WORDS>
    for StampedRing<SHARED, WORDS, L, SLOTS>
{
    type Producer<'a> = StampedProducer<'a, SHARED, WORDS, L, SLOTS>;
    type Consumer<'a> = StampedConsumer<'a, SHARED, WORDS, L, SLOTS>;

    fn new() -> Box<Self> {
        const { assert!(SLOTS.is_power_of_two()) }
        let ring = Box::new(Self {
            tail: AtomicU64::new(0).into(),
            head: AtomicU64::new(0).into(),
            slots: [const { Slot { stamp: AtomicU64::new(0), words: Words::empty() } }; SLOTS]
                .into(),
        });
        // Relaxed: handed to the other threads with the ring.
        (0..SLOTS as u64).for_each(|at| ring.slot(at).stamp.store(at << 1, Relaxed));
        ring
    }

    fn producer(&self, tuning: Tuning) -> Self::Producer<'_> {
        // Relaxed: handed to its thread with this end.
        let tail = self.tail.load(Relaxed) >> FLAG_BITS;
        StampedProducer { ring: self, tuning, tail }
    }

    fn consumer(&self, tuning: Tuning) -> Self::Consumer<'_> {
        // Relaxed: as above.
        StampedConsumer { ring: self, tuning, head: self.head.load(Relaxed), backlog: false }
    }
}

impl<const SHARED: bool, const WORDS: usize, L: Layout, const SLOTS: usize>
    StampedRing<SHARED, WORDS, L, SLOTS>
{
    #[inline(always)]
    fn slot(&self, position: u64) -> &Slot<WORDS> {
        &self.slots[L::index(position as usize % SLOTS)]
    }

    #[inline(always)]
    fn is_full(&self, position: u64) -> bool {
        // Acquire: sees the request; pairs with the Release in `fill`.
        self.slot(position).stamp.load(Acquire) == position << 1 | FULL
    }

    /// Moves the tail over the positions claimed; fails if another producer was faster.
    #[inline(always)]
    fn advance(&self, from: u64, to: u64) -> bool {
        // AcqRel and Acquire, as the engine's: a position alone would need less, but the flags in
        // the same word (closed, cold) carry more. On x86-64 it is the same instruction.
        let moved =
            self.tail.compare_exchange_weak(from << FLAG_BITS, to << FLAG_BITS, AcqRel, Acquire);
        moved.is_ok()
    }

    /// Only for whoever has claimed `position`.
    #[inline(always)]
    fn fill(&self, position: u64, message: Message<WORDS>, tuning: &Tuning) {
        let slot = self.slot(position);
        slot.words.write(message);
        // Release: carries the request; pairs with the Acquire in `is_full`.
        slot.stamp.store(position << 1 | FULL, Release);
        if tuning.ahead_to_write > 0 {
            prefetch_for_write(self.slot(position + tuning.ahead_to_write));
        }
    }
}

/// An end that adds.
pub struct StampedProducer<
    'a,
    const SHARED: bool,
    const WORDS: usize,
    L: Layout = Usual,
    const SLOTS: usize = CAPACITY,
> {
    ring: &'a StampedRing<SHARED, WORDS, L, SLOTS>,
    tuning: Tuning,
    /// The next position, where there is one producer.
    tail: u64,
}

impl<const SHARED: bool, const WORDS: usize, L: Layout, const SLOTS: usize> Producer<WORDS>
    for StampedProducer<'_, SHARED, WORDS, L, SLOTS>
{
    #[inline(always)]
    fn offer(&mut self, count: u64, mut make: impl FnMut(u64) -> Message<WORDS>) -> u64 {
        if !SHARED {
            return self.fill_while_free(count, make);
        }
        let claimed = if count == 1 { self.claim() } else { self.claim_many(count) };
        let Some((first, count)) = claimed else { return 0 };
        (0..count).for_each(|step| self.ring.fill(first + step, make(step), &self.tuning));
        count
    }
}

impl<const SHARED: bool, const WORDS: usize, L: Layout, const SLOTS: usize>
    StampedProducer<'_, SHARED, WORDS, L, SLOTS>
{
    fn fill_while_free(&mut self, count: u64, mut make: impl FnMut(u64) -> Message<WORDS>) -> u64 {
        for step in 0..count {
            // Acquire: the consumer has read the last lap's request; pairs with `free`.
            if self.ring.slot(self.tail).stamp.load(Acquire) != self.tail << 1 {
                return step;
            }
            self.ring.fill(self.tail, make(step), &self.tuning);
            self.tail += 1;
        }
        count
    }

    #[inline(always)]
    fn claim(&self) -> Option<(u64, u64)> {
        loop {
            // Acquire: as the engine's, for its flags.
            let tail = self.ring.tail.load(Acquire) >> FLAG_BITS;
            // Acquire: as in `fill_while_free`.
            let seen = self.ring.slot(tail).stamp.load(Acquire);
            if seen < tail << 1 {
                return None;
            }
            if seen == tail << 1 && self.ring.advance(tail, tail + 1) {
                return Some((tail, 1));
            }
        }
    }

    #[inline(always)]
    fn claim_many(&self, wanted: u64) -> Option<(u64, u64)> {
        loop {
            // Acquire: the slots before this position are free; pairs with `free`. Before the
            // tail, so that the distance is never negative.
            let head = self.ring.head.load(Acquire);
            // Acquire: as in `claim`.
            let tail = self.ring.tail.load(Acquire) >> FLAG_BITS;
            let room = (SLOTS as u64).saturating_sub(tail - head);
            let count = room.min(wanted);
            if count == 0 {
                return None;
            }
            if self.ring.advance(tail, tail + count) {
                return Some((tail, count));
            }
        }
    }
}

/// The end that takes. A request is taken without a read-modify-write, and the tail isn't read.
pub struct StampedConsumer<
    'a,
    const SHARED: bool,
    const WORDS: usize,
    L: Layout = Usual,
    const SLOTS: usize = CAPACITY,
> {
    ring: &'a StampedRing<SHARED, WORDS, L, SLOTS>,
    tuning: Tuning,
    head: u64,
    /// The last pass found as much as it could take: the producers are well ahead.
    backlog: bool,
}

impl<const SHARED: bool, const WORDS: usize, L: Layout, const SLOTS: usize> Consumer<WORDS>
    for StampedConsumer<'_, SHARED, WORDS, L, SLOTS>
{
    #[inline(always)]
    fn drain(&mut self, max: u64, take: impl FnMut(Message<WORDS>)) -> u64 {
        self.drain_looking_ahead(max, 0, |_| (), take)
    }
}

impl<const SHARED: bool, const WORDS: usize, L: Layout, const SLOTS: usize>
    StampedConsumer<'_, SHARED, WORDS, L, SLOTS>
{
    /// As `drain`; before a request is taken, `glance` sees the one that lies `distance` behind it,
    /// if that is there.
    #[inline(always)]
    pub fn drain_looking_ahead(
        &mut self,
        max: u64,
        distance: u64,
        mut glance: impl FnMut(Message<WORDS>),
        mut take: impl FnMut(Message<WORDS>),
    ) -> u64 {
        let (ahead, reach) = (self.tuning.ahead_to_take, self.reach(max));
        let (mut count, mut unfreed) = (0, 0);
        while count < max && self.ring.is_full(self.head) {
            if distance > 0 && self.ring.is_full(self.head + distance) {
                glance(self.ring.slot(self.head + distance).words.read());
            }
            if count + ahead < reach {
                prefetch_for_write(self.ring.slot(self.head + ahead));
            }
            take(self.ring.slot(self.head).words.read());
            self.head += 1;
            count += 1;
            unfreed += 1;
            if unfreed == self.tuning.release_every {
                self.free(unfreed);
                unfreed = 0;
            }
        }
        if unfreed > 0 {
            self.free(unfreed);
        }
        self.backlog = count == max;
        count
    }

    /// How many slots from the head on may be asked for early.
    #[inline(always)]
    fn reach(&self, max: u64) -> u64 {
        if self.tuning.ahead_to_take == 0 || !self.backlog {
            0
        } else if !self.tuning.known_full_only {
            u64::MAX
        } else if self.ring.is_full(self.head + max - 1) {
            max
        } else {
            0
        }
    }

    /// Shows up to `max` requests that are there, without taking them.
    #[inline(always)]
    pub fn peek(&self, max: u64, mut glance: impl FnMut(Message<WORDS>)) {
        for position in self.head..self.head + max {
            if !self.ring.is_full(position) {
                return;
            }
            glance(self.ring.slot(position).words.read());
        }
    }

    #[inline(always)]
    fn free(&self, count: u64) {
        let first = self.head - count;
        for step in 0..count {
            let step = if self.tuning.oldest_last { count - 1 - step } else { step };
            let position = first + step;
            // Release: the request was read; pairs with the Acquire in `claim`.
            self.ring.slot(position).stamp.store((position + SLOTS as u64) << 1, Release);
        }
        // Release: the stamps before it are free; pairs with the Acquire in `claim_many`.
        self.ring.head.store(self.head, Release);
    }
}
