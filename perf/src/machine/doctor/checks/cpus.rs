//! The CPUs that matter: how many there are, who shares them, who else may run there.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{Finding, Fix};
use crate::machine::doctor::system::{System, braces};
use crate::machine::root::{Unreadable, cpu_path};
use mainspring::{cpus_in, list_of};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "cpu_count",
        group: "CPUs",
        effect: "with one CPU, caller and runner alternate: every figure measures the kernel's scheduler; \
                 with two, everything else on the machine competes with them",
        look: count,
    },
    Check {
        name: "allowed",
        group: "CPUs",
        effect: "a thread can't be pinned to a CPU outside of the process's mask",
        look: allowed,
    },
    Check {
        name: "smt",
        group: "CPUs",
        effect: "a thread on the sibling takes part of the core, unseen by the scheduler: tens of \
                 percent, at any moment",
        look: smt,
    },
    Check {
        name: "isolation",
        group: "CPUs",
        effect: "the kernel may run other threads on the CPU: one preemption costs milliseconds",
        look: isolation,
    },
    Check {
        name: "nohz_full",
        group: "CPUs",
        effect: "the timer's tick and RCU callbacks interrupt a runner that spins, for some \
                 microseconds, 100 to 1000 times a second",
        look: nohz_full,
    },
];

const ONLINE: &str = "sys/devices/system/cpu/online";

fn count(system: &System) -> Result<Finding, Unreadable> {
    let allowed: Vec<_> = system.topology.allowed().map(|cpu| cpu.id).collect();
    let finding = match allowed.len() {
        0 | 1 => Finding::spoils("this process has one CPU: nothing can run in parallel"),
        2 => Finding::warns("this process has two CPUs: none is left for the rest of the system"),
        count => Finding::ok(format!("this process has {count} CPUs")),
    };
    let finding = finding.counted("allowed", list_of(&allowed));
    Ok(match allowed.len() {
        0..=2 => finding
            .out_of_reach("can't be changed from inside: give the machine or container more CPUs"),
        _ => finding,
    })
}

/// Named CPUs, or isolated ones, that the process's mask leaves out.
fn allowed(system: &System) -> Result<Finding, Unreadable> {
    let path = "proc/self/status";
    let status = system.root.text(path)?;
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
    let line = line.ok_or_else(|| Unreadable::new(path, "no line \"Cpus_allowed_list\""))?;
    let mask = |finding: Finding| finding.seen(path, line.replace('\t', " "));
    let refused = system.those(|cpu| !cpu.is_allowed);
    let taskset = |cpus: &[usize]| {
        let all = system.topology.cpus().iter().filter(|cpu| cpu.is_allowed).map(|cpu| cpu.id);
        let mut all: Vec<_> = all.chain(cpus.iter().copied()).collect();
        all.sort_unstable();
        Fix::plain(format!("taskset -c {} mainspring …", list_of(&all)), "start it without taskset")
    };
    if !refused.is_empty() {
        let says = format!("CPUs {} are not allowed to this process", list_of(&refused));
        return Ok(mask(Finding::spoils(says).fix(taskset(&refused))));
    }
    let free = system.topology.cpus().iter().filter(|cpu| cpu.is_isolated && !cpu.is_allowed);
    let free: Vec<_> = free.map(|cpu| cpu.id).collect();
    if free.is_empty() {
        return Ok(mask(Finding::ok("the CPUs that matter are allowed")));
    }
    let says = format!("CPUs {} are isolated, but not in this process's mask", list_of(&free));
    Ok(mask(Finding::note(says).fix(taskset(&free))))
}

