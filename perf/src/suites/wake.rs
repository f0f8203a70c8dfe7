//! The first call after a while without any: what waking the runner costs.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::after_idle;
use crate::lab::sample::Sample;
use crate::suites::adder::Adder;
use mainspring::WaitStrategy;
use std::time::{Duration, Instant};

/// A round trip after a while in which the caller only looked at the clock.
pub fn round_trip(
    lab: &Lab,
    strategy: WaitStrategy,
    idle: Duration,
    length: Duration,
) -> Result<Sample, Error> {
    let engine = lab.engine(strategy)?;
    let adder = engine.spawn("adder", Adder::default).capacity(lab.capacity).start()?;
    let mut sum = 0;
    let sample = after_idle(idle, length, || {
        let from = Instant::now();
        let answer = adder.add(1).get()?;
        let latency = from.elapsed();
        sum += 1;
        Error::check("the sum", answer, sum)?;
        Ok(latency)
    })?;
    lab.end(engine)?;
    Ok(sample)
}
