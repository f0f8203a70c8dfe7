//! Shapes of traffic: many to one, one to many, one after another.

use super::quick::{RING, ring_floors};
use super::scale::curve;
use mainspring::mailbox::{ClonedKind, Lanes, Mpsc};
use mainspring_perf::error::Error;
use mainspring_perf::floors::spin;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::sample::Sample;
use mainspring_perf::lab::scenario::{Measure, Scenario, scenario};
use mainspring_perf::lab::settings::{Settings, points};
use mainspring_perf::suites::fan_out;
use mainspring_perf::suites::mailbox_kind::MailboxKind;
use mainspring_perf::suites::pipeline::{self, Spread};
use mainspring_perf::suites::producers;
use std::time::Duration;

/// Many threads to one object, through either kind that takes many.
pub fn fan_in(settings: &Settings) -> Vec<Scenario> {
    let threads = points(&settings.producers, &[1, 2, 4, 8, 16, 32, 64]);
    let [floor, _] = ring_floors();
    let mut all = vec![floor];
    all.extend(curve("fan-in/shared", &threads, streams::<Mpsc>));
    all.extend(curve("fan-in/lanes", &threads, streams::<Lanes>));
    all.into_iter().map(Scenario::two_cpus).collect()
}

fn streams<K: MailboxKind + ClonedKind>(threads: usize) -> Measure {
    Box::new(move |lab, length| producers::stream::<K>(lab, threads, length))
}

type Count = fn(&Lab, usize, Duration) -> Result<Sample, Error>;

/// One thread to many objects.
pub fn fan_out(settings: &Settings) -> Vec<Scenario> {
    let objects = points(&settings.objects, &[1, 4, 16, 64]);
    let on = |measure: Count| {
        move |objects| Box::new(move |lab: &Lab, time| measure(lab, objects, time)) as Measure
    };
    let mut all = vec![scenario(RING, spin::stream_single::<1>).two_cpus()];
    all.extend(curve("fan-out/tell", &objects, on(fan_out::tell)));
    all.extend(curve("fan-out/publish", &objects, on(fan_out::publish)));
    all.extend(curve("fan-out/call_all", &objects, on(fan_out::call_all)));
    all
}

type Line = fn(&Lab, usize, Spread, Duration) -> Result<Sample, Error>;

/// From object to object, within a runner and between two.
pub fn pipeline(settings: &Settings) -> Vec<Scenario> {
    let stages = points(&settings.stages, &[1, 2, 4, 8]);
    let on = |measure: Line, spread| {
        move |stages| Box::new(move |lab: &Lab, time| measure(lab, stages, spread, time)) as Measure
    };
    let both = [("one_runner", Spread::OneRunner), ("two_runners", Spread::TwoRunners)];
    let of = |(name, spread)| {
        let latency =
            curve(&format!("pipeline/latency/{name}"), &stages, on(pipeline::latency, spread));
        let stream =
            curve(&format!("pipeline/stream/{name}"), &stages, on(pipeline::stream, spread));
        let all = latency.into_iter().chain(stream);
        all.map(|one| if spread == Spread::TwoRunners { one.two_cpus() } else { one }).collect()
    };
    both.into_iter().flat_map(|one| -> Vec<Scenario> { of(one) }).collect()
}
