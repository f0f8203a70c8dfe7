//! Calls: one at a time, or many in flight at once.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::closed_loop;
use crate::lab::loops::{CHUNK, timed_chunks};
use crate::lab::sample::Sample;
use crate::suites::adder::{Adder, AdderProxy};
use mainspring::{Call, Engine, SendError, WaitStrategy};
use std::collections::VecDeque;
use std::time::Duration;

/// Repeated round trips: the caller spins for the answer at first; the engine's runner waits as
/// configured.
pub fn round_trip(lab: &Lab, engine: Engine, length: Duration) -> Result<Sample, Error> {
    let adder = engine.spawn("adder", Adder::default).capacity(lab.capacity).start()?;
    let sample = sequence(&adder, length)?;
    lab.end(engine)?;
    Ok(sample)
}

/// Calls one at a time; each answer is checked.
pub fn sequence(adder: &AdderProxy, length: Duration) -> Result<Sample, Error> {
    let mut sum = adder.add(0).get()?;
    closed_loop(length, || {
        sum += 1;
        Error::check("the sum", adder.add(1).get()?, sum)
    })
}

/// `window` calls in flight at once: the caller takes the oldest answer and sends the next call.
pub fn window(
    lab: &Lab,
    strategy: WaitStrategy,
    window: usize,
    length: Duration,
) -> Result<Sample, Error> {
    let engine = lab.engine(strategy)?;
    let adder = engine.spawn("adder", Adder::default).capacity(lab.capacity).start()?;
    let mut calls = VecDeque::with_capacity(window);
    let mut sum = 0;
    let sample = timed_chunks(length, || {
        for _ in 0..CHUNK {
            if calls.len() == window {
                take_oldest(&mut calls, &mut sum)?;
            }
            send(|| adder.try_add(1), &mut calls, &mut sum)?;
        }
        Ok(())
    })?;
    while !calls.is_empty() {
        take_oldest(&mut calls, &mut sum)?;
    }
    lab.end(engine)?;
    Ok(sample)
}

/// Takes the oldest outstanding answer, if there is one, and checks it.
#[inline(always)]
pub fn take_oldest(calls: &mut VecDeque<Call<u64>>, sum: &mut u64) -> Result<(), Error> {
    let Some(oldest) = calls.pop_front() else { return Ok(()) };
    *sum += 1;
    Error::check("the sum", oldest.get()?, *sum)
}

/// Sends a call. In a mailbox smaller than the window, taking outstanding answers makes room.
#[inline(always)]
pub fn send<R>(
    try_add: impl Fn() -> Result<Call<u64>, SendError<R>>,
    calls: &mut VecDeque<Call<u64>>,
    sum: &mut u64,
) -> Result<(), Error> {
    loop {
        match try_add() {
            Ok(call) => {
                calls.push_back(call);
                return Ok(());
            }
            Err(SendError::Full(_)) => take_oldest(calls, sum)?,
            Err(_) => return Err(Error::Stopped),
        }
    }
}
