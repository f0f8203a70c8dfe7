//! Hiccups: how long a CPU is taken away from a thread that only reads the clock.
//!
//! The method of `hiccups` (Rigtorp) and of `MicroJitterSampler` (Java-Thread-Affinity): a thread
//! pinned to the CPU reads the clock as fast as it can. The machine causes whatever lies between two
//! readings that should follow each other directly.

mod sources;

use crate::error::Error;
use crate::machine::machine::Machine;
use crate::machine::pinned;
use crate::stats::Latencies;
use serde::{Deserialize, Serialize};
pub use sources::{Counted, Sources};
use sources::{Snapshot, Timeslices};
use std::path::Path;
use std::time::{Duration, Instant};

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
    /// Of all gaps between clock readings, hiccups or not, 99 of 100 were no longer.
    pub p99_ns: u64,
    /// 999 of 1,000.
    pub p999_ns: u64,
    /// 9,999 of 10,000.
    pub p9999_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// All gaps, as [`Quantiles::hdr`](crate::stats::Quantiles::hdr).
    pub hdr: String,
}

/// The hiccups of one CPU, and what is known about their causes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// The hiccups.
    pub jitter: CpuJitter,
    /// What was counted on this CPU meanwhile.
    pub sources: Sources,
}

/// The schema of a [`Report`].
pub const SCHEMA: &str = "mainspring-jitter/1";

/// The hiccups of several CPUs, as the command `jitter` writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the command that wrote it.
    pub version: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// Where.
    pub machine: Machine,
    /// Whether all CPUs were watched at once, or one after the other.
    pub is_together: bool,
    /// Each CPU, in the order asked for.
    pub cpus: Vec<Watched>,
}

/// A gap counts as a hiccup if it is this many times the shortest gap.
const LEAST_TIMES: u64 = 8;
/// But never below this: a miss in all caches and a page walk are no interruption, and an interrupt
/// takes longer.
const THRESHOLD_MIN_NS: u64 = 300;
/// The part of a watch that goes before it: to fault the histogram's pages in, to let the CPU's
/// clock rise, and to find the least gap.
const WARM_UP_PART: u32 = 20;

/// Watches one CPU, from a thread of its own that is pinned to it and never sleeps.
///
/// A quantile for which there are too few gaps is given as the longest gap.
///
/// # Errors
/// As [`pinned::on`].
///
/// # Blocking
/// For that long, and a twentieth more.
pub fn watch(cpu: usize, length: Duration) -> Result<CpuJitter, Error> {
    watch_closely(cpu, length).map(|watched| watched.jitter)
}

/// Watches one CPU as [`watch`] does, and counts what may have disturbed it.
///
/// # Errors
/// As [`watch`].
pub fn watch_closely(cpu: usize, length: Duration) -> Result<Watched, Error> {
    pinned::on(cpu, || Ok(watch_here(cpu, length)))
}

/// Watches several CPUs at once.
///
/// # Errors
/// As [`watch`]; the first error of any CPU.
pub fn watch_together(cpus: &[usize], length: Duration) -> Result<Vec<Watched>, Error> {
    std::thread::scope(|scope| {
        let start = |cpu: &usize| {
            let cpu = *cpu;
            let watch = move || pinned::here(cpu).map(|()| watch_here(cpu, length));
            let thread = std::thread::Builder::new().name(format!("on CPU {cpu}"));
            thread.spawn_scoped(scope, watch).map_err(Error::Thread)
        };
        // All are started before one is waited for.
        let threads: Vec<_> = cpus.iter().map(start).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ended.collect()
    })
}

