//! Blocking a thread until its token is there, and leaving the token.
//!
//! The word holds one of three states:
//!
//! | state | meaning | moved by |
//! |---|---|---|
//! | `EMPTY` | awake, no token | the owner: to `PARKED`; others: to `NOTIFIED` |
//! | `NOTIFIED` | the token is there; the next park returns at once | the owner: to `EMPTY` |
//! | `PARKED` | asleep, or about to be | others: to `NOTIFIED`, then they wake it |
//!
//! A token may be stale: a thread that parks checks again what it waited for.

use crate::sync::{Arc, Futex, thread_local};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

const EMPTY: u32 = 0;
const NOTIFIED: u32 = 1;
const PARKED: u32 = 2;

/// One thread's token. Only its owner parks; any thread unparks.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    futex: Futex,
}

impl Parker {
    /// Takes the token, sleeping until it is there or `limit` has passed.
    ///
    /// With a limit it may return early without the token.
    pub(crate) fn park(&self, limit: Option<Duration>) {
        let word = self.futex.word();
        // Acquire [park.token] in each case that takes the token: sees what was done before it was
        // left. Relaxed where it isn't there.
        if word.compare_exchange(NOTIFIED, EMPTY, Acquire, Relaxed).is_ok() {
            return;
        }
        // Relaxed: nothing is taken yet; going to sleep carries nothing to anybody.
        if word.compare_exchange(EMPTY, PARKED, Relaxed, Relaxed).is_err() {
            // Acquire [park.token]: it came in between.
            word.swap(EMPTY, Acquire);
            return;
        }
        loop {
            self.futex.wait(PARKED, limit);
            // Acquire [park.token], Relaxed: as above.
            if word.compare_exchange(NOTIFIED, EMPTY, Acquire, Relaxed).is_ok() {
                return;
            }
            if limit.is_some() {
                // Acquire [park.token]: it may have come since the look above.
                word.swap(EMPTY, Acquire);
                return;
            }
        }
    }

    /// Leaves the token, and wakes the owner if it sleeps: a system call only then.
    pub(crate) fn unpark(&self) {
        // Release [park.token]: carries what the caller did before; pairs with the takes in `park`.
        if self.futex.word().swap(NOTIFIED, Release) == PARKED {
            self.futex.wake_one();
        }
    }

    /// The calling thread's own parker: `std::thread::park` would share its token with the user.
    pub(crate) fn of_this_thread() -> Arc<Self> {
        thread_local!(static PARKER: Arc<Parker> = Arc::new(Parker::default()));
        PARKER.with(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_left_before_the_park_is_taken_at_once() {
        let parker = Parker::default();
        parker.unpark();
        parker.unpark();
        parker.park(None);
        parker.park(Some(Duration::from_millis(1)));
    }

    #[test]
    fn a_sleeper_is_woken() {
        let parker = Arc::new(Parker::default());
        let sleeper = std::thread::spawn({
            let parker = parker.clone();
            move || parker.park(None)
        });
        parker.unpark();
        sleeper.join().unwrap();
    }
}
