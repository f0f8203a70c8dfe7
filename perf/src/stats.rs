//! Latencies, their quantiles, and medians.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longer latencies are counted as this one: a minute, for a call.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
/// A quantile is reported only if at least this many samples lie beyond it.
const BEYOND_MIN: f64 = 10.0;

/// Single latencies, in nanoseconds.
#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// Holds none yet. Three digits are kept.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("constant, valid bounds"))
    }

    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(latency.as_nanos() as u64);
    }

    /// Adds those of another round.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("equal bounds");
    }

    /// Forgets them but keeps the memory, which causes no more page faults once it was written.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value below which this share of them lies, if there are enough beyond it.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        // `value_at_quantile`, as `value_at_percentile` loses a rank in its division by 100.
        let beyond = self.count() as f64 * (1.0 - share);
        // A count of exactly ten must not fail for its last binary digit.
        (beyond + 1e-6 >= BEYOND_MIN).then(|| self.0.value_at_quantile(share))
    }

    /// The median, however few there are.
    pub fn median(&self) -> f64 {
        self.0.value_at_quantile(0.5) as f64
    }

    /// The least, to three digits; 0 of none.
    pub fn min(&self) -> u64 {
        self.0.min()
    }

    /// The largest, to three digits.
    pub fn max(&self) -> u64 {
        self.0.max()
    }

    /// The quantiles for a document.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles {
            count: self.count(),
            min: self.min(),
            mean: self.0.mean(),
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            p9999: self.quantile(0.9999),
            max: self.max(),
            hdr: None,
        }
    }

    /// The same, and all of them as [`Quantiles::hdr`].
    pub fn quantiles_with_histogram(&self) -> Quantiles {
        Quantiles { hdr: Some(self.encoded()), ..self.quantiles() }
    }

    /// All of them: V2 with deflate, in base64.
    pub fn encoded(&self) -> String {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&self.0, &mut bytes);
        written.expect("a vector takes everything, and our bounds fit the format");
        BASE64_STANDARD.encode(bytes)
    }

    /// Reads what [`encoded`](Self::encoded) has written; `None` if it is something else.
    pub fn decoded(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        Deserializer::new().deserialize(&mut bytes.as_slice()).ok().map(Self)
    }

    /// How many were no longer than each of these values, over the whole range, in the
    /// histogram's steps: the points of a curve.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let mut below = 0;
        let step = self.0.iter_recorded().map(|step| {
            below += step.count_at_value();
            (step.value_iterated_to(), below)
        });
        step.collect()
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// A distribution. A quantile is given only if at least ten samples lie beyond it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quantiles {
    /// How many samples.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// The mean.
    pub mean: f64,
    /// Half of them are no larger.
    pub p50: Option<u64>,
    /// Nine of ten.
    pub p90: Option<u64>,
    /// 99 of 100.
    pub p99: Option<u64>,
    /// 999 of 1,000.
    pub p999: Option<u64>,
    /// 9,999 of 10,000.
    pub p9999: Option<u64>,
    /// The largest.
    pub max: u64,
    /// All of it: an HDR histogram, V2 with deflate, in base64, as its other implementations read it.
    pub hdr: Option<String>,
}

/// The middle value, or the mean of the two in the middle; `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_survive_their_encoding() {
        let mut latencies = Latencies::new();
        (1..2000).for_each(|nanos| latencies.record(Duration::from_nanos(nanos * nanos)));
        let read = Latencies::decoded(&latencies.encoded()).unwrap();
        assert_eq!(read.cumulative(), latencies.cumulative());
        assert_eq!(read.cumulative().last().map(|(_, count)| *count), Some(1999));
        assert!(Latencies::decoded("HISTFAAAA").is_none() && Latencies::decoded("?").is_none());
    }

    #[test]
    fn a_quantile_needs_ten_samples_beyond_it() {
        let mut latencies = Latencies::new();
        for nanos in 1..=999 {
            latencies.record(Duration::from_nanos(nanos));
        }
        assert_eq!(latencies.quantile(0.5), Some(500));
        assert_eq!(latencies.quantile(0.99), None);
        latencies.record(Duration::from_nanos(1000));
        assert_eq!(latencies.quantile(0.99), Some(990));
        assert_eq!(latencies.quantile(0.999), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
