//! Closed loops: the next operation begins when the one before it is over.

use crate::lab::sample::Sample;
use crate::lab::time::Slot;
use crate::stats::Latencies;
use crate::trouble::Trouble;
use std::time::{Duration, Instant};

/// Repeats an operation for the whole time, and takes each one's latency.
///
/// A closed loop: the next operation begins when this one is over, so a stall counts once. It
/// measures the mechanism, not a service under load. The cost of one look at the clock is in each
/// latency, in the floor's as in the others'.
#[inline]
pub fn closed_loop(
    length: Duration,
    mut operation: impl FnMut() -> Result<(), Trouble>,
) -> Result<Sample, Trouble> {
    let mut latencies = Latencies::new();
    let slot = Slot::of(length);
    while Instant::now() < slot.warm {
        operation()?;
    }
    loop {
        let from = Instant::now();
        operation()?;
        let to = Instant::now();
        latencies.record(to - from);
        if to >= slot.end {
            return Ok(Sample::Latency(latencies));
        }
    }
}

/// Repeats an operation that times itself, each time after a while in which the caller only
/// looks at the clock.
pub fn after_idle(
    idle: Duration,
    length: Duration,
    mut operation: impl FnMut() -> Result<Duration, Trouble>,
) -> Result<Sample, Trouble> {
    let mut latencies = Latencies::new();
    let slot = Slot::of(length);
    loop {
        let from = Instant::now();
        while from.elapsed() < idle {
            std::hint::spin_loop();
        }
        let latency = operation()?;
        if from >= slot.warm {
            latencies.record(latency);
        }
        if from >= slot.end {
            return Ok(Sample::Latency(latencies));
        }
    }
}
