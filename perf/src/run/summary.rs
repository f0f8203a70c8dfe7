//! Sums up a run: from rounds to the document.

use crate::error::Error;
use crate::lab::clock;
use crate::lab::open_loop::LoadResult;
use crate::machine::Machine;
use crate::results::document::{
    Build, Document, Figures, Kind, Load, RoundFigures, SCHEMA, Second, Status, Verdict,
};
use crate::run::plan::Plan;
use crate::run::rounds::{Measured, Outcome, Round, Run};
use crate::stats::Latencies;
use std::collections::BTreeMap;

/// Makes the document of a run; `error` is what stopped it, if anything did.
pub fn document(
    plan: &Plan,
    environment: Machine,
    run: Run,
    gates: Vec<Verdict>,
    error: Option<&Error>,
) -> Document {
    let moved = run.moved();
    let status = match error {
        Some(_) => Status::Failed,
        None if run.is_interrupted => Status::Interrupted,
        None if moved.is_empty() => Status::Ok,
        None => Status::Noisy,
    };
    Document {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: humantime::format_rfc3339_seconds(run.started).to_string(),
        status,
        error: error.map(ToString::to_string),
        environment,
        command: plan.command.clone(),
        build: build(),
        clock: clock::measure(),
        pins: run.pins,
        suite: plan.suite.clone(),
        parameters: parameters(plan),
        rounds: run.rounds,
        moved,
        gates,
        jitter: run.jitter,
        matrix: plan.matrix.clone(),
        scenarios: run.outcomes.iter().map(figures).collect(),
        probes_ns: run.probes,
        warnings: run.warnings,
    }
}

/// What the build script found out.
fn build() -> Build {
    Build {
        rustc: env!("MAINSPRING_RUSTC").into(),
        profile: env!("MAINSPRING_PROFILE").into(),
        target: env!("MAINSPRING_TARGET").into(),
        commit: option_env!("MAINSPRING_COMMIT").map(Into::into),
    }
}

/// The parameters that decide what was measured, not for how long.
fn parameters(plan: &Plan) -> BTreeMap<String, String> {
    let settings = &plan.settings;
    let mut all = BTreeMap::from([("capacity".to_owned(), plan.capacity.to_string())]);
    if let Some(burst) = settings.burst {
        all.insert("burst".into(), burst.to_string());
    }
    if let Some(stall) = settings.stall_ms {
        all.insert("stall_ms".into(), stall.to_string());
    }
    all
}

fn figures(outcome: &Outcome) -> Figures {
    let values = || outcome.rounds.iter().map(|round| round.value);
    let (kind, unit) = match outcome.rounds.first().map(|round| &round.kind) {
        Some(Measured::Latency(_)) => (Kind::Latency, "ns"),
        Some(Measured::PerOperation(_)) => (Kind::Throughput, "ns"),
        Some(Measured::Amount(unit)) => (Kind::Amount, *unit),
        None => (Kind::None, ""),
    };
    let loaded = outcome.loaded.as_deref();
    Figures {
        id: outcome.scenario.id.clone(),
        floor: outcome.scenario.floor.clone(),
        kind,
        unit: unit.into(),
        value: outcome.value(),
        value_min: values().reduce(f64::min),
        value_max: values().reduce(f64::max),
        ratio: outcome.ratio(),
        latency_ns: outcome.latencies.as_ref().map(Latencies::quantiles_with_histogram),
        service_ns: loaded.map(|loaded| loaded.service.quantiles_with_histogram()),
        load: loaded.map(load),
        series: loaded.map_or(Vec::new(), series),
        rounds: outcome.rounds.iter().map(round_figures).collect(),
    }
}

fn round_figures(round: &Round) -> RoundFigures {
    let (operations, latency_ns) = match &round.kind {
        Measured::Latency(latencies) => (Some(latencies.count()), Some(latencies.quantiles())),
        Measured::PerOperation(operations) => (Some(*operations), None),
        Measured::Amount(_) => (None, None),
    };
    let Round { value, ratio, counters, .. } = *round;
    RoundFigures { value, ratio, operations, latency_ns, counters }
}

fn load(loaded: &LoadResult) -> Load {
    Load {
        arrivals: loaded.load.arrivals.name().into(),
        target_per_s: loaded.load.rate,
        achieved_per_s: loaded.achieved(),
        planned: loaded.planned,
        sent: loaded.sent,
        received: loaded.received,
    }
}

fn series(loaded: &LoadResult) -> Vec<Second> {
    let second = |(second, latencies): (usize, &Latencies)| Second {
        second: second as u32,
        count: latencies.count(),
        p50_ns: latencies.median() as u64,
        p99_ns: latencies.quantile(0.99),
        max_ns: latencies.max(),
    };
    loaded.seconds.iter().enumerate().map(second).collect()
}
