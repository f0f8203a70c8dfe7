//! Whether B is slower than A, and whether the figures can tell.
//!
//! The machine drifts: on a shared one, floors move by tens of percent within minutes. What has to
//! be found is 5 %, and of 20 comparisons of a build with itself one at most may say something else.
//!
//! - **Basis.** Where a scenario has a bare floor (`floor/…`), each round's ratio to the floor of
//!   the same round is compared: what slowed both cancels. A floor that is itself the library's
//!   work would cancel a regression, too, so there the figures are compared as they are. Between
//!   separate runs the figure must say the same as the ratio: a floor's own level differs from
//!   process to process (where its lines come to lie) and is the same in all rounds of one.
//! - **Change.** The median of all differences between logarithms (Hodges and Lehmann): as sturdy as
//!   a median against a round that was preempted, and nearly as sharp as a mean. Its interval is a
//!   bootstrap's, 95 %.
//! - **Chance.** All scenarios' rounds are relabelled together (`relabel.rs`), and a change counts only
//!   if hardly any relabelling has one so large *anywhere*: 20 scenarios raise no more false alarms
//!   than one (Westfall and Young).
//! - **Noise.** What is said to have changed must have changed by more than the same build differs
//!   from itself (`contrast.rs`).
//!
//! Two documents are two visits to a machine, and what differs between visits isn't in either's
//! rounds. So their noise is the spread of single rounds, which no number of rounds makes less. Only
//! fresh processes by turns ([`pairs`]) are sure of a few percent.

mod contrast;
mod environment;
pub mod pairs;
mod relabel;
mod samples;
pub mod text;

use crate::results::document::{Document, Status};
use crate::trouble::Trouble;
use contrast::Contrast;
use samples::{Basis, Metric, Sample};
use serde::{Deserialize, Serialize};

/// The schema's name and version.
pub const SCHEMA: &str = "mainspring-compare/1";
/// The chance that a build is said to differ from itself, over all scenarios together.
pub const CHANCE_MAX: f64 = 0.02;
/// The change that matters, if nothing else is said. Half of what has to be found with certainty:
/// a change of just the threshold is found every other time.
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
    /// Whether runs were made by turns, or two documents read.
    pub how: How,
    /// The change that matters, as a share.
    pub threshold: f64,
    /// What B is compared with.
    pub a: Side,
    /// What is judged.
    pub b: Side,
    /// What differs beside the figures, and what spoils them.
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
    /// Fresh processes by turns: the unit is a pair of runs.
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
    /// What it comes to.
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

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No change that matters.
    Same,
    /// B is slower.
    Regressed,
    /// B is faster.
    Improved,
    /// A change that matters could not be told from noise.
    Noisy,
    /// It gates nothing: shown to be looked at.
    Informs,
}

/// What the whole comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overall {
    /// Nothing is slower, as far as the threshold asks.
    Passed,
    /// Something is slower.
    Regressed,
    /// Nothing is shown to be slower, and something can't be told.
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
    /// What stands in it.
    pub document: &'a Document,
}

/// Compares two documents; `noise`, if there is one, is a second run of A's build.
///
/// # Errors
/// [`Trouble::Usage`] if they can't be compared.
pub fn documents(
    a: Named,
    b: Named,
    noise: Option<Named>,
    question: &Question,
) -> Result<Comparison, Trouble> {
    let all = [Some(a), Some(b), noise];
    for named in all.into_iter().flatten() {
        environment::usable(named)?;
    }
    let mut warnings = environment::differences(a, b, question.allow_other_machine)?;
    if let Some(noise) = noise {
        warnings.extend(environment::differences(a, noise, question.allow_other_machine)?);
    }
    let again = noise.map(|noise| noise.document);
    let (samples, unmatched) = samples::of_documents(a.document, b.document, again, question);
    let sides = (side(a, a.document.status), side(b, b.document.status));
    conclude(How::Documents, sides, warnings, samples, unmatched, question)
}

fn side(named: Named, status: Status) -> Side {
    let Document { started, command, build, .. } = named.document;
    let (started, command, commit) = (started.clone(), command.clone(), build.commit.clone());
    Side { name: named.name.into(), started, commit, command, status }
}

