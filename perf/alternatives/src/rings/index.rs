//! The ring for one producer whose slots hold nothing but requests: two positions decide.
//!
//! Each side keeps a copy of the other's position and looks at the word itself only when the copy
//! says that it must (Lamport 1977; the copies: Lee et al., "MCRingBuffer", 2010).

use super::layout::{Layout, Usual, prefetch_for_read, prefetch_for_write};
use super::publish::{FLAG_BITS, Publish, Signals};
use super::{CAPACITY, Consumer, Message, Producer, Ring, Tuning, Words};
use crossbeam_utils::CachePadded;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The memory. In this order and from an even line on, so that with `OneLine` head and tail are the
/// two halves of a pair of lines.
#[repr(C, align(128))]
pub struct IndexRing<P, const WORDS: usize, L: Layout = Usual> {
    tail: L::Padded<AtomicU64>,
    head: L::Padded<AtomicU64>,
    slots: L::Padded<[Words<WORDS>; CAPACITY]>,
    asleep: CachePadded<AtomicU64>,
    /// How many wake-ups the producer owed. Counted, so that no look at a flag is optimised away.
    owed: CachePadded<AtomicU64>,
    publish: PhantomData<P>,
}

impl<P: Publish, const WORDS: usize, L: Layout> Ring<WORDS> for IndexRing<P, WORDS, L> {
    type Producer<'a> = IndexProducer<'a, P, WORDS, L>;
    type Consumer<'a> = IndexConsumer<'a, P, WORDS, L>;

    fn new() -> Box<Self> {
        Box::new(Self {
            tail: AtomicU64::new(0).into(),
            head: AtomicU64::new(0).into(),
            slots: [const { Words::empty() }; CAPACITY].into(),
            asleep: CachePadded::default(),
            owed: CachePadded::default(),
            publish: PhantomData,
        })
    }

    fn producer(&self, tuning: Tuning) -> Self::Producer<'_> {
        // Relaxed: handed to its thread with this end.
        let published = self.tail.load(Relaxed) >> FLAG_BITS;
        IndexProducer { ring: self, tuning, filled: published, published, head: published, owed: 0 }
    }

    fn consumer(&self, tuning: Tuning) -> Self::Consumer<'_> {
        // Relaxed: as above.
        let head = self.head.load(Relaxed);
        IndexConsumer { ring: self, tuning, head, tail: head }
    }
}

impl<P: Publish, const WORDS: usize, L: Layout> IndexRing<P, WORDS, L> {
    #[inline(always)]
    fn slot(&self, position: u64) -> &Words<WORDS> {
        &self.slots[L::index(position as usize % CAPACITY)]
    }

    fn signals(&self) -> Signals<'_> {
        Signals { tail: &self.tail, asleep: &self.asleep }
    }
}

/// The end that adds.
pub struct IndexProducer<'a, P: Publish, const WORDS: usize, L: Layout = Usual> {
    ring: &'a IndexRing<P, WORDS, L>,
    tuning: Tuning,
    /// The next position to fill.
    filled: u64,
    /// The tail: everything before it was shown.
    published: u64,
    /// The head as last seen: never ahead of the real one.
    head: u64,
    owed: u64,
}

impl<P: Publish, const WORDS: usize, L: Layout> Producer<WORDS> for IndexProducer<'_, P, WORDS, L> {
    #[inline(always)]
    fn offer(&mut self, count: u64, make: impl FnMut(u64) -> Message<WORDS>) -> u64 {
        let added = self.fill(count, make);
        if added > 0 {
            self.publish();
        }
        added
    }
}

impl<P: Publish, const WORDS: usize, L: Layout> IndexProducer<'_, P, WORDS, L> {
    /// Fills up to `count` slots and shows none of them; says how many there was room for.
    #[inline(always)]
    pub fn fill(&mut self, count: u64, mut make: impl FnMut(u64) -> Message<WORDS>) -> u64 {
        let room = self.room(count);
        let now = room.min(count);
        let ahead = self.tuning.ahead_to_write;
        for step in 0..now {
            self.ring.slot(self.filled + step).write(make(step));
            if ahead > 0 && step + ahead < room {
                prefetch_for_write(self.ring.slot(self.filled + step + ahead));
            }
        }
        self.filled += now;
        now
    }

    /// Shows what was filled.
    #[inline(always)]
    pub fn publish(&mut self) {
        self.owed += u64::from(P::publish(self.ring.signals(), self.published, self.filled));
        self.published = self.filled;
    }

    /// How many slots are filled and not yet shown.
    #[inline(always)]
    pub fn unpublished(&self) -> u64 {
        self.filled - self.published
    }

    /// Whether the consumer has taken everything that was shown, and so may be waiting.
    #[inline(always)]
    pub fn ran_dry(&mut self) -> bool {
        // Acquire: the copy may serve as the head, see `room`.
        self.head = self.ring.head.load(Acquire);
        self.head == self.published
    }

    #[inline(always)]
    fn room(&mut self, wanted: u64) -> u64 {
        let room = CAPACITY as u64 - (self.filled - self.head);
        if room >= wanted {
            return room;
        }
        // Acquire: the consumer has read those requests; pairs with the Release in `drain`.
        self.head = self.ring.head.load(Acquire);
        CAPACITY as u64 - (self.filled - self.head)
    }
}

impl<P: Publish, const WORDS: usize, L: Layout> Drop for IndexProducer<'_, P, WORDS, L> {
    fn drop(&mut self) {
        // Relaxed: a count.
        self.ring.owed.fetch_add(self.owed, Relaxed);
    }
}

/// The end that takes.
pub struct IndexConsumer<'a, P: Publish, const WORDS: usize, L: Layout = Usual> {
    ring: &'a IndexRing<P, WORDS, L>,
    tuning: Tuning,
    head: u64,
    /// The tail as last seen: never ahead of the real one.
    tail: u64,
}

impl<P: Publish, const WORDS: usize, L: Layout> Consumer<WORDS> for IndexConsumer<'_, P, WORDS, L> {
    #[inline(always)]
    fn drain(&mut self, max: u64, mut take: impl FnMut(Message<WORDS>)) -> u64 {
        if self.tail == self.head {
            // Acquire: sees the requests before the position; pairs with `Publish::publish`.
            self.tail = self.ring.tail.load(Acquire) >> FLAG_BITS;
        }
        let waiting = self.tail - self.head;
        let count = waiting.min(max);
        let ahead = self.tuning.ahead_to_take;
        let mut until_release = self.tuning.release_every;
        for step in 0..count {
            if ahead > 0 && step + ahead < waiting {
                prefetch_for_read(self.ring.slot(self.head + ahead));
            }
            take(self.ring.slot(self.head).read());
            self.head += 1;
            until_release -= 1;
            if until_release == 0 {
                self.release();
                until_release = self.tuning.release_every;
            }
        }
        if until_release != self.tuning.release_every {
            self.release();
        }
        count
    }
}

impl<P: Publish, const WORDS: usize, L: Layout> IndexConsumer<'_, P, WORDS, L> {
    #[inline(always)]
    fn release(&self) {
        // Release: the requests were read; pairs with the Acquire in `room`.
        self.ring.head.store(self.head, Release);
    }

    /// Announces a sleep and takes the announcement back; whether the ring was empty in between.
    #[inline(always)]
    pub fn cool_and_warm(&self) -> bool {
        let cold = P::cool(self.ring.signals(), self.head);
        if cold {
            P::warm(self.ring.signals());
        }
        cold
    }
}
