//! What the figures were measured on.

use mainspring::Topology;
use serde::{Deserialize, Serialize};
use std::fs::read_to_string;
use std::path::Path;

/// The machine, as far as it explains figures. `None` where the system doesn't say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// [`Topology::fingerprint`].
    pub fingerprint: String,
    /// The machine in one line.
    pub summary: String,
    /// The processor's name, as the kernel gives it.
    pub cpu_model: String,
    /// The kernel's release.
    pub kernel: String,
    /// What the kernel was started with.
    pub cmdline: Option<String>,
    /// The hypervisor's name, or `unknown` if there is one without a name; `None` on bare metal.
    pub hypervisor: Option<String>,
    /// The clock that the kernel uses.
    pub clocksource: Option<String>,
    /// What governs the frequency of the first allowed CPU.
    pub governor: Option<String>,
    /// `on`, `off`, `notsupported`, …
    pub smt: Option<String>,
    /// Transparent huge pages: `always`, `madvise`, `never`.
    pub thp: Option<String>,
    /// The share of its CPUs' time that the cgroup leaves the process, in CPUs, as text.
    pub quota_cpus: Option<String>,
    /// CPUs that the process may use.
    pub cpus_allowed: Vec<usize>,
    /// The CPU of the caller and that of the runner, if there are two.
    pub cpus_used: Vec<usize>,
    /// Every CPU's place.
    pub cpus: Vec<Place>,
}

/// Where a CPU belongs; see [`mainspring::Cpu`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The kernel's number.
    pub cpu: usize,
    /// The physical core.
    pub core: usize,
    /// The group that shares a last-level cache.
    pub l3: usize,
    /// The NUMA node.
    pub node: usize,
    /// The package.
    pub package: usize,
    /// Whether the kernel's balancing leaves it alone.
    pub is_isolated: bool,
}

/// Looks at this machine.
pub fn look(allowed: &[usize], used: Option<(usize, usize)>) -> Machine {
    look_below(Path::new("/"), allowed, used)
}

/// Looks at the machine whose `sys` and `proc` lie below this folder.
pub fn look_below(root: &Path, allowed: &[usize], used: Option<(usize, usize)>) -> Machine {
    let text = |path: &str| {
        let text = read_to_string(root.join(path)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let info = text("proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let is_virtual =
        field("flags").is_some_and(|flags| flags.split(' ').any(|f| f == "hypervisor"));
    let topology = Topology::read_from(root).ok();
    let cpus = topology.iter().flat_map(|topology| topology.cpus()).map(|cpu| Place {
        cpu: cpu.id,
        core: cpu.core,
        l3: cpu.l3,
        node: cpu.node,
        package: cpu.package,
        is_isolated: cpu.is_isolated,
    });
    let of_first = |path: &str| {
        text(&format!("sys/devices/system/cpu/cpu{}/{path}", allowed.first().copied().unwrap_or(0)))
    };
    Machine {
        fingerprint: topology.as_ref().map(Topology::fingerprint).unwrap_or_default(),
        summary: topology.as_ref().map(ToString::to_string).unwrap_or_default(),
        cpu_model: field("model name").unwrap_or_else(|| "unknown".into()),
        kernel: text("proc/sys/kernel/osrelease").unwrap_or_default(),
        cmdline: text("proc/cmdline"),
        hypervisor: is_virtual.then(|| "unknown".to_owned()),
        clocksource: text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        governor: of_first("cpufreq/scaling_governor"),
        smt: text("sys/devices/system/cpu/smt/control"),
        thp: text("sys/kernel/mm/transparent_hugepage/enabled").and_then(|text| chosen(&text)),
        quota_cpus: None,
        cpus_allowed: allowed.to_vec(),
        cpus_used: used.map_or(Vec::new(), |(caller, runner)| vec![caller, runner]),
        cpus: cpus.collect(),
    }
}

/// The word in brackets, as in `always [madvise] never`.
fn chosen(words: &str) -> Option<String> {
    let (_, rest) = words.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}
