//! The ready set: which cold objects of a runner have become runnable, and whether it sleeps.
//!
//! An intrusive stack. Each object has one link; whoever clears the object's `COLD` bit pushes it,
//! and nobody else may until the runner has taken it off and cooled the object again. So a link is
//! in the stack at most once, the stack needs no memory and can't be full, and a pusher that is
//! suspended half-way blocks nobody. The head word also says whether the runner sleeps:
//!
//! | head | meaning | moved by |
//! |---|---|---|
//! | null | nothing is ready; the runner is awake | a pusher: to its link; the runner: to `PARKED` or `CLOSED` |
//! | a link | ready objects, the last pushed first | a pusher: to its own link; the runner takes all: to null |
//! | `PARKED` | nothing is ready; the runner sleeps, or is about to | a pusher: to its link, then it owes one token; the runner, when it wakes: to null |
//! | `CLOSED` | the runner has ended; pushes are refused | nobody |
//!
//! Pushing and going to sleep are read-modify-writes of this one word: whichever comes second sees
//! the first, so no wake-up is lost, without any fence.
//!
//! # The token
//! It goes to the runner's [`Parker`], or to its [`WakeFd`] once it has one: then the runner can sleep
//! in the user's own poller. Setting `PARKED` shows the descriptor to the pusher. A new descriptor has
//! a token from the start, so the first sleep on it looks again.
//!
//! Tokens of the descriptor stay until the runner drains it, which it does only before it sets
//! `PARKED`: what is there then was left for sleeps that are over, what comes later may be for the
//! next. A pusher that is suspended before it leaves its token may do so during a later sleep, which
//! costs that one look for nothing.
//!
//! # Source
//! The stack: R. K. Treiber (1986), taken off whole, so without its ABA problem.

use crate::runner::park::Parker;
use crate::sync::{AtomicPtr, AtomicUsize, WakeFd, fence};
use crate::sys::BorrowedFd;
use std::io;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

/// An object's place in the stack of its runner.
#[derive(Debug)]
pub(crate) struct Link {
    next: AtomicPtr<Link>,
    key: AtomicUsize,
}

