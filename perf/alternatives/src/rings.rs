//! Rings to compare: each real enough that its figure means something, and no more.
//!
//! A power of two of slots, wrap-around, full and empty handled. Not handled: a capacity that is
//! exact, closing, values that need a drop, panics. A slot's words are atomics, so that a prototype
//! with a mistake in its protocol hands out a wrong number, which the harness notices, and nothing
//! worse. On x86-64 they are plain moves.

pub mod index;
pub mod layout;
pub mod publish;
pub mod reply_slot;
pub mod stamped;

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// How many slots a ring has where nothing else is said.
pub const CAPACITY: usize = 1024;

/// A request, in words of eight bytes.
pub type Message<const WORDS: usize> = [u64; WORDS];

/// The end that adds requests.
pub trait Producer<const WORDS: usize>: Send {
    /// Adds up to `count` requests, which `make` makes of their place in the batch, by one
    /// publication where the ring has such a thing; says how many there was room for.
    fn offer(&mut self, count: u64, make: impl FnMut(u64) -> Message<WORDS>) -> u64;
}

/// The end that takes requests.
pub trait Consumer<const WORDS: usize>: Send {
    /// Takes up to `max` requests, oldest first; says how many.
    fn drain(&mut self, max: u64, take: impl FnMut(Message<WORDS>)) -> u64;
}

/// Memory that two or more threads share.
pub trait Ring<const WORDS: usize>: Send + Sync + Sized {
    /// The end that adds. A ring for one producer gives only one out that may be used.
    type Producer<'a>: Producer<WORDS>
    where
        Self: 'a;
    /// The end that takes; only one may be used.
    type Consumer<'a>: Consumer<WORDS>
    where
        Self: 'a;

    /// An empty ring.
    fn new() -> Box<Self>;
    /// An end that adds.
    fn producer(&self, tuning: Tuning) -> Self::Producer<'_>;
    /// The end that takes.
    fn consumer(&self, tuning: Tuning) -> Self::Consumer<'_>;
}

/// Numbers that a ring can be run with. They are read at run time, so all variants of a table run
/// the same machine code and differ in nothing else.
#[derive(Clone, Copy)]
pub struct Tuning {
    /// After so many served slots the consumer gives them back; the rest at the end of its batch.
    pub release_every: u64,
    /// In which order the slots of a group are given back, where each says so itself.
    pub oldest_last: bool,
    /// So many slots ahead the producer asks for a cache line, to write to it; 0: never. A single
    /// producer asks only for slots that it knows to be free.
    pub ahead_to_write: u64,
    /// So many slots ahead the consumer asks for a cache line; 0: never. To read it, where slots
    /// are only read, and what was published is known. To write it, where it will stamp them, and
    /// then only while it is behind.
    pub ahead_to_take: u64,
    /// A consumer that stamps slots asks only for those before one that it has found full.
    pub known_full_only: bool,
}

impl Tuning {
    /// No prefetching; slots are given back as the engine's rings do.
    pub const PLAIN: Self = Self {
        release_every: 64,
        oldest_last: true,
        ahead_to_write: 0,
        ahead_to_take: 0,
        known_full_only: true,
    };

    /// The same, with slots given back in groups of another size.
    pub const fn releasing(self, release_every: u64) -> Self {
        Self { release_every, ..self }
    }

    /// The same, with the producer asking so many slots ahead.
    pub const fn ahead_to_write(self, ahead_to_write: u64) -> Self {
        Self { ahead_to_write, ..self }
    }

    /// The same, with the consumer asking so many slots ahead.
    pub const fn ahead_to_take(self, ahead_to_take: u64) -> Self {
        Self { ahead_to_take, ..self }
    }
}

/// How many slots of so many bytes lie in so many cache lines.
pub const fn slots_in(lines: u64, slot_bytes: u64) -> u64 {
    (lines * 64).div_ceil(slot_bytes)
}

/// The words of one request.
pub struct Words<const WORDS: usize>([AtomicU64; WORDS]);

impl<const WORDS: usize> Words<WORDS> {
    const fn empty() -> Self {
        Self([const { AtomicU64::new(0) }; WORDS])
    }

    #[inline(always)]
    fn write(&self, message: Message<WORDS>) {
        // Relaxed: the publication carries them.
        self.0.iter().zip(message).for_each(|(word, value)| word.store(value, Relaxed));
    }

    #[inline(always)]
    fn read(&self) -> Message<WORDS> {
        // Relaxed: the publication was acquired.
        std::array::from_fn(|place| self.0[place].load(Relaxed))
    }
}
