//! What a simulation leaves open, decided by a seed, or as another simulation decided it.

use std::rc::Rc;

/// Where decisions come from, and which were made.
#[derive(Debug)]
pub(super) struct Choices {
    source: Source,
    made: Vec<u64>,
}

#[derive(Debug)]
enum Source {
    /// Splitmix's state.
    Seed(u64),
    /// These, then the simplest ones.
    Script(Rc<[u64]>),
}

impl Choices {
    pub(super) fn seeded(seed: u64) -> Self {
        Self { source: Source::Seed(seed), made: Vec::new() }
    }

    pub(super) fn scripted(script: Rc<[u64]>) -> Self {
        Self { source: Source::Script(script), made: Vec::new() }
    }

    /// A number below `bound`, which is not 0. The smaller, the simpler what follows.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let choice = match &mut self.source {
            Source::Seed(state) => ((u128::from(splitmix(state)) * u128::from(bound)) >> 64) as u64,
            Source::Script(script) => {
                script.get(self.made.len()).map_or(0, |choice| (*choice).min(bound - 1))
            }
        };
        self.made.push(choice);
        choice
    }

    /// Whether something happens that has this probability, in millionths.
    pub(super) fn chance(&mut self, per_million: u32) -> bool {
        // What never happens takes no decision.
        per_million > 0 && self.below(MILLION) >= MILLION - u64::from(per_million).min(MILLION)
    }

    /// All that were made so far.
    pub(super) fn made(&self) -> &[u64] {
        &self.made
    }
}

const MILLION: u64 = 1_000_000;

/// Source: G. L. Steele, D. Lea, C. H. Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Simplifies a script as long as it still fails: makes it shorter, then takes more of the simplest decisions,
/// then smaller ones. `fails` runs at most `tries` times; it returns the decisions that were made if it failed.
///
/// # Source
/// D. R. MacIver, A. F. Donaldson, "Test-Case Reduction via Test-Case Generation" (ECOOP 2020): it is the
/// decisions that are reduced, not what comes of them.
pub(super) fn shrink(
    script: Vec<u64>,
    mut tries: usize,
    mut fails: impl FnMut(&[u64]) -> Option<Vec<u64>>,
) -> Vec<u64> {
    let mut best = script;
    trim(&mut best);
    let mut attempt = |best: &mut Vec<u64>, candidate: Vec<u64>| {
        if tries == 0 || candidate == *best {
            return false;
        }
        tries -= 1;
        let Some(mut made) = fails(&candidate) else { return false };
        trim(&mut made);
        // The run may have needed more decisions than it was given.
        let is_better = cost(&made) < cost(best);
        if is_better {
            *best = made;
        }
        is_better
    };
    let mut length = best.len();
    while length > 0 {
        let keep = best.len().saturating_sub(length);
        let cut = best[..keep].to_vec();
        if !attempt(&mut best, cut) {
            length /= 2;
        }
        length = length.min(best.len());
    }
    let mut block = best.len() / 2;
    while block > 0 {
        let mut from = 0;
        while from < best.len() {
            let to = (from + block).min(best.len());
            let mut candidate = best.clone();
            candidate[from..to].fill(0);
            attempt(&mut best, candidate);
            from += block;
        }
        block /= 2;
    }
    for place in 0..best.len() {
        // The smallest that isn't the simplest, else smaller and smaller ones.
        for smaller in [|_| 1, |choice| choice / 2, |choice| choice / 2, |choice| choice - 1] {
            let smaller: fn(u64) -> u64 = smaller;
            let Some(choice) = best.get(place).copied().filter(|choice| *choice > 1) else { break };
            let mut candidate = best.clone();
            candidate[place] = smaller(choice);
            attempt(&mut best, candidate);
        }
    }
    best
}

/// Cuts the simplest decisions off a script's end: they are made there anyway.
fn trim(script: &mut Vec<u64>) {
    let length = script.iter().rposition(|choice| *choice != 0).map_or(0, |last| last + 1);
    script.truncate(length);
}

/// How complicated a script is: how many decisions aren't the simplest, then its length, then their sizes.
fn cost(script: &[u64]) -> (usize, usize, u128) {
    let sizes = script.iter().map(|choice| u128::from(*choice)).sum();
    (script.iter().filter(|choice| **choice != 0).count(), script.len(), sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_again_what_a_seed_has_said() {
        let mut seeded = Choices::seeded(7);
        let bounds = [1, 2, 10, u64::MAX, 3];
        let said = bounds.map(|bound| seeded.below(bound));
        let mut scripted = Choices::scripted(seeded.made().into());
        assert_eq!(bounds.map(|bound| scripted.below(bound)), said);
        assert_eq!(scripted.below(10), 0, "then the simplest");
    }

    #[test]
    fn chances_are_as_they_are_said() {
        let mut choices = Choices::seeded(1);
        let happened = (0..100_000).filter(|_| choices.chance(250_000)).count();
        assert!((24_000..26_000).contains(&happened), "{happened}");
        assert!(!choices.chance(0));
        assert!(choices.chance(1_000_000));
    }

    #[test]
    fn shrinking_leaves_the_decisions_that_matter() {
        let mut seeded = Choices::seeded(3);
        let script: Vec<u64> = (0..500).map(|_| seeded.below(100)).collect();
        // It fails if the 40th is above 20 and the 200th is not 0.
        let fails = |script: &[u64]| {
            let at = |place: usize| script.get(place).copied().unwrap_or(0);
            let is_bad = at(40) > 20 && at(200) > 0;
            is_bad.then(|| script.to_vec())
        };
        let mut script = script;
        (script[40], script[200]) = (77, 50);
        let shrunk = shrink(script, 1_000, fails);
        assert_eq!(shrunk.len(), 201);
        assert_eq!(shrunk.iter().filter(|choice| **choice != 0).count(), 2);
        assert!((21..77).contains(&shrunk[40]), "smaller, and still above 20: {}", shrunk[40]);
        assert_eq!(shrunk[200], 1);
    }
}
