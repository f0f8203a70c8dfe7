//! Driving a runner from the user's own loop: turns, and sleeping between them in the user's poller.

use crate::runner::environment;
use crate::runner::scheduler::{ParkDecision, Scheduler};
use crate::runner::wait::{Pause, give_way};
use crate::sys::BorrowedFd;
use std::io;
use std::time::{Duration, Instant};

/// What [`Scheduler::park`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// There is something to do: turn again.
    No,
    /// There is nothing to do: sleep until the [`wake_fd`](Scheduler::wake_fd) is readable, but not
    /// beyond that time, by the clock that turns are given. Without a time, sleep as long as you like.
    Until(Option<Instant>),
    /// The runner was stopped, and no object is left: drop the scheduler.
    Over,
}

/// # Your own loop
/// `turn` or `turn_for` as long as there is work, then [`park`](Self::park), and sleep in your own
/// poller (epoll, mio, …) until one of its sources is ready, the [`wake_fd`](Self::wake_fd) among them,
/// or the time has come. A loop without a poller calls [`park_for`](Self::park_for) in its place.
/// `examples/epoll_loop.rs` is a whole one.
///
/// ```
/// use mainspring::{Parked, prelude::*};
/// # use rustix::event::{PollFd, PollFlags, poll};
/// use std::time::{Duration, Instant};
///
/// struct Counter(u64);
/// #[active]
/// impl Counter {
///     pub fn add(&mut self, by: u64) -> u64 { self.0 += by; self.0 }
/// }
///
/// let engine = Engine::builder().start()?;
/// let mut scheduler = engine.invoker("loop")?;
/// let counter = engine.spawn("counter", || Counter(0)).on("loop").start()?;
/// scheduler.wake_fd()?; // once, before the loop: here you register it with your poller
/// let handle = engine.handle();
/// let caller = std::thread::spawn(move || {
///     let sum = counter.add(2).get();
///     handle.stop();
///     sum
/// });
/// loop {
///     scheduler.turn_for(Duration::from_millis(1));
///     let until = match scheduler.park() {
///         Parked::No => continue,
///         Parked::Until(until) => until,
///         Parked::Over => break,
///     };
///     let limit = until.map(|at| at.saturating_duration_since(Instant::now()));
///     let limit = limit.map(|limit| limit.try_into()).transpose()?;
///     let mut sources = [PollFd::from_borrowed_fd(scheduler.wake_fd()?, PollFlags::IN)];
///     poll(&mut sources, limit.as_ref())?;
/// }
/// assert_eq!(caller.join().unwrap()?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Scheduler {
    /// Turns until there is nothing to do or `budget` is used up; returns how many requests it served and
    /// timers it fired. It turns at least once, and reads the clock between two turns.
    ///
    /// These turns use the system's time. Don't mix them with turns by a virtual clock that is ahead of
    /// it: the times of timers make no sense then.
    ///
    /// # Blocking
    /// For about `budget`, plus the last turn: as long as the servants' methods take.
    pub fn turn_for(&mut self, budget: Duration) -> usize {
        let began = environment::now();
        let was_live = self.set_live(true);
        let (mut now, mut work) = (began, 0);
        loop {
            let done = self.turn(now);
            work += done;
            now = environment::now();
            if done == 0 || now.duration_since(began) >= budget {
                break;
            }
        }
        self.set_live(was_live);
        if work > 0 {
            self.obstructed.over();
        }
        work
    }

    /// A descriptor that becomes readable when a thread wakes this runner while it is
    /// [parked](Self::park): for epoll, mio, or any other poller, level-triggered or not.
    ///
    /// The first call makes it, already readable: the first sleep ends at once. Don't read it and don't
    /// close it: the next `park` drains it. It belongs to the scheduler and never changes.
    ///
    /// # Errors
    /// The system's error if it can't make a descriptor; [`Unsupported`](io::ErrorKind::Unsupported) where
    /// there is no `eventfd`, that is, on all systems but Linux: use [`park_for`](Self::park_for) there.
    pub fn wake_fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.remote().ready().wake_fd()
    }

    /// Prepares to sleep: from now on each object wakes the runner when it gets a request. Returns how
    /// long the loop may sleep in its poller.
    ///
    /// The first thread that sends something to this runner after that makes the
    /// [`wake_fd`](Self::wake_fd) readable, which is a system call. Waking up needs no call: the next turn
    /// ends this state, whatever ended the sleep, or if there was none. What this thread itself sends
    /// after `park` isn't taken into account: park last, directly before the sleep.
    ///
    /// An object that is [always hot](crate::Spawn::always_hot) wakes nobody. While this runner has one,
    /// or while a producer is suspended in the middle of a push, the first few answers are `No`, and the
    /// next ones a nap of at most a millisecond.
    ///
    /// # Blocking
    /// Never.
    pub fn park(&mut self) -> Parked {
        match self.parked_until() {
            Parked::Until(_) if !self.remote().ready().announce_sleep() => Parked::No,
            answer => answer,
        }
    }

    /// As [`park`](Self::park), then sleeps until the runner is woken, the next timer is due, or `limit`
    /// has passed; it may return earlier. Returns whether it slept. For a loop without a poller, whose
    /// turns are given the system's time.
    ///
    /// # Blocking
    /// For at most `limit`, plus the delay of a wake-up and what the system adds. Not at all if there is
    /// something to do, or if the runner [is over](Self::is_over).
    pub fn park_for(&mut self, limit: Duration) -> bool {
        let Parked::Until(until) = self.parked_until() else { return false };
        let left = until.map(|at| at.saturating_duration_since(environment::now()));
        self.remote().ready().park(Some(left.map_or(limit, |left| left.min(limit))))
    }

    /// Whether the runner was stopped, by its engine or on its own, and no object is left: then drop the
    /// scheduler.
    pub fn is_over(&self) -> bool {
        self.remote().is_stopping() && self.is_empty()
    }

    /// Everything of `park` but the announcement.
    fn parked_until(&mut self) -> Parked {
        let now = self.now();
        let nap = match self.prepare_to_park() {
            ParkDecision::Polled => match self.obstructed.pause() {
                Pause::Sleep(nap) => now.checked_add(nap),
                pause => {
                    if pause == Pause::Yield {
                        give_way();
                    }
                    return Parked::No;
                }
            },
            decision => {
                self.obstructed.over();
                if decision == ParkDecision::Disturbed {
                    return Parked::No;
                }
                None
            }
        };
        if self.is_over() {
            return Parked::Over;
        }
        let until = self.next_timer().into_iter().chain(nap).min();
        // What is due already was too much for one turn.
        if until.is_some_and(|at| at <= now) { Parked::No } else { Parked::Until(until) }
    }
}
