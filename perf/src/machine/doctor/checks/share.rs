//! The CPUs' time: what quotas, the hypervisor and other programs leave of it.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::root::{Root, Unreadable};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "quota",
        group: "time",
        effect: "once the quota of a period is used up, every thread stops until the next period: \
                 tens of milliseconds",
        look: quota,
    },
    Check {
        name: "throttling",
        group: "time",
        effect: "the process has been stopped in the middle of its work, for milliseconds each time",
        look: throttling,
    },
    Check {
        name: "steal",
        group: "time",
        effect: "the hypervisor runs something else on the CPU: the guest stops for milliseconds",
        look: steal,
    },
    Check {
        name: "load",
        group: "time",
        effect: "other programs take the CPUs, caches and memory that are measured",
        look: load,
    },
];

fn quota(system: &System) -> Result<Finding, Unreadable> {
    let folders = mainspring::cpu_controllers(system.root.path());
    let allowed = system.topology.allowed().count() as f64;
    let finding = match system.topology.quota_cpus() {
        Some(quota) if quota < allowed => {
            let says =
                format!("cgroups limit this process to {quota} CPUs' time on {allowed} CPUs");
            let outer = "in the container's settings: no CPU limit (docker run without --cpus; \
                         Kubernetes: no limits.cpu, or whole CPUs under the static policy)";
            Finding::spoils(says).fix(Fix::root(outer, "set the limit again"))
        }
        Some(quota) => Finding::ok(format!("the quota of {quota} CPUs covers all allowed CPUs")),
        None if folders.is_empty() => {
            return Err(Unreadable::new("proc/self/mountinfo", "it names no cgroups of CPU time"));
        }
        None => Finding::ok("no quota"),
    };
    let files = ["cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"];
    let files = folders.iter().flat_map(|folder| files.map(|file| folder.join(file)));
    let read = files.filter_map(|path| Some((std::fs::read_to_string(&path).ok()?, path)));
    Ok(read.fold(finding, |finding, (text, path)| {
        finding.seen(below(&system.root, &path), text.trim())
    }))
}

/// The path as on that machine, without its first slash.
fn below(root: &Root, path: &std::path::Path) -> String {
    path.strip_prefix(root.path()).unwrap_or(path).display().to_string()
}

fn throttling(system: &System) -> Result<Finding, Unreadable> {
    let counts = &system.counts;
    let folders = mainspring::cpu_controllers(system.root.path());
    let throttled = match counts.throttled {
        Some(throttled) => throttled,
        // Only groups that have a limit of their own count.
        None if system.topology.quota_cpus().is_none() && !folders.is_empty() => {
            return Ok(Finding::ok("no quota to use up").counted("quota", "none"));
        }
        None => return Err(Unreadable::new("proc/self/cgroup", "no cgroup that can be read")),
    };
    let when =
        if counts.is_since_start { "since the cgroup was made".into() } else { counts.when() };
    let says = format!("throttled in {throttled} periods {when}");
    let finding = match (throttled, counts.is_since_start) {
        (0, _) => Finding::ok(format!("not throttled {when}")),
        (_, true) => Finding::warns(says),
        (_, false) => Finding::spoils(says),
    };
    Ok(finding.counted("nr_throttled in cpu.stat", throttled))
}

/// From this share on, figures are the hypervisor's.
const STEAL_SPOILS: f64 = 0.01;
const STEAL_WARNS: f64 = 0.001;

fn steal(system: &System) -> Result<Finding, Unreadable> {
    let counts = &system.counts;
    let share = counts.share(&system.cpus, |times| times.steal)?;
    let share =
        share.ok_or_else(|| Unreadable::new("proc/stat", "it counts no time on these CPUs"))?;
    if !system.is_virtual() && share == 0.0 {
        return Ok(Finding::ok("no hypervisor to take time").counted("steal in /proc/stat", 0));
    }
    let percent = format!("{:.2} %", share * 100.0);
    let says = format!("the hypervisor took {percent} of these CPUs' time {}", counts.when());
    let finding = match (share, counts.is_since_start) {
        (share, false) if share >= STEAL_SPOILS => {
            Finding::spoils(format!("{says}; measure later"))
        }
        (share, _) if share >= STEAL_WARNS => Finding::note(says),
        _ => {
            let says = format!("no time stolen {}, according to the hypervisor", counts.when());
            return Ok(Finding::ok(says).counted("steal in /proc/stat", percent));
        }
    };
    let finding = finding.counted("steal in /proc/stat", percent);
    Ok(finding.out_of_reach("can't be changed from inside: it is the host's load"))
}

/// Shares of the CPUs that matter.
const BUSY_SPOILS: f64 = 0.10;
const BUSY_WARNS: f64 = 0.02;
/// Percent of the last ten seconds in which somebody waited for a CPU.
const PRESSURE_SPOILS: f64 = 10.0;
const PRESSURE_WARNS: f64 = 1.0;

/// What runs on these CPUs now says more than averages over the machine; those are for copies.
fn load(system: &System) -> Result<Finding, Unreadable> {
    let pressure = pressure(&system.root);
    let average = average(&system.root);
    let busy = match system.counts.is_since_start {
        true => None,
        false => system.counts.share(&system.cpus, |times| times.busy)?,
    };
    let level = |value: f64, spoils: f64, warns: f64, says: String| match value {
        value if value >= spoils => Finding::spoils(says),
        value if value >= warns => Finding::warns(says),
        _ => Finding::ok(says),
    };
    let finding = match (busy, &pressure, &average) {
        (Some(busy), ..) => {
            let says = format!(
                "other programs used {:.0} % of these CPUs' time {}",
                busy * 100.0,
                system.counts.when()
            );
            level(busy, BUSY_SPOILS, BUSY_WARNS, says)
        }
        (None, Ok(pressure), _) => {
            let says = format!("threads waited for a CPU during {pressure} % of the last 10 s");
            level(*pressure, PRESSURE_SPOILS, PRESSURE_WARNS, says)
        }
        (None, Err(_), Ok(average)) => {
            let allowed = system.topology.allowed().count() as f64;
            let says =
                format!("{average} threads were running or waiting on average over a minute");
            level(*average, allowed, 0.5, says)
        }
        (None, Err(unreadable), Err(_)) => return Err(unreadable.clone()),
    };
    let finding = match pressure {
        Ok(pressure) => finding.seen(PRESSURE, format!("some avg10={pressure}")),
        Err(_) => finding,
    };
    let finding = match average {
        Ok(average) => finding.seen(AVERAGE, average),
        Err(_) => finding,
    };
    Ok(finding.fix(Fix::plain("stop other programs (see top), then check again", "start it again")))
}

const PRESSURE: &str = "proc/pressure/cpu";
const AVERAGE: &str = "proc/loadavg";

/// The share of the last ten seconds in which somebody waited, in percent.
fn pressure(root: &Root) -> Result<f64, Unreadable> {
    let text = root.text(PRESSURE)?;
    let value = text.split_once("some avg10=").and_then(|(_, rest)| rest.split(' ').next());
    let value = value.and_then(|value| value.parse().ok());
    value.ok_or_else(|| Unreadable::new(PRESSURE, "no \"some avg10\" with a number"))
}

fn average(root: &Root) -> Result<f64, Unreadable> {
    let text = root.text(AVERAGE)?;
    let value = text.split(' ').next().and_then(|value| value.parse().ok());
    value.ok_or_else(|| Unreadable::new(AVERAGE, "no number"))
}
