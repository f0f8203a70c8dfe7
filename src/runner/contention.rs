//! Whether other threads want this one's CPU.
//!
//! A runner that spins, or that wakes for each request, takes the CPU from the thread that it
//! waits for, if both are on one CPU. A yield tells: one that takes long has let somebody else
//! run. So a runner that is about to sleep yields now and then; as long as that takes long, it
//! doesn't spin, and yields before each sleep: its producer then fills the mailbox, rather than
//! being interrupted at its first request.
//!
//! A thread that may run on several CPUs leaves that to the kernel, which finds it another one when it
//! wakes: one that yields stays beside its neighbour (calls between two threads that nobody has
//! pinned took 23 µs rather than 1 in half of the runs).
//!
//! ns per one-way request, both ends on one CPU of a two-core virtual machine: 50 to 400 for a
//! runner that spins and sleeps, 63 to 106 for one that sleeps at once, 22 for this one.

use crate::sync::yield_now;
use std::time::{Duration, Instant};

/// A yield that took so long let somebody run.
const LET_RUN: Duration = Duration::from_micros(2);
/// After one that took so long, yielding costs more than it can gain: that neighbour doesn't wait
/// for this thread.
const TOO_LONG: Duration = Duration::from_micros(200);
/// How many sleeps without a yield come after one that let nobody run.
const SLEEPS_ALONE: u32 = 64;
/// How many after one that took too long.
const SLEEPS_BESIDE_A_HOG: u32 = 4096;

/// What a runner knows of who else runs on its CPU.
#[derive(Debug)]
pub(crate) struct Contention {
    /// The thread is bound to one CPU.
    is_bound: bool,
    /// The last yield let somebody run.
    is_contended: bool,
    /// There was a yield in this wait.
    has_yielded: bool,
    /// So many sleeps pass before the next yield.
    sleeps_left: u32,
}

impl Contention {
    /// For a thread that may run on so many CPUs.
    pub(crate) fn of(cpus: usize) -> Self {
        Self { is_bound: cpus == 1, is_contended: false, has_yielded: false, sleeps_left: 0 }
    }

    /// Whether others want the CPU: spinning would take it from them.
    #[inline(always)]
    pub(crate) fn is_contended(&self) -> bool {
        self.is_contended
    }

    /// There was work: the next wait begins anew.
    #[inline(always)]
    pub(crate) fn worked(&mut self) {
        self.has_yielded = false;
    }

    /// Before a sleep: lets others run, if that seems right; then there may be work. At most once in
    /// a wait.
    pub(crate) fn yield_if_due(&mut self) -> bool {
        if !self.is_due() {
            return false;
        }
        let began = Instant::now();
        yield_now();
        self.note(began.elapsed());
        true
    }

    fn is_due(&mut self) -> bool {
        if self.has_yielded || !self.is_bound {
            self.has_yielded = false;
            return false;
        }
        self.has_yielded = self.sleeps_left == 0;
        self.sleeps_left = self.sleeps_left.saturating_sub(1);
        self.has_yielded
    }

    fn note(&mut self, took: Duration) {
        self.is_contended = (LET_RUN..TOO_LONG).contains(&took);
        self.sleeps_left = match took {
            _ if self.is_contended => 0,
            _ if took >= TOO_LONG => SLEEPS_BESIDE_A_HOG,
            _ => SLEEPS_ALONE,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In how many of so many sleeps it yields, where each yield takes so long.
    fn yields(sleeps: u32, took: Duration) -> u32 {
        let mut contention = Contention::of(1);
        let mut yields = 0;
        for _ in 0..sleeps {
            contention.worked();
            if contention.is_due() {
                contention.note(took);
                yields += 1;
                assert!(!contention.is_due(), "once in a wait");
            }
        }
        yields
    }

    #[test]
    fn yields_before_each_sleep_as_long_as_that_lets_somebody_run() {
        assert_eq!(yields(10_000, LET_RUN), 10_000);
    }

    #[test]
    fn alone_it_tries_now_and_then() {
        assert_eq!(yields(6_500, LET_RUN / 2), 100);
    }

    #[test]
    fn a_neighbour_that_keeps_the_cpu_is_left_alone() {
        assert_eq!(yields(10_000, TOO_LONG), 3);
    }

    #[test]
    fn a_thread_with_several_cpus_leaves_it_to_the_kernel() {
        assert!(!Contention::of(2).is_due());
    }

    #[test]
    fn spinning_stops_with_the_first_yield_that_let_somebody_run_and_begins_again_with_the_first_that_did_not()
     {
        let mut contention = Contention::of(1);
        contention.note(LET_RUN);
        assert!(contention.is_contended());
        contention.note(LET_RUN / 2);
        assert!(!contention.is_contended());
        contention.note(TOO_LONG);
        assert!(!contention.is_contended());
    }
}