fn smt(system: &System) -> Result<Finding, Unreadable> {
    let control = "sys/devices/system/cpu/smt/control";
    let seen = |finding: Finding| match system.root.text(control) {
        Ok(state) => finding.seen(control, state),
        Err(_) => finding,
    };
    system.cpus.iter().try_for_each(|cpu| are_siblings_told(system, *cpu))?;
    let of = |cpu: &usize| system.siblings(*cpu);
    let siblings: Vec<_> = system.cpus.iter().flat_map(of).collect();
    let inside = siblings.iter().any(|sibling| system.cpus.contains(sibling));
    let outside = siblings.iter().copied().filter(|sibling| !system.cpus.contains(sibling));
    let mut outside: Vec<_> = outside.collect();
    outside.sort_unstable();
    outside.dedup();
    if inside {
        let says = format!("CPUs {} share a core with each other", system.list());
        let fix = Fix::plain("choose CPUs of different cores: mainspring topology", "choose these");
        return Ok(seen(Finding::warns(says).fix(fix)));
    }
    if outside.is_empty() {
        return Ok(seen(Finding::ok("no other CPU of these cores is online")));
    }
    let path = format!("/sys/devices/system/cpu/{}/online", braces(&outside));
    let says = format!("CPUs {} share these cores and are online", list_of(&outside));
    Ok(seen(Finding::warns(says).fix(Fix::write(path, 0, 1))))
}

/// Without this information, each CPU counts as a core of its own: that must not pass for an answer.
fn are_siblings_told(system: &System, cpu: usize) -> Result<(), Unreadable> {
    let [now, former] = ["core_cpus_list", "thread_siblings_list"]
        .map(|file| cpu_path(cpu, &format!("topology/{file}")));
    let text = system.root.text(&now).or_else(|_| system.root.text(&former))?;
    match cpus_in(&text).is_some_and(|cpus| cpus.contains(&cpu)) {
        true => Ok(()),
        false => Err(Unreadable::new(&now, format!("{text:?} is no list with CPU {cpu}"))),
    }
}

fn isolation(system: &System) -> Result<Finding, Unreadable> {
    let path = "sys/devices/system/cpu/isolated";
    let now = system.root.text_or_nothing(path)?;
    let seen = |finding: Finding| finding.seen(path, if now.is_empty() { "none" } else { &now });
    let open = system.those(|cpu| !cpu.is_isolated);
    if open.is_empty() {
        return Ok(seen(Finding::ok("the CPUs that matter are isolated")));
    }
    let list = system.list();
    let says = format!("CPUs {} are not isolated", list_of(&open));
    if system.others().is_empty() {
        let says = format!("{says}: there is no other CPU for the rest");
        return Ok(seen(Finding::note(says)).seen(ONLINE, &list));
    }
    let free = system.topology.cpus().iter().filter(|cpu| cpu.is_isolated);
    let free: Vec<_> = free.map(|cpu| cpu.id).collect();
    let fix = match free.is_empty() {
        true => Fix::boot(format!("isolcpus=managed_irq,domain,{list}")),
        false => Fix::plain(
            format!("choose from the isolated ones: {}", list_of(&free)),
            format!("choose {list}"),
        ),
    };
    Ok(seen(Finding::warns(says).fix(fix)))
}

fn nohz_full(system: &System) -> Result<Finding, Unreadable> {
    let path = "sys/devices/system/cpu/nohz_full";
    let list = system.list();
    let ticking = system.those(|cpu| !cpu.is_nohz_full);
    // Without the file, the kernel was built without the feature; a list may still be empty.
    let is_built_in = system.root.path().join(path).exists();
    let now = system.root.find(path).unwrap_or_else(|| "none".into());
    if ticking.is_empty() {
        return Ok(Finding::ok("no tick while one thread runs there").seen(path, now));
    }
    if !is_built_in {
        let says = "this kernel can't stop its tick (it lacks CONFIG_NO_HZ_FULL)";
        return Ok(Finding::note(says).seen(path, "missing"));
    }
    let says = format!("the timer ticks on CPUs {}", list_of(&ticking));
    let calls = system.boot("rcu_nocbs")?.unwrap_or_default();
    let calls = cpus_in(&calls).unwrap_or_default();
    let with_calls: Vec<_> = ticking.iter().copied().filter(|cpu| !calls.contains(cpu)).collect();
    let says = match with_calls.is_empty() {
        true => says,
        false => format!("{says}, and RCU callbacks run on {}", list_of(&with_calls)),
    };
    let is_isolated = system.those(|cpu| !cpu.is_isolated).is_empty();
    // Where other threads may run too, the tick hardly matters.
    let finding = if is_isolated { Finding::warns(says) } else { Finding::note(says) };
    let fix = Fix::boot(format!("nohz_full={list} rcu_nocbs={list}"));
    Ok(finding.seen(path, now).fix(fix))
}
