//! The least that a ring between two threads can be: the yardstick of the mailboxes.
//!
//! One producer, one consumer, numbers only, a power of two of slots, each side with its own copy
//! of the other's index. No closing, no waking, no capacity that is exact, no drop.
//!
//! `WORDS` is the width of a slot: at one, nothing can be less; at four, as wide as a mailbox's slot
//! for a small request, the same number of cache lines has to cross.

use crossbeam_utils::CachePadded;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The memory that both sides share.
pub struct Ring<const WORDS: usize> {
    slots: Box<[[AtomicU64; WORDS]]>,
    tail: CachePadded<AtomicU64>,
    head: CachePadded<AtomicU64>,
}

impl<const WORDS: usize> Ring<WORDS> {
    /// A ring with at least `capacity` slots.
    pub fn new(capacity: usize) -> Self {
        let slot = |_| [const { AtomicU64::new(0) }; WORDS];
        let slots = (0..capacity.next_power_of_two()).map(slot).collect();
        Self { slots, tail: CachePadded::default(), head: CachePadded::default() }
    }

    /// The two ends. Only one pair may be in use.
    pub fn ends(&self) -> (Writer<'_, WORDS>, Reader<'_, WORDS>) {
        (Writer { ring: self, tail: 0, head: 0 }, Reader { ring: self, tail: 0, head: 0 })
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &[AtomicU64; WORDS] {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// Every word of a slot is written, and read.
    #[inline(always)]
    fn fill(&self, position: u64, value: u64) {
        // Relaxed: the tail carries it.
        self.slot(position).iter().for_each(|word| word.store(value, Relaxed));
    }

    #[inline(always)]
    fn take(&self, position: u64) -> u64 {
        // Relaxed: the tail was acquired.
        self.slot(position).iter().fold(u64::MAX, |all, word| all & word.load(Relaxed))
    }
}

/// The producer's side.
pub struct Writer<'a, const WORDS: usize> {
    ring: &'a Ring<WORDS>,
    tail: u64,
    /// The head as last seen.
    head: u64,
}

impl<const WORDS: usize> Writer<'_, WORDS> {
    /// Adds a number; waits for room.
    #[inline(always)]
    pub fn push(&mut self, value: u64) {
        self.wait_for_room();
        self.ring.fill(self.tail, value);
        self.tail += 1;
        // Release: pairs with the Acquire in `Reader::ready`.
        self.ring.tail.store(self.tail, Release);
    }

    /// Adds `first`, `first + 1` and so on, publishing as many at once as fit; waits for room.
    #[inline(always)]
    pub fn push_batch(&mut self, first: u64, count: u64) {
        let mut sent = 0;
        while sent < count {
            let now = self.wait_for_room().min(count - sent);
            for step in 0..now {
                self.ring.fill(self.tail + step, first + sent + step);
            }
            self.tail += now;
            sent += now;
            // Release: as in `push`.
            self.ring.tail.store(self.tail, Release);
        }
    }

    #[inline(always)]
    fn wait_for_room(&mut self) -> u64 {
        let capacity = self.ring.slots.len() as u64;
        while self.tail - self.head == capacity {
            // Acquire: the numbers before it were read; pairs with the Release in `Reader`.
            self.head = self.ring.head.load(Acquire);
            if self.tail - self.head == capacity {
                std::hint::spin_loop();
            }
        }
        capacity - (self.tail - self.head)
    }
}

/// The consumer's side.
pub struct Reader<'a, const WORDS: usize> {
    ring: &'a Ring<WORDS>,
    head: u64,
    /// The tail as last seen.
    tail: u64,
}

impl<const WORDS: usize> Reader<'_, WORDS> {
    /// Takes a number; waits for one.
    #[inline(always)]
    pub fn pop(&mut self) -> u64 {
        self.ready();
        let value = self.ring.take(self.head);
        self.head += 1;
        // Release: pairs with the Acquire in `Writer::wait_for_room`.
        self.ring.head.store(self.head, Release);
        value
    }

    /// The sum of as many numbers as are there, at least one and at most `max`, and how many.
    #[inline(always)]
    pub fn sum_batch(&mut self, max: u64) -> (u64, u64) {
        let count = self.ready().min(max);
        let mut sum = 0_u64;
        for step in 0..count {
            sum = sum.wrapping_add(self.ring.take(self.head + step));
        }
        self.head += count;
        // Release: as in `pop`.
        self.ring.head.store(self.head, Release);
        (sum, count)
    }

    /// How many numbers are there, after waiting for one.
    #[inline(always)]
    fn ready(&mut self) -> u64 {
        while self.tail == self.head {
            // Acquire: sees the numbers; pairs with the Release in `Writer`.
            self.tail = self.ring.tail.load(Acquire);
            if self.tail == self.head {
                std::hint::spin_loop();
            }
        }
        self.tail - self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_in_order_lap_after_lap() {
        let ring = Ring::<2>::new(3);
        let (mut writer, mut reader) = ring.ends();
        for lap in 0..5 {
            writer.push_batch(lap * 10, 3);
            writer.push(lap);
            assert_eq!(reader.sum_batch(2), (lap * 20 + 1, 2));
            assert_eq!(reader.pop(), lap * 10 + 2);
            assert_eq!(reader.pop(), lap);
        }
    }
}
