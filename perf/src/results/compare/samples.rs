//! The samples that two documents, or alternating runs, are compared by.

use super::comparison::{Basis, Metric, Question, Unmatched};
use super::contrast::Contrast;
use crate::results::document::{Document, Figures, Kind, RoundFigures};
use crate::stats::median;

/// A document's rounds say something from this number on.
const ROUNDS_MIN: usize = 5;
/// So many samples each round must have for its 99th percentile to be worth its name: a hundred lie
/// beyond it.
const TAIL_SAMPLES_MIN: u64 = 10_000;

/// One metric of one scenario on both sides.
pub struct Sample {
    pub scenario: String,
    pub metric: Metric,
    pub basis: Basis,
    pub unit: String,
    pub gates: bool,
    /// Why it gates nothing, or can't be compared.
    pub why: String,
    pub a: Option<f64>,
    pub b: Option<f64>,
    pub count_a: usize,
    pub count_b: usize,
    /// Both sides have identical figures, as when a document is compared with itself.
    pub is_identical: bool,
    pub contrast: Option<Contrast>,
    /// Of two documents compared as ratios: the plain figures, which have to agree.
    pub plain: Option<Contrast>,
}

impl Sample {
    /// One that gates, of which nothing is known yet.
    fn empty(figures: &Figures, metric: Metric, basis: Basis, unit: &str) -> Self {
        Self {
            scenario: figures.id.clone(),
            metric,
            basis,
            unit: unit.into(),
            gates: true,
            why: String::new(),
            a: None,
            b: None,
            count_a: 0,
            count_b: 0,
            is_identical: false,
            contrast: None,
            plain: None,
        }
    }
}

/// Those of two documents; `again` is a second run of A's build.
pub fn of_documents(
    a: &Document,
    b: &Document,
    again: Option<&Document>,
    question: &Question,
) -> (Vec<Sample>, Vec<Unmatched>) {
    let (pairs, unmatched) = matched(a, b, &question.only);
    let samples = pairs.into_iter().flat_map(|(a, b)| {
        let again = again.and_then(|document| same_in(document, a));
        [value(a, b, again), tail(a, b)].into_iter().flatten()
    });
    (samples.collect(), unmatched)
}

/// Scenarios that both have, and those that one alone has.
pub fn matched<'a>(
    a: &'a Document,
    b: &'a Document,
    only: &str,
) -> (Vec<(&'a Figures, &'a Figures)>, Vec<Unmatched>) {
    let is_wanted = |one: &&Figures| one.id.contains(only);
    let (mut pairs, mut unmatched) = (Vec::new(), Vec::new());
    let mut leave = |one: &Figures, why: &str| {
        unmatched.push(Unmatched { scenario: one.id.clone(), why: why.into() });
    };
    for one in a.scenarios.iter().filter(is_wanted) {
        match b.scenarios.iter().find(|other| other.id == one.id) {
            None => leave(one, "only A has it"),
            Some(other) if one.kind == Kind::None || other.kind == Kind::None => {
                leave(one, "never measured");
            }
            Some(other) if !is_same_thing(one, other) => {
                leave(one, "they measure different things")
            }
            Some(other) => pairs.push((one, other)),
        }
    }
    for one in b.scenarios.iter().filter(is_wanted) {
        if !a.scenarios.iter().any(|other| other.id == one.id) {
            leave(one, "only B has it");
        }
    }
    (pairs, unmatched)
}

/// Whether the figures mean the same: the kind, the unit, and the load that was planned.
pub fn is_same_thing(a: &Figures, b: &Figures) -> bool {
    let load = |one: &Figures| {
        one.load.as_ref().map(|load| (load.arrivals.clone(), load.target_per_s.to_bits()))
    };
    (a.kind, &a.unit, load(a)) == (b.kind, &b.unit, load(b))
}

fn same_in<'a>(document: &'a Document, figures: &Figures) -> Option<&'a Figures> {
    document.scenarios.iter().find(|one| one.id == figures.id && is_same_thing(one, figures))
}

