//! One task's waker, left by its owner and woken by any thread.
//!
//! | state | meaning | moved by |
//! |---|---|---|
//! | `FREE` | the waker, if there is one, belongs to whoever changes the word next | the owner: to `LEAVING`; a waking thread: to `WAKING` |
//! | `LEAVING` | the owner is writing a waker | the owner: to `FREE`; a waking thread: adds `WAKING` and nothing else, as the owner will look again |
//! | `WAKING` | a thread is taking the waker out | that thread: to `FREE`; other waking threads have nothing to do |
//!
//! Leaving and waking are read-modify-writes of this word: whichever comes second sees the first. So an
//! owner that looks again after it has left its waker misses nothing.
//!
//! # Source
//! `AtomicWaker` of the crate `futures`.

use crate::panics::caught;
use crate::sync::{AtomicU32, UnsafeCell, spin_loop};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::task::Waker;

const FREE: u32 = 0;
const LEAVING: u32 = 1;
const WAKING: u32 = 2;

/// See the module.
pub(crate) struct AtomicWaker {
    state: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the state says who may touch the waker, one thread at a time; a waker may be sent.
unsafe impl Sync for AtomicWaker {}

impl AtomicWaker {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU32::new(FREE), waker: UnsafeCell::new(None) }
    }

    /// Leaves a waker in place of the last one. Only for the owner, which looks again afterwards.
    pub(crate) fn leave(&self, waker: &Waker) {
        // Acquire [atomic_waker.waker]: sees the slot as it was left; and, if a thread is waking, what
        // that one did before.
        if self.state.compare_exchange(FREE, LEAVING, Acquire, Acquire).is_err() {
            // That thread may wake an older waker than this one, and the slot isn't free before it is
            // done: so the task is polled again.
            waker.wake_by_ref();
            return spin_loop();
        }
        self.waker.with_mut(|place| {
            // SAFETY: `LEAVING` is the owner's alone, so nobody else touches the place.
            let place = unsafe { &mut *place };
            if !place.as_ref().is_some_and(|old| old.will_wake(waker)) {
                *place = Some(waker.clone());
            }
        });
        // AcqRel [atomic_waker.waker]: Release carries the waker to whoever wakes. Acquire: when the owner
        // looks again, it sees what a thread did before it tried to wake meanwhile.
        self.state.swap(FREE, AcqRel);
    }

    /// Wakes the task that left its waker last, unless it was woken since.
    pub(crate) fn wake(&self) {
        // AcqRel [atomic_waker.waker]: Acquire sees the waker; Release, for an owner that comes later and
        // looks again, what was done before.
        if self.state.fetch_or(WAKING, AcqRel) == FREE {
            let waker = self.take();
            // Release [atomic_waker.waker]: the slot as it is left.
            self.state.fetch_and(!WAKING, Release);
            // A waker is the user's code: its panic is caught.
            caught(|| waker.map_or((), Waker::wake));
        }
    }

    /// Only for whoever moved the state from `FREE`.
    fn take(&self) -> Option<Waker> {
        // SAFETY: the state is this thread's.
        self.waker.with_mut(|place| unsafe { (*place).take() })
    }
}
