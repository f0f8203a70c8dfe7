//! A measured matrix with what has to be known to read it.

use crate::error::Error;
use crate::machine::machine::{self, Machine};
use crate::machine::matrix::classes::{self, ClassFigures, Outlier};
use crate::machine::matrix::matrix::Matrix;
use crate::machine::matrix::measure::pair;
use crate::machine::matrix::plan::Plan;
use crate::stats::median;
use mainspring::Topology;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// The schema of a [`Report`].
pub const SCHEMA: &str = "mainspring-matrix/1";

/// A matrix, as the command `latency-map` writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the command that wrote it.
    pub version: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// What a reader of the figures must know.
    pub warnings: Vec<String>,
    /// Where.
    pub machine: Machine,
    /// Whether every pair was measured, or some of each class.
    pub is_full: bool,
    /// How long each pair was measured.
    pub seconds_each: f64,
    /// The latencies.
    pub matrix: Matrix,
    /// The same by class, nearest first.
    pub classes: Vec<ClassFigures>,
    /// Pairs unlike their class.
    pub outliers: Vec<Outlier>,
    /// What a second pass has shown.
    pub repeat: Repeat,
}

/// How far the medians of a second pass are from those of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// How many pairs were measured twice.
    pub pairs: usize,
    /// The median of the differences, as a share of the first pass.
    pub median_share: f64,
    /// The largest.
    pub max_share: f64,
}

/// Beyond this the machine was busy with something else.
const RESTLESS_SHARE: f64 = 0.25;

impl Report {
    /// Measures the plan; calls `step` before each pair.
    ///
    /// # Errors
    /// As [`pair`].
    ///
    /// # Blocking
    /// For as long as the plan says.
    pub fn measure(
        topology: &Topology,
        cpus: &[usize],
        lines: u32,
        plan: &Plan,
        mut step: impl FnMut(usize, usize),
    ) -> Result<Self, Error> {
        let started = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let mut matrix = Matrix::new(cpus.to_vec(), lines);
        for &(begins, answers) in &plan.pairs {
            step(begins, answers);
            matrix.set(begins, answers, pair(begins, answers, lines, plan.each)?);
        }
        let mut moved = Vec::new();
        for &(begins, answers) in &plan.again {
            step(begins, answers);
            let again = pair(begins, answers, lines, plan.each)?.p50_ns;
            let first = matrix.round_trip_ns(begins, answers);
            moved.extend(first.map(|first| (first, again)));
        }
        let machine = machine::read(&mainspring::allowed_cpus(), None);
        Ok(Self {
            started,
            machine,
            is_full: plan.is_full,
            seconds_each: plan.each.as_secs_f64(),
            ..Self::of(matrix, topology, &moved)
        })
    }

    /// Sums a matrix up; `moved` has the medians of the pairs that were measured twice.
    fn of(matrix: Matrix, topology: &Topology, moved: &[(f64, f64)]) -> Self {
        let repeat = Repeat::of(moved);
        let classes = classes::figures(&matrix, topology);
        Self {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: String::new(),
            warnings: warnings(&repeat, moved, &classes),
            machine: machine::read(&[], None),
            is_full: false,
            seconds_each: 0.0,
            outliers: classes::outliers(&matrix, topology, repeat.median_share),
            classes,
            repeat,
            matrix,
        }
    }
}

impl Repeat {
    fn of(moved: &[(f64, f64)]) -> Self {
        let shares = || moved.iter().map(|(first, again)| (again - first).abs() / first);
        Self {
            pairs: moved.len(),
            median_share: median(shares()).unwrap_or(0.0),
            max_share: shares().fold(0.0, f64::max),
        }
    }
}

/// What a reader would otherwise take for a fact.
fn warnings(repeat: &Repeat, moved: &[(f64, f64)], classes: &[ClassFigures]) -> Vec<String> {
    let mut warnings = Vec::new();
    if repeat.median_share > RESTLESS_SHARE {
        warnings.push(format!(
            "half of the pairs moved by {:.0} % or more when measured again: the machine is busy, or its \
             CPUs aren't where they seem to be; measure again when it is quiet, or with more --seconds",
            repeat.median_share * 100.0
        ));
    }
    let moved_ns = median(moved.iter().map(|(first, again)| (again - first).abs())).unwrap_or(0.0);
    for near_and_far in classes.windows(2) {
        let [near, far] = near_and_far else { continue };
        let difference = far.p50_ns - near.p50_ns;
        if moved_ns > 0.0 && difference < moved_ns {
            warnings.push(format!(
                "{:?} takes {:.0} ns and {:?} {:.0} ns, but pairs move by {moved_ns:.0} ns when \
                 measured again: these two can't be told apart",
                near.class, near.p50_ns, far.class, far.p50_ns
            ));
        }
    }
    warnings
}

/// A report of a matrix that nobody measured.
#[cfg(test)]
pub(super) fn of_matrix(matrix: Matrix, topology: &Topology) -> Report {
    Report::of(matrix, topology, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::matrix::matrix::tests::{pair_of, sixteen};

    fn report(moved: &[(f64, f64)]) -> Report {
        let topology = sixteen();
        let mut matrix = Matrix::new((0..16).collect(), 8);
        for (a, b) in Plan::new(&topology, &matrix.cpus, true, None).pairs {
            matrix.set(a, b, pair_of(&topology, a, b));
        }
        Report::of(matrix, &topology, moved)
    }

    #[test]
    fn what_repeats_needs_no_warning() {
        let report = report(&[(20.0, 21.0), (50.0, 50.0), (400.0, 500.0)]);
        assert_eq!(report.warnings, [""; 0]);
        assert_eq!((report.repeat.pairs, report.repeat.median_share), (3, 0.05));
        assert_eq!(report.repeat.max_share, 0.25);
    }

    #[test]
    fn classes_closer_than_what_repeats_are_named() {
        let report = report(&[(200.0, 240.0), (400.0, 440.0)]);
        assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
        assert!(report.warnings[0].contains("\"same core\" takes 20 ns and \"same L3\" 50 ns"));
    }

    #[test]
    fn a_machine_that_moves_is_said_to() {
        let report = report(&[(20.0, 30.0), (50.0, 10.0)]);
        assert!(report.warnings[0].contains("65 %"), "{:?}", report.warnings);
    }

    #[test]
    fn two_cpus_are_measured_both_ways_round_and_again() {
        let cpus = mainspring::allowed_cpus();
        let [a, b, ..] = cpus[..] else { return };
        let topology = Topology::read().unwrap();
        let total = Some(std::time::Duration::from_millis(40));
        let plan = Plan::new(&topology, &[a, b], false, total);
        let mut steps = 0;
        let report = Report::measure(&topology, &[a, b], 2, &plan, |_, _| steps += 1).unwrap();
        assert_eq!((steps, report.repeat.pairs, report.classes.len()), (4, 2, 1));
        assert!(report.matrix.round_trip_ns(a, b).is_some());
        assert!(report.matrix.round_trip_ns(b, a).is_some());
        let json = serde_json::to_string(&report).unwrap();
        let read: Report = serde_json::from_str(&json).unwrap();
        // The last binary digit of a figure may be lost.
        assert_eq!((read.matrix.cpus, read.machine), (report.matrix.cpus, report.machine));
    }
}
