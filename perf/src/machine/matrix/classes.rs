//! Pairs of CPUs that should be alike: equally far apart, on the same kinds of cores.

use crate::machine::matrix::matrix::{Matrix, at, pairs_of};
use crate::stats::median;
use mainspring::{CoreClass, Distance, Topology};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What a pair should take after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// How far apart the two are.
    pub distance: Distance,
    /// The kinds of their cores, in order.
    pub kinds: [CoreClass; 2],
}

impl Class {
    /// The class of a pair; `None` if the topology doesn't know one of the two.
    pub fn of(topology: &Topology, a: usize, b: usize) -> Option<Self> {
        let mut kinds = [topology.cpu(a)?.class, topology.cpu(b)?.class];
        kinds.sort();
        Some(Self { distance: topology.distance(a, b)?, kinds })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |class| match class {
            CoreClass::Uniform => "uniform",
            CoreClass::Performance => "performance",
            CoreClass::Efficiency => "efficiency",
        };
        write!(f, "{}", self.distance)?;
        match self.kinds {
            [CoreClass::Uniform, CoreClass::Uniform] => Ok(()),
            [a, b] => write!(f, ", {} to {}", kind(a), kind(b)),
        }
    }
}

/// The figures of a matrix, sorted by class.
pub(super) fn by_class(
    cpus: &[usize],
    figures: &[Vec<Option<f64>>],
    topology: &Topology,
) -> BTreeMap<Class, Vec<f64>> {
    let mut sorted: BTreeMap<Class, Vec<f64>> = BTreeMap::new();
    for (row, column) in pairs_of(cpus.len()) {
        let class = Class::of(topology, cpus[row], cpus[column]);
        if let (Some(class), Some(ns)) = (class, at(figures, row, column)) {
            sorted.entry(class).or_default().push(ns);
        }
    }
    sorted
}

/// The round trips of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Its name, such as `same L3`.
    pub class: String,
    /// How many pairs were measured; either way round counts.
    pub pairs: usize,
    /// The least median of any of them.
    pub p50_min_ns: f64,
    /// The median of their medians.
    pub p50_ns: f64,
    /// The largest.
    pub p50_max_ns: f64,
    /// The median of their 99th percentiles, if there are any.
    pub p99_ns: Option<f64>,
}

/// A pair unlike its class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// Who begins.
    pub begins: usize,
    /// Who answers.
    pub answers: usize,
    /// Its median round trip.
    pub p50_ns: f64,
    /// That of its class.
    pub class_ns: f64,
    /// Its class.
    pub class: String,
}

/// How far a pair is from its class's median before it is named, as a share of that.
const OUTLIER_SHARE: f64 = 0.25;
/// And how many times what a second pass moves.
const OUTLIER_SPREADS: f64 = 3.0;
/// With two pairs it is undecidable which one is the outlier.
const OUTLIER_PAIRS: usize = 4;

/// Sums each class up, nearest first.
pub(super) fn figures(matrix: &Matrix, topology: &Topology) -> Vec<ClassFigures> {
    let p99s = by_class(&matrix.cpus, &matrix.p99_ns, topology);
    let sum_up = |(class, p50s): (Class, Vec<f64>)| {
        let p99_ns = p99s.get(&class).and_then(|p99s| median(p99s.iter().copied()));
        Some(ClassFigures {
            class: class.to_string(),
            pairs: p50s.len(),
            p50_min_ns: p50s.iter().copied().reduce(f64::min)?,
            p50_ns: median(p50s.iter().copied())?,
            p50_max_ns: p50s.iter().copied().reduce(f64::max)?,
            p99_ns,
        })
    };
    by_class(&matrix.cpus, &matrix.p50_ns, topology).into_iter().filter_map(sum_up).collect()
}

/// The pairs unlike their class, the farthest off first; `spread` is what a second pass moves, as a
/// share.
pub(super) fn outliers(matrix: &Matrix, topology: &Topology, spread: f64) -> Vec<Outlier> {
    let classes = by_class(&matrix.cpus, &matrix.p50_ns, topology);
    let limit = OUTLIER_SHARE.max(OUTLIER_SPREADS * spread);
    let is_outlier = |(begins, answers, p50_ns): (usize, usize, f64)| {
        let class = Class::of(topology, begins, answers)?;
        let alike = classes.get(&class).filter(|alike| alike.len() >= OUTLIER_PAIRS)?;
        let class_ns = median(alike.iter().copied())?;
        let outlier = Outlier { begins, answers, p50_ns, class_ns, class: class.to_string() };
        (outlier.off() > limit).then_some(outlier)
    };
    let mut outliers: Vec<_> = matrix.measured().filter_map(is_outlier).collect();
    outliers.sort_by(|a, b| b.off().total_cmp(&a.off()));
    outliers
}

impl Outlier {
    /// How far it is off, as a share of its class.
    fn off(&self) -> f64 {
        (self.p50_ns - self.class_ns).abs() / self.class_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::matrix::Pair;
    use crate::machine::matrix::matrix::tests::{pair_of, sixteen};

    fn full() -> (Matrix, Topology) {
        let topology = sixteen();
        let mut matrix = Matrix::new((0..16).collect(), 8);
        for (a, b) in pairs_of(16) {
            matrix.set(a, b, pair_of(&topology, a, b));
        }
        (matrix, topology)
    }

    #[test]
    fn each_class_is_summed_up_nearest_first() {
        let (matrix, topology) = full();
        let figures = figures(&matrix, &topology);
        let seen: Vec<_> = figures.iter().map(|c| (c.class.as_str(), c.pairs, c.p50_ns)).collect();
        let expected = [
            ("same core", 16, 20.0),
            ("same L3", 32, 50.0),
            ("same node", 64, 200.0),
            ("other package", 128, 400.0),
        ];
        assert_eq!(seen, expected);
        assert!(figures.iter().all(|c| c.p99_ns == Some(2.0 * c.p50_ns)));
    }

    #[test]
    fn a_pair_unlike_its_class_is_named_unless_nothing_repeats() {
        let (mut matrix, topology) = full();
        assert_eq!(outliers(&matrix, &topology, 0.0), []);
        matrix.set(3, 1, Pair { p50_ns: 100.0, p99_ns: None });
        matrix.set(0, 15, Pair { p50_ns: 280.0, p99_ns: None });
        let named: Vec<_> = outliers(&matrix, &topology, 0.01)
            .into_iter()
            .map(|outlier| (outlier.begins, outlier.answers, outlier.class_ns))
            .collect();
        assert_eq!(named, [(3, 1, 50.0), (0, 15, 400.0)]);
        assert_eq!(outliers(&matrix, &topology, 0.2).len(), 1, "three spreads are 60 %");
    }

    #[test]
    fn on_a_hybrid_the_kinds_of_cores_are_classes_of_their_own() {
        let cpu = |id, class| mainspring::Cpu { class, ..mainspring::Cpu::new(id) };
        use CoreClass::{Efficiency, Performance};
        let cpus = [cpu(0, Performance), cpu(1, Performance), cpu(2, Efficiency)];
        let topology = Topology::from_cpus("hybrid", cpus.into());
        let name = |a, b| Class::of(&topology, a, b).unwrap().to_string();
        assert_eq!(name(0, 1), "same L3, performance to performance");
        assert_eq!(name(2, 0), "same L3, performance to efficiency");
        assert_eq!(Class::of(&topology, 0, 7), None);
    }
}
