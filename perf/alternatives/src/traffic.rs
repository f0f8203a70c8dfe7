//! What goes through a ring while the clock runs: a stream, or one question and answer at a time.
//!
//! What was taken is checked against what was sent, in number and in sum, every time.

use crate::harness::Lab;
use crate::idle::{Idle, Idling};
use crate::rings::{Consumer, Message, Producer, Ring, Tuning};
use crossbeam_utils::CachePadded;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Instant;

/// How many requests are sent between two looks at the clock.
pub const CHUNK: u64 = 4096;
/// How many are sent at once where they are.
pub const BATCH: u64 = 32;
/// How many a consumer takes at once, at most: as the engine's.
pub const DRAIN_MAX: u64 = 64;
/// The question after which there is none.
const OVER: u64 = u64::MAX;

/// How requests are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// One by one.
    Single,
    /// 32 by one publication.
    Batched,
}

impl Sending {
    /// For a table's title.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "one by one",
            Self::Batched => "batches of 32",
        }
    }
}

/// A stream from this thread to another through a new ring; nanoseconds a request.
pub fn stream<R: Ring<WORDS>, const WORDS: usize>(
    lab: &Lab,
    sending: Sending,
    idling: Idling,
    tuning: Tuning,
) -> f64 {
    stream_with_work::<R, WORDS>(lab, sending, idling, tuning, 0)
}

/// The same, with so many multiplications for each request, each waiting for the one before: about
/// four cycles each. A consumer that is the slower side finds the ring full, not empty.
pub fn stream_with_work<R: Ring<WORDS>, const WORDS: usize>(
    lab: &Lab,
    sending: Sending,
    idling: Idling,
    tuning: Tuning,
    work: u32,
) -> f64 {
    let ring = R::new();
    let mut producer = ring.producer(tuning);
    stream_by(lab, ring.consumer(tuning), idling, work, |first| {
        send_chunk(&mut producer, sending, first, spin_loop);
    })
}

/// A stream of which `send` sends a chunk, beginning with the number it is given.
pub fn stream_by<const WORDS: usize>(
    lab: &Lab,
    consumer: impl Consumer<WORDS>,
    idling: Idling,
    work: u32,
    mut send: impl FnMut(u64),
) -> f64 {
    let stage = Stage::default();
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| {
            lab.pin(lab.receiver);
            stage.consume(consumer, idling, work)
        });
        stage.wait_for_consumer();
        let begun = Instant::now();
        let mut sent = 0;
        while begun.elapsed() < lab.round {
            send(sent);
            sent += CHUNK;
        }
        stage.end();
        let tally = taking.join().expect("the consumer only counts");
        tally.check(sent, (0..sent).fold(0, u64::wrapping_add));
        (tally.ended - begun).as_nanos() as f64 / sent as f64
    })
}

/// Sends the numbers of one chunk; `relax` is called when there is no room.
#[inline(always)]
pub fn send_chunk<const WORDS: usize>(
    producer: &mut impl Producer<WORDS>,
    sending: Sending,
    first: u64,
    relax: impl Fn(),
) {
    match sending {
        Sending::Single => {
            for number in first..first + CHUNK {
                while producer.offer(1, |_| [number; WORDS]) == 0 {
                    relax();
                }
            }
        }
        Sending::Batched => {
            for first in (first..first + CHUNK).step_by(BATCH as usize) {
                let mut sent = 0;
                while sent < BATCH {
                    let from = first + sent;
                    let now = producer.offer(BATCH - sent, |step| [from + step; WORDS]);
                    if now == 0 {
                        relax();
                    }
                    sent += now;
                }
            }
        }
    }
}

/// How the two sides of a stream begin and end together.
///
/// It lies on the sender's stack and is polled by the receiver: without lines of its own it would
/// share one with whatever the sender keeps beside it, and slow it down by half.
#[derive(Default)]
pub struct Stage {
    ready: CachePadded<AtomicBool>,
    over: CachePadded<AtomicBool>,
}

impl Stage {
    /// Returns when the consumer polls.
    pub fn wait_for_consumer(&self) {
        // Relaxed: only a moment in time.
        while !self.ready.load(Relaxed) {
            spin_loop();
        }
    }

