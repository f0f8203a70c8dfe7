//! Interrupts on the CPUs that matter, and who puts them there.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::interrupts::{Interrupts, Source};
use crate::machine::root::Unreadable;
use mainspring::{cpus_in, list_of};
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "irqs",
        group: "interrupts",
        effect: "each device's interrupt takes its CPU away for some microseconds, and the work it \
                 starts often takes longer",
        look: irqs,
    },
    Check {
        name: "irqbalance",
        group: "interrupts",
        effect: "it moves devices' interrupts onto other CPUs every ten seconds, even onto CPUs \
                 that were cleared of them",
        look: irqbalance,
    },
];

/// Interrupts a second: at a thousand, each thousandth request of a busy second meets one.
const RATE_SPOILS: f64 = 1000.0;
const RATE_WARNS: f64 = 10.0;

fn irqs(system: &System) -> Result<Finding, Unreadable> {
    let counts = &system.counts;
    let interrupts = counts.interrupts.as_ref().map_err(Unreadable::clone)?;
    if counts.seconds.is_nan() {
        return Err(Unreadable::new("proc/uptime", "no number: the counts cover an unknown time"));
    }
    let rate = |is: fn(&Source) -> bool| {
        let count = |cpu: &usize| interrupts.count(*cpu, is) as f64;
        system.cpus.iter().map(count).sum::<f64>() / counts.seconds
    };
    let device = rate(Source::is_device);
    let (ticks, rest) = (rate(Source::is_tick), rate(|one| !one.is_device() && !one.is_tick()));
    let says = format!(
        "{device:.0} device interrupts a second {} (besides {ticks:.0} ticks and {rest:.0} of the kernel's own)",
        counts.when()
    );
    let finding = match device {
        rate if rate >= RATE_SPOILS && !counts.is_since_start => Finding::spoils(says),
        rate if rate >= RATE_WARNS => Finding::warns(says),
        _ => Finding::ok(says),
    };
    let devices = devices(system, interrupts);
    let finding = devices.iter().take(SHOWN).fold(finding, |finding, device| {
        let what = format!("IRQ {} {} on {}", device.number, device.what, device.affinity);
        finding.counted(what, device.count)
    });
    let elsewhere = system.others();
    Ok(match devices.first().filter(|_| device >= RATE_WARNS && !elsewhere.is_empty()) {
        Some(first) => finding.fix(move_away(first, &devices, &list_of(&elsewhere))),
        None => finding,
    })
}

/// How many devices are named.
const SHOWN: usize = 5;

/// A device that interrupts the CPUs that matter.
struct Device {
    number: String,
    what: String,
    count: u64,
    /// Where it may interrupt.
    affinity: String,
}

/// Busiest first.
fn devices(system: &System, interrupts: &Interrupts) -> Vec<Device> {
    let mut by_number: BTreeMap<&str, (&Source, u64)> = BTreeMap::new();
    let all = system.cpus.iter().flat_map(|cpu| interrupts.by_source(*cpu));
    for (source, count) in all.filter(|(source, _)| source.is_device()) {
        let sum = &mut by_number.entry(&source.name).or_insert((source, 0)).1;
        *sum = sum.saturating_add(count);
    }
    let device = |(source, count): (&Source, u64)| {
        let path = format!("proc/irq/{}/smp_affinity_list", source.name);
        let affinity = system.root.find(&path).unwrap_or_else(|| "CPUs unknown".into());
        // Long lists in copies are one CPU after the other.
        let affinity = cpus_in(&affinity).map_or(affinity, |cpus| list_of(&cpus));
        Device { number: source.name.clone(), what: source.what.clone(), count, affinity }
    };
    let mut devices: Vec<_> = by_number.into_values().map(device).collect();
    devices.sort_by_key(|device| std::cmp::Reverse(device.count));
    devices
}

fn move_away(first: &Device, devices: &[Device], elsewhere: &str) -> Fix {
    let numbers: Vec<_> = devices.iter().take(SHOWN).map(|one| one.number.as_str()).collect();
    let path = match numbers[..] {
        [only] => format!("/proc/irq/{only}/smp_affinity_list"),
        _ => format!("/proc/irq/{{{}}}/smp_affinity_list", numbers.join(",")),
    };
    Fix::write(path, elsewhere, &first.affinity)
}

fn irqbalance(system: &System) -> Result<Finding, Unreadable> {
    let names = system.root.names("proc")?;
    let is_process = |name: &&String| name.bytes().all(|letter| letter.is_ascii_digit());
    let mut processes = names.iter().filter(is_process).peekable();
    if processes.peek().is_none() {
        return Err(Unreadable::new("proc", "no process can be seen"));
    }
    let path = |process: &String| format!("proc/{process}/comm");
    let is_it = |process: &&String| {
        system.root.find(&path(process)).is_some_and(|name| name == "irqbalance")
    };
    let Some(found) = processes.find(is_it) else {
        let says = "irqbalance isn't running, as far as this process can see";
        return Ok(Finding::ok(says).counted("/proc/*/comm", "none is irqbalance"));
    };
    // It leaves those alone by itself.
    let open = system.those(|cpu| !cpu.is_isolated && !cpu.is_nohz_full);
    let finding = match open.is_empty() {
        true => Finding::note("irqbalance is running, but leaves isolated CPUs alone"),
        false => Finding::warns("irqbalance is running")
            .fix(Fix::root("sudo systemctl stop irqbalance", "sudo systemctl start irqbalance")),
    };
    Ok(finding.seen(path(found), "irqbalance"))
}
