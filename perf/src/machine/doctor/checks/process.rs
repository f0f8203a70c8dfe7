//! The process itself: its build, its limits.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::root::Unreadable;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "build",
        group: "process",
        effect: "unoptimised code is several times slower: its figures say nothing about the library",
        look: build,
    },
    Check {
        name: "memlock",
        group: "process",
        effect: "an engine can't lock more memory than the limit, so page faults of microseconds \
                 remain possible",
        look: memlock,
    },
    Check {
        name: "rtprio",
        group: "process",
        effect: "runners can't have a real-time priority: an ordinary thread on their CPU may run \
                 for milliseconds",
        look: rtprio,
    },
    Check {
        name: "timer_slack",
        group: "process",
        effect: "every timed sleep, including a runner's, may end that much later",
        look: timer_slack,
    },
];

fn build(system: &System) -> Result<Finding, Unreadable> {
    if !system.root.is_here() {
        return Ok(Finding::note("a copy of a machine's files: nothing is measured there"));
    }
    Ok(match cfg!(debug_assertions) {
        true => Finding::spoils("this command was built without optimisation")
            .counted("debug_assertions", "on")
            .fix(Fix::plain("cargo run --release -- doctor", "leave --release out")),
        false => Finding::ok("built with optimisation"),
    })
}

const LIMITS: &str = "proc/self/limits";

/// A soft limit; `None` if there is no limit.
fn limit(system: &System, name: &str) -> Result<Option<u64>, Unreadable> {
    let text = system.root.text(LIMITS)?;
    let missing = || Unreadable::new(LIMITS, format!("no line {name:?} with a number"));
    let rest = text.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(missing)?;
    match rest.split_whitespace().next() {
        Some("unlimited") => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| missing()),
        None => Err(missing()),
    }
}

/// Numbers as in `capabilities(7)`.
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_NICE: u32 = 23;

fn has_capability(system: &System, number: u32) -> Result<bool, Unreadable> {
    let path = "proc/self/status";
    let text = system.root.text(path)?;
    let mask = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let mask = mask.ok_or_else(|| Unreadable::new(path, "no line \"CapEff\" with a number"))?;
    Ok(mask >> number & 1 == 1)
}

/// An engine with a few large mailboxes and stacks fits.
const MEMLOCK_ENOUGH: u64 = 64 << 20;

fn memlock(system: &System) -> Result<Finding, Unreadable> {
    let seen = |finding: Finding, limit: &str| finding.seen(LIMITS, limit);
    match limit(system, "Max locked memory")? {
        None => Ok(seen(Finding::ok("memory can be locked without limit"), "unlimited")),
        Some(limit) => {
            let text = format!("Max locked memory {limit}");
            if has_capability(system, CAP_IPC_LOCK)? {
                return Ok(seen(Finding::ok("CAP_IPC_LOCK: the limit doesn't apply"), &text));
            }
            let says = format!("{} MiB of memory can be locked", limit >> 20);
            if limit >= MEMLOCK_ENOUGH {
                return Ok(seen(Finding::ok(says), &text));
            }
            let command = "ulimit -l unlimited (after a line `USER - memlock unlimited` in \
                           /etc/security/limits.d/mainspring.conf)";
            let fix = Fix::root(command, "remove that line");
            Ok(seen(Finding::note(says).fix(fix), &text))
        }
    }
}

fn rtprio(system: &System) -> Result<Finding, Unreadable> {
    let limit = limit(system, "Max realtime priority")?;
    let text = limit.map_or("unlimited".into(), |limit| limit.to_string());
    let finding = if limit != Some(0) {
        Finding::ok(format!("real-time priorities up to {text} are allowed"))
    } else if has_capability(system, CAP_SYS_NICE)? {
        Finding::ok("CAP_SYS_NICE: real-time priorities are allowed")
    } else {
        let command = "a line `USER - rtprio 49` in /etc/security/limits.d/mainspring.conf, then \
                       log in again";
        Finding::note("real-time priorities are refused")
            .fix(Fix::root(command, "remove that line"))
    };
    Ok(finding.seen(LIMITS, format!("Max realtime priority {text}")))
}

/// The kernel's default, in nanoseconds, is 50 times as much.
const SLACK_SMALL_NS: u64 = 1_000;

fn timer_slack(system: &System) -> Result<Finding, Unreadable> {
    let path = "proc/self/timerslack_ns";
    let slack: u64 = system.root.number(path)?;
    let says = format!("timed sleeps may end {} µs late", slack as f64 / 1e3);
    let finding = match slack <= SLACK_SMALL_NS {
        true => Finding::ok(says),
        false => Finding::note(says).fix(Fix::plain(
            "in the program: prctl(PR_SET_TIMERSLACK, 1) in the thread that starts the engine",
            format!("prctl(PR_SET_TIMERSLACK, {slack})"),
        )),
    };
    Ok(finding.seen(path, slack))
}
