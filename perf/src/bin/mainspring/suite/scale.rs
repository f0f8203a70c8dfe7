//! Curves: how a figure grows with the number of objects or runners.
//!
//! The first point of each curve is the floor of the others, so that the table shows the growth.
//! Every runner waits as it does by default.

use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::sample::Sample;
use mainspring_perf::lab::scenario::{Measure, Scenario};
use mainspring_perf::lab::settings::{Settings, points};
use mainspring_perf::suites::population::Populations;
use mainspring_perf::suites::runners;
use mainspring_perf::suites::start;
use std::rc::Rc;
use std::time::Duration;

/// One scenario for each point, over the first.
pub fn curve(name: &str, points: &[usize], measure: impl Fn(usize) -> Measure) -> Vec<Scenario> {
    let id = |point| format!("{name}/{point}");
    let scenario = |(place, point): (usize, &usize)| {
        let scenario = Scenario::new(id(*point), measure(*point));
        if place == 0 { scenario } else { scenario.over(id(points[0])) }
    };
    points.iter().enumerate().map(scenario).collect()
}

/// All curves. Those of memory come first: what others have freed would be used again.
pub fn scenarios(settings: &Settings) -> Vec<Scenario> {
    let populations = Rc::new(Populations::default());
    let of = |measure: fn(&Populations, &Lab, usize, Duration) -> Result<Sample, Error>| {
        let populations = populations.clone();
        move |size| {
            let populations = populations.clone();
            Box::new(move |lab: &Lab, time| measure(&populations, lab, size, time)) as Measure
        }
    };
    let with = |measure: fn(&Lab, usize, Duration) -> Result<Sample, Error>| {
        move |value| Box::new(move |lab: &Lab, time| measure(lab, value, time)) as Measure
    };
    let objects = points(&settings.objects, &[1, 10, 100, 1000, 10_000, 100_000]);
    // Fewer are lost among the pages of everything else.
    let many: Vec<_> = objects.iter().copied().filter(|count| *count >= 10_000).collect();
    let born = points(&settings.objects, &[1, 1000, 10_000]);
    let threads = points(&settings.runners, &[1, 2, 4, 8, 16]);
    let memory = [
        curve("scale/memory/never_used", &many, of(Populations::bytes_never_used)),
        curve("scale/memory/used_once", &many, of(Populations::bytes_used_once)),
    ];
    let mut all: Vec<_> = memory.into_iter().flatten().map(Scenario::once).collect();
    all.extend(curve("scale/objects/call", &objects, of(Populations::call_one)));
    all.extend(curve("scale/objects/tell", &objects, of(Populations::tell_all)));
    all.extend(curve("scale/start/object", &born, of(Populations::spawn_one)));
    let windows = curve("scale/runners", &threads, with(runners::windows));
    all.extend(windows.into_iter().map(Scenario::two_cpus));
    all.extend(curve(
        "scale/start/engine",
        &points(&settings.runners, &[1, 4, 16]),
        with(start::engine),
    ));
    all
}