/// Watches the calling thread's CPU, to which it is pinned.
fn watch_here(cpu: usize, length: Duration) -> Watched {
    let mut gaps = Latencies::new();
    let warm_up = length / WARM_UP_PART;
    gaps.clear();
    look(&mut gaps, warm_up, u64::MAX, &mut Timeslices::unknown());
    let threshold_ns = threshold(gaps.min());
    gaps.clear();
    let before = Snapshot::take(Path::new("/"), cpu);
    let mut timeslices = Timeslices::of_this_thread();
    let seen = look(&mut gaps, length, threshold_ns, &mut timeslices);
    let sources = Snapshot::take(Path::new("/"), cpu).since(&before);
    let max_ns = gaps.max();
    let quantile = |share| gaps.quantile(share).unwrap_or(max_ns);
    let jitter = CpuJitter {
        cpu,
        seconds: seen.watched.as_secs_f64(),
        threshold_ns,
        count: seen.count,
        share: seen.lost.as_secs_f64() / seen.watched.as_secs_f64(),
        p99_ns: quantile(0.99),
        p999_ns: quantile(0.999),
        p9999_ns: quantile(0.9999),
        max_ns,
        hdr: gaps.encoded(),
    };
    let preemptions = timeslices.is_known().then_some((seen.preempted, seen.preempted_time));
    let sources = sources.with_preemptions(seen.count, preemptions);
    Watched { jitter, sources }
}

fn threshold(least_gap_ns: u64) -> u64 {
    (least_gap_ns * LEAST_TIMES).max(THRESHOLD_MIN_NS)
}

/// The totals of a watch, besides the gaps.
#[derive(Default)]
struct Totals {
    /// From the first look to the last, without the time in which somebody asked the kernel.
    watched: Duration,
    count: u64,
    lost: Duration,
    /// Hiccups during which the thread was off its CPU.
    preempted: u64,
    preempted_time: Duration,
}

/// Looks at the clock until the time is over.
fn look(
    gaps: &mut Latencies,
    length: Duration,
    threshold_ns: u64,
    timeslices: &mut Timeslices,
) -> Totals {
    let mut seen = Totals::default();
    let threshold = Duration::from_nanos(threshold_ns);
    let mut last = Instant::now();
    // Once at least: a share of no time is no number.
    while seen.watched < length.max(Duration::from_nanos(1)) {
        let now = Instant::now();
        let gap = now - last;
        last = now;
        seen.watched += gap;
        gaps.record(gap);
        if gap >= threshold {
            seen.count += 1;
            seen.lost += gap;
            if timeslices.has_another() {
                seen.preempted += 1;
                seen.preempted_time += gap;
            }
            // Asking took a system call: that is none of the machine's hiccups.
            last = Instant::now();
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_follows_the_least_gap_but_not_below_what_a_cache_miss_takes() {
        assert_eq!([threshold(0), threshold(20), threshold(100)], [300, 300, 800]);
    }

    #[test]
    fn what_is_said_of_a_cpu_agrees_with_its_histogram() {
        for cpu in mainspring::allowed_cpus() {
            let jitter = watch(cpu, Duration::from_millis(20)).unwrap();
            assert_eq!(jitter.cpu, cpu);
            assert!(jitter.seconds >= 0.02 && jitter.threshold_ns >= THRESHOLD_MIN_NS);
            let gaps = Latencies::decoded(&jitter.hdr).unwrap();
            // Three digits of each gap, so that gaps next to the threshold may seem beside it.
            let beyond = |ns: u64| {
                let steps = gaps.cumulative();
                let below = steps.iter().take_while(|(value, _)| *value < ns).last();
                gaps.count() - below.map_or(0, |(_, count)| *count)
            };
            let threshold = jitter.threshold_ns;
            assert!(jitter.count <= beyond(threshold - threshold / 100));
            assert!(jitter.count >= beyond(threshold + threshold / 100));
            let ordered = [jitter.p99_ns, jitter.p999_ns, jitter.p9999_ns, jitter.max_ns];
            assert!(ordered.is_sorted() && ordered[0] > 0, "{ordered:?}");
            assert!((0.0..=1.0).contains(&jitter.share));
            assert_eq!(jitter.share > 0.0, jitter.count > 0);
        }
    }

    #[test]
    fn all_watched_together_come_back_in_order_and_a_bad_one_is_refused() {
        let cpus = mainspring::allowed_cpus();
        let watched = watch_together(&cpus, Duration::from_millis(5)).unwrap();
        assert!(watched.iter().map(|one| one.jitter.cpu).eq(cpus.clone()));
        let bad = [cpus[0], 1 << 20];
        let error = watch_together(&bad, Duration::from_millis(5)).unwrap_err();
        assert!(error.to_string().contains("CPU 1048576"), "{error}");
    }
}
