//! Hiccups: how long a CPU is taken away from a thread that does nothing but look at the clock.

use serde::{Deserialize, Serialize};

/// The hiccups of one CPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuJitter {
    /// Which.
    pub cpu: usize,
    /// How long it was watched.
    pub seconds: f64,
    /// A gap between two looks at the clock counts as a hiccup from this length on.
    pub threshold_ns: u64,
    /// How many there were.
    pub count: u64,
    /// The time that all of them took together, as a share of the time watched.
    pub share: f64,
    /// Of the gaps between looks, hiccups or not: 99 of 100 were no longer.
    pub p99_ns: u64,
    /// 999 of 1,000.
    pub p999_ns: u64,
    /// 9,999 of 10,000.
    pub p9999_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// All gaps, as [`Quantiles::hdr`](crate::document::Quantiles::hdr).
    pub hdr: String,
}
