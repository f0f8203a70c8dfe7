//! How long a message takes between two CPUs: measured, or taken from the most similar pairs.

use crate::machine::matrix::Matrix;
use mainspring::{Distance, Topology};
use std::collections::BTreeMap;

/// A message to an object of the same runner: no cache line moves.
pub const LOCAL_NS: f64 = 10.0;
/// One-way latencies where nothing as far apart was measured: what machines of these years have.
const ASSUMED_NS: [(Distance, f64); 5] = [
    (Distance::SameCore, 20.0),
    (Distance::SameL3, 45.0),
    (Distance::SameNode, 100.0),
    (Distance::SamePackage, 120.0),
    (Distance::OtherPackage, 220.0),
];

/// Latencies between all CPUs of a machine.
pub struct Latency<'a> {
    topology: &'a Topology,
    measured: BTreeMap<(usize, usize), f64>,
    /// The mean of what was measured at that distance.
    typical: BTreeMap<Distance, f64>,
}

impl<'a> Latency<'a> {
    /// Half of the round trips of the matrix, of both ways together.
    pub fn new(topology: &'a Topology, matrix: Option<&Matrix>) -> Self {
        let mut measured: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        let mut sums: BTreeMap<Distance, (f64, f64)> = BTreeMap::new();
        for (a, b, round_trip_ns) in measured_in(matrix) {
            let ends = (a.min(b), a.max(b));
            // A pair may have been measured from both ends.
            let one_way_ns = match measured.get(&ends) {
                Some(other) => (other + round_trip_ns / 2.0) / 2.0,
                None => round_trip_ns / 2.0,
            };
            measured.insert(ends, one_way_ns);
            if let Some(distance) = topology.distance(a, b) {
                let (sum, count) = sums.entry(distance).or_default();
                *sum += round_trip_ns / 2.0;
                *count += 1.0;
            }
        }
        let typical = sums.into_iter().map(|(distance, (sum, count))| (distance, sum / count));
        Self { topology, measured, typical: typical.collect() }
    }

    /// In nanoseconds.
    pub fn one_way_ns(&self, a: usize, b: usize) -> f64 {
        if a == b {
            return LOCAL_NS;
        }
        let measured = self.measured.get(&(a.min(b), a.max(b))).copied();
        measured.unwrap_or_else(|| {
            let distance = self.topology.distance(a, b).unwrap_or(Distance::OtherPackage);
            self.typical.get(&distance).copied().unwrap_or_else(|| assumed_ns(distance))
        })
    }
}

/// A document may say anything.
fn measured_in(matrix: Option<&Matrix>) -> impl Iterator<Item = (usize, usize, f64)> {
    let pairs = matrix.into_iter().flat_map(Matrix::measured);
    pairs.filter(|(_, _, nanos)| nanos.is_finite() && *nanos >= 0.0)
}

fn assumed_ns(distance: Distance) -> f64 {
    let found = ASSUMED_NS.iter().find(|(one, _)| *one == distance);
    found.map_or(LOCAL_NS, |(_, nanos)| *nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainspring::Cpu;

    #[test]
    fn what_was_not_measured_is_like_what_is_as_far_apart_or_assumed() {
        let cpu = |id: usize| Cpu { l3: id / 3, ..Cpu::new(id) };
        let topology = Topology::from_cpus("x", (0..6).map(cpu).collect());
        let mut p50_ns = vec![vec![None; 3]; 3];
        (p50_ns[0][1], p50_ns[1][0], p50_ns[2][2]) = (Some(80.0), Some(120.0), Some(9.0));
        let matrix = Matrix { cpus: vec![0, 1, 3], lines: 1, p99_ns: p50_ns.clone(), p50_ns };
        let latency = Latency::new(&topology, Some(&matrix));
        assert_eq!(latency.one_way_ns(1, 0), 50.0, "both ways together");
        assert_eq!(latency.one_way_ns(4, 5), 50.0, "as far apart as 0 and 1");
        assert_eq!(latency.one_way_ns(0, 3), 100.0, "assumed");
        assert_eq!(latency.one_way_ns(3, 3), LOCAL_NS);
    }
}
