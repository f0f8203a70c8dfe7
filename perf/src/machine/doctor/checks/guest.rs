//! What being a virtual machine means for figures, and being a host of some.

use crate::machine::doctor::check::Check;
use crate::machine::doctor::finding::{BY_HYPERVISOR, Finding, Fix};
use crate::machine::doctor::system::System;
use crate::machine::root::Unreadable;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "virtual",
        group: "virtual machine",
        effect: "which of the host's cores the CPUs run on, who shares them and how fast they are can't \
                 be known here and may change: read tails as upper bounds",
        look: is_virtual,
    },
    Check {
        name: "halt_poll",
        group: "virtual machine",
        effect: "an idle virtual CPU is given back to the hypervisor at once: waking a parked \
                 runner then takes tens of microseconds rather than a few, for the waker as well",
        look: halt_poll,
    },
];

fn is_virtual(system: &System) -> Result<Finding, Unreadable> {
    let Some(name) = &system.hypervisor else {
        // Where the processor doesn't tell, silence isn't an answer.
        system.root.text("proc/cpuinfo")?;
        return Ok(Finding::ok("no hypervisor detected"));
    };
    let says = format!(
        "a virtual machine ({name}): host placement, siblings and frequency are unknown here"
    );
    let finding = Finding::note(says).counted("hypervisor", name);
    Ok(finding.out_of_reach(BY_HYPERVISOR))
}

const DRIVER: &str = "sys/devices/system/cpu/cpuidle/current_driver";
const GUEST: &str = "sys/module/haltpoll/parameters/guest_halt_poll_ns";
const HOST: &str = "sys/module/kvm/parameters/halt_poll_ns";
/// The kernel's default.
const POLL_NS: u64 = 200_000;

fn halt_poll(system: &System) -> Result<Finding, Unreadable> {
    if !system.is_virtual() {
        return Ok(match system.root.number::<u64>(HOST) {
            Ok(nanos) => {
                let says = format!("not a guest; this host polls for its guests for {nanos} ns");
                Finding::ok(says).seen(HOST, nanos)
            }
            Err(_) => Finding::ok("neither a guest nor a host of KVM guests"),
        });
    }
    let driver = system.root.find(DRIVER).unwrap_or_else(|| "none".into());
    let Ok(nanos) = system.root.number::<u64>(GUEST) else {
        let says = format!("this guest doesn't poll before it halts (idle driver: {driver})");
        let finding = Finding::note(says).seen(DRIVER, driver);
        return Ok(finding.out_of_reach("whether the host polls for it can't be known from inside"));
    };
    let finding = match nanos {
        0 => Finding::warns("this guest doesn't poll before it halts").fix(Fix::write(
            format!("/{GUEST}"),
            POLL_NS,
            0,
        )),
        _ => Finding::ok(format!("this guest polls for up to {nanos} ns before it halts")),
    };
    Ok(finding.seen(GUEST, nanos).seen(DRIVER, driver))
}