fn value(a: &Figures, b: &Figures, again: Option<&Figures>) -> Option<Sample> {
    let has_ratios = is_over_bare_floor(a) && is_over_bare_floor(b);
    let basis = if has_ratios { Basis::Ratio } else { Basis::Figure };
    let rounds = |one: &Figures, basis: Basis| -> Vec<f64> {
        let value = |round: &RoundFigures| match basis {
            Basis::Ratio => round.ratio,
            Basis::Figure => Some(round.value),
        };
        one.rounds.iter().filter_map(value).collect()
    };
    let sample_of = |basis: Basis, unit: &str| {
        let again = again.map(|again| rounds(again, basis)).unwrap_or_default();
        apart(a, Metric::Value, basis, unit, rounds(a, basis), rounds(b, basis), again)
    };
    let mut sample = match basis {
        Basis::Figure => sample_of(basis, &a.unit),
        Basis::Ratio => {
            let plain = sample_of(Basis::Figure, &a.unit);
            let ratio = sample_of(basis, "× floor");
            Sample {
                is_identical: ratio.is_identical && plain.is_identical,
                plain: plain.contrast,
                ..ratio
            }
        }
    };
    if is_bare_floor(&a.id) {
        (sample.gates, sample.why) = (false, "the machine, not the library".into());
    } else if (sample.count_a, sample.count_b) == (1, 1) {
        (sample.gates, sample.why) = (false, "measured once in a run".into());
    }
    Some(sample)
}

/// A tail never gates two documents: what a machine's neighbours do differs between visits.
fn tail(a: &Figures, b: &Figures) -> Option<Sample> {
    let rounds = |one: &Figures| -> Vec<f64> { one.rounds.iter().filter_map(p99).collect() };
    let (of_a, of_b) = (rounds(a), rounds(b));
    if of_a.is_empty() || of_b.is_empty() {
        return None;
    }
    let mut sample = apart(a, Metric::P99, Basis::Figure, &a.unit, of_a, of_b, vec![]);
    (sample.gates, sample.why) = (false, "tails of separate runs only inform".into());
    Some(sample)
}

fn p99(round: &RoundFigures) -> Option<f64> {
    round.latency_ns.as_ref()?.p99.map(|nanos| nanos as f64)
}

fn apart(
    figures: &Figures,
    metric: Metric,
    basis: Basis,
    unit: &str,
    a: Vec<f64>,
    b: Vec<f64>,
    again: Vec<f64>,
) -> Sample {
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect();
    let contrast = || Contrast::Apart { a: logs(&a), b: logs(&b), again: logs(&again) };
    let why = cannot(a.iter().chain(&b).chain(&again), a.len().min(b.len()), ROUNDS_MIN, "rounds");
    Sample {
        contrast: why.is_empty().then(contrast),
        why,
        a: median(a.iter().copied()),
        b: median(b.iter().copied()),
        count_a: a.len(),
        count_b: b.len(),
        is_identical: a == b && !a.is_empty(),
        ..Sample::empty(figures, metric, basis, unit)
    }
}

/// Why no comparison is possible; empty if one is.
fn cannot<'a>(
    mut values: impl Iterator<Item = &'a f64>,
    count: usize,
    least: usize,
    what: &str,
) -> String {
    if count < least {
        format!("{count} {what}, but {least} are needed")
    } else if !values.all(|value| value.is_finite() && *value > 0.0) {
        "a figure is zero or less, so it has no ratio".into()
    } else {
        String::new()
    }
}

/// Whether an id is that of a program without the library.
fn is_bare_floor(id: &str) -> bool {
    id.starts_with("floor/")
}

fn is_over_bare_floor(figures: &Figures) -> bool {
    figures.floor.as_deref().is_some_and(is_bare_floor)
        && !figures.rounds.is_empty()
        && figures.rounds.iter().all(|round| round.ratio.is_some())
}

/// So many pairs are needed before the true naming and its mirror are rarer than
/// [`CHANCE_MAX`](super::comparison::CHANCE_MAX) among all.
const PAIRS_MIN: usize = 7;

/// Those of alternating runs: each element holds A's and B's document of one pair. Even pairs ran A
/// first, odd ones B.
pub fn of_pairs(pairs: &[(Document, Document)], only: &str) -> (Vec<Sample>, Vec<Unmatched>) {
    let Some((a, b)) = pairs.first() else { return (vec![], vec![]) };
    let (scenarios, unmatched) = matched(a, b, only);
    let samples = scenarios.into_iter().flat_map(|(a, _)| by_turns(a, pairs));
    (samples.collect(), unmatched)
}