impl Link {
    pub(crate) fn new(key: usize) -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()), key: AtomicUsize::new(key) }
    }

    /// Tells under which key the runner keeps the object. Before the link's first push only.
    pub(crate) fn set_key(&self, key: usize) {
        // Relaxed: written by the runner, read by the runner.
        self.key.store(key, Relaxed);
    }

    pub(crate) fn key(&self) -> usize {
        // Relaxed: as in `set_key`.
        self.key.load(Relaxed)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ReadySet {
    head: AtomicPtr<Link>,
    parker: Parker,
    /// How many links were pushed, and how many of these found the runner asleep.
    rung: AtomicUsize,
    asleep: AtomicUsize,
    pub(crate) wake_fd: WakeFd,
}

fn parked() -> *mut Link {
    ptr::without_provenance_mut(1)
}

fn closed() -> *mut Link {
    ptr::without_provenance_mut(2)
}

impl ReadySet {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            parker: Parker::default(),
            rung: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            wake_fd: WakeFd::default(),
        }
    }

    /// Adds a link; `None` if the runner has ended, else whether it sleeps: then the caller owes it
    /// an [`unpark`](Self::unpark), soon.
    ///
    /// # Safety
    /// The link isn't in the stack, and lives until the runner has taken it off.
    pub(crate) unsafe fn push(&self, link: *const Link) -> Option<bool> {
        // Relaxed: only a first guess for the CAS.
        let mut head = self.head.load(Relaxed);
        loop {
            if head == closed() {
                return None;
            }
            let below = if head == parked() { ptr::null_mut() } else { head };
            // SAFETY: the caller keeps the link alive.
            // Relaxed: the CAS below shows it.
            unsafe { (*link).next.store(below, Relaxed) };
            // Release [ready.pushed]: carries the link, and all that its pusher did before. The
            // links below were released by earlier pushes, whose sequence this one continues.
            match self.head.compare_exchange(head, link.cast_mut(), Release, Relaxed) {
                Ok(_) => {
                    let asleep = head == parked();
                    // Relaxed, both: counts.
                    self.rung.fetch_add(1, Relaxed);
                    if asleep {
                        self.asleep.fetch_add(1, Relaxed);
                    }
                    return Some(asleep);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Wakes the runner, which was found asleep.
    pub(crate) fn unpark(&self) {
        // Acquire [ready.parked]: `push` has read `PARKED`, so what the runner sleeps on is seen.
        fence(Acquire);
        if !self.wake_fd.ring() {
            self.parker.unpark();
        }
    }

    /// What the runner sleeps on from now on, in a poller. The first call makes it, readable. Only for the
    /// runner.
    pub(crate) fn wake_fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.wake_fd.make()
    }

    /// How many pushes there were, and how many of these found the runner asleep.
    pub(crate) fn counts(&self) -> (usize, usize) {
        // Relaxed, both: counts.
        (self.rung.load(Relaxed), self.asleep.load(Relaxed))
    }

    /// Takes everything that is ready and passes the keys on, the last pushed first.
    #[inline]
    pub(crate) fn take(&self, mut each: impl FnMut(usize)) {
        // Relaxed: a look that costs no write; what it misses now the next turn sees, and going to
        // sleep doesn't rely on it.
        if self.head.load(Relaxed).is_null() {
            return;
        }
        // Acquire [ready.pushed]: sees every link in the chain.
        let mut link = self.head.swap(ptr::null_mut(), Acquire);
        debug_assert!(link != closed(), "only the runner takes, and it has not ended");
        while !link.is_null() && link != parked() {
            // SAFETY: the pusher keeps the link alive until it was taken, which is now: `next` and
            // the key are read before the key is passed on.
            // Relaxed: ordered by the swap.
            let (next, key) = unsafe { ((*link).next.load(Relaxed), (*link).key()) };
            each(key);
            link = next;
        }
    }

    /// Sets `PARKED`: from now on whoever pushes leaves a token. `false` if a link is there, or if it
    /// was set already: then the caller takes first.
    ///
    /// The caller guarantees that nothing it serves is hot.
    pub(crate) fn announce_sleep(&self) -> bool {
        // Before, and not later: see the module.
        self.wake_fd.drain();
        // Release [ready.parked]: carries the descriptor to the pusher that finds the runner asleep.
        // Relaxed on failure, which leads back to `take`.
        self.head.compare_exchange(ptr::null_mut(), parked(), Release, Relaxed).is_ok()
    }

    /// Whether `PARKED` is set: nobody has pushed since. Only for the runner.
    pub(crate) fn is_parked(&self) -> bool {
        // Relaxed: `take` acquires what was pushed.
        self.head.load(Relaxed) == parked()
    }

    /// Sleeps until a link is pushed or `limit` has passed; returns at once if one is there. With a
    /// descriptor it may return early.
    ///
    /// The caller guarantees that nothing it serves is hot.
    pub(crate) fn park(&self, limit: Option<Duration>) -> bool {
        if !self.announce_sleep() {
            return false;
        }
        loop {
            let is_over = self.wake_fd.wait(limit) || {
                self.parker.park(limit);
                limit.is_some()
            };
            // Relaxed: `take` acquires what was pushed.
            if self.head.load(Relaxed) != parked() {
                return true;
            }
            if is_over {
                // Relaxed, both: if it fails, a pusher owes the wake-up and its token is left for
                // the next park, which checks again.
                let _ = self.head.compare_exchange(parked(), ptr::null_mut(), Relaxed, Relaxed);
                return true;
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Relaxed: the end carries nothing.
        self.head.load(Relaxed) == closed()
    }

    /// Refuses pushes from now on; `false` if something is still in the stack.
    pub(crate) fn close(&self) -> bool {
        // Relaxed, both: the end carries nothing to those who are refused; on failure
        // the runner takes and tries again.
        self.head.compare_exchange(ptr::null_mut(), closed(), Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pushed_link_is_taken_once() {
        let set = ReadySet::new();
        let links = [Link::new(7), Link::new(8)];
        for link in &links {
            // SAFETY: pushed once, and alive to the end of the test.
            assert_eq!(unsafe { set.push(link) }, Some(false));
        }
        let mut taken = Vec::new();
        set.take(|key| taken.push(key));
        set.take(|key| taken.push(key));
        assert_eq!(taken, [8, 7]);
    }

    #[test]
    fn a_closed_set_refuses_and_one_in_use_does_not_close() {
        let (set, link) = (ReadySet::new(), Link::new(0));
        // SAFETY: pushed once at a time, and alive to the end of the test.
        assert_eq!(unsafe { set.push(&link) }, Some(false));
        assert!(!set.close());
        set.take(|_| {});
        assert!(set.close());
        // SAFETY: as above.
        assert_eq!(unsafe { set.push(&link) }, None);
    }

    #[test]
    fn a_sleep_is_announced_once_and_not_over_a_link() {
        let (set, link) = (ReadySet::new(), Link::new(0));
        assert!(set.announce_sleep());
        assert!(!set.announce_sleep());
        set.take(|_| {});
        assert!(set.announce_sleep());
        // SAFETY: pushed once, and alive to the end of the test.
        assert_eq!(unsafe { set.push(&link) }, Some(true));
        assert!(!set.announce_sleep());
    }

    #[test]
    fn parking_with_something_ready_returns_at_once() {
        let (set, link) = (ReadySet::new(), Link::new(0));
        // SAFETY: pushed once, and alive to the end of the test.
        unsafe { set.push(&link) };
        assert!(!set.park(None));
    }
}