/// Judges each sample, and the whole.
fn conclude(
    how: How,
    (a, b): (Side, Side),
    warnings: Vec<String>,
    samples: Vec<Sample>,
    unmatched: Vec<Unmatched>,
    question: &Question,
) -> Result<Comparison, Trouble> {
    if samples.is_empty() {
        let only = &question.only;
        let about =
            if only.is_empty() { String::new() } else { format!(" with {only:?} in its name") };
        return Err(Trouble::Usage(format!(
            "{} and {} have no scenario{about} in common; give two runs of the same suite",
            a.name, b.name
        )));
    }
    // Only what gates takes part: what informs must not make the rest harder to find.
    let contrasts = samples.iter().flat_map(|sample| {
        [&sample.contrast, &sample.plain].map(|one| one.as_ref().filter(|_| sample.gates))
    });
    let chances = relabel::chances(&contrasts.collect::<Vec<_>>());
    let rows = samples.into_iter().zip(chances.chunks(2));
    let rows: Vec<_> = rows.map(|(sample, chances)| judge(sample, chances, question)).collect();
    let has = |verdict| rows.iter().any(|row: &Row| row.gates && row.verdict == verdict);
    let verdict = match () {
        () if has(Verdict::Regressed) => Overall::Regressed,
        () if has(Verdict::Noisy) => Overall::Noisy,
        () => Overall::Passed,
    };
    let (schema, version) = (SCHEMA.into(), env!("CARGO_PKG_VERSION").into());
    let threshold = question.threshold;
    Ok(Comparison { schema, version, how, threshold, a, b, warnings, unmatched, rows, verdict })
}

fn judge(sample: Sample, chances: &[Option<f64>], question: &Question) -> Row {
    let finding = |contrast: &Option<Contrast>, chance: Option<f64>| {
        let contrast = contrast.as_ref()?;
        Some(Finding::of(contrast, chance.unwrap_or(1.0), question))
    };
    let found = finding(&sample.contrast, chances[0]);
    let plain = finding(&sample.plain, chances[1]);
    // However restless: what is the same has not changed.
    let same = Change { ratio: 1.0, low: 1.0, high: 1.0 };
    let change =
        if sample.is_identical { Some(same) } else { found.as_ref().map(|one| one.change) };
    let (noise, chance) = (found.as_ref().map(|one| one.noise), chances[0]);
    let (verdict, why) = match (found, plain) {
        _ if !sample.gates => (Verdict::Informs, sample.why),
        _ if sample.is_identical => (Verdict::Same, "the very same figures".into()),
        (None, _) => (Verdict::Noisy, sample.why),
        (Some(found), Some(plain)) if found.verdict != plain.verdict => found.against(&plain),
        (Some(found), _) => (found.verdict, found.why),
    };
    let Sample { scenario, metric, basis, gates, unit, a, b, count_a, count_b, .. } = sample;
    Row {
        scenario,
        metric,
        basis,
        gates,
        unit,
        a,
        b,
        count_a,
        count_b,
        change,
        noise,
        chance,
        verdict,
        why,
    }
}

/// What one basis says.
struct Finding {
    change: Change,
    noise: f64,
    verdict: Verdict,
    why: String,
}

impl Finding {
    fn of(contrast: &Contrast, chance: f64, question: &Question) -> Self {
        let shift = contrast.interval();
        let [ratio, low, high] = [shift.middle, shift.low, shift.high].map(f64::exp);
        let (change, noise) = (Change { ratio, low, high }, contrast.noise().exp() - 1.0);
        let (verdict, why) = decide(change, noise, chance, question);
        Self { change, noise, verdict, why }
    }

    /// A drift of the machine changes the figure and not the ratio; a floor that came to lie
    /// elsewhere changes the ratio and not the figure. A change of the library changes both.
    fn against(self, plain: &Self) -> (Verdict, String) {
        match self.verdict {
            Verdict::Noisy => (Verdict::Noisy, self.why),
            _ => (
                Verdict::Noisy,
                format!(
                    "the ratio says {}, the figure itself {}",
                    text::signed(self.change.ratio),
                    text::signed(plain.change.ratio)
                ),
            ),
        }
    }
}

/// A change has to be one that matters, by more than noise, and hardly by chance.
fn decide(change: Change, noise: f64, chance: f64, question: &Question) -> (Verdict, String) {
    let threshold = question.threshold;
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    // As a share of the faster side, so that twice as fast and twice as slow are equally far.
    let size = change.ratio.max(1.0 / change.ratio) - 1.0;
    let is_beyond_1 = change.low > 1.0 || change.high < 1.0;
    let reach = (change.high / change.low).sqrt() - 1.0;
    let is_sure = is_beyond_1 && chance <= CHANCE_MAX;
    match () {
        () if size > threshold && is_sure && size > noise => {
            let verdict = if change.ratio > 1.0 { Verdict::Regressed } else { Verdict::Improved };
            (verdict, String::new())
        }
        () if size > threshold && is_sure => {
            (Verdict::Noisy, format!("the same build differs from itself by {}", percent(noise)))
        }
        () if reach > threshold => {
            (Verdict::Noisy, format!("the interval reaches {} to either side", percent(reach)))
        }
        () if size > threshold => {
            (Verdict::Noisy, format!("by chance as large in {} of cases", percent(chance)))
        }
        () => (Verdict::Same, String::new()),
    }
}
