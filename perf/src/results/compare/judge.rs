//! The verdict on each sample, and on the whole.

use super::comparison::{
    CHANCE_MAX, Change, Comparison, How, Overall, Question, Row, SCHEMA, Side, Unmatched, Verdict,
};
use super::contrast::Contrast;
use super::samples::Sample;
use super::{permutation, text};
use crate::error::Error;

/// Judges each sample, and the whole.
pub fn conclude(
    how: How,
    (a, b): (Side, Side),
    warnings: Vec<String>,
    samples: Vec<Sample>,
    unmatched: Vec<Unmatched>,
    question: &Question,
) -> Result<Comparison, Error> {
    if samples.is_empty() {
        let only = &question.only;
        let about =
            if only.is_empty() { String::new() } else { format!(" with {only:?} in its name") };
        return Err(Error::Usage(format!(
            "{} and {} have no scenario{about} in common; give two runs of the same suite",
            a.name, b.name
        )));
    }
    // Only what gates takes part: what informs must not make the rest harder to find.
    let contrasts = samples.iter().flat_map(|sample| {
        [&sample.contrast, &sample.plain].map(|one| one.as_ref().filter(|_| sample.gates))
    });
    let chances = permutation::chances(&contrasts.collect::<Vec<_>>());
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
        _ if sample.is_identical => (Verdict::Same, "identical figures".into()),
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
                    "the ratio says {}, but the figure itself {}",
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
            (Verdict::Noisy, format!("as large by chance in {} of cases", percent(chance)))
        }
        () => (Verdict::Same, String::new()),
    }
}