/// A scenario in every run, or nothing if one lacks it.
fn by_turns(figures: &Figures, pairs: &[(Document, Document)]) -> Vec<Sample> {
    let runs: Option<Vec<_>> =
        (pairs.iter()).map(|(a, b)| Some((same_in(a, figures)?, same_in(b, figures)?))).collect();
    let Some(runs) = runs else { return vec![] };
    let all = || runs.iter().flat_map(|(a, b)| [a, b]);
    let of_pairs = |metric, basis, unit: &str, of: &dyn Fn(&Figures) -> Option<f64>| {
        let values: Option<Vec<_>> = runs.iter().map(|(a, b)| Some((of(a)?, of(b)?))).collect();
        Some(turns(figures, metric, basis, unit, &values?))
    };
    let figure = of_pairs(Metric::Value, Basis::Figure, &figures.unit, &|one| one.value);
    let ratio = all()
        .all(|one| is_over_bare_floor(one))
        .then(|| of_pairs(Metric::Value, Basis::Ratio, "× floor", &|one| one.ratio))
        .flatten();
    // The calmer basis, judged by runs of the same build only: it can't favour a side.
    let calm = |sample: &Sample| sample.contrast.as_ref().map_or(f64::INFINITY, Contrast::restless);
    let mut value =
        [ratio, figure].into_iter().flatten().min_by(|a, b| calm(a).total_cmp(&calm(b)));
    if let Some(value) = value.as_mut().filter(|_| is_bare_floor(&figures.id)) {
        (value.gates, value.why) = (false, "the machine, not the library".into());
    }
    let tail_of = |one: &Figures| median(one.rounds.iter().filter_map(p99));
    let mut tail = of_pairs(Metric::P99, Basis::Figure, &figures.unit, &tail_of);
    let is_thick = |round: &RoundFigures| {
        round.latency_ns.as_ref().is_some_and(|all| all.count >= TAIL_SAMPLES_MIN)
    };
    let is_enough = all().all(|one| one.rounds.iter().all(is_thick));
    if let Some(tail) = tail.as_mut().filter(|_| !is_enough || is_bare_floor(&figures.id)) {
        let why = format!("a tail gates from {TAIL_SAMPLES_MIN} samples a round on");
        (tail.gates, tail.why) = (false, why);
    }
    value.into_iter().chain(tail).collect()
}

fn turns(
    figures: &Figures,
    metric: Metric,
    basis: Basis,
    unit: &str,
    values: &[(f64, f64)],
) -> Sample {
    let why = cannot(values.iter().flat_map(|(a, b)| [a, b]), values.len(), PAIRS_MIN, "pairs");
    let differences = || values.iter().map(|(a, b)| (b / a).ln()).collect();
    Sample {
        contrast: why.is_empty().then(|| Contrast::Pairs {
            differences: differences(),
            neighbours: neighbours(values),
        }),
        why,
        a: median(values.iter().map(|(a, _)| *a)),
        b: median(values.iter().map(|(_, b)| *b)),
        count_a: values.len(),
        count_b: values.len(),
        ..Sample::empty(figures, metric, basis, unit)
    }
}

/// Runs go A B, B A, A B, …: the last of each pair and the first of the next are the same build, one
/// run apart as those of a pair are. The sign changes, so that a steady drift cancels as it does
/// between pairs of changing order.
fn neighbours(values: &[(f64, f64)]) -> Vec<f64> {
    let next = values.windows(2).enumerate().map(|(place, pairs)| {
        let ((a, b), (next_a, next_b)) = (pairs[0], pairs[1]);
        if place.is_multiple_of(2) { (next_b / b).ln() } else { (a / next_a).ln() }
    });
    next.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_drift_cancels_between_neighbours_and_between_pairs() {
        // Each run is 1 % slower than the one before: A B, B A, A B, B A.
        let at = |run: i32| 1.01_f64.powi(run);
        let values = [(at(0), at(1)), (at(3), at(2)), (at(4), at(5)), (at(7), at(6))];
        let neighbours = neighbours(&values);
        let step = 1.01_f64.ln();
        assert!((neighbours[0] - step).abs() < 1e-12 && (neighbours[1] + step).abs() < 1e-12);
        let sample = turns(&figures(), Metric::Value, Basis::Figure, "ns", &values.repeat(2));
        assert!(sample.contrast.unwrap().interval().middle.abs() < 1e-12);
    }

    #[test]
    fn what_has_no_ratio_or_too_few_rounds_says_so() {
        assert!(cannot([1.0, 0.0].iter(), 9, 5, "rounds").contains("zero"));
        assert!(cannot([1.0, f64::NAN].iter(), 9, 5, "rounds").contains("zero"));
        assert_eq!(cannot([1.0].iter(), 1, 5, "rounds"), "1 rounds, but 5 are needed");
        assert_eq!(cannot([1.0].iter(), 5, 5, "rounds"), "");
    }

    fn figures() -> Figures {
        serde_json::from_value(serde_json::json!({
            "id": "call/x", "floor": null, "kind": "latency", "unit": "ns", "value": null,
            "value_min": null, "value_max": null, "ratio": null, "latency_ns": null,
            "service_ns": null, "load": null, "series": [], "rounds": []
        }))
        .unwrap()
    }
}
