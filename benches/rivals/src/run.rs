//! One run: which rows, who is in them, and how long.

use crate::args::Plan;
use crate::floors::FLOOR;
use crate::quiet::Probes;
use crate::rounds::{self, Bench, Entry, Outcome};
use crate::table::{self, Against, Row};
use indicatif::{ProgressBar, ProgressStyle};
use mainspring_perf::error::Error;
use std::time::{Duration, Instant};

/// A run of the best rivals stops repeating bad rounds when it is on the way to take longer.
const BUDGET: Duration = Duration::from_secs(18 * 60);

/// How many good rounds are wanted, and how long a measurement is, as a rule.
///
/// Many short ones: the same program, started again, is often 10 % quicker or slower for as long as
/// it lives, by where its memory lies. Thirty-two leave nine figures outside of the confidence
/// interval of the median, on either side.
const THOROUGH: (usize, Duration) = (16, Duration::from_millis(30));
const QUICK: (usize, Duration) = (3, Duration::from_millis(30));

/// What a run came to.
pub struct Run {
    /// The rows, in order.
    pub outcomes: Vec<Outcome>,
    /// How many good rounds were wanted.
    pub rounds: usize,
    /// How long a measurement was, as a rule.
    pub length: Duration,
    /// The median of the probes, in nanoseconds.
    pub probe_ns: Option<f64>,
    /// How long it took in all.
    pub took: Duration,
}

/// The two CPUs that everything is pinned to, if the process may use two.
pub fn cpus() -> Option<(usize, usize)> {
    match mainspring::allowed_cpus()[..] {
        [callers, other, ..] => Some((callers, other)),
        _ => None,
    }
}

/// Measures every row that is wanted.
pub fn all(plan: &Plan) -> Result<Run, Error> {
    let begun = Instant::now();
    let rows = select(plan);
    let (rounds, length) = if plan.is_quick { QUICK } else { THOROUGH };
    let steps: usize = rows.iter().map(|(row, entries)| entries.len() * row.rounds(rounds)).sum();
    let bench = Bench {
        cpus: cpus(),
        rounds,
        length,
        probes: Probes::default(),
        progress: progress(steps as u64),
    };
    bench.probe()?;
    let count = rows.len() as u32;
    let mut outcomes = Vec::with_capacity(rows.len());
    for (place, (row, entries)) in rows.into_iter().enumerate() {
        let until = begun + BUDGET * (place as u32 + 1) / count;
        let until = (!plan.is_full).then_some(until);
        outcomes.push(rounds::measure(&bench, row, entries, until)?);
    }
    bench.progress.finish_and_clear();
    outcomes.iter_mut().for_each(|outcome| outcome.sift(&bench.probes));
    let probe_ns = bench.probes.median();
    Ok(Run { outcomes, rounds, length, probe_ns, took: begun.elapsed() })
}

/// The rows that are wanted, and who is measured in each.
fn select(plan: &Plan) -> Vec<(Row, Vec<Entry>)> {
    let everybody = crate::contenders();
    let names: Vec<_> = everybody.iter().map(|one| one.name).collect();
    let (ours, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_ours(name));
    let mut rows = table::rows();
    rows.retain(|row| row.label.contains(&plan.only) && ours.contains(&row.ours));
    let with_entries = |row: Row| {
        let entries = match plan.is_full {
            true => rounds::entries(&row, &others, &ours),
            false => rounds::entries(&row, &named_in(&row), &[]),
        };
        (row, entries)
    };
    rows.into_iter().map(with_entries).collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("ours")
}

/// The floor, the row's rivals, and whom its limits name.
fn named_in(row: &Row) -> Vec<&'static str> {
    let mut names = vec![FLOOR];
    names.extend(row.rivals);
    for gate in &row.gates {
        if let Against::Named(name) = gate.against
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// On stderr, and only on a terminal.
fn progress(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps).with_style(style)
}
