//! One-way requests: how many a second, through each kind of mailbox, singly and batched.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::{BATCH, CHUNK};
use crate::lab::sample::Sample;
use crate::lab::time::{ANSWER_LIMIT, RoundSpan};
use crate::suites::meter::{Meter, MeterProxy, MeterRequest};
use mainspring::mailbox::Kind;
use mainspring::{Proxy, SendError, WaitStrategy};
use std::time::{Duration, Instant};

/// How requests are sent.
#[derive(Clone, Copy)]
pub enum Sending {
    /// One by one.
    Single,
    /// 32 with one publication.
    Batched,
}

/// A stream into a mailbox for many producers.
pub fn mpsc(
    lab: &Lab,
    strategy: WaitStrategy,
    sending: Sending,
    length: Duration,
) -> Result<Sample, Error> {
    let engine = lab.engine(strategy)?;
    let meter = engine.spawn("meter", Meter::default).capacity(lab.capacity).start()?;
    let sample = stream(lab, &meter, sending, length)?;
    lab.end(engine)?;
    Ok(sample)
}

/// A stream into a mailbox for one producer.
pub fn spsc(
    lab: &Lab,
    strategy: WaitStrategy,
    sending: Sending,
    length: Duration,
) -> Result<Sample, Error> {
    let engine = lab.engine(strategy)?;
    let meter = engine.spawn("meter", Meter::default).capacity(lab.capacity);
    let meter = meter.single_producer().start()?;
    let sample = stream(lab, &meter, sending, length)?;
    lab.end(engine)?;
    Ok(sample)
}

/// Tells numbers for the whole time. They are timed where they are served, between two requests
/// of the same stream; count and sum are checked. The object is new.
pub fn stream<K: Kind>(
    lab: &Lab,
    meter: &MeterProxy<K>,
    sending: Sending,
    length: Duration,
) -> Result<Sample, Error> {
    let span = RoundSpan::of(length);
    let mut sent = 0;
    send_until(lab, meter, sending, span.warm, &mut sent)?;
    while let Err(error) = meter.mark() {
        wait_for_room(lab, error)?;
    }
    send_until(lab, meter, sending, span.end, &mut sent)?;
    let mut finish = loop {
        match meter.try_finish() {
            Ok(call) => break call,
            Err(error) => wait_for_room(lab, error)?,
        }
    };
    let tally = finish.get_timeout(ANSWER_LIMIT)?;
    Error::check("one-way requests", tally.count, sent)?;
    let expected = (0..sent).fold(0_u64, u64::wrapping_add);
    Error::check("their sum", tally.sum, expected)?;
    Ok(Sample::per_operation(tally.timed, Duration::from_nanos(tally.timed_ns)))
}

fn send_until<K: Kind>(
    lab: &Lab,
    meter: &MeterProxy<K>,
    sending: Sending,
    end: Instant,
    sent: &mut u64,
) -> Result<(), Error> {
    while Instant::now() < end {
        let numbers = *sent..*sent + CHUNK;
        match sending {
            Sending::Single => {
                for number in numbers {
                    while let Err(error) = meter.add(number) {
                        wait_for_room(lab, error)?;
                    }
                }
            }
            Sending::Batched => {
                for first in numbers.step_by(BATCH as usize) {
                    tell_batch(lab, meter, first)?;
                }
            }
        }
        *sent += CHUNK;
    }
    Ok(())
}

#[inline(always)]
fn tell_batch<K: Kind>(lab: &Lab, meter: &MeterProxy<K>, first: u64) -> Result<(), Error> {
    // Over `u32`: a range of `u64` doesn't know its length.
    let numbers = (0..BATCH as u32).map(|step| first + u64::from(step));
    let mut requests = numbers.map(|number| MeterRequest::Add { number });
    while requests.len() > 0 {
        if let Err(error) = meter.handle().tell_batch(&mut requests) {
            wait_for_room(lab, error)?;
        }
    }
    Ok(())
}

/// Waits a moment for room in the mailbox; a stopped object never has any.
#[inline(always)]
pub fn wait_for_room<A>(lab: &Lab, error: SendError<A>) -> Result<(), Error> {
    match error {
        SendError::Full(_) => lab.relax(),
        _ => return Err(Error::Stopped),
    }
    Ok(())
}
