//! The mailboxes alone: one thread through both ends, and a round trip between two threads.
//!
//! Run with `cargo bench -p mainspring --bench ring`. For distributions and comparisons with a
//! floor there is the `mainspring` command; these are for two versions of the same code.

use core_affinity::CoreId;
use criterion::{BenchmarkId, Criterion, Throughput};
use mainspring::mailbox::{Pop, mpsc, spsc};
use std::hint::{black_box, spin_loop};
use std::thread::{JoinHandle, yield_now};
use std::time::Instant;

const CAPACITY: usize = 1024;
/// How many requests are published at once where they are.
const BATCH: u64 = 32;
/// Ends the worker.
const OVER: u64 = u64::MAX;

/// Pins the calling thread to the nth CPU that the process may use, if there are two.
fn pin(cpus: &[usize], nth: usize) {
    if let [first, second, ..] = cpus {
        assert!(core_affinity::set_for_current(CoreId { id: [*first, *second][nth] }));
    }
}

/// Waits for the other thread; on a lone CPU that means to let it run.
fn wait(has_two_cpus: bool) {
    if has_two_cpus { spin_loop() } else { yield_now() }
}

/// Both ends on one thread: no cache line moves, only instructions count.
fn push_pop(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox/push_pop");
    group.throughput(Throughput::Elements(1));
    let (producer, mut consumer) = mpsc::mailbox(CAPACITY).unwrap();
    group.bench_function("mpsc", |bencher| {
        bencher.iter(|| {
            producer.push(black_box(7_u64)).unwrap();
            assert_eq!(consumer.pop(), Pop::Request(7));
        });
    });
    let (producer, mut consumer) = spsc::mailbox(CAPACITY).unwrap();
    group.bench_function("spsc", |bencher| {
        bencher.iter(|| {
            producer.push(black_box(7_u64)).unwrap();
            assert_eq!(consumer.pop(), Pop::Request(7));
        });
    });
    group.finish();
}

/// 32 requests by one claim and one publication, taken by one drain.
fn push_drain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mailbox/push_drain");
    group.throughput(Throughput::Elements(BATCH));
    // Over `u32`: a range of `u64` doesn't know its length.
    let requests = || (0..BATCH as u32).map(|number| black_box(u64::from(number)));
    let expected = (BATCH * (BATCH - 1) / 2, BATCH as usize);
    let (producer, mut consumer) = mpsc::mailbox(CAPACITY).unwrap();
    group.bench_function(BenchmarkId::new("mpsc", BATCH), |bencher| {
        bencher.iter(|| {
            let pushed = producer.push_batch(&mut requests()).unwrap();
            let mut sum = 0;
            consumer.drain(pushed, |number, _| sum += number);
            assert_eq!((sum, pushed), expected);
        });
    });
    let (producer, mut consumer) = spsc::mailbox(CAPACITY).unwrap();
    group.bench_function(BenchmarkId::new("spsc", BATCH), |bencher| {
        bencher.iter(|| {
            let pushed = producer.push_batch(&mut requests()).unwrap();
            let mut sum = 0;
            consumer.drain(pushed, |number, _| sum += number);
            assert_eq!((sum, pushed), expected);
        });
    });
    group.finish();
}

/// A thread that sends back, increased by one, whatever it gets.
struct Echo<Q, A> {
    questions: Q,
    answers: A,
    thread: JoinHandle<()>,
}

/// There is no trait for the two kinds outside the library, so the loop is written once here.
macro_rules! echo {
    ($kind:ident, $cpus:expr) => {{
        let (questions, mut asked) = $kind::mailbox(CAPACITY).unwrap();
        let (answer, answers) = $kind::mailbox(CAPACITY).unwrap();
        let cpus = $cpus.to_vec();
        let thread = std::thread::spawn(move || {
            pin(&cpus, 1);
            loop {
                match asked.pop() {
                    Pop::Request(OVER) => return,
                    Pop::Request(number) => answer.push(number + 1).unwrap(),
                    _ => wait(cpus.len() > 1),
                }
            }
        });
        Echo { questions, answers, thread }
    }};
}

macro_rules! bench_echo {
    ($group:expr, $kind:ident, $cpus:expr) => {{
        let mut echo = echo!($kind, $cpus);
        $group.bench_function(stringify!($kind), |bencher| {
            bencher.iter_custom(|times| {
                let begun = Instant::now();
                for number in 0..times {
                    echo.questions.push(number).unwrap();
                    let answer = loop {
                        match echo.answers.pop() {
                            Pop::Request(answer) => break answer,
                            _ => wait($cpus.len() > 1),
                        }
                    };
                    assert_eq!(answer, number + 1);
                }
                begun.elapsed()
            });
        });
        echo.questions.push(OVER).unwrap();
        echo.thread.join().unwrap();
    }};
}

/// There and back through two mailboxes, whose other ends are one thread's that lives on.
fn round_trip(criterion: &mut Criterion, cpus: &[usize]) {
    let mut group = criterion.benchmark_group("mailbox/round_trip");
    group.throughput(Throughput::Elements(1));
    bench_echo!(group, mpsc, cpus);
    bench_echo!(group, spsc, cpus);
    group.finish();
}

/// What the harness adds by itself.
fn empty_harness(criterion: &mut Criterion) {
    criterion.bench_function("baseline/empty_harness", |bencher| bencher.iter(|| black_box(7)));
}

/// Everything in a thread of its own: the first one must not be pinned, as its mask is the
/// process's.
fn main() {
    let cpus = mainspring::allowed_cpus();
    let bench = std::thread::spawn(move || {
        pin(&cpus, 0);
        let mut criterion = Criterion::default().configure_from_args();
        empty_harness(&mut criterion);
        push_pop(&mut criterion);
        push_drain(&mut criterion);
        round_trip(&mut criterion, &cpus);
        criterion.final_summary();
    });
    bench.join().unwrap();
}
