//! Could the sleeper pay for the fence, so that publishing costs a store and a load?
//!
//! `membarrier` has the kernel interrupt each CPU that runs a thread of the process: a full fence
//! there, made by whoever goes to sleep. Rare sleeps, many publications: that might pay. But the
//! price is also paid by threads that have nothing to do with the two.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::index::IndexRing;
use crate::rings::publish::{Cas, Fenced, Membarrier, Publish, Store};
use crate::rings::{Consumer, Producer, Ring, Tuning};
use crate::sys;
use crate::traffic::{CHUNK, Sending, stream};
use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// See the module.
pub const QUESTION: Question = Question {
    name: "membarrier",
    asks: "Wake-ups: a fence (or a CAS) per publication, or a system call per sleep?",
    tables,
};

const WORDS: usize = 2;

fn tables() -> Vec<Table> {
    if !sys::register_membarrier() {
        return vec![Table::new("this kernel has no private expedited membarrier: not measured")];
    }
    let streams = [Sending::Single, Sending::Batched].map(|sending| {
        let title = format!("a stream, 16 bytes, {}; the consumer never sleeps", sending.name());
        Table::new(title)
            .with("CAS", move |lab| run::<Cas>(lab, sending))
            .with("store, fence, look at a flag", move |lab| run::<Fenced>(lab, sending))
            .with("store, look at a flag", move |lab| run::<Membarrier>(lab, sending))
    });
    let going_to_sleep = Table::new("announcing a sleep and taking it back; the other CPU is busy")
        .with("CAS", cool::<Cas>)
        .with("store, fence, look again", cool::<Fenced>)
        .with("store, membarrier, look again", cool::<Membarrier>);
    let bystander = Table::new("a third ring's push and pop on the other CPU, meanwhile")
        .with("nobody sleeps", |lab| bystander(lab, None))
        .with("a membarrier every 50 µs", |lab| bystander(lab, Some(Duration::from_micros(50))))
        .with("one after another", |lab| bystander(lab, Some(Duration::ZERO)));
    streams.into_iter().chain([going_to_sleep, bystander]).collect()
}

fn run<P: Publish>(lab: &Lab, sending: Sending) -> f64 {
    let tuning = Tuning::PLAIN.ahead_to_write(40).ahead_to_take(40);
    stream::<IndexRing<P, WORDS>, WORDS>(lab, sending, Idling::Linger, tuning)
}

/// What the sleeper pays, and nobody sends: the engine's runner does this once for each of its
/// objects before it parks.
fn cool<P: Publish>(lab: &Lab) -> f64 {
    let ring = IndexRing::<P, WORDS>::new();
    beside_a_busy_thread(lab, || {
        let consumer = ring.consumer(Tuning::PLAIN);
        let (begun, mut count) = (Instant::now(), 0);
        while begun.elapsed() < lab.round {
            for _ in 0..16 {
                assert!(consumer.cool_and_warm(), "nobody sends");
                count += 1;
            }
        }
        begun.elapsed().as_nanos() as f64 / f64::from(count)
    })
}

fn beside_a_busy_thread(lab: &Lab, run: impl FnOnce() -> f64) -> f64 {
    let over = CachePadded::new(AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            // Relaxed: only a moment in time.
            while !over.load(Relaxed) {
                spin_loop();
            }
        });
        let nanos = run();
        // Relaxed: as above.
        over.store(true, Relaxed);
        nanos
    })
}

/// A thread that owns both ends of a ring and shares it with nobody, while one on the other CPU
/// goes to sleep, as it were.
fn bystander(lab: &Lab, every: Option<Duration>) -> f64 {
    let over = CachePadded::new(AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            // Relaxed: only a moment in time.
            while !over.load(Relaxed) {
                let begun = Instant::now();
                if every.is_some() {
                    sys::membarrier();
                }
                while begun.elapsed() < every.unwrap_or(Duration::from_micros(50)) {
                    spin_loop();
                }
            }
        });
        let nanos = push_and_pop(lab);
        // Relaxed: as above.
        over.store(true, Relaxed);
        nanos
    })
}

fn push_and_pop(lab: &Lab) -> f64 {
    let ring = IndexRing::<Store, WORDS>::new();
    let (mut producer, mut consumer) = (ring.producer(Tuning::PLAIN), ring.consumer(Tuning::PLAIN));
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < lab.round {
        for number in count..count + CHUNK {
            let mut taken = 0;
            assert_eq!(producer.offer(1, |_| [number; WORDS]), 1, "it is empty");
            assert_eq!(consumer.drain(1, |message| taken = message[0]), 1, "it is there");
            assert_eq!(taken, number);
        }
        count += CHUNK;
    }
    begun.elapsed().as_nanos() as f64 / count as f64
}
