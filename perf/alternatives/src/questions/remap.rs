//! Should consecutive positions of a shared ring lie on different cache lines?
//!
//! Then producers that claimed neighbouring positions don't write the same line. But one producer
//! and the consumer touch each line four times a lap, far apart, rather than four times in a row.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::layout::{Layout, Remapped, Usual};
use crate::rings::stamped::StampedRing;
use crate::rings::{Consumer, Producer, Ring, Tuning};
use crate::traffic::{CHUNK, Sending, Stage, send_chunk, stream};
use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};

/// See the module.
pub const QUESTION: Question = Question {
    name: "remap",
    asks: "Shared ring: consecutive positions side by side, or on different lines?",
    tables,
};

/// With the stamp 16 bytes: four slots to a line, none across two.
const WORDS: usize = 1;
type Shared<L> = StampedRing<true, WORDS, L>;
const TUNING: Tuning = Tuning::PLAIN.ahead_to_write(40);

fn tables() -> Vec<Table> {
    let one = |title: &str, sending| {
        Table::new(title)
            .with("side by side", move |lab| alone::<Usual>(lab, sending))
            .with("on different lines", move |lab| alone::<Remapped>(lab, sending))
    };
    let many = |producers: usize| {
        let title = format!("{producers} producers that share one CPU, one by one");
        Table::new(title)
            .with("side by side", move |lab| together::<Usual>(lab, producers))
            .with("on different lines", move |lab| together::<Remapped>(lab, producers))
    };
    let apart = Table::new("2 producers on two CPUs fill the empty ring; emptying is not timed")
        .with("side by side", fill_at_once::<Usual>)
        .with("on different lines", fill_at_once::<Remapped>);
    vec![
        one("1 producer, one by one", Sending::Single),
        one("1 producer, batches of 32", Sending::Batched),
        many(2),
        many(4),
        apart,
    ]
}

fn alone<L: Layout>(lab: &Lab, sending: Sending) -> f64 {
    stream::<Shared<L>, WORDS>(lab, sending, Idling::Linger, TUNING)
}

/// All on the sender's CPU. There are two CPUs here, and one is the consumer's.
fn together<L: Layout>(lab: &Lab, producers: usize) -> f64 {
    let ring = Shared::<L>::new();
    let (stage, start) = (Stage::default(), Barrier::new(producers + 1));
    thread::scope(|scope| {
        let taking = scope.spawn(|| {
            lab.pin(lab.receiver);
            stage.consume(ring.consumer(TUNING), Idling::Linger, 0)
        });
        let sending: Vec<_> = (0..producers)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    send_for(lab.round, ring.producer(TUNING))
                })
            })
            .collect();
        stage.wait_for_consumer();
        start.wait();
        let begun = Instant::now();
        let sent = sending.into_iter().map(|thread| thread.join().expect("it only sends"));
        let (count, sum) = sent.fold((0, 0_u64), |(count, sum), sent: u64| {
            (count + sent, sum.wrapping_add((0..sent).sum()))
        });
        stage.end();
        let tally = taking.join().expect("the consumer only counts");
        tally.check(count, sum);
        (tally.ended - begun).as_nanos() as f64 / count as f64
    })
}

fn send_for(time: Duration, mut producer: impl Producer<WORDS>) -> u64 {
    let (begun, mut sent) = (Instant::now(), 0);
    while begun.elapsed() < time {
        // Without room: give way to those who may be in the middle of a push.
        send_chunk(&mut producer, Sending::Single, sent, yield_now);
        sent += CHUNK;
    }
    sent
}

/// Half a ring from each side at the same time, over and over.
fn fill_at_once<L: Layout>(lab: &Lab) -> f64 {
    const EACH: u64 = 512;
    const OVER: u64 = u64::MAX;
    let ring = Shared::<L>::new();
    let phase = Phase::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            let mut producer = ring.producer(TUNING);
            let mut next = 1;
            while phase.wait_until(|now| now >= next) != OVER {
                fill(&mut producer, EACH);
                phase.step();
                next += 2;
            }
        });
        let (mut producer, mut consumer) = (ring.producer(TUNING), ring.consumer(TUNING));
        let (mut time, mut count) = (Duration::ZERO, 0);
        let begun = Instant::now();
        while begun.elapsed() < lab.round {
            let started = phase.step();
            let from = Instant::now();
            fill(&mut producer, EACH);
            phase.wait_until(|now| now > started);
            time += from.elapsed();
            let mut sum = 0;
            let taken = consumer.drain(u64::MAX, |[number]| sum += number);
            assert_eq!((taken, sum), (2 * EACH, EACH * (EACH - 1)), "requests and their sum");
            count += taken;
        }
        phase.end(OVER);
        time.as_nanos() as f64 / count as f64
    })
}

fn fill(producer: &mut impl Producer<WORDS>, count: u64) {
    for number in 0..count {
        assert_eq!(producer.offer(1, |_| [number; WORDS]), 1, "there is room for both halves");
    }
}

/// Where two threads are in their alternating phases.
#[derive(Default)]
struct Phase(CachePadded<AtomicU64>);

impl Phase {
    /// Goes on to the next phase; says which it is.
    fn step(&self) -> u64 {
        // AcqRel: what was done in a phase is seen in the next.
        self.0.fetch_add(1, AcqRel) + 1
    }

    fn end(&self, over: u64) {
        // AcqRel: as above.
        self.0.swap(over, AcqRel);
    }

    fn wait_until(&self, is_it: impl Fn(u64) -> bool) -> u64 {
        loop {
            // Acquire: as above.
            let now = self.0.load(Acquire);
            if is_it(now) {
                return now;
            }
            spin_loop();
        }
    }
}
