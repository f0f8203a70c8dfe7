//! The report: the JSON document, and the table made from it.

mod text;

use crate::args::Plan;
use crate::judge::{self, Line, Verdict};
use crate::one::Measured;
use crate::rounds::{CAPACITY, Outcome, Role, Round};
use crate::run::Run;
use crate::table::Of;
use crate::versions;
use crate::work::Work;
use mainspring_perf::error::Error;
use mainspring_perf::lab::clock;
use mainspring_perf::lab::clock::Clock;
use mainspring_perf::machine::machine::{self, Machine};
use mainspring_perf::stats::median;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::SystemTime;

/// The name of the document's schema, with its version: a change of meaning changes the number.
const SCHEMA: &str = "mainspring-rivals/2";

/// Everything about one run.
#[derive(Serialize)]
pub struct Document {
    schema: &'static str,
    version: &'static str,
    /// When it ended, in UTC.
    date: String,
    command: String,
    is_full: bool,
    is_quick: bool,
    environment: Machine,
    clock: Clock,
    /// Of the libraries that were built in.
    versions: BTreeMap<&'static str, &'static str>,
    capacity: usize,
    rounds: usize,
    length_ms: u128,
    seconds: u64,
    /// The median of the bare round trips before and after each measurement.
    probe_ns: Option<f64>,
    summary: Summary,
    rows: Vec<RowFigures>,
}

/// What it came to.
#[derive(Default, Serialize)]
struct Summary {
    met: usize,
    missed: usize,
    inconclusive: usize,
    rounds_dropped: usize,
    measurements_repeated: u32,
}

/// One row.
#[derive(Serialize)]
struct RowFigures {
    label: String,
    work: Work,
    lines: Vec<Line>,
    rounds_good: usize,
    rounds_dropped: usize,
    notes: Vec<String>,
    contenders: Vec<Figures>,
    rounds: Vec<RoundState>,
}

/// One contender in a row.
#[derive(Serialize)]
struct Figures {
    contender: &'static str,
    role: Role,
    /// If it isn't the row's.
    work: Option<Work>,
    /// The median of the good rounds.
    value: Option<f64>,
    /// Every round's, the dropped ones as well.
    rounds: Vec<Option<Measured>>,
}

/// What the machine was like in a round.
#[derive(Serialize)]
struct RoundState {
    is_good: bool,
    /// The share of the CPUs that others took.
    taken: f64,
}

impl Document {
    /// Sums a run up.
    pub fn new(plan: &Plan, run: Run) -> Self {
        let allowed = mainspring::allowed_cpus();
        let mut summary = Summary::default();
        let mut rows = Vec::with_capacity(run.outcomes.len());
        for outcome in &run.outcomes {
            rows.push(RowFigures::new(outcome, plan.is_quick));
            summary.rounds_dropped += outcome.dropped();
            summary.measurements_repeated += outcome.repeated;
        }
        for verdict in rows.iter().flat_map(|row| &row.lines).filter_map(|line| line.verdict) {
            match verdict {
                Verdict::Met => summary.met += 1,
                Verdict::Missed => summary.missed += 1,
                Verdict::Inconclusive => summary.inconclusive += 1,
            }
        }
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: plan.command.clone(),
            is_full: plan.is_full,
            is_quick: plan.is_quick,
            environment: machine::read(&allowed, crate::run::cpus()),
            clock: clock::measure(),
            versions: versions::all(),
            capacity: CAPACITY,
            rounds: run.rounds,
            length_ms: run.length.as_millis(),
            seconds: run.took.as_secs(),
            probe_ns: run.probe_ns,
            summary,
            rows,
        }
    }

    /// Writes the document as JSON.
    pub fn write(&self, file: File) -> Result<(), Error> {
        let mut out = BufWriter::new(file);
        let written = serde_json::to_writer(&mut out, self).map_err(Into::into);
        let written = written.and_then(|()| writeln!(out)).and_then(|()| out.flush());
        written.map_err(|error| Error::System { what: "the JSON file".into(), error })
    }

    /// The table, and what has to be known to read it.
    pub fn to_text(&self) -> String {
        text::text(self)
    }
}

impl RowFigures {
    fn new(outcome: &Outcome, is_quick: bool) -> Self {
        let mut lines = judge::lines(outcome);
        if is_quick {
            // Three rounds say nothing for certain.
            lines.iter_mut().for_each(|line| line.verdict = None);
        }
        Self {
            label: outcome.row.label.clone(),
            work: outcome.row.work,
            lines,
            rounds_good: outcome.rounds.len() - outcome.dropped(),
            rounds_dropped: outcome.dropped(),
            notes: outcome.notes.clone(),
            contenders: contenders(outcome),
            rounds: outcome.rounds.iter().map(RoundState::new).collect(),
        }
    }
}

/// Those who have anything to show.
fn contenders(outcome: &Outcome) -> Vec<Figures> {
    let figures = outcome.entries.iter().enumerate().map(|(place, entry)| Figures {
        contender: entry.contender,
        role: entry.role,
        work: (entry.work != outcome.row.work).then_some(entry.work),
        value: median(outcome.figures(place, Of::Figure)),
        rounds: outcome.rounds.iter().map(|round| round.figures[place].clone()).collect(),
    });
    figures.filter(|one| one.rounds.iter().any(Option::is_some)).collect()
}

impl RoundState {
    fn new(round: &Round) -> Self {
        Self { is_good: round.is_good, taken: round.taken }
    }
}
