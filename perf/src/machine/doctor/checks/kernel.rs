//! The kernel's settings: its clock, its watchdogs, its timers, its counters.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::root::Unreadable;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "clocksource",
        group: "kernel",
        effect: "each clock reading is a system call or a device access and takes up to microseconds, in \
                 every latency and every deadline",
        look: clocksource,
    },
    Check {
        name: "nmi_watchdog",
        group: "kernel",
        effect: "every few seconds each CPU gets an interrupt that can't be masked; and one hardware \
                 counter fewer is free",
        look: nmi_watchdog,
    },
    Check {
        name: "stat_interval",
        group: "kernel",
        effect: "a kernel thread gathers memory statistics on each busy CPU, every so many seconds",
        look: stat_interval,
    },
    Check {
        name: "rt_runtime",
        group: "kernel",
        effect: "a spinning thread of real-time priority is stopped for the rest of each second",
        look: rt_runtime,
    },
    Check {
        name: "timer_migration",
        group: "kernel",
        effect: "timers of idle CPUs move to busy ones, such as a spinning runner's",
        look: timer_migration,
    },
    Check {
        name: "perf_counters",
        group: "kernel",
        effect: "without hardware counters, cache misses, instructions and false sharing stay invisible",
        look: perf_counters,
    },
    Check {
        name: "mitigations",
        group: "kernel",
        effect: "system calls and wake-ups cost more where the kernel mitigates processor weaknesses: \
                 compare only figures with the same mitigations",
        look: mitigations,
    },
];

const CLOCKS: &str = "sys/devices/system/clocksource/clocksource0";
/// Those that are read without a system call.
const FAST: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "timebase"];

fn clocksource(system: &System) -> Result<Finding, Unreadable> {
    let path = format!("{CLOCKS}/current_clocksource");
    let now = system.root.text(&path)?;
    let available = format!("{CLOCKS}/available_clocksource");
    let all = system.root.find(&available).unwrap_or_else(|| "unknown".into());
    let finding = if FAST.contains(&now.as_str()) {
        Finding::ok(format!("the clock is {now}, read without a system call"))
    } else {
        let says = format!("the clock is {now}, which is slow to read");
        match all.split(' ').find(|name| FAST.contains(name)) {
            Some(better) => Finding::spoils(says).fix(Fix::write(format!("/{path}"), better, &now)),
            // The kernel has rejected the faster ones.
            None => Finding::spoils(format!("{says}; dmesg | grep -i clocksource says why")),
        }
    };
    Ok(finding.seen(path, now).seen(available, all))
}

/// A switch or number below `/proc/sys`: ok if `is_ok` says so, otherwise a note.
fn setting(
    system: &System,
    name: &str,
    better: i64,
    is_ok: fn(i64) -> bool,
    says: impl Fn(i64) -> String,
) -> Result<Finding, Unreadable> {
    let path = format!("proc/sys/{}", name.replace('.', "/"));
    let now: i64 = system.root.number(&path)?;
    let finding = match is_ok(now) {
        true => Finding::ok(says(now)),
        false => Finding::note(says(now)).fix(Fix::root(
            format!("sudo sysctl -w {name}={better}"),
            format!("sudo sysctl -w {name}={now}"),
        )),
    };
    Ok(finding.seen(path, now))
}

fn nmi_watchdog(system: &System) -> Result<Finding, Unreadable> {
    let says = |now| format!("the NMI watchdog is {}", if now == 0 { "off" } else { "on" });
    setting(system, "kernel.nmi_watchdog", 0, |now| now == 0, says)
}

fn stat_interval(system: &System) -> Result<Finding, Unreadable> {
    let says = |now| format!("statistics are gathered every {now} s");
    setting(system, "vm.stat_interval", 120, |now| now >= 60, says)
}

fn rt_runtime(system: &System) -> Result<Finding, Unreadable> {
    let says = |now| match now {
        -1 => "real-time threads may run without pause".into(),
        now => format!("real-time threads may run for {now} µs of each period"),
    };
    setting(system, "kernel.sched_rt_runtime_us", -1, |now| now == -1, says)
}

fn timer_migration(system: &System) -> Result<Finding, Unreadable> {
    let says = |now| match now {
        0 => "timers stay where they were set".into(),
        _ => "timers move from idle CPUs to busy ones".into(),
    };
    setting(system, "kernel.timer_migration", 0, |now| now == 0, says)
}

/// Above this, a user's own threads can't be measured either.
const PARANOID_MAX: i64 = 2;

fn perf_counters(system: &System) -> Result<Finding, Unreadable> {
    let devices = "sys/bus/event_source/devices";
    let names = system.root.names(devices)?;
    let is_counter = |name: &&String| {
        let name = name.as_str();
        ["cpu", "cpu_core"].contains(&name)
            || name.starts_with("armv8")
            || name.starts_with("armv9")
    };
    let Some(counter) = names.iter().find(is_counter) else {
        let finding = Finding::note("no hardware counters: only the kernel's own can be counted");
        let finding = finding.seen(devices, names.join(" "));
        return Ok(match system.is_virtual() {
            true => finding.out_of_reach("can't be changed from inside: the hypervisor hides them"),
            false => finding,
        });
    };
    let says = |now| match now <= PARANOID_MAX {
        true => "hardware counters can be used".into(),
        false => format!("hardware counters are for root alone (perf_event_paranoid {now})"),
    };
    let finding =
        setting(system, "kernel.perf_event_paranoid", 1, |now| now <= PARANOID_MAX, says)?;
    Ok(finding.seen(devices, counter))
}

/// What they cost depends on all of them; whether to turn them off isn't a question of latency.
fn mitigations(system: &System) -> Result<Finding, Unreadable> {
    let folder = "sys/devices/system/cpu/vulnerabilities";
    let names = system.root.names(folder)?;
    let states: Vec<_> = names
        .into_iter()
        .filter_map(|name| {
            let path = format!("{folder}/{name}");
            Some((system.root.find(&path)?, path))
        })
        .collect();
    let count = |word: &str| states.iter().filter(|(state, _)| state.contains(word)).count();
    let (mitigated, open) = (count("Mitigation"), count("Vulnerable"));
    let says = format!("{mitigated} processor weaknesses are mitigated, {open} are open");
    let finding = if mitigated == 0 { Finding::ok(says) } else { Finding::note(says) };
    let finding = match system.boot("mitigations") {
        Ok(Some(value)) => finding.seen("proc/cmdline", format!("mitigations={value}")),
        _ => finding,
    };
    let told = states.into_iter().filter(|(state, _)| state != "Not affected");
    Ok(told.fold(finding, |finding, (state, path)| finding.seen(path, state)))
}
