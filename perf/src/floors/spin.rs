//! Floors of cache lines: what two threads that only spin can reach on these two CPUs.

use crate::error::Error;
use crate::floors::ring::{Reader, Ring, Writer};
use crate::lab::Lab;
use crate::lab::loops::{BATCH, CHUNK, WINDOW, after_idle, closed_loop, timed_chunks};
use crate::lab::sample::Sample;
use crate::lab::time::RoundSpan;
use crossbeam_utils::CachePadded;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// Headers of a stream, in place of a chunk's length.
const WARM: u64 = u64::MAX;
const END: u64 = 0;

/// Two cache lines: on one a thread asks, on the other another thread answers. Neither pauses.
#[derive(Default)]
pub struct Lines {
    ping: CachePadded<AtomicU64>,
    pong: CachePadded<AtomicU64>,
}

impl Lines {
    const OVER: u64 = u64::MAX;

    /// Asks, and waits for the answer. Each number is larger than the one before, and the first
    /// isn't 0.
    #[inline(always)]
    pub fn round_trip(&self, number: u64) {
        self.ping.store(number, Release);
        while self.pong.load(Acquire) != number {}
    }

    /// Answers until [`end`](Self::end).
    pub fn answer(&self) {
        let mut last = 0;
        while last != Self::OVER {
            let seen = self.ping.load(Acquire);
            if seen != last {
                last = seen;
                self.pong.store(seen, Release);
            }
        }
    }

    /// Lets the other thread go.
    pub fn end(&self) {
        self.ping.store(Self::OVER, Release);
    }
}

/// One thread writes a line and waits for the other's answer on a second line; neither pauses.
pub fn ping_pong(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    let lines = Lines::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin_opposite();
            lines.answer();
        });
        let mut number = 0;
        let sample = closed_loop(length, || {
            number += 1;
            lines.round_trip(number);
            Ok(())
        });
        lines.end();
        sample
    })
}

/// One line, one way, to a thread that has spun for a while: from before the line is written
/// to the reader's look at the clock.
pub fn wake(lab: &Lab, idle: Duration, length: Duration) -> Result<Sample, Error> {
    const OVER: u64 = u64::MAX;
    let base = Instant::now();
    let (sent, seen) = (CachePadded::new(AtomicU64::new(0)), CachePadded::new(AtomicU64::new(0)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin_opposite();
            let mut last = 0;
            while last != OVER {
                let at = sent.load(Acquire);
                if at != last {
                    last = at;
                    let latency = (base.elapsed().as_nanos() as u64).saturating_sub(at);
                    seen.store(latency.max(1), Release);
                }
            }
        });
        let sample = after_idle(idle, length, || {
            // Relaxed: the line that is written next carries it.
            seen.store(0, Relaxed);
            sent.store(base.elapsed().as_nanos() as u64, Release);
            loop {
                match seen.load(Acquire) {
                    0 => {}
                    latency => return Ok(Duration::from_nanos(latency)),
                }
            }
        });
        sent.store(OVER, Release);
        sample
    })
}

/// A stream through the minimal ring, published one by one.
pub fn stream_single<const WORDS: usize>(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    let send =
        |writer: &mut Writer<'_, WORDS>, from| (from..from + CHUNK).for_each(|n| writer.push(n));
    let receive = |reader: &mut Reader<'_, WORDS>, count| {
        (0..count).fold(0_u64, |sum, _| sum.wrapping_add(reader.pop()))
    };
    stream(lab, length, send, receive)
}

/// A stream through the minimal ring, 32 published and up to 32 taken at once.
pub fn stream_batched<const WORDS: usize>(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    let send = |writer: &mut Writer<'_, WORDS>, from| {
        (from..from + CHUNK).step_by(BATCH as usize).for_each(|n| writer.push_batch(n, BATCH));
    };
    let receive = |reader: &mut Reader<'_, WORDS>, count| {
        let (mut left, mut sum) = (count, 0_u64);
        while left > 0 {
            let (some, taken) = reader.sum_batch(BATCH.min(left));
            sum = sum.wrapping_add(some);
            left -= taken;
        }
        sum
    };
    stream(lab, length, send, receive)
}

/// What the consumer of a stream has seen.
#[derive(Default)]
struct Seen {
    count: u64,
    sum: u64,
    timed: u64,
    time: Duration,
}

/// Sends chunks, each after its length, and times them where they arrive.
fn stream<const WORDS: usize>(
    lab: &Lab,
    length: Duration,
    send: impl Fn(&mut Writer<'_, WORDS>, u64),
    receive: impl Fn(&mut Reader<'_, WORDS>, u64) -> u64 + Send,
) -> Result<Sample, Error> {
    let ring = Ring::<WORDS>::new(lab.capacity);
    let (mut writer, reader) = ring.ends();
    let (sent, seen) = std::thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            lab.pin_opposite();
            consume(reader, receive)
        });
        let sent = produce(&mut writer, length, send);
        (sent, consumer.join().expect("the consumer only counts"))
    });
    Error::check("numbers through the ring", seen.count, sent)?;
    let expected = (0..sent).fold(0_u64, u64::wrapping_add);
    Error::check("their sum", seen.sum, expected)?;
    Ok(Sample::per_operation(seen.timed, seen.time))
}

/// Inlined, as `consume` is: a writer or reader that is passed by address stays in memory, and the
/// pace of the loop would depend on how the compiler divides the crate.
#[inline(always)]
fn produce<const WORDS: usize>(
    writer: &mut Writer<'_, WORDS>,
    length: Duration,
    send: impl Fn(&mut Writer<'_, WORDS>, u64),
) -> u64 {
    let span = RoundSpan::of(length);
    let mut sent = 0;
    for end in [span.warm, span.end] {
        while Instant::now() < end {
            writer.push(CHUNK);
            send(writer, sent);
            sent += CHUNK;
        }
        writer.push(if end == span.warm { WARM } else { END });
    }
    sent
}

#[inline(always)]
fn consume<const WORDS: usize>(
    mut reader: Reader<'_, WORDS>,
    receive: impl Fn(&mut Reader<'_, WORDS>, u64) -> u64,
) -> Seen {
    let mut seen = Seen::default();
    let (mut begun, mut warm) = (Instant::now(), 0);
    loop {
        match reader.pop() {
            WARM => (begun, warm) = (Instant::now(), seen.count),
            END => {
                (seen.time, seen.timed) = (begun.elapsed(), seen.count - warm);
                return seen;
            }
            count => {
                seen.sum = seen.sum.wrapping_add(receive(&mut reader, count));
                seen.count += count;
            }
        }
    }
}

/// Questions through one minimal ring and answers through another, 128 on their way at once.
pub fn window(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    const OVER: u64 = u64::MAX;
    let (questions, answers) = (Ring::<1>::new(lab.capacity), Ring::<1>::new(lab.capacity));
    let (mut ask, mut asked) = questions.ends();
    let (mut answer, mut answered) = answers.ends();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            lab.pin_opposite();
            loop {
                let question = asked.pop();
                answer.push(question);
                if question == OVER {
                    return;
                }
            }
        });
        let window = WINDOW.min(lab.capacity as u64);
        (0..window).for_each(|number| ask.push(number));
        let mut next = 0;
        let sample = timed_chunks(length, || {
            for _ in 0..CHUNK {
                Error::check("an answer", answered.pop(), next)?;
                ask.push(next + window);
                next += 1;
            }
            Ok(())
        });
        ask.push(OVER);
        while answered.pop() != OVER {}
        sample
    })
}
