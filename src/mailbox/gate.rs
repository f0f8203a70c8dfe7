//! The gate of a mailbox whose lanes have tails of their own: admission, and who wakes the
//! consumer.
//!
//! A producer publishes in its lane by a plain store to a word that no other thread changes. Then
//! it looks at the gate's word, where anyone sets `CLOSED` and the consumer sets `COLD`. It must
//! not look before the store is visible, or the producer and the thread that changed the word could
//! miss each other:
//!
//! | | first | then |
//! |---|---|---|
//! | producer | stores its tail | looks at the word |
//! | consumer that cools | sets `COLD` | looks at the tails |
//! | consumer that ends | sees `CLOSED` | reads each tail for the last time |
//! | aborter | sets `CLOSED` | looks at the reply cells |
//!
//! Each has a fence in between, so one of the two sees the other. A mailbox that is always hot is
//! never cooled, so only its end needs the fences. Its producers leave theirs out, and the other
//! sides call `membarrier`, which puts a fence into every running thread.
//!
//! # Source
//! The fences: E. W. Dijkstra's mutual exclusion (1965), as "Dekker's" two flags. The asymmetric
//! form: D. Dice et al., "Asymmetric Dekker synchronization" (2001); Linux `membarrier(2)`.

use super::bell::{Bell, Heat};
use super::tail::Tail;
use crate::sync::{can_fence_heavily, fence, heavy_fence, light_fence};
use std::sync::atomic::Ordering::SeqCst;

/// See the module. Read with each publication; written when the mailbox cools or closes.
pub(super) struct Gate<B> {
    word: Tail,
    heat: Heat,
    /// The thread that changes the word fences for the producers.
    is_light: bool,
    bell: B,
}

impl<B: Bell> Gate<B> {
    pub(super) fn new(bell: B, heat: Heat) -> Self {
        // Without that system call the producers fence for themselves.
        let is_light = heat == Heat::Always && can_fence_heavily();
        Self { word: Tail::new(), heat, is_light, bell }
    }

    pub(super) fn bell(&self) -> &B {
        &self.bell
    }

    /// After a publication: whether nothing more has to be done for it.
    #[inline(always)]
    pub(super) fn is_quiet(&self) -> bool {
        if self.is_light {
            // Light [gate.passed]: see the module.
            light_fence();
        } else {
            // SeqCst [gate.passed]: between storing a tail and looking at the word. A thread
            // that sets COLD or has seen CLOSED has the same fence before it looks at the tails.
            fence(SeqCst);
        }
        self.word.read().is_open_and_hot()
    }

    /// After a publication that found the gate changed: wakes the consumer, or has `settle` say
    /// whether the request still counts.
    #[cold]
    pub(super) fn pass(&self, settle: impl FnOnce() -> bool) -> bool {
        if self.word.read().is_closed() {
            let is_accepted = settle();
            if is_accepted {
                self.bell.late();
            }
            return is_accepted;
        }
        if self.word.clear_cold() {
            self.bell.ring();
        }
        true
    }

    /// Asks for the bell; `false` if `is_empty` then finds that something has arrived.
    pub(super) fn cool(&self, is_empty: impl FnOnce() -> bool) -> bool {
        if self.heat == Heat::Always || !self.word.cool(0) {
            return false;
        }
        // SeqCst [gate.passed]: between setting COLD and looking at the tails.
        fence(SeqCst);
        // If another has cleared COLD meanwhile, its token is on its way.
        is_empty() || !self.word.clear_cold()
    }

    /// Ends admission. After it, the caller sees everything that was accepted before.
    pub(super) fn close(&self) {
        let was_cold = self.word.close();
        self.fence();
        if was_cold {
            self.bell.ring();
        }
    }

    /// Whether admission has ended. If so, the tails can be read for the last time.
    pub(super) fn is_closing(&self) -> bool {
        let is_closed = self.is_closed();
        if is_closed {
            self.fence();
        }
        is_closed
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.read().is_closed()
    }

    fn fence(&self) {
        if self.is_light {
            // Heavy [gate.passed]: see the module.
            heavy_fence();
        } else {
            // SeqCst [gate.passed]: between CLOSED and the tails, or the reply cells.
            fence(SeqCst);
        }
    }
}
