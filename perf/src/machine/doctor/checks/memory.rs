//! Memory: what the kernel does to pages behind a program's back.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::root::Unreadable;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "thp",
        group: "memory",
        effect: "the kernel clears, compacts and merges huge pages while a thread waits for one: \
                 hundreds of microseconds",
        look: huge_pages,
    },
    Check {
        name: "numa_balancing",
        group: "memory",
        effect: "the kernel unmaps pages to see who uses them, and moves them: page faults of \
                 microseconds at any time",
        look: numa_balancing,
    },
    Check {
        name: "swap",
        group: "memory",
        effect: "a page that was written out is read back from disk: milliseconds",
        look: swap,
    },
];

const THP: &str = "sys/kernel/mm/transparent_hugepage";

fn huge_pages(system: &System) -> Result<Finding, Unreadable> {
    let enabled = format!("{THP}/enabled");
    let mode = system.root.chosen(&enabled)?;
    let finding = match mode.as_str() {
        "always" => Finding::warns("huge pages are on for every program").fix(Fix::write(
            format!("/{enabled}"),
            "madvise",
            "always",
        )),
        _ => Finding::ok(format!("huge pages: {mode}")),
    };
    let finding = finding.seen(enabled, mode);
    let also = ["defrag", "khugepaged/defrag"].map(|file| format!("{THP}/{file}"));
    Ok(also.into_iter().fold(finding, |finding, path| match system.root.text(&path) {
        Ok(text) => finding.seen(path, text),
        Err(_) => finding,
    }))
}

fn numa_balancing(system: &System) -> Result<Finding, Unreadable> {
    let mut nodes: Vec<_> = system.topology.cpus().iter().map(|cpu| cpu.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.len() == 1 {
        return Ok(Finding::ok("one node: nothing to balance").counted("NUMA nodes", 1));
    }
    let path = "proc/sys/kernel/numa_balancing";
    let now: u32 = system.root.number(path)?;
    let finding = match now {
        0 => Finding::ok("pages stay on their nodes"),
        _ => Finding::warns(format!("pages are moved between {} nodes", nodes.len()))
            .fix(Fix::write(format!("/{path}"), 0, now)),
    };
    Ok(finding.seen(path, now))
}

fn swap(system: &System) -> Result<Finding, Unreadable> {
    let path = "proc/swaps";
    let text = system.root.text(path)?;
    // Below a line of headings: name, kind, size and what is used of it.
    let used = |line: &str| line.split_whitespace().nth(3)?.parse::<u64>().ok();
    let used: Vec<_> = text.lines().skip(1).filter_map(used).collect();
    let fix = || Fix::root("sudo swapoff --all", "sudo swapon --all");
    let finding = match used.iter().fold(0, |sum: u64, one| sum.saturating_add(*one)) {
        _ if used.is_empty() => return Ok(Finding::ok("no swap").seen(path, "none")),
        0 => Finding::note("there is swap, and it is empty").fix(fix()),
        kib => Finding::warns(format!("{} MiB are swapped out", kib >> 10)).fix(fix()),
    };
    let swappiness = "proc/sys/vm/swappiness";
    let finding = match system.root.text(swappiness) {
        Ok(value) => finding.seen(swappiness, value),
        Err(_) => finding,
    };
    Ok(finding.seen(path, text))
}
