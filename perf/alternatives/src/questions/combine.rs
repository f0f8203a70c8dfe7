//! One ring per runner for all of its objects, or one ring per object, each polled?
//!
//! A shared ring has one place to look at, however many objects there are. But its slots name their
//! object, its room is everybody's, and a full ring or a slow object holds up the others.

use crate::harness::{Lab, Question, Table};
use crate::idle::{Idle, Idling};
use crate::rings::layout::Usual;
use crate::rings::stamped::StampedRing;
use crate::rings::{CAPACITY, Consumer, Producer, Ring, Tuning};
use crate::traffic::{CHUNK, DRAIN_MAX, closed_loop};
use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use std::time::Instant;

/// See the module.
pub const QUESTION: Question =
    Question { name: "combine", asks: "A ring per object, or one per runner?", tables };

/// As the engine's default capacity.
const DEFAULT: usize = 256;
const SMALL: usize = 32;
const TUNING: Tuning = Tuning::PLAIN.ahead_to_write(26);

fn tables() -> Vec<Table> {
    let mut tables = Vec::new();
    for objects in [1, 16, 256] {
        let title = format!("requests spread over {objects} objects, one by one");
        tables.push(
            Table::new(title)
                .with("a ring of 256 each", move |lab| stream(lab, Apart::<DEFAULT>::new(objects)))
                .with("a ring of 32 each", move |lab| stream(lab, Apart::<SMALL>::new(objects)))
                .with("one ring of 1024", move |lab| stream(lab, Together::new(objects))),
        );
    }
    for objects in [1, 16, 256] {
        let title = format!("a round trip to one of {objects} objects");
        tables.push(
            Table::new(title)
                .with("a ring of 256 each", move |lab| trip(lab, Apart::<DEFAULT>::new(objects)))
                .with("a ring of 32 each", move |lab| trip(lab, Apart::<SMALL>::new(objects)))
                .with("one ring of 1024", move |lab| trip(lab, Together::new(objects))),
        );
    }
    tables
}

/// The mailboxes of one runner.
trait Mailboxes: Send + Sync {
    fn objects(&self) -> usize;
    /// Something to send with: an object and a number; `false` without room.
    fn sender(&self) -> impl FnMut(usize, u64) -> bool + Send;
    /// Something to make a pass with: serves each request, and says how many there were.
    fn server(&self) -> impl FnMut(&mut dyn Serve) -> u64 + Send;
}

/// What a request does to its object.
trait Serve {
    fn serve(&mut self, object: usize, number: u64);
}

/// A ring for each object: the number alone is sent.
struct Apart<const SLOTS: usize>(Vec<Box<StampedRing<true, 1, Usual, SLOTS>>>);

impl<const SLOTS: usize> Apart<SLOTS> {
    fn new(objects: usize) -> Self {
        Self((0..objects).map(|_| StampedRing::new()).collect())
    }
}

impl<const SLOTS: usize> Mailboxes for Apart<SLOTS> {
    fn objects(&self) -> usize {
        self.0.len()
    }

    fn sender(&self) -> impl FnMut(usize, u64) -> bool + Send {
        // In a ring of 32, 26 ahead may be what the consumer is at; but so it is in the engine.
        let mut producers: Vec<_> = self.0.iter().map(|ring| ring.producer(TUNING)).collect();
        move |object, number| producers[object].offer(1, |_| [number]) == 1
    }

    fn server(&self) -> impl FnMut(&mut dyn Serve) -> u64 + Send {
        let tuning = TUNING.releasing((SLOTS as u64 / 8).min(64));
        let mut consumers: Vec<_> = self.0.iter().map(|ring| ring.consumer(tuning)).collect();
        move |serve| {
            let all = consumers.iter_mut().enumerate();
            all.map(|(object, consumer)| {
                consumer.drain(DRAIN_MAX, |[number]| serve.serve(object, number))
            })
            .sum()
        }
    }
}

/// One ring for all: the number and its object are sent.
struct Together {
    ring: Box<StampedRing<true, 2, Usual, CAPACITY>>,
    objects: usize,
}

impl Together {
    fn new(objects: usize) -> Self {
        Self { ring: StampedRing::new(), objects }
    }
}

