//! The CPUs that a process may use, quietest first.

use crate::machine::doctor::system::System;
use crate::machine::interrupts::Source;
use crate::machine::jitter::CpuJitter;
use mainspring::Cpu;
use serde::Serialize;
use std::cmp::Ordering;
use std::time::Duration;

/// One CPU, and what speaks for it and against it.
#[derive(Clone, Debug, Serialize)]
pub struct QuietCpu {
    /// Which.
    pub cpu: usize,
    /// Whether the kernel's balancing leaves it alone.
    pub is_isolated: bool,
    /// Whether its tick stops while one thread runs.
    pub is_nohz_full: bool,
    /// The other CPUs of its core that are online.
    pub siblings: Vec<usize>,
    /// Interrupts by devices, a second.
    pub irqs_device_per_s: Option<f64>,
    /// All interrupts, a second.
    pub irqs_per_s: Option<f64>,
    /// The share of its time in which somebody ran there.
    pub busy: Option<f64>,
    /// What a scan found.
    pub hiccups: Option<CpuJitter>,
}

/// All scans together take about this long, as far as each can be so short.
const SCANS: Duration = Duration::from_secs(2);
const SCAN_MIN: Duration = Duration::from_millis(5);
const SCAN_MAX: Duration = Duration::from_millis(100);

/// Watches a CPU for hiccups; `None` if it can't be.
pub type Scan<'a> = &'a dyn Fn(usize, Duration) -> Option<CpuJitter>;

/// Isolation first; then what was lost to hiccups, if that was measured; then interrupts, and time
/// that others took; then those without siblings. The first CPUs are the kernel's own favourites,
/// so among equals the last is quietest.
pub(super) fn rank(system: &System, scan: Option<Scan<'_>>) -> Vec<QuietCpu> {
    let allowed: Vec<_> = system.topology.allowed().collect();
    let each = SCANS / (allowed.len().max(1) as u32);
    let each = each.clamp(SCAN_MIN, SCAN_MAX);
    let quiet = |cpu: &&Cpu| QuietCpu {
        hiccups: scan.and_then(|scan| scan(cpu.id, each)),
        ..look(system, cpu)
    };
    let mut all: Vec<_> = allowed.iter().map(quiet).collect();
    all.sort_by(order);
    all
}

fn look(system: &System, cpu: &Cpu) -> QuietCpu {
    let counts = &system.counts;
    let rate = |is: fn(&Source) -> bool| {
        let rate = counts.interrupts.as_ref().ok()?.count(cpu.id, is) as f64 / counts.seconds;
        Some(rate).filter(|rate| rate.is_finite())
    };
    QuietCpu {
        cpu: cpu.id,
        is_isolated: cpu.is_isolated,
        is_nohz_full: cpu.is_nohz_full,
        siblings: system.siblings(cpu.id),
        irqs_device_per_s: rate(Source::is_device),
        irqs_per_s: rate(|_| true),
        busy: counts.share(&[cpu.id], |times| times.busy).ok().flatten(),
        hiccups: None,
    }
}

fn order(one: &QuietCpu, other: &QuietCpu) -> Ordering {
    let lost = |quiet: &QuietCpu| quiet.hiccups.as_ref().map_or(0.0, |hiccups| hiccups.share);
    let least = |of: fn(&QuietCpu) -> Option<f64>| {
        of(one).unwrap_or(0.0).total_cmp(&of(other).unwrap_or(0.0))
    };
    let free = |quiet: &QuietCpu| (!quiet.is_isolated, !quiet.is_nohz_full);
    free(one)
        .cmp(&free(other))
        .then_with(|| lost(one).total_cmp(&lost(other)))
        .then_with(|| least(|quiet| quiet.irqs_device_per_s))
        .then_with(|| least(|quiet| quiet.irqs_per_s))
        .then_with(|| least(|quiet| quiet.busy))
        .then_with(|| one.siblings.len().cmp(&other.siblings.len()))
        .then_with(|| other.cpu.cmp(&one.cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(cpu: usize) -> QuietCpu {
        QuietCpu {
            cpu,
            is_isolated: false,
            is_nohz_full: false,
            siblings: Vec::new(),
            irqs_device_per_s: Some(1.0),
            irqs_per_s: Some(10.0),
            busy: Some(0.5),
            hiccups: None,
        }
    }

    fn hiccups(share: f64) -> Option<CpuJitter> {
        let none = CpuJitter {
            cpu: 0,
            seconds: 0.1,
            threshold_ns: 1_000,
            count: 1,
            share,
            p99_ns: 1,
            p999_ns: 1,
            p9999_ns: 1,
            max_ns: 1,
            hdr: String::new(),
        };
        Some(none)
    }

    #[test]
    fn the_quietest_is_isolated_then_measured_quiet_then_rarely_interrupted() {
        let mut all = [
            QuietCpu { hiccups: hiccups(0.2), ..quiet(0) },
            QuietCpu { hiccups: hiccups(0.1), irqs_device_per_s: Some(9.0), ..quiet(1) },
            QuietCpu { hiccups: hiccups(0.9), is_isolated: true, ..quiet(2) },
            QuietCpu { hiccups: hiccups(0.1), siblings: vec![9], ..quiet(3) },
            QuietCpu { hiccups: hiccups(0.1), ..quiet(4) },
            QuietCpu { hiccups: hiccups(0.1), ..quiet(5) },
            QuietCpu { hiccups: hiccups(0.1), busy: Some(0.4), ..quiet(6) },
        ];
        all.sort_by(order);
        assert_eq!(all.iter().map(|one| one.cpu).collect::<Vec<_>>(), [2, 6, 5, 4, 3, 1, 0]);
    }
}
