//! Which pairs are measured, and for how long each.
//!
//! All pairs of 128 CPUs are 16,256 either way round, and nearly all of them say the same: so some
//! of each class are enough, unless all are asked for.

use crate::machine::matrix::classes::Class;
use crate::machine::matrix::matrix::pairs_of;
use mainspring::Topology;
use std::collections::BTreeMap;
use std::time::Duration;

/// With up to this many CPUs, all pairs are measured.
pub const SMALL: usize = 8;
/// Of each class, on larger machines.
const PAIRS_OF_CLASS: usize = 6;
/// How many pairs are measured twice.
const REPEATED: usize = 16;
/// How long a pair takes, unless the whole is given a time.
const PAIR_LENGTH: Duration = Duration::from_millis(100);
/// A short map is worth waiting for longer.
const TOTAL_MIN: Duration = Duration::from_secs(2);

/// What is measured, in order. Both ways round of a pair follow each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Who begins and who answers.
    pub pairs: Vec<(usize, usize)>,
    /// Those of them that are measured again at the end, to see what repeats.
    pub again: Vec<(usize, usize)>,
    /// How long each takes.
    pub each: Duration,
    /// Whether every pair is among them.
    pub is_full: bool,
}

impl Plan {
    /// Pairs of these CPUs: all, or some of each class. `total` is how long everything may take.
    pub fn new(topology: &Topology, cpus: &[usize], full: bool, total: Option<Duration>) -> Self {
        let is_full = full || cpus.len() <= SMALL;
        let mut classes: BTreeMap<Option<Class>, Vec<(usize, usize)>> = BTreeMap::new();
        for (row, column) in pairs_of(cpus.len()).filter(|(row, column)| row < column) {
            let (a, b) = (cpus[row], cpus[column]);
            classes.entry(Class::of(topology, a, b)).or_default().push((a, b));
        }
        let count = if is_full { usize::MAX } else { PAIRS_OF_CLASS };
        let chosen = classes.values().flat_map(|pairs| spread(pairs, count));
        let pairs: Vec<_> = chosen.flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        let again = spread(&pairs, REPEATED);
        let steps = (pairs.len() + again.len()).max(1) as u32;
        let each = total.unwrap_or((PAIR_LENGTH * steps).max(TOTAL_MIN)) / steps;
        Self { pairs, again, each, is_full }
    }

    /// How many measurements there are.
    pub fn steps(&self) -> usize {
        self.pairs.len() + self.again.len()
    }
}

/// At most `count` of them, spread from the first to the last.
fn spread<T: Copy>(all: &[T], count: usize) -> Vec<T> {
    let count = count.min(all.len());
    // The middles of equal parts: the ends of a list of pairs are no more typical than others.
    (0..count).map(|place| all[(2 * place + 1) * all.len() / (2 * count)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::matrix::matrix::tests::sixteen;

    #[test]
    fn a_large_machine_has_a_few_pairs_of_each_class_and_all_of_them_if_asked() {
        let (topology, cpus) = (sixteen(), (0..16).collect::<Vec<_>>());
        let plan = Plan::new(&topology, &cpus, false, None);
        // Of 8, 16, 32 and 64 pairs.
        assert_eq!(plan.pairs.len(), 4 * PAIRS_OF_CLASS * 2);
        let class = |(a, b): &(usize, usize)| Class::of(&topology, *a, *b).unwrap();
        let mut classes: Vec<_> = plan.pairs.iter().map(class).collect();
        classes.dedup();
        assert_eq!(classes.len(), 4);
        assert!(!plan.is_full);
        let full = Plan::new(&topology, &cpus, true, None);
        assert_eq!((full.pairs.len(), full.is_full), (16 * 15, true));
    }

    #[test]
    fn what_is_measured_again_is_measured_before_and_both_fit_into_the_time() {
        let (topology, cpus) = (sixteen(), (0..16).collect::<Vec<_>>());
        let total = Duration::from_secs(10);
        let plan = Plan::new(&topology, &cpus, true, Some(total));
        assert_eq!(plan.again.len(), REPEATED);
        assert!(plan.again.iter().all(|pair| plan.pairs.contains(pair)));
        assert!(plan.each * plan.steps() as u32 <= total);
    }

    #[test]
    fn a_small_machine_has_all_pairs_and_one_cpu_has_none() {
        let plan = Plan::new(&sixteen(), &[3, 1], false, None);
        assert_eq!(plan.pairs, [(3, 1), (1, 3)]);
        assert_eq!((plan.again.len(), plan.each), (2, TOTAL_MIN / 4));
        assert!(Plan::new(&sixteen(), &[3], false, None).pairs.is_empty());
    }

    #[test]
    fn cpus_that_the_topology_does_not_know_are_measured_as_well() {
        let cpus: Vec<_> = (90..110).collect();
        assert_eq!(Plan::new(&sixteen(), &cpus, false, None).pairs.len(), 2 * PAIRS_OF_CLASS);
    }
}
