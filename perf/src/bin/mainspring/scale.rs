//! Curves: how a figure grows with the number of objects, runners, producers, slots or bytes.
//!
//! The first point of each curve is the floor of the others, so that the table shows the growth.
//! Every runner waits as it does by default.

mod crowd;
mod payload;
mod producers;
mod runners;
mod start;

use crate::suite::{Measure, Scenario, scenario};
use crowd::Crowds;
use mainspring::WaitStrategy;
use mainspring::mailbox::{Lanes, Mpsc, Spsc};
use mainspring_perf::kind::Chosen;
use mainspring_perf::lab::Lab;
use mainspring_perf::meter::Meter;
use mainspring_perf::stats::Sample;
use mainspring_perf::tell::{self, Sending};
use mainspring_perf::trouble::Trouble;
use std::rc::Rc;
use std::time::Duration;

/// The points of a curve: an id, and what it stands for.
macro_rules! points {
    ($curve:literal: $($value:literal)+) => { [$((concat!($curve, "/", $value), $value)),+] };
}

/// The same where the value must be known at compile time: with what measures it.
macro_rules! payloads {
    ($curve:literal, $kind:ty: $($bytes:literal)+) => {
        curve([$((concat!($curve, "/", $bytes), payload::stream::<$bytes, $kind> as Plain)),+], on)
    };
}

type Plain = fn(&Lab, Duration) -> Result<Sample, Trouble>;

/// One scenario for each point, over the first.
fn curve<V, const POINTS: usize>(
    points: [(&'static str, V); POINTS],
    measure: impl Fn(V) -> Measure,
) -> Vec<Scenario> {
    let first = points[0].0;
    let point = |(id, value)| {
        let scenario = scenario(id, measure(value));
        if id == first { scenario } else { scenario.over(first) }
    };
    points.into_iter().map(point).collect()
}

/// A measurement that takes its value beside the time.
fn with<V: Copy + 'static>(
    measure: fn(&Lab, V, Duration) -> Result<Sample, Trouble>,
) -> impl Fn(V) -> Measure {
    move |value| Box::new(move |lab, time| measure(lab, value, time))
}

fn on(measure: Plain) -> Measure {
    Box::new(measure)
}

/// All curves. Those of memory come first: what others have freed would be used again.
pub fn scenarios() -> Vec<Scenario> {
    let all = [objects(), on_two_cpus(), one_stream(), starts()];
    all.into_iter().flatten().collect()
}

fn objects() -> Vec<Scenario> {
    let crowds = Rc::new(Crowds::default());
    let of = |measure: fn(&Crowds, &Lab, usize, Duration) -> Result<Sample, Trouble>| {
        let crowds = &crowds;
        move |size| {
            let crowds = crowds.clone();
            Box::new(move |lab: &Lab, time| measure(&crowds, lab, size, time)) as Measure
        }
    };
    let unused = points!("scale/memory/never_used": 10000 100000);
    let used = points!("scale/memory/used_once": 10000 100000);
    let called = points!("scale/objects/call": 1 10 100 1000 10000 100000);
    let told = points!("scale/objects/tell": 1 10 100 1000 10000 100000);
    let spawned = points!("scale/start/object": 1 1000 10000);
    let memory =
        [curve(unused, of(Crowds::bytes_never_used)), curve(used, of(Crowds::bytes_used_once))];
    let mut all: Vec<_> = memory.into_iter().flatten().map(Scenario::once).collect();
    all.extend(curve(called, of(Crowds::call_one)));
    all.extend(curve(told, of(Crowds::tell_all)));
    all.extend(curve(spawned, of(Crowds::spawn_one)));
    all
}

fn on_two_cpus() -> Vec<Scenario> {
    let shared = points!("scale/producers/shared": 1 2 4 8 16 32 64);
    let lanes = points!("scale/producers/lanes": 1 2 4 8 16 32 64);
    let all = [
        curve(points!("scale/runners": 1 2 4 8 16), with(runners::windows)),
        curve(shared, with(producers::stream::<Mpsc>)),
        curve(lanes, with(producers::stream::<Lanes>)),
    ];
    all.into_iter().flatten().map(Scenario::two_cpus).collect()
}

/// From one producer to one object.
fn one_stream() -> Vec<Scenario> {
    let shared = points!("scale/capacity/shared": 1 8 64 1024 16384 1048576);
    let single = points!("scale/capacity/spsc": 1 8 64 1024 16384 1048576);
    let all = [
        curve(shared, with(batches::<Mpsc>)),
        curve(single, with(batches::<Spsc>)),
        payloads!("scale/payload/shared", Mpsc: 0 8 16 32 64 128 256),
        payloads!("scale/payload/spsc", Spsc: 0 8 16 32 64 128 256),
    ];
    all.into_iter().flatten().collect()
}

fn starts() -> Vec<Scenario> {
    curve(points!("scale/start/engine": 1 4 16), with(start::engine))
}

/// A stream of batches of 32, or of what a smaller mailbox has room for.
fn batches<K: Chosen>(lab: &Lab, capacity: usize, length: Duration) -> Result<Sample, Trouble> {
    let engine = lab.engine(WaitStrategy::default())?;
    let meter = K::start(engine.spawn("meter", Meter::default).capacity(capacity))?;
    let sample = tell::stream(lab, &meter, Sending::Batched, length)?;
    lab.end(engine)?;
    Ok(sample)
}