    /// Says that nothing more will be sent.
    pub fn end(&self) {
        // Release: everything sent comes before; pairs with the Acquire in `consume`.
        self.over.store(true, Release);
    }

    /// Takes everything until the end.
    pub fn consume<const WORDS: usize>(
        &self,
        mut consumer: impl Consumer<WORDS>,
        idling: Idling,
        work: u32,
    ) -> Tally {
        let (mut count, mut sum, mut state) = (0, 0_u64, 1_u64);
        let mut idle = Idle::new(idling);
        // Relaxed: as above.
        self.ready.store(true, Relaxed);
        loop {
            // Acquire: before the pass, so that a pass which finds nothing after it was the last.
            let over = self.over.load(Acquire);
            let taken = consumer.drain(DRAIN_MAX, |message| {
                let number = number(message);
                sum = sum.wrapping_add(number);
                (0..work)
                    .for_each(|_| state = (state ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            });
            count += taken;
            match taken {
                0 if over => {
                    black_box(state);
                    return Tally { count, sum, ended: Instant::now() };
                }
                0 => idle.idle(),
                _ => idle.worked(taken),
            }
        }
    }
}

/// What a consumer has seen.
pub struct Tally {
    /// How many requests.
    pub count: u64,
    /// The sum of their numbers.
    pub sum: u64,
    /// When there were no more.
    pub ended: Instant,
}

impl Tally {
    /// Stops everything if requests were lost, doubled or spoilt.
    pub fn check(&self, count: u64, sum: u64) {
        assert_eq!((self.count, self.sum), (count, sum), "requests and their sum");
    }
}

/// The number in each word of a request; something else if they differ.
#[inline(always)]
pub fn number<const WORDS: usize>(message: Message<WORDS>) -> u64 {
    message.into_iter().fold(u64::MAX, |all, word| all & word)
}

/// A question through one ring and its answer through another, over and over; nanoseconds each.
pub fn round_trip<R: Ring<WORDS>, const WORDS: usize>(lab: &Lab, idling: Idling) -> f64 {
    let rings = [R::new(), R::new()];
    let (mut ask, mut answered) =
        (rings[0].producer(Tuning::PLAIN), rings[1].consumer(Tuning::PLAIN));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            let (asked, answer) =
                (rings[0].consumer(Tuning::PLAIN), rings[1].producer(Tuning::PLAIN));
            reply_to_all(asked, answer, idling);
        });
        let nanos = closed_loop(lab, |question| {
            while ask.offer(1, |_| [question; WORDS]) == 0 {}
            let mut idle = Idle::new(idling);
            let mut answer = OVER;
            while answered.drain(1, |message| answer = number(message)) == 0 {
                idle.idle();
            }
            answer
        });
        while ask.offer(1, |_| [OVER; WORDS]) == 0 {}
        nanos
    })
}

fn reply_to_all<const WORDS: usize>(
    mut asked: impl Consumer<WORDS>,
    mut answer: impl Producer<WORDS>,
    idling: Idling,
) {
    let mut idle = Idle::new(idling);
    let mut question = 0;
    while question != OVER {
        let taken = asked.drain(DRAIN_MAX, |message| {
            question = number(message);
            while answer.offer(1, |_| [question.wrapping_add(1); WORDS]) == 0 {}
        });
        if taken > 0 { idle.worked(taken) } else { idle.idle() }
    }
}

/// Asks one question after another for one round; each answer must be the question plus one.
#[inline(always)]
pub fn closed_loop(lab: &Lab, mut ask: impl FnMut(u64) -> u64) -> f64 {
    const TRIPS: u64 = 256;
    (0..TRIPS).for_each(|question| check_answer(question, ask(question)));
    let begun = Instant::now();
    let mut trips = 0;
    loop {
        for question in trips..trips + TRIPS {
            check_answer(question, ask(question));
        }
        trips += TRIPS;
        let time = begun.elapsed();
        if time >= lab.round {
            return time.as_nanos() as f64 / trips as f64;
        }
    }
}

#[inline(always)]
fn check_answer(question: u64, answer: u64) {
    assert_eq!(answer, question + 1, "an answer to another question");
}
