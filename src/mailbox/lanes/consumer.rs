//! The consumer of lanes, which takes from them by turns.

use super::Ring;
use super::list::Node;
use crate::mailbox::bell::{Bell, Silent};
use crate::mailbox::ends;
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::lane::{ConsumerCursor, Lane};
use crate::mailbox::pop::Pop;
use crate::mailbox::ring::Position;
use std::ptr::{self, NonNull};

/// How many requests of one lane are taken before the next lane has its turn.
pub const ROUND_MAX: usize = 32;

/// The end that takes requests, one thread at a time. Dropping it closes the mailbox.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    /// The list's head as last seen: all from there on are in `lanes`.
    known: *mut Node<T>,
    lanes: Vec<LaneCursor<T>>,
    /// Whose turn it is.
    next: usize,
}

struct LaneCursor<T> {
    node: NonNull<Node<T>>,
    consuming: ConsumerCursor,
}

// SAFETY: the nodes are shared like the ring, and values are `Send`.
unsafe impl<T: Send, B: Bell> Send for Consumer<T, B> {}

impl<T> LaneCursor<T> {
    #[inline(always)]
    fn lane(&self) -> &Lane<T> {
        // SAFETY: nodes live as long as the ring, which the consumer holds.
        &unsafe { self.node.as_ref() }.lane
    }
}

impl<T: Send, B: Bell> Consumer<T, B> {
    pub(super) fn of(ring: IntrusiveArc<Ring<T, B>>) -> Self {
        Self { ring, known: ptr::null_mut(), lanes: Vec::new(), next: 0 }
    }

    /// Hands up to `max` requests to `handler`; returns how many.
    ///
    /// By turns, up to [`ROUND_MAX`] from each producer, oldest first. The flag says that nothing
    /// further of that producer was ready. Slots are given back as by
    /// [`spsc::Consumer::drain`](crate::mailbox::spsc::Consumer::drain).
    ///
    /// # Panics
    /// Only if `handler` does; its request counts as taken, the rest remain.
    #[inline]
    pub fn drain(&mut self, max: usize, mut handler: impl FnMut(T, bool)) -> usize {
        self.look_for_lanes();
        let Self { lanes, next, .. } = self;
        let (mut left, mut idle) = (max, 0);
        while left > 0 && idle < lanes.len() {
            if *next >= lanes.len() {
                *next = 0;
            }
            let LaneCursor { node, consuming } = &mut lanes[*next];
            // SAFETY: as in `LaneCursor::lane`.
            let lane = &unsafe { node.as_ref() }.lane;
            // Moved on before the handlers run: if one unwinds, the next lane has its turn.
            *next += 1;
            let (round, looks) = (left.min(ROUND_MAX), consuming.will_look());
            let count = consuming.drain(lane, round, &mut handler);
            // A lane that was looked at and gave less has no more for now: a second look would only
            // take the line away that its producer is about to write.
            idle = if looks && count < round { idle + 1 } else { 0 };
            left -= count;
        }
        max - left
    }

    /// Takes in the lanes that have come since.
    #[inline(always)]
    fn look_for_lanes(&mut self) {
        let newest = self.ring.lanes.newest();
        if newest != self.known {
            self.take_in(newest);
        }
    }

    #[cold]
    fn take_in(&mut self, newest: *mut Node<T>) {
        let mut at = newest;
        while at != self.known {
            let Some(node) = NonNull::new(at) else { break };
            self.lanes.push(LaneCursor { node, consuming: ConsumerCursor::new() });
            // SAFETY: nodes live as long as the ring.
            at = unsafe { node.as_ref() }.next;
        }
        self.known = newest;
    }

    /// What is there, without taking it.
    pub fn peek(&self) -> Pop<()> {
        if !self.is_idle() {
            return Pop::Request(());
        }
        if !self.ring.gate.is_closing() {
            return Pop::Empty;
        }
        // A lane that came meanwhile is looked at first.
        let is_sealed = self.ring.lanes.seal(self.known);
        let is_over = |taking: &LaneCursor<T>| taking.consuming.is_over(taking.lane());
        if is_sealed && self.lanes.iter().all(is_over) { Pop::Closed } else { Pop::Request(()) }
    }

    /// Whether nothing is there that was not taken.
    fn is_idle(&self) -> bool {
        let is_empty = |taking: &LaneCursor<T>| taking.consuming.is_empty(taking.lane());
        !self.ring.lanes.has_grown(self.known) && self.lanes.iter().all(is_empty)
    }

    #[inline(always)]
    fn has_any(&mut self) -> bool {
        // Its drain looks at each lane once, and no lane should be looked at twice.
        true
    }

    #[inline(always)]
    fn before(&mut self, _: Position) -> usize {
        0
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true` the [`Bell`] rings exactly once, at the latest for the next publication or close.
    /// It may ring for a request that was taken before, whose producer was slow: then nothing is
    /// there, and nobody rings again until this was called again.
    pub fn cool(&mut self) -> bool {
        // Lanes that nobody has looked into yet must not be what keeps the mailbox hot.
        self.look_for_lanes();
        self.ring.gate.cool(|| self.is_idle())
    }
}

ends::consumer!("lanes", Empty, "How many requests fit into each producer's lane.");
