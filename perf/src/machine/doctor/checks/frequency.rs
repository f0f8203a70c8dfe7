//! How fast the CPUs run, and how deep they sleep.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{BY_HYPERVISOR, Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::root::{Unreadable, cpu_path};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "governor",
        group: "frequency",
        effect: "an idle CPU lowers its clock and needs milliseconds to raise it again: after a pause \
                 the same work can take several times as long",
        look: governor,
    },
    Check {
        name: "turbo",
        group: "frequency",
        effect: "the frequency depends on temperature and on how many cores are busy: runs differ \
                 by tens of percent",
        look: turbo,
    },
    Check {
        name: "idle_states",
        group: "frequency",
        effect: "a CPU in a deep idle state takes that long to wake, which adds to every wake-up of a \
                 parked runner",
        look: idle_states,
    },
];

fn governor(system: &System) -> Result<Finding, Unreadable> {
    let file = |cpu: &usize| cpu_path(*cpu, "cpufreq/scaling_governor");
    let governors: Vec<_> = system.cpus.iter().map(|cpu| system.root.text(&file(cpu))).collect();
    if system.is_virtual() && governors.iter().all(Result::is_err) {
        let says = "how fast these CPUs run can't be seen from here";
        return Ok(Finding::note(says).out_of_reach(BY_HYPERVISOR));
    }
    let governors = governors.into_iter().collect::<Result<Vec<_>, _>>()?;
    let slow = governors.iter().find(|governor| *governor != "performance");
    let finding = match slow {
        None => Finding::ok("the governor is performance"),
        Some(slow) => {
            let path =
                format!("/sys/devices/system/cpu/{}/cpufreq/scaling_governor", system.braces());
            let says = format!("the governor is {slow}");
            Finding::spoils(says).fix(Fix::write(path, "performance", slow))
        }
    };
    let seen = system.cpus.iter().zip(&governors);
    Ok(seen.fold(finding, |finding, (cpu, governor)| finding.seen(file(cpu), governor)))
}

/// Each with what it says when turbo is on.
const TURBO: [(&str, &str, &str); 2] = [
    ("sys/devices/system/cpu/intel_pstate/no_turbo", "0", "1"),
    ("sys/devices/system/cpu/cpufreq/boost", "1", "0"),
];

fn turbo(system: &System) -> Result<Finding, Unreadable> {
    let read = |(path, on, off)| Some((path, on, off, system.root.find(path)?));
    let Some((path, on, off, now)) = TURBO.into_iter().find_map(read) else {
        if system.is_virtual() {
            let says = "whether the host's CPUs use turbo can't be seen from here";
            return Ok(Finding::note(says).out_of_reach(BY_HYPERVISOR));
        }
        return Err(Unreadable::new(TURBO[1].0, "missing, and intel_pstate/no_turbo as well"));
    };
    let finding = match now == on {
        true => Finding::warns("turbo is on").fix(Fix::write(format!("/{path}"), off, on)),
        false => Finding::ok("turbo is off"),
    };
    Ok(finding.seen(path, now))
}

/// Waking from a state that takes longer is felt beside a futex's few microseconds.
const EXIT_LONG_US: u64 = 10;
const LATENCY: &str = "dev/cpu_dma_latency";

fn idle_states(system: &System) -> Result<Finding, Unreadable> {
    let mut deep: Vec<State> = Vec::new();
    let mut deepest: Option<State> = None;
    for cpu in &system.cpus {
        let states = match states(system, *cpu) {
            Err(_) if system.is_virtual() => {
                let says = "how the host's CPUs sleep can't be seen from here";
                return Ok(Finding::note(says).out_of_reach(BY_HYPERVISOR));
            }
            states => states?,
        };
        let enabled: Vec<_> = states.into_iter().filter(|state| !state.is_disabled).collect();
        deep.extend(enabled.iter().filter(|state| state.exit_us > EXIT_LONG_US).cloned());
        deepest = deepest.into_iter().chain(enabled).max_by_key(|state| state.exit_us);
    }
    let Some(State { path, name, exit_us, .. }) = deepest else {
        return Ok(Finding::ok("every idle state is off: idle CPUs spin"));
    };
    let says = format!("the deepest idle state, {name}, takes {exit_us} µs to leave");
    let seen = |finding: Finding| finding.seen(&path, exit_us);
    if deep.is_empty() {
        return Ok(seen(Finding::ok(says)));
    }
    if let Some(held) = held(system).filter(|held| u64::from(*held) <= EXIT_LONG_US) {
        let says = format!("deep idle states are blocked: leaving one takes {held} µs at most");
        return Ok(seen(Finding::ok(says)).seen(LATENCY, held));
    }
    Ok(seen(Finding::warns(says).fix(switch_off(system, &deep))))
}

fn switch_off(system: &System, deep: &[State]) -> Fix {
    let mut folders: Vec<_> = deep.iter().map(|state| state.folder.as_str()).collect();
    folders.sort_unstable();
    folders.dedup();
    let folders = match folders[..] {
        [only] => only.to_owned(),
        _ => format!("{{{}}}", folders.join(",")),
    };
    let cpus = system.braces();
    Fix::write(format!("/sys/devices/system/cpu/{cpus}/cpuidle/{folders}/disable"), 1, 0)
}

#[derive(Clone)]
struct State {
    folder: String,
    path: String,
    name: String,
    exit_us: u64,
    is_disabled: bool,
}

fn states(system: &System, cpu: usize) -> Result<Vec<State>, Unreadable> {
    let folder = cpu_path(cpu, "cpuidle");
    let names = system.root.names(&folder)?;
    let states = names.iter().filter(|name| name.starts_with("state"));
    let state = |state: &String| {
        let file = |file: &str| format!("{folder}/{state}/{file}");
        Ok(State {
            folder: state.clone(),
            path: file("latency"),
            name: system.root.find(&file("name")).unwrap_or_else(|| state.clone()),
            exit_us: system.root.number(&file("latency"))?,
            is_disabled: system.root.find(&file("disable")).is_some_and(|text| text != "0"),
        })
    };
    states.map(state).collect()
}

/// The longest exit that anybody allows, in microseconds: four bytes, for root alone. Reading them
/// asks for nothing.
fn held(system: &System) -> Option<u32> {
    use std::io::Read;
    let mut bytes = [0; 4];
    let mut file = std::fs::File::open(system.root.path().join(LATENCY)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(u32::from_ne_bytes(bytes))
}
