//! The clock that times everything, and its resolution.

use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::time::Instant;

const READS: u32 = 10_000;

/// The clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clock {
    /// Which.
    pub kind: String,
    /// How long one reading takes. Each latency includes one; nothing is subtracted.
    pub read_ns: f64,
    /// The smallest step it was seen to make.
    pub step_ns: u64,
}

/// Measures the clock on the calling thread's CPU; takes a few milliseconds.
pub fn measure() -> Clock {
    Clock { kind: "CLOCK_MONOTONIC".into(), read_ns: read_ns(), step_ns: step_ns() }
}

/// The least of several means: disturbances only add time.
fn read_ns() -> f64 {
    let mean = |_| {
        let begun = Instant::now();
        let last = (1..READS).fold(begun, |_, _| black_box(Instant::now()));
        (last - begun).as_nanos() as f64 / f64::from(READS - 1)
    };
    (0..10).map(mean).fold(f64::INFINITY, f64::min)
}

/// The smallest difference between two readings that isn't zero.
fn step_ns() -> u64 {
    let mut last = Instant::now();
    let gaps = (0..READS).map(|_| {
        let before = std::mem::replace(&mut last, Instant::now());
        (last - before).as_nanos() as u64
    });
    gaps.filter(|gap| *gap > 0).min().unwrap_or(0)
}
