//! What a machine always counts: interrupts, how each CPU spends its time, throttled periods.

use crate::machine::interrupts::Interrupts;
use crate::machine::root::{Root, Unreadable};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const STAT: &str = "proc/stat";

/// What was counted, and in which time.
pub struct Counts {
    /// How long it took.
    pub seconds: f64,
    /// Whether that is since the machine was started: averages over a long past.
    pub is_since_start: bool,
    /// By source and CPU.
    pub interrupts: Result<Interrupts, Unreadable>,
    /// Where each CPU's time went.
    pub times: Result<BTreeMap<usize, Times>, Unreadable>,
    /// Periods in which a quota was used up.
    pub throttled: Option<u64>,
}

/// Where a CPU's time went, in the kernel's ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Somebody ran there.
    pub busy: u64,
    /// The hypervisor ran something else.
    pub steal: u64,
    /// All of it.
    pub total: u64,
}

impl Counts {
    /// What was counted since the machine was started.
    pub fn since_start(root: &Root) -> Self {
        let uptime = root.find("proc/uptime").unwrap_or_default();
        let uptime = uptime.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok());
        Self {
            seconds: uptime.filter(|seconds| *seconds > 0.0).unwrap_or(f64::NAN),
            is_since_start: true,
            interrupts: Interrupts::read(root),
            times: times(root),
            throttled: throttled(root),
        }
    }

    /// What is counted while this thread sleeps for a moment.
    pub fn during(root: &Root, length: Duration) -> Self {
        let begun = Instant::now();
        let before = Self::since_start(root);
        std::thread::sleep(length);
        let after = Self::since_start(root);
        let interrupts = after.interrupts.and_then(|after| Ok(after.since(&before.interrupts?)));
        let times = after.times.and_then(|after| Ok(between(&after, &before.times?)));
        let throttled = after.throttled.zip(before.throttled);
        Self {
            seconds: begun.elapsed().as_secs_f64(),
            is_since_start: false,
            interrupts,
            times,
            throttled: throttled.map(|(after, before)| after.saturating_sub(before)),
        }
    }

    /// How it was counted, in words.
    pub fn when(&self) -> String {
        match self.is_since_start {
            true => "on average since the machine was started".into(),
            false => format!("in the last {:.1} s", self.seconds),
        }
    }

    /// The share of these CPUs' time; `None` if nothing was counted.
    pub fn share(&self, cpus: &[usize], of: fn(&Times) -> u64) -> Result<Option<f64>, Unreadable> {
        let times = self.times.as_ref().map_err(Unreadable::clone)?;
        let those = || cpus.iter().filter_map(|cpu| times.get(cpu));
        let (part, total) = (sum(those().map(of)), sum(those().map(|of| of.total)));
        Ok((total > 0).then(|| part as f64 / total as f64))
    }
}

fn between(
    after: &BTreeMap<usize, Times>,
    before: &BTreeMap<usize, Times>,
) -> BTreeMap<usize, Times> {
    let times = after.iter().filter_map(|(cpu, after)| {
        let before = before.get(cpu)?;
        let times = Times {
            busy: after.busy.saturating_sub(before.busy),
            steal: after.steal.saturating_sub(before.steal),
            total: after.total.saturating_sub(before.total),
        };
        Some((*cpu, times))
    });
    times.collect()
}

/// Reads lines like `cpu0 user nice system idle iowait irq softirq steal guest guest_nice`.
fn times(root: &Root) -> Result<BTreeMap<usize, Times>, Unreadable> {
    let text = root.text(STAT)?;
    let times: BTreeMap<_, _> = text.lines().filter_map(times_of).collect();
    if times.is_empty() {
        Err(Unreadable::new(STAT, "it has no line for a CPU"))
    } else {
        Ok(times)
    }
}

fn times_of(line: &str) -> Option<(usize, Times)> {
    let mut words = line.strip_prefix("cpu")?.split(' ');
    let cpu = words.next()?.parse().ok()?;
    // A guest's time is in the first two already.
    let ticks: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
    let [user, nice, system, idle, wait, irq, soft, steal] = ticks[..] else { return None };
    let busy = sum([user, nice, system, irq, soft]);
    Some((cpu, Times { busy, steal, total: sum([busy, idle, wait, steal]) }))
}

/// Whatever a file says.
fn sum(ticks: impl IntoIterator<Item = u64>) -> u64 {
    ticks.into_iter().fold(0, u64::saturating_add)
}

/// Of the process's cgroup and those around it; each counts its own quota.
fn throttled(root: &Root) -> Option<u64> {
    let folders = mainspring::cpu_controllers(root.path()).into_iter();
    let texts = folders.filter_map(|folder| std::fs::read_to_string(folder.join("cpu.stat")).ok());
    let count = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?;
        line.trim().parse::<u64>().ok()
    };
    texts.filter_map(count).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_s_time_is_told_apart() {
        let (cpu, times) = times_of("cpu3 1 2 4 100 8 16 32 64 1 1").unwrap();
        assert_eq!((cpu, times), (3, Times { busy: 55, steal: 64, total: 227 }));
        for line in ["cpu 1 2 3 4 5 6 7 8", "cpu1 1 2", "cpu1 a 2 3 4 5 6 7 8", "intr 5"] {
            assert_eq!(times_of(line), None, "{line}");
        }
    }

    #[test]
    fn what_lies_between_two_looks_is_their_difference() {
        let at = |busy, total| BTreeMap::from([(0, Times { busy, steal: 0, total })]);
        let times = between(&at(30, 200), &at(20, 100));
        assert_eq!(times[&0], Times { busy: 10, steal: 0, total: 100 });
        assert!(between(&at(1, 1), &BTreeMap::new()).is_empty(), "a CPU that has come since");
    }
}
