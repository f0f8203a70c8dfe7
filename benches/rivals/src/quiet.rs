//! Whether the machine was ours while something was measured.

use mainspring_perf::stats::median;
use std::cell::RefCell;
use std::fs::read_to_string;

/// A probe this many times as slow as the run's median, or as the other one of its measurement,
/// says that the two CPUs were not where they are otherwise.
const PROBE_LIMIT: f64 = 2.0;
/// The share of the CPUs' time that others may take.
const TAKEN_LIMIT: f64 = 0.04;

/// The kernel's account of the CPUs at one time, in its ticks.
#[derive(Clone, Copy)]
pub struct Look {
    /// Time that passed on the CPUs together.
    all: f64,
    /// Of it, what they worked, or the hypervisor took.
    busy: f64,
    /// Of that, what this process and those that it started and has waited for used.
    own: f64,
}

impl Look {
    /// Reads the accounts; `None` where there are none.
    pub fn now(cpus: &[usize]) -> Option<Self> {
        let stat = read_to_string("/proc/stat").ok()?;
        let (mut all, mut busy) = (0.0, 0.0);
        for cpu in cpus {
            let name = format!("cpu{cpu} ");
            let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
            let ticks: Vec<f64> = line.split_whitespace().flat_map(str::parse).collect();
            // User, nice, system, idle, waiting for input, interrupts twice, stolen.
            let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks[..] else {
                return None;
            };
            busy += user + nice + system + irq + softirq + steal;
            all += user + nice + system + irq + softirq + steal + idle + iowait;
        }
        Some(Self { all, busy, own: own_ticks()? })
    }

    /// The share of the time since an earlier look that others took.
    ///
    /// A tick is coarse, so up to `slack` of them are overlooked.
    pub fn taken_since(&self, before: &Self, slack: f64) -> f64 {
        let taken = (self.busy - before.busy) - (self.own - before.own) - slack;
        (taken / (self.all - before.all).max(1.0)).max(0.0)
    }
}

/// User and system time, of this process and its children.
fn own_ticks() -> Option<f64> {
    let stat = read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in brackets, which may hold anything; the third follows it.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).take(4);
    Some(times.flat_map(str::parse::<f64>).sum())
}

/// Whether too much of the time was taken by others.
pub fn is_taken(share: f64) -> bool {
    share > TAKEN_LIMIT
}

/// The probes of a run: a bare round trip before and after each measurement, in nanoseconds.
#[derive(Default)]
pub struct Probes(RefCell<Vec<f64>>);

impl Probes {
    /// Remembers the probes of one measurement, and says whether they are as good as the others.
    pub fn add(&self, probes: [f64; 2]) -> bool {
        self.0.borrow_mut().extend(probes);
        self.are_steady(probes)
    }

    /// Whether neither of them is far off the median of all so far, nor off the other.
    pub fn are_steady(&self, [before, after]: [f64; 2]) -> bool {
        let slowest = before.max(after);
        let limit = self.median().map_or(f64::INFINITY, |median| median * PROBE_LIMIT);
        slowest <= limit && slowest <= before.min(after) * PROBE_LIMIT
    }

    /// The median of all.
    pub fn median(&self) -> Option<f64> {
        median(self.0.borrow().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_took_is_what_was_busy_and_not_ours() {
        let before = Look { all: 100.0, busy: 50.0, own: 40.0 };
        let after = Look { all: 300.0, busy: 150.0, own: 120.0 };
        assert_eq!(after.taken_since(&before, 0.0), 0.1);
        assert_eq!(after.taken_since(&before, 16.0), 0.02);
        assert_eq!(after.taken_since(&before, 50.0), 0.0);
    }

    #[test]
    fn a_probe_twice_the_others_is_not_steady() {
        let probes = Probes::default();
        for _ in 0..5 {
            assert!(probes.add([300.0, 310.0]));
        }
        assert!(!probes.are_steady([300.0, 601.0]));
        assert!(!probes.are_steady([700.0, 700.0]));
    }
}
