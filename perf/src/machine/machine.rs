//! What the figures were measured on.

use crate::machine::hypervisor;

use crate::machine::root::{Root, cpu_path};
use mainspring::Topology;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// The processor's microcode.
    #[serde(default)]
    pub microcode: Option<String>,
    /// What the kernel does about each weakness of the processor.
    #[serde(default)]
    pub mitigations: BTreeMap<String, String>,
    /// CPUs that the kernel's balancing leaves alone.
    #[serde(default)]
    pub isolated: Vec<usize>,
    /// CPUs whose tick stops while one thread runs.
    #[serde(default)]
    pub nohz_full: Vec<usize>,
    /// CPUs that are switched off.
    #[serde(default)]
    pub offline: Vec<usize>,
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
pub fn read(allowed: &[usize], used: Option<(usize, usize)>) -> Machine {
    read_below(Path::new("/"), allowed, used)
}

/// Looks at the machine whose `sys` and `proc` lie below this folder.
pub fn read_below(root: &Path, allowed: &[usize], used: Option<(usize, usize)>) -> Machine {
    let topology = Topology::read_from(root).ok();
    let root = Root::new(Some(root));
    let info = root.find("proc/cpuinfo").unwrap_or_default();
    let cpus = topology.as_ref().map(Topology::cpus).unwrap_or_default();
    let those = |is: fn(&mainspring::Cpu) -> bool| {
        cpus.iter().filter(|cpu| is(cpu)).map(|cpu| cpu.id).collect()
    };
    let place = |cpu: &mainspring::Cpu| Place {
        cpu: cpu.id,
        core: cpu.core,
        l3: cpu.l3,
        node: cpu.node,
        package: cpu.package,
        is_isolated: cpu.is_isolated,
    };
    let first = allowed.first().copied().unwrap_or(0);
    let quota = topology.as_ref().and_then(Topology::quota_cpus);
    Machine {
        fingerprint: topology.as_ref().map(Topology::fingerprint).unwrap_or_default(),
        summary: topology.as_ref().map(ToString::to_string).unwrap_or_default(),
        cpu_model: topology.as_ref().map_or("unknown", |topology| topology.model()).into(),
        kernel: root.find("proc/sys/kernel/osrelease").unwrap_or_default(),
        cmdline: root.find("proc/cmdline"),
        hypervisor: hypervisor::name(&root, &info),
        clocksource: root.find("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        governor: root.find(&cpu_path(first, "cpufreq/scaling_governor")),
        smt: root.find("sys/devices/system/cpu/smt/control"),
        thp: root.chosen("sys/kernel/mm/transparent_hugepage/enabled").ok(),
        quota_cpus: quota.map(|quota| quota.to_string()),
        microcode: microcode(&info),
        mitigations: mitigations(&root),
        isolated: those(|cpu| cpu.is_isolated),
        nohz_full: those(|cpu| cpu.is_nohz_full),
        offline: topology.as_ref().map_or(Vec::new(), |topology| topology.offline().to_vec()),
        cpus_allowed: allowed.to_vec(),
        cpus_used: used.map_or(Vec::new(), |(caller, runner)| vec![caller, runner]),
        cpus: cpus.iter().map(place).collect(),
    }
}

/// The hypervisor of the machine below `root`, as [`Machine::hypervisor`].
pub fn hypervisor(root: &Root) -> Option<String> {
    hypervisor::name(root, &root.find("proc/cpuinfo").unwrap_or_default())
}

fn microcode(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("microcode"))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn mitigations(root: &Root) -> BTreeMap<String, String> {
    let folder = "sys/devices/system/cpu/vulnerabilities";
    let names = root.names(folder).unwrap_or_default().into_iter();
    let names = names.filter_map(|name| Some((root.find(&format!("{folder}/{name}"))?, name)));
    names.map(|(state, name)| (name, state)).collect()
}
