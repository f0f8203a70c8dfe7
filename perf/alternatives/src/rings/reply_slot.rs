//! A shared ring whose slots also hold the answers: no reply cells.
//!
//! A slot stays occupied until its caller has taken the answer. So a caller that is slow to look
//! keeps everybody's room, and one that goes away keeps it for ever, unless somebody cleans up.

use super::CAPACITY;
use super::layout::{Layout, Usual};
use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

const FREE: u64 = 0;
const FULL: u64 = 1;
const STARTED: u64 = 2;
const DONE: u64 = 3;

/// The memory. `S` pads a slot.
#[repr(C, align(128))]
pub struct ReplyRing<S> {
    tail: <Usual as Layout>::Padded<AtomicU64>,
    slots: [S; CAPACITY],
}

/// One slot.
pub struct Slot {
    /// `position << 2 | state`.
    stamp: AtomicU64,
    question: AtomicU64,
    answer: AtomicU64,
}

impl<S: Deref<Target = Slot> + From<Slot>> ReplyRing<S> {
    /// An empty ring.
    pub fn new() -> Box<Self> {
        let slot = |place: usize| {
            S::from(Slot {
                stamp: AtomicU64::new((place as u64) << 2 | FREE),
                question: AtomicU64::new(0),
                answer: AtomicU64::new(0),
            })
        };
        Box::new(Self { tail: AtomicU64::new(0).into(), slots: std::array::from_fn(slot) })
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &Slot {
        &self.slots[position as usize % CAPACITY]
    }

    /// Sends a question; says where its answer will be, or `None` without room.
    #[inline(always)]
    pub fn ask(&self, question: u64) -> Option<u64> {
        loop {
            // Acquire: as the engine's tail, for its flags.
            let tail = self.tail.load(Acquire);
            let slot = self.slot(tail);
            // Acquire: the last lap's answer was taken; pairs with `poll`.
            let seen = slot.stamp.load(Acquire);
            if seen < tail << 2 {
                return None;
            }
            // AcqRel, Acquire: as above.
            let is_free = seen == tail << 2 | FREE;
            if is_free && self.tail.compare_exchange(tail, tail + 1, AcqRel, Acquire).is_ok() {
                // Relaxed: the stamp carries it.
                slot.question.store(question, Relaxed);
                // Release: carries the question; pairs with the Acquire in `serve`.
                slot.stamp.store(tail << 2 | FULL, Release);
                return Some(tail);
            }
        }
    }

    /// Answers the question at `position`, if it is there; with two compare-and-swaps, as the
    /// engine completes a reply cell.
    #[inline(always)]
    pub fn serve(&self, position: u64, answer: impl FnOnce(u64) -> u64) -> bool {
        let slot = self.slot(position);
        let (full, started) = (position << 2 | FULL, position << 2 | STARTED);
        // Acquire: sees the question; pairs with `ask`.
        if slot.stamp.load(Acquire) != full {
            return false;
        }
        // Relaxed: the word's own order decides between start and cancel.
        let start = slot.stamp.compare_exchange(full, started, Relaxed, Relaxed);
        assert!(start.is_ok(), "no caller cancels here");
        // Relaxed: the question was acquired; the stamp carries the answer.
        slot.answer.store(answer(slot.question.load(Relaxed)), Relaxed);
        // Release: carries the answer; pairs with the Acquire in `poll`.
        let done = slot.stamp.compare_exchange(started, position << 2 | DONE, Release, Relaxed);
        assert!(done.is_ok(), "no caller sleeps here");
        true
    }

    /// The answer at `position`, once it is there; then the slot is free.
    #[inline(always)]
    pub fn poll(&self, position: u64) -> Option<u64> {
        let slot = self.slot(position);
        // Acquire: sees the answer; pairs with `serve`.
        if slot.stamp.load(Acquire) != position << 2 | DONE {
            return None;
        }
        // Relaxed: as above.
        let answer = slot.answer.load(Relaxed);
        // Release: the answer was taken; pairs with `ask`.
        slot.stamp.store((position + CAPACITY as u64) << 2 | FREE, Release);
        Some(answer)
    }
}
