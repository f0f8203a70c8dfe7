//! What is known of the machine: read from the documents of other commands, or measured here.

use crate::document;
use crate::floor;
use crate::futex;
use crate::jitter::{self, CpuJitter};
use crate::lab::Lab;
use crate::matrix::Matrix;
use crate::stats::Sample;
use crate::trouble::Trouble;
use mainspring::Topology;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What a wake-up takes where it isn't measured.
pub const WAKE_ASSUMED_NS: f64 = 25_000.0;
/// How long each CPU is watched for hiccups.
pub const WATCH: Duration = Duration::from_millis(300);
/// How long each pair of CPUs is measured.
const PAIR: Duration = Duration::from_millis(20);
/// More pairs than that aren't measured: the others are as those that are as far apart.
const PAIRS_MAX: usize = 500;
const WAKE: Duration = Duration::from_millis(300);
/// How long a thread sleeps before it is woken.
const SLEEP: Duration = Duration::from_micros(500);
/// The schema of `latency-map`'s document.
const MATRIX_SCHEMA: &str = "mainspring-matrix/1";

/// The part of such a document that is about the machine.
#[derive(Deserialize)]
struct Origin {
    fingerprint: String,
    summary: String,
}

/// Of `latency-map`'s document what is needed here.
#[derive(Deserialize)]
struct Map {
    machine: Origin,
    matrix: Matrix,
}

/// Of `jitter`'s document what is needed here.
#[derive(Deserialize)]
struct Hiccups {
    machine: Origin,
    cpus: Vec<Watched>,
}

#[derive(Deserialize)]
struct Watched {
    jitter: CpuJitter,
}

/// Reads what `latency-map --json` has written.
///
/// # Errors
/// [`Trouble::Usage`]: it is no such document, or was measured on another machine.
pub fn read_matrix(path: &Path, topology: &Topology) -> Result<Matrix, Trouble> {
    let Map { machine, matrix } = read(path, MATRIX_SCHEMA)?;
    check(path, &machine, topology, "latency-map")?;
    Ok(matrix)
}

/// Reads what `jitter --json` has written.
///
/// # Errors
/// As [`read_matrix`].
pub fn read_jitter(path: &Path, topology: &Topology) -> Result<Vec<CpuJitter>, Trouble> {
    let Hiccups { machine, cpus } = read(path, jitter::SCHEMA)?;
    check(path, &machine, topology, "jitter")?;
    Ok(cpus.into_iter().map(|watched| watched.jitter).collect())
}

fn read<T: DeserializeOwned>(path: &Path, schema: &str) -> Result<T, Trouble> {
    document::read(path, schema)
}

fn check(path: &Path, from: &Origin, here: &Topology, command: &str) -> Result<(), Trouble> {
    if from.fingerprint == here.fingerprint() {
        return Ok(());
    }
    Err(Trouble::Usage(format!(
        "{}: it was measured on another machine ({}, fingerprint {}), and this is for {here} \
         (fingerprint {}); run `mainspring {command} --json FILE` there, or leave the file out",
        path.display(),
        from.summary,
        from.fingerprint,
        here.fingerprint(),
    )))
}

/// The pairs of these CPUs that [`measure_pair`] is to measure: all; or, where there are too many, about
/// as many of each distance.
pub fn pairs(topology: &Topology, cpus: &[usize]) -> Vec<(usize, usize)> {
    let mut by_distance: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (place, a) in cpus.iter().enumerate() {
        for b in &cpus[place + 1..] {
            by_distance.entry(topology.distance(*a, *b)).or_default().push((*a, *b));
        }
    }
    let all: usize = by_distance.values().map(Vec::len).sum();
    let each = if all > PAIRS_MAX { PAIRS_MAX / by_distance.len() } else { all };
    let some = |pairs: Vec<_>| {
        let step = pairs.len().div_ceil(each.max(1));
        pairs.into_iter().step_by(step)
    };
    by_distance.into_values().flat_map(some).collect()
}

/// An empty matrix of these CPUs.
pub fn unmeasured(cpus: &[usize]) -> Matrix {
    let nothing = vec![vec![None; cpus.len()]; cpus.len()];
    Matrix { cpus: cpus.to_vec(), lines: 2, p50_ns: nothing.clone(), p99_ns: nothing }
}

/// Measures the round trip of a cache line between two CPUs, and enters it into the matrix.
pub fn measure_pair(matrix: &mut Matrix, (a, b): (usize, usize)) -> Result<(), Trouble> {
    let sample = with_lab(Some((a, b)), |lab| floor::ping_pong(lab, PAIR))?;
    let Sample::Latency(latencies) = sample else { return Ok(()) };
    let place = |cpu: usize| matrix.cpus.iter().position(|one| *one == cpu);
    if let (Some(row), Some(column)) = (place(a), place(b)) {
        let p50 = Some(latencies.median());
        let p99 = latencies.quantile(0.99).map(|nanos| nanos as f64);
        (matrix.p50_ns[row][column], matrix.p50_ns[column][row]) = (p50, p50);
        (matrix.p99_ns[row][column], matrix.p99_ns[column][row]) = (p99, p99);
    }
    Ok(())
}

/// Measures what a wake-up adds to a request, between the first two of these CPUs or on a lone one.
pub fn measure_wake(cpus: &[usize]) -> Result<f64, Trouble> {
    let pair = match cpus {
        [a, b, ..] => Some((*a, *b)),
        _ => None,
    };
    with_lab(pair, |lab| futex::wake(lab, SLEEP, WAKE)).map(|sample| sample.value())
}

/// A lab pins the thread that opens it: so it gets one of its own.
fn with_lab<T: Send>(
    cpus: Option<(usize, usize)>,
    measure: impl FnOnce(&Lab) -> Result<T, Trouble> + Send,
) -> Result<T, Trouble> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("measures".into());
        let thread = thread.spawn_scoped(scope, || measure(&Lab::open(cpus, 64)));
        let joined = thread.map_err(Trouble::Thread)?.join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainspring::{Cpu, Distance};
    use std::collections::BTreeSet;

    #[test]
    fn few_pairs_are_all_measured_and_of_many_some_of_each_distance() {
        let flat = Topology::from_cpus("x", (0..10).map(Cpu::new).collect());
        assert_eq!(pairs(&flat, &[3, 5, 9]), [(3, 5), (3, 9), (5, 9)]);
        assert!(pairs(&flat, &[7]).is_empty() && pairs(&flat, &[]).is_empty());
        // Two packages with four L3 groups each, siblings numbered at the end as Linux does.
        let cpu = |id: usize| {
            let core = id % 64;
            Cpu { core, l3: core / 8, node: core / 32, package: core / 32, ..Cpu::new(id) }
        };
        let topology = Topology::from_cpus("x", (0..128).map(cpu).collect());
        let many: Vec<_> = (0..128).collect();
        let pairs = pairs(&topology, &many);
        assert!((PAIRS_MAX / 4..=PAIRS_MAX).contains(&pairs.len()), "{}", pairs.len());
        let distances: BTreeSet<_> =
            pairs.iter().filter_map(|(a, b)| topology.distance(*a, *b)).collect();
        use Distance::*;
        assert_eq!(distances, [SameCore, SameL3, SameNode, OtherPackage].into());
    }
}
