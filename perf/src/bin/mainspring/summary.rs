//! Sums a run up: from rounds to the document.

use crate::args::Plan;
use crate::gate;
use crate::run::{Outcome, Round, Run};
use mainspring_perf::clock;
use mainspring_perf::document::{
    Build, Counters, Document, Figures, Kind, Pin, RoundFigures, SCHEMA, Status,
};
use mainspring_perf::machine::Machine;
use mainspring_perf::stats::Sample;
use mainspring_perf::trouble::Trouble;
use std::collections::BTreeMap;

/// Sums a run up.
pub fn document(
    plan: &Plan,
    environment: Machine,
    run: Run,
    trouble: Option<&Trouble>,
) -> Document {
    let moved = run.moved();
    let status = match trouble {
        Some(_) => Status::Failed,
        None if moved.is_empty() => Status::Ok,
        None => Status::Noisy,
    };
    let pin = |role: &str, cpu| Pin { role: role.into(), cpu, is_verified: true };
    let pins = plan.cpus.map_or(Vec::new(), |(a, b)| vec![pin("caller", a), pin("runner", b)]);
    Document {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: String::new(),
        status,
        error: trouble.map(ToString::to_string),
        environment,
        command: plan.command.clone(),
        build: Build {
            rustc: String::new(),
            profile: String::new(),
            target: String::new(),
            commit: None,
        },
        clock: clock::look(),
        pins,
        suite: plan.suite.name().into(),
        parameters: BTreeMap::from([("capacity".into(), plan.capacity.to_string())]),
        rounds: run.rounds,
        moved,
        gates: gate::judge(&run.outcomes),
        jitter: Vec::new(),
        matrix: None,
        scenarios: run.outcomes.iter().map(figures).collect(),
        probes_ns: run.probes,
        warnings: run.warnings,
    }
}

fn figures(outcome: &Outcome) -> Figures {
    let values = || outcome.rounds.iter().map(|round| round.sample.value());
    let (kind, unit) = match outcome.rounds.first().map(|round| &round.sample) {
        Some(Sample::Latency(_)) => (Kind::Latency, "ns"),
        Some(Sample::PerOperation { .. }) => (Kind::Throughput, "ns"),
        Some(Sample::Amount { unit, .. }) => (Kind::Amount, *unit),
        None => (Kind::None, ""),
    };
    Figures {
        id: outcome.scenario.id.into(),
        floor: outcome.scenario.floor.map(Into::into),
        kind,
        unit: unit.into(),
        value: outcome.value(),
        value_min: values().reduce(f64::min),
        value_max: values().reduce(f64::max),
        ratio: outcome.ratio(),
        latency_ns: outcome.latencies.as_ref().map(|all| all.quantiles_with_histogram()),
        service_ns: None,
        load: None,
        series: Vec::new(),
        rounds: outcome.rounds.iter().map(round_figures).collect(),
    }
}

fn round_figures(round: &Round) -> RoundFigures {
    let (operations, latency_ns) = match &round.sample {
        Sample::Latency(latencies) => (Some(latencies.count()), Some(latencies.quantiles())),
        Sample::PerOperation { operations, .. } => (Some(*operations), None),
        Sample::Amount { .. } => (None, None),
    };
    let (value, ratio) = (round.sample.value(), round.ratio);
    RoundFigures { value, ratio, operations, latency_ns, counters: Counters::default() }
}
