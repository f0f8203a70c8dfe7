//! How likely a change is by chance: a permutation test that relabels the sides.
//!
//! If nothing has changed, any other naming of rounds as A's or B's, or any other order within
//! pairs, is as good as the true one. Each naming goes for all scenarios at once, as they share
//! their rounds and the machine's moods, and is represented by its most striking scenario. A
//! change's chance is the share of namings with one as striking: that counts for the comparison as a
//! whole, however many scenarios it has.

use super::contrast::{Contrast, spread};
use crate::stats::median;
use fastrand::Rng;

/// So many namings are looked at: all there are, if there are no more.
const NAMINGS: usize = 1024;
const SEED: u64 = 0x7370_7269_6e67;
/// Against rounds that are all equal. Far below what a clock can tell apart.
const SIGMA_MIN: f64 = 1e-9;
/// A value further off than this many times the usual distance is clipped to it.
const REACH: f64 = 2.0;

/// The chance of each; `None` where there is nothing to compare.
pub fn chances(contrasts: &[Option<&Contrast>]) -> Vec<Option<f64>> {
    let tamed: Vec<_> = contrasts.iter().map(|one| one.map(tamed)).collect();
    let namings = Namings::of(tamed.iter().flatten());
    let striking = |naming: &[bool]| -> Vec<f64> {
        let each = tamed.iter().map(|one| one.as_ref());
        each.map(|one| one.map_or(0.0, |one| namings.striking(one, naming))).collect()
    };
    let most: Vec<f64> = (namings.all.iter())
        .map(|naming| striking(naming).into_iter().fold(0.0, f64::max))
        .collect();
    let Some(truth) = namings.all.first() else { return vec![None; contrasts.len()] };
    let chance = |seen: f64| {
        // A naming that mirrors the true one may differ from it in the last digit.
        let as_striking = most.iter().filter(|most| **most >= seen * (1.0 - 1e-9));
        as_striking.count() as f64 / most.len() as f64
    };
    let seen = striking(truth).into_iter().zip(&tamed);
    seen.map(|(seen, one)| one.as_ref().map(|_| chance(seen))).collect()
}

/// Values far from the others are brought nearer, so that one preempted round doesn't hide what all
/// others show. How near depends on all values and on no naming, so the namings stay equals.
fn tamed(contrast: &Contrast) -> Contrast {
    match contrast {
        Contrast::Apart { a, b, .. } => {
            let pool: Vec<f64> = a.iter().chain(b).copied().collect();
            let middle = median(pool.iter().copied()).unwrap_or(0.0);
            let reach = REACH * spread(&pool);
            let tame = |side: &[f64]| {
                side.iter().map(|value| value.clamp(middle - reach, middle + reach)).collect()
            };
            Contrast::Apart { a: tame(a), b: tame(b), again: vec![] }
        }
        Contrast::Pairs { differences, .. } => {
            let reach = REACH * median(differences.iter().map(|one| one.abs())).unwrap_or(0.0);
            let differences = differences.iter().map(|one| one.clamp(-reach, reach)).collect();
            Contrast::Pairs { differences, neighbours: vec![] }
        }
    }
}

/// Ways to name the sides; the first is the true one.
struct Namings {
    /// Where B's rounds begin.
    of_a: usize,
    /// Of rounds: whether one is B's. Of pairs: whether one is turned round.
    all: Vec<Vec<bool>>,
}

impl Namings {
    fn of<'a>(contrasts: impl Iterator<Item = &'a Contrast>) -> Self {
        let (mut of_a, mut of_b, mut pairs) = (0, 0, 0);
        for contrast in contrasts {
            match contrast {
                Contrast::Apart { a, b, .. } => {
                    (of_a, of_b) = (of_a.max(a.len()), of_b.max(b.len()));
                }
                Contrast::Pairs { differences, .. } => pairs = pairs.max(differences.len()),
            }
        }
        let all = if pairs > 0 { turned(pairs) } else { shuffled(of_a, of_b) };
        Self { of_a, all }
    }

    /// How far the sides are apart in standard errors. Not in ranks: those of a few rounds are soon
    /// as far apart as they can be, and among many scenarios some are by chance.
    fn striking(&self, contrast: &Contrast, naming: &[bool]) -> f64 {
        let (mut one, mut two) = (Moments::default(), Moments::default());
        match contrast {
            Contrast::Apart { a, b, .. } => {
                let named = a.iter().zip(naming).chain(b.iter().zip(&naming[self.of_a..]));
                for (value, is_b) in named {
                    if *is_b { two.add(*value) } else { one.add(*value) }
                }
                let error = (one.error2() + two.error2()).sqrt();
                (two.mean - one.mean).abs() / error.max(SIGMA_MIN)
            }
            Contrast::Pairs { differences, .. } => {
                for (difference, is_turned) in differences.iter().zip(naming) {
                    one.add(if *is_turned { -difference } else { *difference });
                }
                one.mean.abs() / one.error2().sqrt().max(SIGMA_MIN)
            }
        }
    }
}

