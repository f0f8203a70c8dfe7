//! The consumer of lanes, which takes from each in rounds.

use super::Ring;
use super::list::Node;
use crate::mailbox::bell::{Bell, Silent};
use crate::mailbox::ends;
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::lane::{ConsumerCursor, Lane};
use crate::mailbox::pop::Pop;
use crate::mailbox::ring::Position;
use std::ptr::{self, NonNull};

/// How many requests the consumer takes from one lane before it looks at the next.
pub const ROUND_MAX: usize = 32;

/// The end that takes requests, one thread at a time. Dropping it closes the mailbox.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    /// The newest lane when last seen: it and all that follow it are in `lanes`.
    known: *mut Node<T>,
    lanes: Vec<LaneCursor<T>>,
    /// The next lane to look at.
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
    /// In rounds, up to [`ROUND_MAX`] from each producer, oldest first. The flag says that nothing
    /// more of that producer was ready. Slots are freed as by
    /// [`spsc::Consumer::drain`](crate::mailbox::spsc::Consumer::drain).
    ///
    /// # Panics
    /// Only if `handler` does. Its request counts as taken; the rest remain.
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
            // Advanced before the handlers run: if one unwinds, the next lane is served next.
            *next += 1;
            let (round, looks) = (left.min(ROUND_MAX), consuming.will_look());
            let count = consuming.drain(lane, round, &mut handler);
            // A lane that gave less than asked for is empty for now. A second look would only take
            // away the line that its producer is about to write.
            idle = if looks && count < round { idle + 1 } else { 0 };
            left -= count;
        }
        max - left
    }

    /// Takes in the lanes that were added since.
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
        // A lane that was added meanwhile is looked at first.
        let is_sealed = self.ring.lanes.seal(self.known);
        let is_over = |taking: &LaneCursor<T>| taking.consuming.is_over(taking.lane());
        if is_sealed && self.lanes.iter().all(is_over) { Pop::Closed } else { Pop::Request(()) }
    }

    /// Whether everything was taken.
    fn is_idle(&self) -> bool {
        let is_empty = |taking: &LaneCursor<T>| taking.consuming.is_empty(taking.lane());
        !self.ring.lanes.has_grown(self.known) && self.lanes.iter().all(is_empty)
    }

    #[inline(always)]
    fn has_any(&mut self) -> bool {
        // The drain looks at each lane once, and a second look would cost.
        true
    }

    #[inline(always)]
    fn before(&mut self, _: Position) -> usize {
        0
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true`, the [`Bell`] rings exactly once, at the latest for the next publication or
    /// close. It may ring for a request that was already taken, if its producer was slow. Then the
    /// mailbox is empty, and the bell rings again only after the next call of this method.
    pub fn cool(&mut self) -> bool {
        // Lanes that were never looked at must not keep the mailbox hot.
        self.look_for_lanes();
        self.ring.gate.cool(|| self.is_idle())
    }
}

ends::consumer!("lanes", Empty, "How many requests fit into each producer's lane.");
