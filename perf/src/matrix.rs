//! Latencies between CPUs: what two threads pay that pass a cache line to and fro.

use serde::{Deserialize, Serialize};

/// Latencies between pairs of CPUs. `None` where a pair wasn't measured, and on the diagonal.
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
