//! The consumer of the shared ring.

use super::ring::Ring;
use crate::mailbox::bell::{Bell, Silent};
use crate::mailbox::drop_all::DropAll;
use crate::mailbox::ends;
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::pop::Pop;
use crate::mailbox::ring::{Position, release_every};
use crate::mailbox::stamped::{Batch, FULL, SERVE_AHEAD};

/// The end that takes requests, one thread at a time. Dropping it closes the ring.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    head: Position,
    /// The last drain took as many as it was allowed, so the next one may find as many.
    backlog: bool,
}

impl<T: Send, B: Bell> Consumer<T, B> {
    pub(super) fn of(ring: IntrusiveArc<Ring<T, B>>) -> Self {
        Self { ring, head: 0, backlog: false }
    }

    /// Hands up to `max` requests to `handler`, oldest first; returns how many.
    ///
    /// The flag says that nothing more was ready when the request was taken: flush now. Slots are
    /// freed at the end, and on the way in groups of an eighth of the capacity, at most 64.
    ///
    /// # Panics
    /// Only if `handler` does. Its request counts as taken; the rest remain.
    #[inline]
    pub fn drain(&mut self, max: usize, mut handler: impl FnMut(T, bool)) -> usize {
        let Self { ring, head, backlog } = self;
        let Some(span) = ring.allocated() else { return 0 };
        let sure = if *backlog { span.sure(*head, max as u64) } else { 0 };
        let release_every = release_every(span.geometry.capacity());
        let mut batch = Batch { span, shown: &ring.head.0, freed: *head, unfreed: 0, head };
        let mut count = 0;
        let mut state = span.state(*batch.head);
        while count < max {
            let position = *batch.head;
            let Some(found) = state else { break };
            // Moved on before the handler runs: if it unwinds, its request is not read again.
            *batch.head = span.geometry.advance(position, 1);
            batch.unfreed += 1;
            if (count as u64) < sure {
                span.prefetch(position, SERVE_AHEAD);
            }
            state = span.state(*batch.head);
            if found == FULL {
                count += 1;
                let last = count == max || state != Some(FULL);
                // SAFETY: the stamp says full, so the producer has written the value and let go of
                // it; the head has moved on, so it is read once.
                let request =
                    span.slot(position).value.with(|v| unsafe { (*v).assume_init_read() });
                handler(request, last);
            }
            if batch.unfreed == release_every {
                batch.free();
            }
        }
        *backlog = count == max;
        count
    }

    /// What is at the head, without taking it.
    pub fn peek(&self) -> Pop<()> {
        if self.state() == Some(FULL) {
            return Pop::Request(());
        }
        let tail = self.ring.tail.read();
        if tail.position() != self.head {
            Pop::InFlight
        } else if tail.is_closed() {
            Pop::Closed
        } else {
            Pop::Empty
        }
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true`, the next claim or close rings the [`Bell`], exactly once.
    pub fn cool(&mut self) -> bool {
        self.ring.tail.cool(self.head)
    }

    /// Takes the last cooling back: the bell doesn't ring for it, unless it already has.
    pub(crate) fn clear_cold(&self) {
        let _ = self.ring.tail.clear_cold();
    }

    #[inline(always)]
    fn has_any(&mut self) -> bool {
        self.state().is_some()
    }

    #[inline(always)]
    fn before(&mut self, end: Position) -> usize {
        if end == self.head || !self.has_any() {
            return 0;
        }
        self.ring.fixed.geometry.distance(end, self.head) as usize
    }

    /// The state of the slot at the head, if a producer has stamped it.
    #[inline(always)]
    fn state(&self) -> Option<u64> {
        self.ring.allocated()?.state(self.head)
    }
}

impl<T: Send, B: Bell> Drop for Consumer<T, B> {
    fn drop(&mut self) {
        self.ring.close();
        let mut remains = DropAll::default();
        // A producer that is still filling its claim leaves the value to the ring's own drop.
        self.drain(usize::MAX, |request, _| remains.drop(|| drop(request)));
        remains.end();
    }
}

ends::consumer!("mpsc", InFlight, "How many requests fit.");
