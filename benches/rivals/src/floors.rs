//! The floors: for each kind of work, the least that this machine can do it with.
//!
//! Two spinning threads and two cache lines, a minimal ring for one producer, a raw futex. None of
//! them can close, refuse, or tell one sender from another.

use crate::work::{Contender, Figure, Placement, Stream, Wait, Work};
use mainspring_perf::error::Error;
use mainspring_perf::floors::futex;
use mainspring_perf::floors::spin;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::WINDOW;
use mainspring_perf::lab::sample::Sample;
use mainspring_perf::lab::time::IDLE;
use std::time::Duration;

/// The name of them all: there is at most one for each work.
pub const FLOOR: &str = "floor";

/// The floor, as a contender.
pub fn contenders() -> Vec<Contender> {
    vec![Contender { name: FLOOR, measure }]
}

fn measure(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    lab.cpus?;
    let sample = match work {
        Work::Stream(stream) => stream_floor(lab, stream, length)?,
        Work::Ask { window: 1, .. } => spin::ping_pong(lab, length),
        // Where both sides sleep, the floor is still that of the lines: streams hardly sleep.
        Work::Ask { window, .. } if window as u64 == WINDOW => spin::window(lab, length),
        // A hop from one runner to another is half of a round trip.
        Work::PingPong { runners: 2 } | Work::Ring { runners: 2 } => {
            return Some(spin::ping_pong(lab, length).map(half));
        }
        Work::Wake { wait: Wait::Block } => futex::wake(lab, IDLE, length),
        Work::Wake { wait: Wait::Spin } => spin::wake(lab, IDLE, length),
        Work::WakeSender => futex::wake_sender(lab, IDLE, length),
        _ => return None,
    };
    Some(sample.map(figure))
}

fn stream_floor(lab: &Lab, stream: Stream, length: Duration) -> Option<Result<Sample, Error>> {
    if stream.producers > 1 || stream.placement == Placement::OneCpu {
        return None;
    }
    match (stream.bytes, stream.batch) {
        (8, 1) => Some(spin::stream_single::<1>(lab, length)),
        (8, _) => Some(spin::stream_batched::<1>(lab, length)),
        (64, 1) => Some(spin::stream_single::<8>(lab, length)),
        (64, _) => Some(spin::stream_batched::<8>(lab, length)),
        _ => None,
    }
}

fn half(sample: Sample) -> Figure {
    Figure::Nanos(sample.value() / 2.0)
}

/// A harness's sample as a figure of this one.
pub fn figure(sample: Sample) -> Figure {
    match sample {
        Sample::Latency(latencies) => Figure::Latency(latencies),
        Sample::PerOperation { nanos, .. } => Figure::Nanos(nanos),
        Sample::Amount { value, .. } => Figure::Bytes(value),
        Sample::Load(loaded) => Figure::Latency(loaded.latencies),
    }
}
