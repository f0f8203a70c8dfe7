//! The word that producers, consumer and closers all change. It says where the next claim goes,
//! whether it is admitted, and whether its producer must wake the consumer.
//!
//! | bit | meaning | set by | cleared by |
//! |---|---|---|---|
//! | `CLOSED` | admission has ended | anyone, once | nobody |
//! | `COLD` | the consumer doesn't poll; the thread that clears the bit rings the bell | the consumer, by CAS, when nothing is queued | a claim, a publication or a close; beside lanes also the consumer |
//! | position | the next one to claim (mpsc) or to fill (spsc) | the producer | – |
//!
//! Beside [lanes](super::lane), which have tails of their own, the position stays 0.
//!
//! All changes are read-modify-writes of this one word, so none can be lost between the read and
//! the write of another, whatever the memory model.

use super::ring::Position;
use crate::sync::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

const CLOSED: u64 = 1;
const COLD: u64 = 2;
const FLAG_BITS: u32 = 2;

/// See the module.
pub(super) struct Tail(AtomicU64);

/// What the word held when it was read.
#[derive(Clone, Copy)]
pub(super) struct TailState(u64);

impl Tail {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(TailState::open_at(0).0))
    }

    #[inline(always)]
    pub(super) fn read(&self) -> TailState {
        // Acquire [tail.closed]: who sees the close sees what was done before it.
        TailState(self.0.load(Acquire))
    }

    /// As [`read`](Self::read), for a length, or where no other thread is left.
    pub(super) fn load_relaxed(&self) -> TailState {
        // Relaxed: nothing that the word guards is read, or the end of all sharing ordered it.
        TailState(self.0.load(Relaxed))
    }

    /// Advances an open tail and clears `COLD`: if it was set in `seen`, the caller rings the bell.
    ///
    /// # Errors
    /// What the word holds now, if not `seen`.
    #[inline(always)]
    pub(super) fn advance(&self, seen: TailState, to: Position) -> Result<(), TailState> {
        debug_assert!(!seen.is_closed(), "nothing is admitted after the close");
        let next = TailState::open_at(to);
        // AcqRel: Release [tail.claimed] carries what came with the claim to the thread that closes
        // the ring: to an aborter, the caller's reply cell. Acquire [tail.cold]: the thread that
        // clears COLD sees that the consumer has let go of the bell. Acquire on failure
        // [tail.closed]: as in `read`.
        match self.0.compare_exchange_weak(seen.0, next.0, AcqRel, Acquire) {
            Ok(_) => Ok(()),
            Err(now) => Err(TailState(now)),
        }
    }

    /// Sets `COLD`, if nothing follows `head` and the ring is open.
    pub(super) fn cool(&self, head: Position) -> bool {
        let empty = TailState::open_at(head);
        // Release [tail.cold]: the consumer is done with the bell's last ringing; pairs with the
        // change that clears the bit. Relaxed on failure: the caller polls again.
        self.0.compare_exchange(empty.0, empty.0 | COLD, Release, Relaxed).is_ok()
    }

    /// Clears `COLD`. Returns whether it was set: then the caller rings the bell, unless it is the
    /// consumer.
    #[must_use]
    pub(super) fn clear_cold(&self) -> bool {
        // Acquire [tail.cold]: as in `advance`.
        TailState(self.0.fetch_and(!COLD, Acquire)).is_cold()
    }

    /// Ends admission. `true` if that cleared `COLD`: then the caller rings the bell.
    #[must_use]
    pub(super) fn close(&self) -> bool {
        // Acquire [tail.claimed]: also a thread that finds the ring closed sees what came with the
        // claims.
        let mut seen = TailState(self.0.load(Acquire));
        while !seen.is_closed() {
            let closed = (seen.0 | CLOSED) & !COLD;
            // AcqRel: Release [tail.closed] carries what the closer did before; Acquire [tail.cold]
            // as in `advance`, and [tail.claimed]: sees what came with the claims before. Acquire
            // on failure [tail.claimed]: as above.
            match self.0.compare_exchange(seen.0, closed, AcqRel, Acquire) {
                Ok(_) => return seen.is_cold(),
                Err(now) => seen = TailState(now),
            }
        }
        false
    }
}

impl TailState {
    /// An open tail whose consumer polls.
    pub(super) fn open_at(position: Position) -> Self {
        Self(position << FLAG_BITS)
    }

    pub(super) fn position(self) -> Position {
        self.0 >> FLAG_BITS
    }

    #[inline(always)]
    pub(super) fn is_open_and_hot(self) -> bool {
        self.0 & (CLOSED | COLD) == 0
    }

    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(super) fn is_cold(self) -> bool {
        self.0 & COLD != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cold_tail_is_left_by_one_change_that_knows_it() {
        let tail = Tail::new();
        assert!(!tail.cool(1), "something lies behind position 0");
        assert!(tail.cool(0) && !tail.cool(0));
        let seen = tail.read();
        assert!(seen.is_cold() && !seen.is_closed());
        assert!(tail.advance(TailState::open_at(0), 1).is_err(), "COLD is part of the word");
        while tail.advance(seen, 1).is_err() {}
        assert!(!tail.read().is_cold() && tail.read().position() == 1);
    }

    #[test]
    fn a_close_keeps_the_position_and_happens_once() {
        let tail = Tail::new();
        assert!(tail.cool(0));
        assert!(tail.close() && !tail.close());
        let seen = tail.read();
        assert!(seen.is_closed() && !seen.is_cold() && seen.position() == 0);
        assert!(!tail.cool(0), "a closed ring isn't cooled");
    }
}
