//! What the kernel and the engines count while something is measured.

use mainspring::Wakeups;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use std::fs::read_to_string;

/// What was counted while something was measured. `None`: the system doesn't say, or no engine runs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Times that a thread of the process gave up its CPU to wait.
    pub switches_voluntary: Option<u64>,
    /// Times that a thread of the process was preempted.
    pub switches_involuntary: Option<u64>,
    /// Page faults that needed no disk.
    pub faults_minor: Option<u64>,
    /// Time that runnable threads of the process waited for a CPU.
    pub run_delay_ns: Option<u64>,
    /// Time that the hypervisor took from all CPUs.
    pub steal_ms: Option<u64>,
    /// Periods in which the cgroup's quota was used up.
    pub throttled: Option<u64>,
    /// Times that a runner went to sleep.
    pub parks: Option<u64>,
    /// Times that a runner found work while spinning and didn't sleep.
    pub spin_hits: Option<u64>,
    /// System calls by which senders woke runners.
    pub wakes_sent: Option<u64>,
    /// Times that a sender notified a runner that was already awake.
    pub wakes_elided: Option<u64>,
}

/// The counts at one moment. What can't be read is `None`.
pub struct Snapshot {
    usage: Option<Usage>,
    run_delay_ns: Option<u64>,
    steal_ticks: Option<u64>,
    throttled: Option<u64>,
}

/// The kernel's unit in `/proc/stat`, as it has been for decades on every architecture: 1/100 s.
const TICK_MS: u64 = 10;

impl Snapshot {
    /// Reads the counts, which takes some microseconds.
    pub fn take() -> Self {
        Self {
            usage: getrusage(UsageWho::RUSAGE_SELF).ok(),
            run_delay_ns: run_delay_ns(),
            steal_ticks: steal_ticks(),
            throttled: throttled(),
        }
    }

    /// What was counted since, including the engines that have ended in between.
    pub fn end(self, engines: Option<Wakeups>) -> Counters {
        let after = Self::take();
        let usage = |of: fn(&Usage) -> i64| {
            let (before, after) = (self.usage.as_ref()?, after.usage.as_ref()?);
            u64::try_from(of(after) - of(before)).ok()
        };
        let grown = |before: Option<u64>, after: Option<u64>| after?.checked_sub(before?);
        let engine = |of: fn(&Wakeups) -> usize| engines.as_ref().map(|all| of(all) as u64);
        Counters {
            switches_voluntary: usage(Usage::voluntary_context_switches),
            switches_involuntary: usage(Usage::involuntary_context_switches),
            faults_minor: usage(Usage::minor_page_faults),
            run_delay_ns: grown(self.run_delay_ns, after.run_delay_ns),
            steal_ms: grown(self.steal_ticks, after.steal_ticks).map(|ticks| ticks * TICK_MS),
            throttled: grown(self.throttled, after.throttled),
            parks: engine(|all| all.parks),
            spin_hits: engine(|all| all.spin_hits),
            wakes_sent: engine(|all| all.wakes),
            wakes_elided: engine(|all| all.rings.saturating_sub(all.wakes)),
        }
    }
}

/// The second number of the measuring thread's `schedstat`.
fn run_delay_ns() -> Option<u64> {
    nth(&read_to_string("/proc/thread-self/schedstat").ok()?, 1)
}

/// The eighth number behind `cpu`, which is all CPUs together.
fn steal_ticks() -> Option<u64> {
    let text = read_to_string("/proc/stat").ok()?;
    nth(text.lines().find(|line| line.starts_with("cpu "))?, 8)
}

/// Of the cgroup at the root of the process's view, version 2 or 1.
fn throttled() -> Option<u64> {
    let read = |path: &str| read_to_string(path).ok();
    let text = read("/sys/fs/cgroup/cpu.stat").or_else(|| read("/sys/fs/cgroup/cpu/cpu.stat"))?;
    nth(text.lines().find(|line| line.starts_with("nr_throttled "))?, 1)
}

fn nth(text: &str, place: usize) -> Option<u64> {
    text.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_does_is_counted() {
        let before = Snapshot::take();
        let pages = vec![1_u8; 1 << 24];
        std::thread::yield_now();
        let engines = Wakeups { rings: 5, wakes: 2, spin_hits: 3, parks: 1 };
        let counters = before.end(Some(engines));
        assert!(counters.faults_minor.unwrap() > 0, "{} bytes were touched", pages.len());
        assert!(counters.switches_voluntary.is_some() && counters.switches_involuntary.is_some());
        assert_eq!((counters.wakes_sent, counters.wakes_elided), (Some(2), Some(3)));
    }
}
