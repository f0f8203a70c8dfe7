//! Mailboxes without objects: a stream of numbers from one thread to another.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::{BATCH, CHUNK};
use crate::lab::sample::Sample;
use crate::lab::time::RoundSpan;
use crate::suites::tell::Sending;
use mainspring::mailbox::{Pop, lanes, mpsc, spsc};
use std::time::{Duration, Instant};

/// Ends a stream.
const END: u64 = u64::MAX;
/// Begins the time that counts.
const WARM: u64 = u64::MAX - 1;

/// What the consumer of a stream has seen.
#[derive(Default)]
struct Seen {
    count: u64,
    sum: u64,
    before: u64,
    begun: Option<Instant>,
    time: Option<Duration>,
}

impl Seen {
    #[inline(always)]
    fn take(&mut self, number: u64) {
        match number {
            END => self.time = self.begun.map(|begun| begun.elapsed()),
            WARM => (self.begun, self.before) = (Some(Instant::now()), self.count),
            number => {
                self.count += 1;
                self.sum = self.sum.wrapping_add(number);
            }
        }
    }
}

/// One kind of mailbox: there is no trait for their ends outside of the library.
macro_rules! stream {
    ($name:ident, $kind:ident, $what:literal) => {
        #[doc = $what]
        pub fn $name(lab: &Lab, sending: Sending, length: Duration) -> Result<Sample, Error> {
            let mailbox = $kind::mailbox::<u64>(lab.capacity);
            let (producer, mut consumer) = mailbox.map_err(mainspring::StartError::from)?;
            let push = |number| {
                while producer.push(number).is_err() {
                    lab.relax();
                }
            };
            let push_batch = |first: u64| {
                // Over `u32`: a range of `u64` doesn't know its length.
                let mut numbers = (0..BATCH as u32).map(|step| first + u64::from(step));
                while numbers.len() > 0 {
                    if producer.push_batch(&mut numbers).is_err() {
                        lab.relax();
                    }
                }
            };
            let consume = || {
                lab.pin_opposite();
                let mut seen = Seen::default();
                while seen.time.is_none() {
                    match sending {
                        Sending::Single => match consumer.pop() {
                            Pop::Request(number) => seen.take(number),
                            _ => lab.relax(),
                        },
                        Sending::Batched => {
                            if consumer.drain(BATCH as usize, |number, _| seen.take(number)) == 0 {
                                lab.relax();
                            }
                        }
                    }
                }
                seen
            };
            let (sent, seen) = std::thread::scope(|scope| {
                let consumer = scope.spawn(consume);
                let sent = send(length, sending, push, push_batch);
                (sent, consumer.join().expect("the consumer only counts"))
            });
            result(sent, seen)
        }
    };
}

stream!(shared, mpsc, "Through a ring for many producers.");
stream!(single, spsc, "Through a ring for one producer.");
stream!(lane, lanes, "Through one lane of many.");

fn send(length: Duration, sending: Sending, push: impl Fn(u64), push_batch: impl Fn(u64)) -> u64 {
    let span = RoundSpan::of(length);
    let mut sent = 0;
    for (end, mark) in [(span.warm, WARM), (span.end, END)] {
        while Instant::now() < end {
            let numbers = sent..sent + CHUNK;
            match sending {
                Sending::Single => numbers.for_each(&push),
                Sending::Batched => numbers.step_by(BATCH as usize).for_each(&push_batch),
            }
            sent += CHUNK;
        }
        push(mark);
    }
    sent
}

fn result(sent: u64, seen: Seen) -> Result<Sample, Error> {
    Error::check("numbers through the mailbox", seen.count, sent)?;
    let expected = (0..sent).fold(0_u64, u64::wrapping_add);
    Error::check("their sum", seen.sum, expected)?;
    let time = seen.time.ok_or(Error::Stopped)?;
    Ok(Sample::per_operation(seen.count - seen.before, time))
}
