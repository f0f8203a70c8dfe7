//! What timers cost their runner: one by one, and beside a million others.
//!
//! Run with `cargo bench -p mainspring --bench timers`.

use criterion::{Criterion, Throughput};
use mainspring::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

const CROWDS: [u32; 3] = [0, 1_000, 1_000_000];
/// How many timers are set before the first of them fires.
const AT_ONCE: usize = 1_000;
/// In seconds.
const DAY: u64 = 24 * 3600;

/// Counts what fires.
struct Clock {
    fired: u64,
}

#[active]
impl Clock {
    /// Sets so many timers, between one day and ten ahead.
    pub fn crowd(&mut self, cx: &mut Context<Self>, count: u32) {
        let mut delays = Delays(1);
        for _ in 0..count {
            cx.after(delays.next(DAY, 10 * DAY), |clock, _| clock.fired += 1);
        }
    }

    pub fn arm_and_cancel(&mut self, cx: &mut Context<Self>, count: u64) -> Duration {
        let mut delays = Delays(2);
        let begun = Instant::now();
        for _ in 0..count {
            let timer = cx.after(delays.next(DAY, 10 * DAY), |clock, _| clock.fired += 1);
            black_box(cx.cancel_timer(timer));
        }
        begun.elapsed()
    }

    pub fn rearm(&mut self, cx: &mut Context<Self>, count: u64) -> Duration {
        let mut delays = Delays(3);
        let timer = cx.after(delays.next(DAY, 10 * DAY), |clock, _| clock.fired += 1);
        let begun = Instant::now();
        for _ in 0..count {
            black_box(cx.rearm(timer, delays.next(DAY, 10 * DAY)));
        }
        let took = begun.elapsed();
        cx.cancel_timer(timer);
        took
    }

    /// Sets [`AT_ONCE`] timers within the next tenth of a second.
    pub fn soon(&mut self, cx: &mut Context<Self>) {
        let mut delays = Delays(4);
        for _ in 0..AT_ONCE {
            cx.after(delays.next(0, 1) / 10, |clock, _| clock.fired += 1);
        }
    }
}

/// Delays without a pattern.
struct Delays(u64);

impl Delays {
    /// Between so many seconds and so many.
    fn next(&mut self, from: u64, to: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let part = (self.0 >> 32) as f64 / f64::from(u32::MAX);
        Duration::from_secs_f64(from as f64 + (to - from) as f64 * part)
    }
}

/// An engine whose runner is this thread, and a clock on it beside so many timers.
struct Driven {
    scheduler: Scheduler,
    clock: ClockProxy,
    now: Instant,
    _engine: Engine,
}

impl Driven {
    fn new(crowd: u32) -> Self {
        let engine = Engine::builder().start().expect("no option is wrong");
        let scheduler = engine.invoker("loop").expect("the name is new");
        let clock = engine.spawn("clock", || Clock { fired: 0 }).on("loop").start();
        let clock = clock.expect("it was told where");
        let mut driven = Self { scheduler, clock, now: Instant::now(), _engine: engine };
        driven.ask(|clock| clock.crowd(crowd));
        driven
    }

    fn ask<R: Send + 'static>(&mut self, call: impl FnOnce(&ClockProxy) -> Call<R>) -> R {
        let mut call = call(&self.clock);
        self.turn();
        call.try_get().expect("it had its turn").expect("nothing stops it")
    }

    /// Sets timers for the next tenth of a second, and lets it pass.
    fn fire_all(&mut self) {
        self.ask(ClockProxy::soon);
        let mut fired = 0;
        for _ in 0..101 {
            self.now += Duration::from_millis(1);
            fired += self.turn();
        }
        assert_eq!(fired, AT_ONCE, "all of them, and none of the crowd");
    }

    /// Turns until nothing is left to do; returns how much that was.
    fn turn(&mut self) -> usize {
        std::iter::repeat_with(|| self.scheduler.turn(self.now)).take_while(|work| *work > 0).sum()
    }
}

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");
    group.throughput(Throughput::Elements(1));
    for crowd in CROWDS {
        let mut driven = Driven::new(crowd);
        group.bench_function(format!("arm_and_cancel/beside_{crowd}"), |bench| {
            bench.iter_custom(|count| driven.ask(|clock| clock.arm_and_cancel(count)));
        });
        group.bench_function(format!("rearm/beside_{crowd}"), |bench| {
            bench.iter_custom(|count| driven.ask(|clock| clock.rearm(count)));
        });
        group.bench_function(format!("turn_without_work/beside_{crowd}"), |bench| {
            bench.iter(|| {
                driven.now += Duration::from_nanos(100);
                black_box(driven.scheduler.turn(driven.now))
            });
        });
        // Sets, and fires in steps of a millisecond.
        group.bench_function(format!("arm_and_fire/beside_{crowd}"), |bench| {
            bench.iter_custom(|count| {
                let rounds = count.div_ceil(AT_ONCE as u64);
                let begun = Instant::now();
                (0..rounds).for_each(|_| driven.fire_all());
                begun.elapsed().mul_f64(count as f64 / (rounds * AT_ONCE as u64) as f64)
            });
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    timers(&mut criterion);
    criterion.final_summary();
}
