//! Flags about an object's end, in one word.
//!
//! | flag | meaning | moved by |
//! |---|---|---|
//! | `ABORTED` | the object's calls are ended, and its servant is dropped | an aborter sets it before it closes the ring; nobody clears it |
//! | `HAS_WAITED` | the object has waited for calls of its own, so it may outlive its close | the object's runner sets it before the first such call; nobody clears it |
//! | `STOPPED` | somebody stops the object; without this flag its last proxy closed it | whoever stops it sets it before the close; nobody clears it |
//! | `SUSPENDED` | the object waits for its new servant and isn't polled: whoever closes it wakes the runner | the object's runner sets and clears it |
//!
//! All changes are read-modify-writes, so each flag is independent of the others.

use crate::sync::{AtomicU32, fence};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

const ABORTED: u32 = 1;
const HAS_WAITED: u32 = 1 << 1;
const STOPPED: u32 = 1 << 2;
const SUSPENDED: u32 = 1 << 3;

/// See the module.
pub(crate) struct Flags(AtomicU32);

impl Flags {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Notes that somebody stops the object. Called before its ring is closed.
    #[inline]
    pub(crate) fn mark_stopped(&self) {
        // Relaxed: read after the close was seen, which carries it [tail.closed].
        self.0.fetch_or(STOPPED, Relaxed);
    }

    /// Whether somebody stopped it. Called once its ring is closed.
    #[inline]
    pub(crate) fn was_stopped(&self) -> bool {
        // Relaxed: as in `mark_stopped`.
        self.0.load(Relaxed) & STOPPED != 0
    }

    /// Notes whether the object is suspended. Its runner then checks once more whether the ring is closed,
    /// and not again.
    #[inline]
    pub(crate) fn note_suspended(&self, is_suspended: bool) {
        if !is_suspended {
            // Relaxed: whoever still sees it wakes the runner in vain.
            self.0.fetch_and(!SUSPENDED, Relaxed);
            return;
        }
        // Relaxed: ordered by the fence.
        self.0.fetch_or(SUSPENDED, Relaxed);
        // SeqCst [shared.suspended]: between setting the flag and checking whether the ring is closed. Whoever
        // closes it has the same fence between the close and the load below: one side sees the other.
        fence(SeqCst);
    }

    /// Whether the object is suspended, so that its runner may have missed this thread's close.
    #[inline]
    pub(crate) fn is_suspended_behind_close(&self) -> bool {
        // SeqCst [shared.suspended]: as in `note_suspended`.
        fence(SeqCst);
        // Relaxed: ordered by the fence.
        self.0.load(Relaxed) & SUSPENDED != 0
    }

    /// Notes that the object is aborted. Called before its ring is closed.
    #[inline]
    pub(crate) fn mark_aborted(&self) {
        // Release [shared.aborted]: for whoever sees the flag without the close.
        self.0.fetch_or(ABORTED, Release);
    }

    #[inline(always)]
    pub(crate) fn is_aborted(&self) -> bool {
        // Acquire [shared.aborted]: what the aborter did before is seen.
        self.0.load(Acquire) & ABORTED != 0
    }

    /// Notes that the object may outlive its close, for calls that it waits for. Its runner does so before
    /// the first such call.
    ///
    /// An abort changes the same word, so the aborter sees this flag or the runner sees the abort.
    #[inline]
    pub(crate) fn mark_waited(&self) {
        // Acquire [shared.aborted]: what the aborter did before is seen.
        self.0.fetch_or(HAS_WAITED, Acquire);
    }

    /// Whether the object may outlive its close. Called after this thread has marked it as aborted.
    #[inline]
    pub(crate) fn has_waited(&self) -> bool {
        // Relaxed: ordered by this thread's own change of the word, in `mark_aborted`.
        self.0.load(Relaxed) & HAS_WAITED != 0
    }
}