fn turned(pairs: usize) -> Vec<Vec<bool>> {
    let truth = vec![false; pairs];
    if pairs <= NAMINGS.ilog2() as usize {
        return (0..1_u32 << pairs).map(|bits| bools(bits, pairs)).collect();
    }
    let mut random = Rng::with_seed(SEED);
    let others = (1..NAMINGS).map(|_| truth.iter().map(|_| random.bool()).collect());
    std::iter::once(truth.clone()).chain(others).collect()
}

fn shuffled(of_a: usize, of_b: usize) -> Vec<Vec<bool>> {
    let rounds = of_a + of_b;
    let truth: Vec<bool> = (0..rounds).map(|place| place >= of_a).collect();
    let mut all = vec![truth.clone()];
    if choices(rounds, of_b) <= NAMINGS as f64 && rounds < 32 {
        let some = (0..1_u32 << rounds).filter(|bits| bits.count_ones() as usize == of_b);
        all.extend(some.map(|bits| bools(bits, rounds)).filter(|naming| *naming != truth));
        return all;
    }
    let mut random = Rng::with_seed(SEED);
    let mut naming = truth;
    all.extend((1..NAMINGS).map(|_| {
        random.shuffle(&mut naming);
        naming.clone()
    }));
    all
}

/// How many ways there are to choose some of all.
fn choices(all: usize, some: usize) -> f64 {
    (0..some).fold(1.0, |ways, k| ways * (all - k) as f64 / (k + 1) as f64)
}

fn bools(bits: u32, count: usize) -> Vec<bool> {
    (0..count).map(|place| bits >> place & 1 == 1).collect()
}

#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Welford's way, which loses no digits.
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    /// The square of the mean's standard error; of a single value nothing is known.
    fn error2(&self) -> f64 {
        if self.count < 2.0 {
            f64::INFINITY
        } else {
            self.squares / (self.count - 1.0) / self.count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(a: &[f64], b: &[f64]) -> Contrast {
        Contrast::Apart { a: a.to_vec(), b: b.to_vec(), again: vec![] }
    }

    fn pairs(differences: &[f64]) -> Contrast {
        Contrast::Pairs { differences: differences.to_vec(), neighbours: vec![] }
    }

    fn chance(contrasts: &[Contrast]) -> f64 {
        chances(&contrasts.iter().map(Some).collect::<Vec<_>>())[0].unwrap()
    }

    #[test]
    fn of_all_namings_only_the_true_one_and_its_mirror_are_as_striking() {
        let a = [0.0, 0.01, 0.02, 0.03, 0.04];
        let b = a.map(|x| x + 1.0);
        assert_eq!(chance(&[apart(&a, &b)]), 2.0 / 252.0);
        assert_eq!(chance(&[pairs(&[0.4, 0.5, 0.6, 0.5, 0.45, 0.55])]), 2.0 / 64.0);
    }

    #[test]
    fn what_is_the_same_is_surely_by_chance() {
        let same = [0.3, 0.1, 0.2];
        assert_eq!(chance(&[apart(&same, &same)]), 1.0);
        assert_eq!(chance(&[pairs(&[0.0; 8])]), 1.0);
        assert_eq!(chances(&[None]), [None]);
    }

    #[test]
    fn more_scenarios_make_the_same_change_more_likely() {
        let a = [0.00, 0.03, 0.01, 0.04, 0.02];
        let b = [0.04, 0.07, 0.02, 0.05, 0.06];
        let mut random = Rng::with_seed(7);
        let mut noise = || [(); 5].map(|()| random.f64());
        let others: Vec<_> = (0..20).map(|_| apart(&noise(), &noise())).collect();
        let alone = chance(&[apart(&a, &b)]);
        let beside = chance(&[vec![apart(&a, &b)], others].concat());
        assert!(alone < 0.1 && beside > 3.0 * alone, "{alone} {beside}");
    }

    #[test]
    fn a_large_change_is_found_among_many_scenarios_with_few_rounds() {
        let mut random = Rng::with_seed(8);
        let mut noise = |shift: f64| [(); 5].map(|()| shift + random.f64() / 10.0);
        let changed = apart(&noise(0.0), &noise(1.0));
        let others: Vec<_> = (0..20).map(|_| apart(&noise(0.0), &noise(0.0))).collect();
        assert!(chance(&[vec![changed], others].concat()) < 0.05);
    }

    #[test]
    fn one_preempted_round_hides_nothing() {
        let mut differences = [0.05, 0.06, 0.04].repeat(4);
        differences[7] = -3.0;
        assert!(chance(&[pairs(&differences)]) < 0.05);
    }

    #[test]
    fn many_rounds_are_sampled_and_the_truth_is_among_them() {
        let a: Vec<f64> = (0..40).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|x| x + 30.0).collect();
        let found = chance(&[apart(&a, &b)]);
        assert!(0.0 < found && found < 0.01, "{found}");
        assert!(chance(&[pairs(&b)]) < 0.01);
    }
}
