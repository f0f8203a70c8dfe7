//! Closed loops: the next operation begins when the one before it is over.

use crate::error::Error;
use crate::lab::sample::Sample;
use crate::lab::time::RoundSpan;
use crate::stats::Latencies;
use std::time::{Duration, Instant};

/// How many numbers are sent between two clock readings.
pub const CHUNK: u64 = 4096;
/// How many are published at once in batched scenarios.
pub const BATCH: u64 = 32;
/// How many calls are in flight at once in windowed scenarios.
pub const WINDOW: u64 = 128;

/// Repeats an operation for the whole time, and records the latency of each.
///
/// A closed loop: the next operation begins when this one is over, so a stall counts once. It
/// measures the mechanism, not a service under load. Each latency, the
/// floor's included, contains one clock reading.
#[inline]
pub fn closed_loop(
    length: Duration,
    mut operation: impl FnMut() -> Result<(), Error>,
) -> Result<Sample, Error> {
    let mut latencies = Latencies::new();
    let span = RoundSpan::of(length);
    while Instant::now() < span.warm {
        operation()?;
    }
    loop {
        let from = Instant::now();
        operation()?;
        let to = Instant::now();
        latencies.record(to - from);
        if to >= span.end {
            return Ok(Sample::Latency(latencies));
        }
    }
}

/// Repeats an operation that times itself, each time after a pause in which the caller only reads
/// the clock.
pub fn after_idle(
    idle: Duration,
    length: Duration,
    mut operation: impl FnMut() -> Result<Duration, Error>,
) -> Result<Sample, Error> {
    let mut latencies = Latencies::new();
    let span = RoundSpan::of(length);
    loop {
        let from = Instant::now();
        while from.elapsed() < idle {
            std::hint::spin_loop();
        }
        let latency = operation()?;
        if from >= span.warm {
            latencies.record(latency);
        }
        if from >= span.end {
            return Ok(Sample::Latency(latencies));
        }
    }
}

/// Repeats chunks of operations for the whole time, and times those after the warm-up together.
#[inline]
pub fn timed_chunks(
    length: Duration,
    mut chunk: impl FnMut() -> Result<(), Error>,
) -> Result<Sample, Error> {
    let span = RoundSpan::of(length);
    while Instant::now() < span.warm {
        chunk()?;
    }
    let (begun, mut chunks) = (Instant::now(), 0);
    loop {
        chunk()?;
        chunks += 1;
        let now = Instant::now();
        if now >= span.end {
            return Ok(Sample::per_operation(chunks * CHUNK, now - begun));
        }
    }
}
