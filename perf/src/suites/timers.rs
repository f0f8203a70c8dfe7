//! Timers: how late they fire beside the jitter of the same CPU, and what they cost their runner.

use crate::error::Error;
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::lab::{Lab, RUNNER};
use crate::stats::Latencies;
use mainspring::prelude::*;
use mainspring::{Engine, TIMER_TICK, WaitStrategy};
use std::hint::black_box;
use std::mem;
use std::time::{Duration, Instant};

/// How many timers are under way while lateness is measured.
const UNDER_WAY: u32 = 8;
/// How many others are armed in a crowd.
pub const CROWD: u32 = 1_000_000;
/// Timers are planned so far ahead, at least and at most.
const SOONEST: Duration = Duration::from_micros(100);
const LATEST: Duration = Duration::from_micros(1100);
/// Those of the crowd never fire while anything is measured.
const DAY: Duration = Duration::from_hours(24);

/// Delays without a pattern, so that they fall on each part of a tick.
struct Delays(u64);

impl Delays {
    fn next(&mut self, from: Duration, to: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        from + (to - from).mul_f64((self.0 >> 32) as f64 / f64::from(u32::MAX))
    }
}

/// Sets timers that set the next ones, and notes how late each fires.
struct Clock {
    late: Latencies,
    delays: Delays,
    is_over: bool,
}

impl Clock {
    fn new() -> Self {
        Self { late: Latencies::new(), delays: Delays(1), is_over: false }
    }

    fn plan(&mut self, cx: &mut Context<Self>) {
        let planned = Instant::now() + self.delays.next(SOONEST, LATEST);
        cx.at(planned, move |clock, cx| clock.fired(cx, planned));
    }

    fn fired(&mut self, cx: &mut Context<Self>, planned: Instant) {
        self.late.record(planned.elapsed());
        if !self.is_over {
            self.plan(cx);
        }
    }
}

#[active]
impl Clock {
    /// Arms so many timers between one day and ten ahead.
    pub fn crowd(&mut self, cx: &mut Context<Self>, count: u32) {
        for _ in 0..count {
            cx.after(self.delays.next(DAY, 10 * DAY), |_, _| ());
        }
    }

    pub fn begin(&mut self, cx: &mut Context<Self>) {
        (0..UNDER_WAY).for_each(|_| self.plan(cx));
    }

    /// Forgets what was noted while it warmed up.
    pub fn warm(&mut self) {
        self.late = Latencies::new();
    }

    pub fn end(&mut self) -> Latencies {
        self.is_over = true;
        mem::take(&mut self.late)
    }

    /// Arms a timer and cancels it, again and again; returns how often.
    pub fn arm_and_cancel(&mut self, cx: &mut Context<Self>, length: Duration) -> u64 {
        const STRIDE: u64 = 1024;
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < length {
            for _ in 0..STRIDE {
                let timer = cx.after(self.delays.next(DAY, 10 * DAY), |_, _| ());
                black_box(cx.cancel_timer(timer));
            }
            count += STRIDE;
        }
        count
    }
}

/// An engine whose runner has the second CPU, with a clock.
fn clock(lab: &Lab, wait: WaitStrategy, crowd: u32) -> Result<(Engine, ClockProxy), Error> {
    let engine = lab.engine(wait)?;
    let clock = engine.spawn("clock", Clock::new).on(RUNNER).start()?;
    clock.crowd(crowd).get_timeout(ANSWER_LIMIT)?;
    Ok((engine, clock))
}

/// How late timers fire: behind the time they were set for, by the clock.
///
/// They fire at ticks, so half a tick of it is there by design, and up to a whole one.
pub fn lateness(
    lab: &Lab,
    wait: WaitStrategy,
    crowd: u32,
    length: Duration,
) -> Result<Sample, Error> {
    let (engine, clock) = clock(lab, wait, crowd)?;
    clock.begin().get_timeout(ANSWER_LIMIT)?;
    std::thread::sleep(length / 10);
    clock.warm().get_timeout(ANSWER_LIMIT)?;
    std::thread::sleep(length - length / 10);
    let late = clock.end().get_timeout(ANSWER_LIMIT)?;
    lab.end(engine)?;
    Ok(Sample::Latency(late))
}

/// The same without a timer: a thread on the runner's CPU looks at nothing but the clock. What is late
/// here is the machine's.
pub fn jitter(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    let watch = || {
        lab.pin_opposite();
        let (mut late, mut delays) = (Latencies::new(), Delays(1));
        let end = Instant::now() + length;
        let mut now = Instant::now();
        while now < end {
            let planned = now + delays.next(SOONEST, LATEST) / UNDER_WAY;
            now = Instant::now();
            while now < planned {
                std::hint::spin_loop();
                now = Instant::now();
            }
            late.record(now - planned);
        }
        Sample::Latency(late)
    };
    std::thread::scope(|scope| scope.spawn(watch).join()).map_err(|_| Error::Stopped)
}

/// What arming and cancelling take together, on the runner's thread.
pub fn arm_and_cancel(lab: &Lab, crowd: u32, length: Duration) -> Result<Sample, Error> {
    let (engine, clock) = clock(lab, WaitStrategy::default(), crowd)?;
    let begun = Instant::now();
    let count = clock.arm_and_cancel(length).get_timeout(ANSWER_LIMIT)?;
    let sample = Sample::per_operation(count, begun.elapsed());
    lab.end(engine)?;
    Ok(sample)
}

/// A turn in which none of the armed timers is due, driven by the calling thread.
pub fn idle_turn(crowd: u32, length: Duration) -> Result<Sample, Error> {
    const STRIDE: u64 = 1024;
    let engine = Engine::builder().start()?;
    let mut scheduler = engine.invoker("loop")?;
    let clock = engine.spawn("clock", Clock::new).on("loop").start()?;
    let mut armed = clock.crowd(crowd);
    // A clock of its own, that moves with each turn: all of it within the first day.
    let mut now = Instant::now();
    scheduler.turn(now);
    armed.try_get().ok_or(Error::Stopped)??;
    let (begun, mut turns) = (Instant::now(), 0);
    while begun.elapsed() < length {
        for _ in 0..STRIDE {
            now += Duration::from_nanos(20);
            black_box(scheduler.turn(now));
        }
        turns += STRIDE;
    }
    Ok(Sample::per_operation(turns, begun.elapsed()))
}

/// A latency in ticks of the wheel.
pub fn in_ticks(nanos: u64) -> f64 {
    nanos as f64 / TIMER_TICK.as_nanos() as f64
}
