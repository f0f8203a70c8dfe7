//! Calls and one-way requests from one thread to one object on another.
//!
//! Run with `cargo bench -p mainspring --bench call`. For distributions and comparisons with a
//! floor there is the `mainspring` command; these are for two versions of the same code.

use core_affinity::CoreId;
use criterion::{BenchmarkId, Criterion, Throughput};
use crossbeam_utils::CachePadded;
use mainspring::mailbox::Kind;
use mainspring::prelude::*;
use mainspring::{Reply, SPIN_DEFAULT, WaitStrategy};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

const CAPACITY: usize = 1024;
/// How many requests are told at once where they are.
const BATCH: u64 = 32;
const STRATEGIES: [WaitStrategy; 3] =
    [WaitStrategy::Spin, WaitStrategy::SpinThenPark { spin: SPIN_DEFAULT }, WaitStrategy::Park];

/// Adds up what it is given.
#[derive(Default)]
struct Adder(u64);

#[active]
impl Adder {
    pub fn add(&mut self, by: u64) -> u64 {
        self.0 += by;
        self.0
    }
}

/// Tells `count` ones, `batch` at once, and retries while the mailbox is full.
fn tell_ones<K: Kind>(adder: &AdderProxy<K>, count: u64, batch: u64) {
    let one = |_| AdderRequest::Add { by: 1, reply: Reply::none() };
    let mut left = count;
    while left > 0 {
        let mut requests = (0..batch.min(left) as u32).map(one);
        left -= requests.len() as u64;
        while requests.len() > 0 {
            match adder.handle().tell_batch(&mut requests) {
                Ok(_) => {}
                Err(SendError::Full(_)) => std::hint::spin_loop(),
                Err(_) => panic!("nobody stops the object"),
            }
        }
    }
}

fn engine(strategy: WaitStrategy, cpus: &[usize]) -> Engine {
    let runner = match cpus {
        [_, second, ..] => Runner::named("bench").cpu(*second).wait(strategy),
        _ => Runner::named("bench").wait(WaitStrategy::Park),
    };
    Engine::builder().on_event(|_| ()).runner(runner).start().unwrap()
}

/// One call at a time, for each way in which the runner can wait for it.
fn round_trip(criterion: &mut Criterion, cpus: &[usize]) {
    let mut group = criterion.benchmark_group("call/round_trip");
    group.throughput(Throughput::Elements(1));
    for strategy in STRATEGIES {
        let engine = engine(strategy, cpus);
        let adder = engine.spawn("adder", Adder::default).capacity(CAPACITY).start().unwrap();
        let mut sum = 0;
        group.bench_function(strategy.name(), |bencher| {
            bencher.iter(|| {
                sum += 1;
                assert_eq!(adder.add(1).get(), Ok(sum));
            });
        });
        engine.join();
    }
    group.finish();
}

/// A stream of one-way requests, until the object has served the last.
fn tell<K: Kind>(criterion: &mut Criterion, id: &BenchmarkId, batch: u64, adder: &AdderProxy<K>) {
    let mut group = criterion.benchmark_group("tell/stream");
    group.throughput(Throughput::Elements(1));
    let mut sum = 0;
    group.bench_with_input(id.clone(), &batch, |bencher, batch| {
        bencher.iter_custom(|times| {
            let begun = Instant::now();
            tell_ones(adder, times, *batch);
            sum += times;
            assert_eq!(served(adder), sum);
            begun.elapsed()
        });
    });
    group.finish();
}

/// The sum, when there is room to ask for it.
fn served<K: Kind>(adder: &AdderProxy<K>) -> u64 {
    loop {
        match adder.add(0).get() {
            Ok(sum) => return sum,
            Err(mainspring::CallError::Full) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn streams(criterion: &mut Criterion, cpus: &[usize]) {
    for batch in [1, BATCH] {
        let engine = engine(WaitStrategy::Spin, cpus);
        let many = engine.spawn("many", Adder::default).capacity(CAPACITY).start().unwrap();
        tell(criterion, &BenchmarkId::new("mpsc", batch), batch, &many);
        engine.join();
        let engine = self::engine(WaitStrategy::Spin, cpus);
        let one = engine.spawn("one", Adder::default).capacity(CAPACITY).single_producer();
        tell(criterion, &BenchmarkId::new("spsc", batch), batch, &one.start().unwrap());
        engine.join();
    }
}

/// Two threads and two cache lines: no call can be quicker. With two CPUs only.
fn ping_pong(criterion: &mut Criterion, cpus: &[usize]) {
    const OVER: u64 = u64::MAX;
    let [_, second, ..] = *cpus else { return };
    let ping = CachePadded::new(AtomicU64::new(0));
    let pong = CachePadded::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(core_affinity::set_for_current(CoreId { id: second }));
            let mut last = 0;
            while last != OVER {
                let seen = ping.load(Acquire);
                if seen != last {
                    last = seen;
                    pong.store(seen, Release);
                }
            }
        });
        let mut number = 0;
        criterion.bench_function("baseline/ping_pong", |bencher| {
            bencher.iter(|| {
                number += 1;
                ping.store(number, Release);
                while pong.load(Acquire) != number {}
            });
        });
        ping.store(OVER, Release);
    });
}

/// Everything in a thread of its own: the first one must not be pinned, as its mask is the
/// process's.
fn main() {
    let cpus = mainspring::allowed_cpus();
    let bench = std::thread::spawn(move || {
        if let [first, _, ..] = *cpus {
            assert!(core_affinity::set_for_current(CoreId { id: first }));
        }
        let mut criterion = Criterion::default().configure_from_args();
        ping_pong(&mut criterion, &cpus);
        round_trip(&mut criterion, &cpus);
        streams(&mut criterion, &cpus);
        criterion.final_summary();
    });
    bench.join().unwrap();
}
