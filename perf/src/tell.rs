//! One-way requests: how many a second, through each kind of mailbox, singly and batched.

use crate::floor::{BATCH, CHUNK};
use crate::lab::{ANSWER_LIMIT, Lab, Slot};
use crate::servant::{Adder, AdderProxy, AdderRequest, told};
use crate::stats::Sample;
use crate::trouble::Trouble;
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
) -> Result<Sample, Trouble> {
    let engine = lab.engine(strategy)?;
    let adder = engine.spawn("adder", Adder::default).capacity(lab.capacity).start()?;
    let sample = stream(lab, &adder, sending, length)?;
    lab.end(engine)?;
    Ok(sample)
}

/// A stream into a mailbox for one producer.
pub fn spsc(
    lab: &Lab,
    strategy: WaitStrategy,
    sending: Sending,
    length: Duration,
) -> Result<Sample, Trouble> {
    let engine = lab.engine(strategy)?;
    let adder = engine.spawn("adder", Adder::default).capacity(lab.capacity);
    let adder = adder.single_producer().start()?;
    let sample = stream(lab, &adder, sending, length)?;
    lab.end(engine)?;
    Ok(sample)
}

/// Tells numbers for the whole time. They are timed where they are served, between two requests
/// of the same stream; count and sum are checked. The object is new.
pub fn stream<K: Kind>(
    lab: &Lab,
    adder: &AdderProxy<K>,
    sending: Sending,
    length: Duration,
) -> Result<Sample, Trouble> {
    let slot = Slot::of(length);
    let mut sent = 0;
    send_until(lab, adder, sending, slot.warm, &mut sent)?;
    tell(lab, adder, AdderRequest::Mark)?;
    send_until(lab, adder, sending, slot.end, &mut sent)?;
    let mut finish = loop {
        match adder.try_finish() {
            Ok(call) => break call,
            Err(SendError::Full(_)) => lab.relax(),
            Err(SendError::Stopped(_)) => return Err(Trouble::Stopped),
        }
    };
    let tally = finish.get_timeout(ANSWER_LIMIT)?;
    Trouble::check("one-way requests", tally.count, sent)?;
    let expected = (0..sent).fold(0_u64, u64::wrapping_add);
    Trouble::check("their sum", tally.sum, expected)?;
    Ok(Sample::per_operation(tally.timed, Duration::from_nanos(tally.timed_ns)))
}

fn send_until<K: Kind>(
    lab: &Lab,
    adder: &AdderProxy<K>,
    sending: Sending,
    end: Instant,
    sent: &mut u64,
) -> Result<(), Trouble> {
    while Instant::now() < end {
        let numbers = *sent..*sent + CHUNK;
        match sending {
            Sending::Single => {
                for number in numbers {
                    tell(lab, adder, told(number))?;
                }
            }
            Sending::Batched => {
                for first in numbers.step_by(BATCH as usize) {
                    tell_batch(lab, adder, first)?;
                }
            }
        }
        *sent += CHUNK;
    }
    Ok(())
}

#[inline(always)]
fn tell<K: Kind>(
    lab: &Lab,
    adder: &AdderProxy<K>,
    mut request: AdderRequest,
) -> Result<(), Trouble> {
    loop {
        match adder.handle().tell(request) {
            Ok(()) => return Ok(()),
            Err(SendError::Full(refused)) => request = refused,
            Err(SendError::Stopped(_)) => return Err(Trouble::Stopped),
        }
        lab.relax();
    }
}

#[inline(always)]
fn tell_batch<K: Kind>(lab: &Lab, adder: &AdderProxy<K>, first: u64) -> Result<(), Trouble> {
    // Over `u32`: a range of `u64` doesn't know its length.
    let mut requests = (0..BATCH as u32).map(|step| told(first + u64::from(step)));
    while requests.len() > 0 {
        match adder.handle().tell_batch(&mut requests) {
            Ok(_) => {}
            Err(SendError::Full(_)) => lab.relax(),
            Err(SendError::Stopped(_)) => return Err(Trouble::Stopped),
        }
    }
    Ok(())
}
