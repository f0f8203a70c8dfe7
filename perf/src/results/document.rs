//! The results of a run as a JSON document: written by `bench`, read by `report` and `compare`.
//!
//! `docs/RESULTS.md` describes each field. Times are nanoseconds unless a name says otherwise. A
//! later version of the schema may add fields; one that changes a meaning has another number.

use crate::error::Error;
use crate::json;
use crate::lab::Pin;
use crate::lab::clock::Clock;
use crate::lab::counters::Counters;
use crate::machine::Machine;
use crate::machine::jitter::CpuJitter;
use crate::machine::matrix::Matrix;
use crate::stats::Quantiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The schema's name and version.
pub const SCHEMA: &str = "mainspring-bench/2";

/// Everything about one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the command that wrote it.
    pub version: String,
    /// When the run began: RFC 3339, UTC.
    pub started: String,
    /// Whether the figures can be used.
    pub status: Status,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What a reader of the figures must know.
    pub warnings: Vec<String>,
    /// How to run it again.
    pub command: String,
    /// What was measured, as a build.
    pub build: Build,
    /// Where it was measured.
    pub environment: Machine,
    /// What the times were taken with.
    pub clock: Clock,
    /// Who ran where, read back from the kernel.
    pub pins: Vec<Pin>,
    /// The suite's name.
    pub suite: String,
    /// The suite's parameters: capacity, rate, seconds.
    pub parameters: BTreeMap<String, String>,
    /// How many rounds were planned.
    pub rounds: u32,
    /// The bare round trip before each round.
    pub probes_ns: Vec<f64>,
    /// The floors that make it noisy.
    pub moved: Vec<Moved>,
    /// The gates, and whether each was met.
    pub gates: Vec<Verdict>,
    /// The machine's own hiccups on the same CPUs, measured before the first round.
    pub jitter: Vec<CpuJitter>,
    /// Latencies between CPUs, if they were measured.
    pub matrix: Option<Matrix>,
    /// The figures.
    pub scenarios: Vec<Figures>,
}

/// Whether the figures can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// They can.
    Ok,
    /// A floor moved by more than a factor of two, and not in a single round: they can't be compared.
    Noisy,
    /// The user interrupted it: there are fewer rounds than planned.
    Interrupted,
    /// Something went wrong: requests were lost, or a planned rate wasn't reached.
    Failed,
}

/// The build that was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Build {
    /// The compiler, as it names itself.
    pub rustc: String,
    /// `release` or `debug`.
    pub profile: String,
    /// The target triple.
    pub target: String,
    /// The commit, if the build knew it; with `-dirty` if there were changes.
    pub commit: Option<String>,
}

/// A floor that was not the same in all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// Which: a scenario, or the probe before each round.
    pub floor: String,
    /// Its least round.
    pub least_ns: f64,
    /// Its largest round.
    pub largest_ns: f64,
}

/// How the library did at one gate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// The gate, its figure and its limit, in words.
    pub text: String,
    /// The scenario that decides.
    pub scenario: String,
    /// The figure.
    pub value: f64,
    /// The largest that is wanted.
    pub wanted_max: f64,
    /// Whether it is no larger.
    pub is_met: bool,
}

/// One scenario: group/scenario/parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Its name.
    pub id: String,
    /// The scenario that it is divided by.
    pub floor: Option<String>,
    /// What is measured.
    pub kind: Kind,
    /// Of [`value`](Self::value).
    pub unit: String,
    /// The median over rounds; of latencies, of each round's median.
    pub value: Option<f64>,
    /// The least round.
    pub value_min: Option<f64>,
    /// The largest round.
    pub value_max: Option<f64>,
    /// The median over rounds of the ratio to the floor of the same round.
    pub ratio: Option<f64>,
    /// All rounds together, where single latencies were taken: under a planned load from the moment
    /// at which the request was planned, otherwise from when it was sent.
    pub latency_ns: Option<Quantiles>,
    /// Under a planned load: from when the request was actually sent. Hides the requests that a stall delays.
    pub service_ns: Option<Quantiles>,
    /// The planned load, if there was one.
    pub load: Option<Load>,
    /// Each second of a planned load, over all rounds one after the other; a round's last one may be shorter.
    pub series: Vec<Second>,
    /// Each round.
    pub rounds: Vec<RoundFigures>,
}

/// What a scenario's figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Single operations were timed.
    Latency,
    /// Many operations were timed together; the value is the time of one.
    Throughput,
    /// Something that is not a time.
    Amount,
    /// It was never measured.
    None,
}

/// A plan of when requests are sent, and its result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// `fixed`, `poisson` or `bursts`.
    pub arrivals: String,
    /// Requests a second, planned.
    pub target_per_s: f64,
    /// Requests a second, answered.
    pub achieved_per_s: f64,
    /// How many were planned.
    pub planned: u64,
    /// How many were sent.
    pub sent: u64,
    /// How many were answered.
    pub received: u64,
}

/// One second of a planned load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Second {
    /// Which, from the beginning of the first round.
    pub second: u32,
    /// How many requests were planned in it.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// The same for 99 of 100, if there were enough.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: u64,
}

/// One round of one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoundFigures {
    /// The figure that represents it.
    pub value: f64,
    /// Divided by the floor's of the same round.
    pub ratio: Option<f64>,
    /// How many were timed.
    pub operations: Option<u64>,
    /// Single latencies, without the histogram.
    pub latency_ns: Option<Quantiles>,
    /// What the kernel and the engine counted during it.
    pub counters: Counters,
}

impl Document {
    /// Reads a document back.
    ///
    /// # Errors
    /// [`Error::Usage`] if it can't be read, isn't JSON (with line and column), or is of another
    /// schema.
    pub fn read(path: &Path) -> Result<Self, Error> {
        json::read(path, SCHEMA)
    }
}
