//! Floors of sleeping: what two threads and a raw futex can reach.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::{after_idle, closed_loop};
use crate::lab::sample::Sample;
use crossbeam_utils::CachePadded;
use rustix::thread::futex;
use std::sync::Barrier;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::{Duration, Instant};

const NOTHING: u32 = 0;
const GO: u32 = 1;
const OVER: u32 = 2;

/// A word to sleep on: one thread waits and another posts, alternately.
#[derive(Default)]
struct Gate(CachePadded<AtomicU32>);

impl Gate {
    /// Sleeps until something is posted, and takes it.
    fn wait(&self) -> u32 {
        loop {
            // Acquire: pairs with the Release in `post`.
            let word = self.0.load(Acquire);
            if word != NOTHING {
                // Relaxed: the poster waits for this thread's answer before it posts again.
                self.0.store(NOTHING, Relaxed);
                return word;
            }
            // Woken, changed before or interrupted: look again.
            let _ = futex::wait(&self.0, futex::Flags::PRIVATE, NOTHING, None);
        }
    }

    fn post(&self, word: u32) {
        self.0.store(word, Release);
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, 1);
    }
}

/// Two threads that wake each other alternately and never spin.
pub fn ping_pong(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    let (ping, pong) = (Gate::default(), Gate::default());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin_opposite();
            while ping.wait() != OVER {
                pong.post(GO);
            }
        });
        let sample = closed_loop(length, || {
            ping.post(GO);
            pong.wait();
            Ok(())
        });
        ping.post(OVER);
        sample
    })
}

/// From before the wake of a thread that has slept for a while, to its first look at the clock.
pub fn wake(lab: &Lab, idle: Duration, length: Duration) -> Result<Sample, Error> {
    after_sleep(lab, idle, length, |sent, _, woken| woken.saturating_sub(sent))
}

/// How long the waking thread is busy with that.
pub fn wake_sender(lab: &Lab, idle: Duration, length: Duration) -> Result<Sample, Error> {
    after_sleep(lab, idle, length, |sent, posted, _| posted - sent)
}

/// Wakes a thread that has slept for a while, over and over. `latency` makes it of the times
/// before and after the wake, and of the woken thread's first look at the clock.
fn after_sleep(
    lab: &Lab,
    idle: Duration,
    length: Duration,
    latency: impl Fn(Duration, Duration, Duration) -> Duration,
) -> Result<Sample, Error> {
    let (gate, base) = (Gate::default(), Instant::now());
    let woken_ns = CachePadded::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin_opposite();
            while gate.wait() != OVER {
                woken_ns.store(base.elapsed().as_nanos() as u64, Release);
            }
        });
        let sample = after_idle(idle, length, || {
            woken_ns.store(0, Relaxed);
            let sent = base.elapsed();
            gate.post(GO);
            let posted = base.elapsed();
            loop {
                match woken_ns.load(Acquire) {
                    0 => lab.relax(),
                    woken => return Ok(latency(sent, posted, Duration::from_nanos(woken))),
                }
            }
        });
        gate.post(OVER);
        sample
    })
}

/// `pairs` pairs of threads, split over the two CPUs, whose halves wake each other alternately.
pub fn pairs(lab: &Lab, pairs: usize, round_trips: u64) -> Result<Sample, Error> {
    let gates: Vec<_> = (0..pairs).map(|_| (Gate::default(), Gate::default())).collect();
    // Everybody, and this thread: after the warm-up's tenth, and at the end.
    let barrier = &Barrier::new(2 * pairs + 1);
    let warm = round_trips / 10 / pairs as u64;
    let timed = round_trips / pairs as u64 - warm;
    std::thread::scope(|scope| {
        for (ping, pong) in &gates {
            scope.spawn(move || {
                if let Some((caller, _)) = lab.cpus {
                    lab.pin(caller);
                }
                take_turns(barrier, warm, timed, || {
                    ping.post(GO);
                    pong.wait();
                });
            });
            scope.spawn(move || {
                lab.pin_opposite();
                take_turns(barrier, warm, timed, || {
                    ping.wait();
                    pong.post(GO);
                });
            });
        }
        barrier.wait();
        let begun = Instant::now();
        barrier.wait();
        Ok(Sample::per_operation(timed * pairs as u64, begun.elapsed()))
    })
}

fn take_turns(barrier: &Barrier, warm: u64, timed: u64, turn: impl Fn()) {
    (0..warm).for_each(|_| turn());
    barrier.wait();
    (0..timed).for_each(|_| turn());
    barrier.wait();
}
