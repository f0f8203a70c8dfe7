//! The latencies themselves: a row and a column for each CPU.

use crate::machine::matrix::measure::Pair;
use serde::{Deserialize, Serialize};

/// Latencies between pairs of CPUs. `None` where a pair wasn't measured, and on the diagonal.
///
/// A one-way latency is taken to be half of a round trip: to measure it would take two clocks that
/// agree to a few nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// The CPUs, in the order of rows and columns.
    pub cpus: Vec<usize>,
    /// How many cache lines were used for each pair, half of them first touched by either CPU.
    pub lines: u32,
    /// Medians of the round trip; row: who begins, column: who answers.
    pub p50_ns: Vec<Vec<Option<f64>>>,
    /// 99th percentiles of the same.
    pub p99_ns: Vec<Vec<Option<f64>>>,
}

impl Matrix {
    /// Of these CPUs, with nothing measured yet.
    pub fn new(cpus: Vec<usize>, lines: u32) -> Self {
        let nothing = vec![vec![None; cpus.len()]; cpus.len()];
        Self { cpus, lines, p50_ns: nothing.clone(), p99_ns: nothing }
    }

    /// Notes what was measured of one pair. CPUs that aren't of this matrix are ignored.
    pub fn set(&mut self, begins: usize, answers: usize, pair: Pair) {
        if let Some((row, column)) = self.place(begins, answers) {
            self.p50_ns[row][column] = Some(pair.p50_ns);
            self.p99_ns[row][column] = pair.p99_ns;
        }
    }

    /// The median round trip of one pair, if it is known.
    pub fn round_trip_ns(&self, begins: usize, answers: usize) -> Option<f64> {
        let (row, column) = self.place(begins, answers)?;
        at(&self.p50_ns, row, column)
    }

    /// The pairs that were measured: who begins, who answers, and the median round trip.
    pub fn measured(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let pairs = pairs_of(self.cpus.len());
        pairs.filter_map(|(row, column)| {
            Some((self.cpus[row], self.cpus[column], at(&self.p50_ns, row, column)?))
        })
    }

    fn place(&self, begins: usize, answers: usize) -> Option<(usize, usize)> {
        let place = |cpu| self.cpus.iter().position(|one| *one == cpu);
        Some((place(begins)?, place(answers)?))
    }
}

/// A document may have fewer rows or columns than CPUs: then nothing is known there.
pub(super) fn at(figures: &[Vec<Option<f64>>], row: usize, column: usize) -> Option<f64> {
    *figures.get(row)?.get(column)?
}

/// All ordered pairs of different places.
pub(super) fn pairs_of(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count)
        .flat_map(move |row| (0..count).map(move |column| (row, column)))
        .filter(|(row, column)| row != column)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mainspring::{Cpu, Topology};

    /// Two packages of two L3 groups of two cores of two CPUs: 16.
    pub(in super::super) fn sixteen() -> Topology {
        let cpu = |id: usize| Cpu {
            core: id / 2,
            l3: id / 4,
            node: id / 8,
            package: id / 8,
            ..Cpu::new(id)
        };
        Topology::from_cpus("fake", (0..16).map(cpu).collect())
    }

    /// What a pair of that machine would take.
    pub(in super::super) fn pair_of(topology: &Topology, a: usize, b: usize) -> Pair {
        use mainspring::Distance::*;
        let p50_ns = match topology.distance(a, b) {
            Some(SameCore) => 20.0,
            Some(SameL3) => 50.0,
            Some(SameNode) => 200.0,
            _ => 400.0,
        };
        Pair { p50_ns, p99_ns: Some(2.0 * p50_ns) }
    }

    #[test]
    fn a_matrix_with_missing_rows_or_unknown_cpus_tells_what_there_is() {
        let mut broken = Matrix::new((0..16).collect(), 8);
        broken.set(0, 1, Pair { p50_ns: 10.0, p99_ns: None });
        broken.cpus.push(99);
        broken.p50_ns.truncate(1);
        broken.p99_ns.clear();
        assert_eq!(broken.measured().collect::<Vec<_>>(), [(0, 1, 10.0)]);
        assert_eq!(broken.round_trip_ns(14, 15), None);
        assert_eq!(broken.round_trip_ns(0, 99), None);
    }
}
