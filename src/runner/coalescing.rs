//! Leaving a stream alone for a moment.
//!
//! A poll takes the cache line that the producer is about to fill, and the producer then waits for
//! it: both crawl along, a few requests at a time. Left alone for a microsecond, the producer
//! fills several lines at its own pace. That pays if many requests come meanwhile, and costs a
//! microsecond if they can't: a caller with two calls on their way sends no third before an
//! answer. So a runner tries, looks at the result, and tries again less often the less it paid.
//!
//! ns per request, of a runner that never lingers, always does, and tries (two-core virtual machine,
//! medians of 5 to 7 interleaved runs): one producer's stream 50, 12, 12; shared ring 63, 19, 16;
//! calls with 128 in flight 165, 67, 54; with 8 in flight 171, 196, 173; with 2 in flight 246, 724,
//! 259.

use crate::sync::spin_loop;
use std::time::{Duration, Instant};

/// How long the producers are left alone.
const LINGER: Duration = Duration::from_micros(1);
/// A turn that received this many was part of a stream.
const DENSE: usize = 2;
/// So many turns with fewer end it.
const DENSE_TURNS: u32 = 8;
/// A turn that received this many has no need of a rest: its lines came many at a time.
const ENOUGH: usize = 48;
/// A rest paid if the next turn received this many.
const WORTH: usize = 12;
/// How many chances are passed up after one that didn't pay: twice as many each time.
const SKIPPED: std::ops::RangeInclusive<u32> = 16..=1024;

/// What a runner knows of the streams that come to it.
#[derive(Debug)]
pub(crate) struct Coalescing {
    /// While above 0, requests come in a stream: a turn received several not long ago.
    dense: u32,
    /// The last turn received nothing.
    was_idle: bool,
    /// The last turn was followed by a rest that has not been judged.
    has_rested: bool,
    /// So many chances are still to be passed up.
    skip: u32,
    /// How many after the next one that doesn't pay.
    next_skip: u32,
}

impl Coalescing {
    pub(crate) fn new() -> Self {
        Self { dense: 0, was_idle: true, has_rested: false, skip: 0, next_skip: *SKIPPED.start() }
    }

    /// After each turn: rests if that may pay. `received` is what came through mailboxes.
    #[inline(always)]
    pub(crate) fn after_turn(&mut self, received: usize, may_spin: impl FnOnce() -> bool) {
        if self.is_due(received) && may_spin() {
            self.has_rested = true;
            rest();
        }
    }

    #[inline(always)]
    fn is_due(&mut self, received: usize) -> bool {
        // Idle polls are no chances: nothing has changed since the first.
        if received == 0 && self.was_idle && !self.has_rested {
            return false;
        }
        self.was_idle = received == 0;
        if self.has_rested {
            self.judge(received);
        }
        self.dense = if received >= DENSE { DENSE_TURNS } else { self.dense.saturating_sub(1) };
        if received >= ENOUGH || self.dense == 0 {
            return false;
        }
        let is_due = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        is_due
    }

    fn judge(&mut self, received: usize) {
        self.has_rested = false;
        if received >= WORTH {
            self.next_skip = *SKIPPED.start();
        } else {
            self.skip = self.next_skip;
            self.next_skip = (self.next_skip * 2).min(*SKIPPED.end());
        }
    }
}

#[cold]
fn rest() {
    let began = Instant::now();
    while began.elapsed() < LINGER {
        spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it rests in so many turns, each of which receives the same.
    fn rests(coalescing: &mut Coalescing, turns: u32, received: usize) -> u32 {
        let mut rests = 0;
        for _ in 0..turns {
            coalescing.after_turn(received, || {
                rests += 1;
                true
            });
        }
        rests
    }

    #[test]
    fn a_stream_is_left_alone_after_each_turn_that_received_few() {
        assert_eq!(rests(&mut Coalescing::new(), 100, WORTH), 100);
        assert_eq!(rests(&mut Coalescing::new(), 100, ENOUGH), 0);
    }

    #[test]
    fn single_requests_are_no_stream() {
        assert_eq!(rests(&mut Coalescing::new(), 100, 1), 0);
    }

    #[test]
    fn rests_that_do_not_pay_become_rare_and_come_back() {
        let mut coalescing = Coalescing::new();
        let rare = rests(&mut coalescing, 10_000, DENSE);
        assert!((6..=16).contains(&rare), "{rare}");
        assert!(rests(&mut coalescing, 2_000, WORTH) > 900);
    }

    #[test]
    fn idle_polls_are_left_out() {
        let mut coalescing = Coalescing::new();
        rests(&mut coalescing, 1, DENSE);
        // The first finds that the rest before it brought nothing.
        assert_eq!(rests(&mut coalescing, 1_000, 0), 0);
        assert_eq!(coalescing.skip, *SKIPPED.start() - 1);
    }

    #[test]
    fn who_may_not_spin_does_not_rest() {
        let mut coalescing = Coalescing::new();
        coalescing.after_turn(DENSE, || false);
        assert!(!coalescing.has_rested);
    }
}
