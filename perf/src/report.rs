//! The report: the JSON document, and the text made from it.

mod table;

use crate::args::Plan;
use crate::gate::{self, Verdict};
use crate::run::{Moved, Outcome, Round, Run};
use mainspring_perf::machine::Machine;
use mainspring_perf::stats::{Latencies, Sample};
use mainspring_perf::trouble::Trouble;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};

/// The name of the document's schema, with its version: a change of meaning changes the number.
const SCHEMA: &str = "mainspring-bench/1";

/// Everything about one run.
#[derive(Serialize)]
pub struct Document {
    schema: &'static str,
    version: &'static str,
    status: Status,
    /// Why it failed, if it did.
    error: Option<String>,
    warnings: Vec<String>,
    environment: Machine,
    command: String,
    capacity: usize,
    rounds: u32,
    /// The bare round trip before each round.
    probes_ns: Vec<f64>,
    /// The floors that make it noisy.
    moved: Vec<Moved>,
    gates: Vec<Verdict>,
    scenarios: Vec<Figures>,
}

/// Whether the figures can be used.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// A floor moved by more than a factor of two: the rounds can't be compared.
    Noisy,
    /// It broke off.
    Failed,
}

/// One scenario.
#[derive(Serialize)]
struct Figures {
    id: &'static str,
    floor: Option<&'static str>,
    kind: Kind,
    unit: &'static str,
    /// The median over rounds; of latencies, of each round's median.
    value: Option<f64>,
    /// The least and the largest round.
    value_min: Option<f64>,
    value_max: Option<f64>,
    /// The median over rounds of the ratio to the floor of the same round.
    ratio: Option<f64>,
    /// All rounds together, where single latencies were taken.
    latency_ns: Option<Quantiles>,
    rounds: Vec<RoundFigures>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Latency,
    Throughput,
    Amount,
    /// It was never measured.
    None,
}

/// One round of one scenario.
#[derive(Serialize)]
struct RoundFigures {
    value: f64,
    ratio: Option<f64>,
    operations: Option<u64>,
    latency_ns: Option<Quantiles>,
}

/// A quantile is there only if at least ten samples lie beyond it.
#[derive(Serialize)]
struct Quantiles {
    count: u64,
    p50: Option<u64>,
    p99: Option<u64>,
    p999: Option<u64>,
    max: u64,
}

impl Document {
    /// Sums a run up.
    pub fn new(plan: &Plan, machine: Machine, run: Run, trouble: Option<&Trouble>) -> Self {
        let moved = run.moved();
        let status = match trouble {
            Some(_) => Status::Failed,
            None if moved.is_empty() => Status::Ok,
            None => Status::Noisy,
        };
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            status,
            error: trouble.map(ToString::to_string),
            environment: machine,
            command: plan.command.clone(),
            capacity: plan.capacity,
            rounds: run.rounds,
            moved,
            gates: gate::judge(&run.outcomes),
            scenarios: run.outcomes.iter().map(Figures::new).collect(),
            probes_ns: run.probes,
            warnings: run.warnings,
        }
    }

    /// Writes the document as JSON.
    pub fn write(&self, file: File) -> Result<(), Trouble> {
        let mut out = BufWriter::new(file);
        let written = serde_json::to_writer_pretty(&mut out, self).map_err(Into::into);
        let written = written.and_then(|()| writeln!(out)).and_then(|()| out.flush());
        written.map_err(|error| Trouble::System { what: "the JSON file".into(), error })
    }

    /// The table, and what has to be known to read it.
    pub fn to_text(&self) -> String {
        table::text(self)
    }
}

impl Figures {
    fn new(outcome: &Outcome) -> Self {
        let values = || outcome.rounds.iter().map(|round| round.sample.value());
        let (kind, unit) = match outcome.rounds.first().map(|round| &round.sample) {
            Some(Sample::Latency(_)) => (Kind::Latency, "ns"),
            Some(Sample::PerOperation { .. }) => (Kind::Throughput, "ns"),
            Some(Sample::Amount { unit, .. }) => (Kind::Amount, *unit),
            None => (Kind::None, ""),
        };
        Self {
            id: outcome.scenario.id,
            floor: outcome.scenario.floor,
            kind,
            unit,
            value: outcome.value(),
            value_min: values().reduce(f64::min),
            value_max: values().reduce(f64::max),
            ratio: outcome.ratio(),
            latency_ns: outcome.latencies.as_ref().map(Quantiles::new),
            rounds: outcome.rounds.iter().map(RoundFigures::new).collect(),
        }
    }
}

impl RoundFigures {
    fn new(round: &Round) -> Self {
        let (operations, latency_ns) = match &round.sample {
            Sample::Latency(latencies) => {
                (Some(latencies.count()), Some(Quantiles::new(latencies)))
            }
            Sample::PerOperation { operations, .. } => (Some(*operations), None),
            Sample::Amount { .. } => (None, None),
        };
        Self { value: round.sample.value(), ratio: round.ratio, operations, latency_ns }
    }
}

impl Quantiles {
    fn new(latencies: &Latencies) -> Self {
        Self {
            count: latencies.count(),
            p50: latencies.quantile(0.5),
            p99: latencies.quantile(0.99),
            p999: latencies.quantile(0.999),
            max: latencies.max(),
        }
    }
}
