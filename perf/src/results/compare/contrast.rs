//! How two sides differ, in logarithms: by how much, how certainly, and against how much noise.

use crate::stats::median;
use fastrand::Rng;

/// Resamples of a bootstrap: its 95 % interval then ends at the 25th from either end.
const RESAMPLES: usize = 1000;
const CUT: usize = RESAMPLES / 40;
/// The same documents always give the same result.
const SEED: u64 = 0x6d61_696e_7370;
/// Two visits to a machine differ by up to this many times the spread of single rounds of one.
const VISITS: f64 = 4.0;
/// A round further off than this many spreads was preempted, and counts as no further off than that.
const REACH: f64 = 4.0;
/// Makes the median deviation of normal noise its standard deviation.
const TO_SIGMA: f64 = 1.4826;

/// One metric on both sides, in logarithms.
#[derive(Clone, Debug)]
pub enum Contrast {
    /// Rounds of two runs. A's third round has nothing to do with B's third.
    Apart {
        /// A's.
        a: Vec<f64>,
        /// B's.
        b: Vec<f64>,
        /// Those of another run of A's build.
        again: Vec<f64>,
    },
    /// Alternating runs.
    Pairs {
        /// B less A of each pair.
        differences: Vec<f64>,
        /// Runs of one build next to each other, the later less the earlier, with changing signs.
        neighbours: Vec<f64>,
    },
}

/// An estimate and its interval.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    pub middle: f64,
    pub low: f64,
    pub high: f64,
}

impl Contrast {
    /// B less A, with a bootstrap's interval.
    pub fn interval(&self) -> Shift {
        let mut random = Rng::with_seed(SEED);
        let near = self.near();
        let mut shifts: Vec<_> = (0..RESAMPLES).map(|_| near.resampled(&mut random)).collect();
        shifts.sort_by(f64::total_cmp);
        Shift { middle: self.shift(), low: shifts[CUT], high: shifts[RESAMPLES - 1 - CUT] }
    }

    fn shift(&self) -> f64 {
        match self {
            Self::Apart { a, b, .. } => shift_apart(a, b),
            Self::Pairs { differences, .. } => shift_of(differences),
        }
    }

    /// The same with wild values brought nearer. Drawn several times, one would make a resample's
    /// shift as wild as itself, which the shift of the whole isn't.
    fn near(&self) -> Self {
        match self {
            Self::Apart { a, b, .. } => Self::Apart { a: near(a), b: near(b), again: vec![] },
            Self::Pairs { differences, .. } => {
                Self::Pairs { differences: near(differences), neighbours: vec![] }
            }
        }
    }

    fn resampled(&self, random: &mut Rng) -> f64 {
        let mut draw = |from: &[f64]| -> Vec<f64> {
            from.iter().map(|_| from[random.usize(..from.len())]).collect()
        };
        match self {
            Self::Apart { a, b, .. } => shift_apart(&draw(a), &draw(b)),
            Self::Pairs { differences, .. } => shift_of(&draw(differences)),
        }
    }

    /// How far the same build is from itself.
    ///
    /// By turns, neighbours of one build are as far apart in time as those that are compared, so
    /// they shift as A against A would. Of two documents, neither shows what differs between visits:
    /// where threads and memory come to lie, who the neighbours are. What counts must then be seen in
    /// single rounds: it must be some times as large as they differ by, or larger, if a run's halves
    /// or a second run of A say so.
    pub fn noise(&self) -> f64 {
        match self {
            Self::Apart { a, b, again } => {
                let own = |rounds: &[f64]| {
                    let (first, second) = rounds.split_at(rounds.len() / 2);
                    (VISITS * spread(rounds)).max(shift_apart(first, second).abs())
                };
                let visits = if again.is_empty() { 0.0 } else { shift_apart(a, again).abs() };
                own(a).max(own(b)).max(visits)
            }
            Self::Pairs { neighbours, .. } => shift_of(neighbours).abs(),
        }
    }
}

