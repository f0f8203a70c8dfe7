//! What one round of one scenario measured.

use crate::lab::open_loop::LoadResult;
use crate::stats::Latencies;
use std::time::Duration;

/// What one round of one scenario measured.
pub enum Sample {
    /// How long each single operation took.
    Latency(Latencies),
    /// How long one of many operations took on average, in nanoseconds.
    PerOperation {
        /// Nanoseconds each.
        nanos: f64,
        /// How many were timed.
        operations: u64,
    },
    /// Requests that were sent as planned.
    Load(Box<LoadResult>),
    /// Something that is not a time.
    Amount {
        /// How much.
        value: f64,
        /// Of what.
        unit: &'static str,
    },
}

impl Sample {
    /// Operations that took `time` together.
    pub fn per_operation(operations: u64, time: Duration) -> Self {
        let nanos = time.as_nanos() as f64 / operations.max(1) as f64;
        Self::PerOperation { nanos, operations }
    }

    /// The one figure that represents the round.
    pub fn value(&self) -> f64 {
        match self {
            Self::Latency(latencies) => latencies.median(),
            Self::PerOperation { nanos, .. } => *nanos,
            Self::Load(loaded) => loaded.latencies.median(),
            Self::Amount { value, .. } => *value,
        }
    }
}
