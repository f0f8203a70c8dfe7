//! What is asked of two builds, and what was found.

use crate::results::document::{Document, Status};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// The schema's name and version.
pub const SCHEMA: &str = "mainspring-compare/1";
/// The chance of reporting a difference between a build and itself, over all scenarios together.
pub const CHANCE_MAX: f64 = 0.02;
/// The change that matters by default. Half of what must be found reliably: a change of exactly the
/// threshold is found half the time.
pub const THRESHOLD: f64 = 0.03;

/// What is compared, and how strictly.
#[derive(Clone, Debug)]
pub struct Question {
    /// The change that matters, as a share.
    pub threshold: f64,
    /// Only scenarios with this in their name; all, if it is empty.
    pub only: String,
    /// Whether documents of two machines may be compared.
    pub allow_other_machine: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the command that wrote it.
    pub version: String,
    /// Whether builds were run alternately, or two documents read.
    pub how: How,
    /// The change that matters, as a share.
    pub threshold: f64,
    /// What B is compared with.
    pub a: Side,
    /// What is judged.
    pub b: Side,
    /// Differences other than the figures, and what spoils the figures.
    pub warnings: Vec<String>,
    /// Scenarios that one side alone has.
    pub unmatched: Vec<Unmatched>,
    /// One for each scenario and metric.
    pub rows: Vec<Row>,
    /// The whole.
    pub verdict: Overall,
}

/// Where the figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Two documents: rounds against rounds.
    Documents,
    /// Fresh processes, alternating: the unit is a pair of runs.
    Pairs,
}

/// One side of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Side {
    /// The file, or the binary.
    pub name: String,
    /// When it was measured.
    pub started: String,
    /// The commit, if it is known.
    pub commit: Option<String>,
    /// How it was measured.
    pub command: String,
    /// Whether its figures can be used; of several runs, the worst.
    pub status: Status,
}

/// A scenario that one side alone has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// Its name.
    pub scenario: String,
    /// Why it can't be compared.
    pub why: String,
}

/// One scenario's metric on both sides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub scenario: String,
    /// Which figure of it.
    pub metric: Metric,
    /// What was compared.
    pub basis: Basis,
    /// Whether it can make the comparison fail.
    pub gates: bool,
    /// Of `a` and `b`.
    pub unit: String,
    /// A's median.
    pub a: Option<f64>,
    /// B's median.
    pub b: Option<f64>,
    /// How many rounds, or runs, A has.
    pub count_a: usize,
    /// How many B has.
    pub count_b: usize,
    /// B ÷ A on the basis that was used.
    pub change: Option<Change>,
    /// What the same build differs from itself, as a share.
    pub noise: Option<f64>,
    /// How likely so large a change is anywhere in the comparison if nothing has changed.
    pub chance: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, where it needs saying.
    pub why: String,
}

/// B ÷ A: larger than 1 is slower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The estimate.
    pub ratio: f64,
    /// The lower end of its interval, 95 %.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The verdict on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No change that matters.
    Same,
    /// B is slower.
    Regressed,
    /// B is faster.
    Improved,
    /// A change that matters could not be distinguished from noise.
    Noisy,
    /// It gates nothing: shown to be looked at.
    Informs,
}

/// The verdict on the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overall {
    /// Nothing is slower, as far as the threshold asks.
    Passed,
    /// Something is slower.
    Regressed,
    /// Nothing is shown to be slower, but something can't be decided.
    Noisy,
}

impl Overall {
    /// The exit code of the command.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Regressed => 3,
            Self::Noisy => 4,
        }
    }
}

/// A document and what it is called.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// The file.
    pub name: &'a str,
    /// Its content.
    pub document: &'a Document,
}

/// Which figure of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The figure that represents the round.
    Value,
    /// The 99th percentile of each round's latencies.
    P99,
}

/// What of it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The ratio to the floor of the same round.
    Ratio,
    /// The figure as it is.
    Figure,
}

impl Display for Basis {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Ratio => "÷ floor",
            Self::Figure => "figure",
        })
    }
}