impl Contrast {
    /// How far single runs of the same build are apart.
    pub fn restless(&self) -> f64 {
        match self {
            Self::Pairs { neighbours, .. } => {
                median(neighbours.iter().map(|one| one.abs())).unwrap_or(0.0)
            }
            Self::Apart { a, b, .. } => spread(a).max(spread(b)),
        }
    }
}

/// The median of all of B's differences from all of A's.
pub fn shift_apart(a: &[f64], b: &[f64]) -> f64 {
    median(b.iter().flat_map(|b| a.iter().map(move |a| b - a))).unwrap_or(0.0)
}

/// The median of the means of all pairs of differences, each with itself, too.
pub fn shift_of(differences: &[f64]) -> f64 {
    let means = differences.iter().enumerate();
    let means =
        means.flat_map(|(place, x)| differences[place..].iter().map(move |y| (x + y) / 2.0));
    median(means).unwrap_or(0.0)
}

/// Values further from the median than [`REACH`] spreads are brought back to that.
fn near(values: &[f64]) -> Vec<f64> {
    let middle = median(values.iter().copied()).unwrap_or(0.0);
    let reach = REACH * spread(values);
    values.iter().map(|value| value.clamp(middle - reach, middle + reach)).collect()
}

/// The median deviation from the median, as large as a standard deviation.
pub fn spread(values: &[f64]) -> f64 {
    let Some(middle) = median(values.iter().copied()) else { return 0.0 };
    median(values.iter().map(|value| (value - middle).abs())).map_or(0.0, |mad| mad * TO_SIGMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_found_and_one_wild_round_moves_it_little() {
        let a = [0.0, 0.1, 0.2, 0.3, 0.4];
        let b = a.map(|x| x + 0.5);
        assert!((shift_apart(&a, &b) - 0.5).abs() < 1e-12);
        let mut wild = b;
        wild[4] = 100.0;
        assert!((shift_apart(&a, &wild) - 0.5).abs() < 0.11);
        assert_eq!(shift_apart(&a, &a), 0.0);
        assert!((shift_of(&[0.1, 0.2, 0.3]) - 0.2).abs() < 1e-12);
        assert!((shift_of(&[0.1, 0.2, 0.3, 0.2, 90.0]) - 0.2).abs() < 0.06);
    }

    #[test]
    fn an_interval_holds_its_middle_and_is_the_same_each_time() {
        let differences = vec![0.04, 0.05, 0.06, 0.03, 0.07, 0.05];
        let contrast = Contrast::Pairs { differences, neighbours: vec![0.0] };
        let (one, two) = (contrast.interval(), contrast.interval());
        assert!(0.0 < one.low && one.low < one.middle && one.middle < one.high, "{one:?}");
        assert_eq!((one.low, one.high), (two.low, two.high));
    }

    #[test]
    fn one_wild_pair_makes_no_interval_wild() {
        let interval = |last: f64| {
            let differences = vec![0.04, 0.05, 0.06, 0.03, 0.07, 0.05, 0.04, last];
            Contrast::Pairs { differences, neighbours: vec![] }.interval()
        };
        let (calm, wild) = (interval(0.06), interval(-8.0));
        assert!(wild.high - wild.low < 3.0 * (calm.high - calm.low), "{calm:?} {wild:?}");
        assert!(wild.low < calm.low, "it widens it all the same");
    }

    #[test]
    fn documents_are_as_noisy_as_their_rounds_their_drift_or_a_second_run() {
        let steady = vec![1.0, 1.01, 0.99, 1.0, 1.01, 0.99];
        let noise = |a: &[f64], again: &[f64]| {
            let (a, b, again) = (a.to_vec(), steady.clone(), again.to_vec());
            Contrast::Apart { a, b, again }.noise()
        };
        let quiet = noise(&steady, &[]);
        assert!(quiet < 0.08, "{quiet}");
        assert!(noise(&[1.0, 1.2, 0.8, 1.1, 0.9, 1.0], &[]) > 0.1);
        assert!(noise(&[1.0, 1.0, 1.0, 1.0, 1.3, 1.3, 1.3, 1.3], &[]) > 0.2);
        assert!((noise(&steady, &[1.4, 1.4, 1.4]) - 0.4).abs() < 0.02);
    }
}