impl Mailboxes for Together {
    fn objects(&self) -> usize {
        self.objects
    }

    fn sender(&self) -> impl FnMut(usize, u64) -> bool + Send {
        let mut producer = self.ring.producer(TUNING);
        move |object, number| producer.offer(1, |_| [number, object as u64]) == 1
    }

    fn server(&self) -> impl FnMut(&mut dyn Serve) -> u64 + Send {
        let mut consumer = self.ring.consumer(TUNING);
        move |serve| {
            consumer.drain(DRAIN_MAX, |[number, object]| serve.serve(object as usize, number))
        }
    }
}

/// Which object a number goes to: no pattern that a prefetcher could learn.
#[inline(always)]
fn object_of(number: u64, objects: usize) -> usize {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % objects
}

/// A servant's state: a line of its own, as that of a real object.
#[derive(Clone, Copy, Default)]
struct Tally {
    count: u64,
    sum: u64,
}

struct Servants(Vec<CachePadded<Tally>>);

impl Serve for Servants {
    #[inline(always)]
    fn serve(&mut self, object: usize, number: u64) {
        self.0[object].count += 1;
        self.0[object].sum = self.0[object].sum.wrapping_add(number);
    }
}

fn stream(lab: &Lab, mailboxes: impl Mailboxes) -> f64 {
    let objects = mailboxes.objects();
    let over = CachePadded::new(AtomicBool::new(false));
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            lab.pin(lab.receiver);
            let mut servants = Servants(vec![CachePadded::default(); objects]);
            serve_until(&over, mailboxes.server(), &mut servants);
            (servants, Instant::now())
        });
        let mut send = mailboxes.sender();
        let (begun, mut sent) = (Instant::now(), 0);
        while begun.elapsed() < lab.round {
            for number in sent..sent + CHUNK {
                while !send(object_of(number, objects), number) {
                    spin_loop();
                }
            }
            sent += CHUNK;
        }
        // Release: everything sent comes before; pairs with the Acquire in `serve_until`.
        over.store(true, Release);
        let (servants, ended) = serving.join().expect("the servants only count");
        let count: u64 = servants.0.iter().map(|tally| tally.count).sum();
        let sum = servants.0.iter().fold(0_u64, |sum, tally| sum.wrapping_add(tally.sum));
        assert_eq!((count, sum), (sent, (0..sent).sum()), "requests and their sum");
        (ended - begun).as_nanos() as f64 / sent as f64
    })
}

fn serve_until(
    over: &AtomicBool,
    mut pass: impl FnMut(&mut dyn Serve) -> u64,
    servants: &mut dyn Serve,
) {
    let mut idle = Idle::new(Idling::Linger);
    loop {
        // Acquire: before the pass, so that a pass which finds nothing after it was the last.
        let last = over.load(Acquire);
        match pass(servants) {
            0 if last => return,
            0 => idle.idle(),
            served => idle.worked(served),
        }
    }
}

/// Answers through one word.
struct Answering<'a>(&'a CachePadded<AtomicU64>);

impl Serve for Answering<'_> {
    #[inline(always)]
    fn serve(&mut self, _: usize, number: u64) {
        // Release: pairs with the Acquire in `trip`, though nothing but the word itself is read.
        self.0.store(number + 1, Release);
    }
}

fn trip(lab: &Lab, mailboxes: impl Mailboxes) -> f64 {
    let objects = mailboxes.objects();
    let over = CachePadded::new(AtomicBool::new(false));
    let answer = CachePadded::new(AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            serve_until(&over, mailboxes.server(), &mut Answering(&answer));
        });
        let mut send = mailboxes.sender();
        let nanos = closed_loop(lab, |question| {
            // The warm-up asks the first questions too: forget its answers.
            answer.store(0, Release);
            assert!(send(object_of(question, objects), question), "one at a time finds room");
            loop {
                // Acquire: see `Answering`.
                match answer.load(Acquire) {
                    0 => spin_loop(),
                    answer => return answer,
                }
            }
        });
        // Release: as in `stream`.
        over.store(true, Release);
        nanos
    })
}
