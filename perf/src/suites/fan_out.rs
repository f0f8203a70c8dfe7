//! One sender, many objects on one runner.

use crate::error::Error;
use crate::lab::loops::CHUNK;
use crate::lab::loops::closed_loop;
use crate::lab::sample::Sample;
use crate::lab::time::{ANSWER_LIMIT, RoundSpan};
use crate::lab::{Lab, RUNNER};
use crate::suites::adder::{Adder, AdderProxy};
use crate::suites::meter::{Meter, MeterProxy};
use crate::suites::tell::wait_for_room;
use mainspring::mailbox::Guest;
use mainspring::{CallSet, Engine, Proxy, SendError, Topic, WaitStrategy};
use std::time::{Duration, Instant};

fn meters(lab: &Lab, engine: &Engine, objects: usize) -> Result<Vec<MeterProxy>, Error> {
    let one = |_| engine.spawn_unnamed(Meter::default).on(RUNNER).capacity(lab.capacity).start();
    Ok((0..objects).map(one).collect::<Result<_, _>>()?)
}

/// Repeatedly tells each object something: the sender's time for each request.
///
/// Counts and sums are checked, and queued requests can't hide much time: a full mailbox makes the
/// sender wait.
pub fn tell(lab: &Lab, objects: usize, length: Duration) -> Result<Sample, Error> {
    let engine = lab.engine(WaitStrategy::default())?;
    let meters = meters(lab, &engine, objects)?;
    let sample = deliver(length, objects, |number| {
        mainspring::fan_out(|| {
            meters.iter().try_for_each(|meter| {
                while let Err(error) = meter.add(number) {
                    wait_for_room(lab, error)?;
                }
                Ok(())
            })
        })
    })?;
    finish(lab, engine, &meters, sample)
}

/// The same through a topic to which each object subscribes. The subscription retries an object
/// without room.
pub fn publish(lab: &Lab, objects: usize, length: Duration) -> Result<Sample, Error> {
    let engine = lab.engine(WaitStrategy::default())?;
    let meters = meters(lab, &engine, objects)?;
    let topic = Topic::<u64>::new();
    let subscribe = |meter| {
        topic.subscribe(meter, |meter: &MeterProxy<Guest>, number| {
            loop {
                match meter.tell().add(*number) {
                    Err(SendError::Full(_)) => std::hint::spin_loop(),
                    sent => return sent,
                }
            }
        })
    };
    let subscriptions: Vec<_> = meters.iter().map(subscribe).collect();
    let mut publisher = topic.publisher();
    let everybody = objects as u64;
    let sample = deliver(length, objects, |number| {
        let delivered = publisher.publish(&number).delivered as u64;
        Error::check("subscribers reached", delivered, everybody)
    })?;
    drop(subscriptions);
    finish(lab, engine, &meters, sample)
}

/// Sends numbers to each object for the whole time; returns how many, and the time of each delivery.
fn deliver(
    length: Duration,
    objects: usize,
    mut send: impl FnMut(u64) -> Result<(), Error>,
) -> Result<(u64, Sample), Error> {
    let rounds = (CHUNK / objects as u64).max(1);
    let span = RoundSpan::of(length);
    let (mut number, mut warm, mut begun) = (0, 0, Instant::now());
    for end in [span.warm, span.end] {
        (warm, begun) = (number, Instant::now());
        while Instant::now() < end {
            for _ in 0..rounds {
                send(number)?;
                number += 1;
            }
        }
    }
    let deliveries = (number - warm) * objects as u64;
    Ok((number, Sample::per_operation(deliveries, begun.elapsed())))
}

/// Checks that each object received everything.
fn finish(
    lab: &Lab,
    engine: Engine,
    meters: &[MeterProxy],
    (sent, sample): (u64, Sample),
) -> Result<Sample, Error> {
    let expected = (0..sent).fold(0_u64, u64::wrapping_add);
    for meter in meters {
        let tally = loop {
            match meter.try_finish() {
                Ok(mut call) => break call.get_timeout(ANSWER_LIMIT)?,
                Err(error) => wait_for_room(lab, error)?,
            }
        };
        Error::check("requests of a fan-out", tally.count, sent)?;
        Error::check("their sum", tally.sum, expected)?;
    }
    lab.end(engine)?;
    Ok(sample)
}

/// Repeatedly calls each object and waits for all answers.
pub fn call_all(lab: &Lab, objects: usize, length: Duration) -> Result<Sample, Error> {
    let engine = lab.engine(WaitStrategy::default())?;
    let one = |_| engine.spawn_unnamed(Adder::default).on(RUNNER).capacity(lab.capacity).start();
    let adders: Vec<AdderProxy> = (0..objects).map(one).collect::<Result<_, _>>()?;
    let mut sum = 0;
    let sample = closed_loop(length, || {
        sum += 1;
        let mut calls = CallSet::new();
        mainspring::fan_out(|| adders.iter().for_each(|adder| _ = calls.insert(adder.add(1))));
        while let Some((_, answer)) = calls.next_timeout(ANSWER_LIMIT) {
            Error::check("the sum", answer?, sum)?;
        }
        Error::check("calls left", calls.len() as u64, 0)
    })?;
    lab.end(engine)?;
    Ok(sample)
}
