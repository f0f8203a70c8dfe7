//! The machine's CPUs as `mainspring topology` shows them: a tree, a table, or JSON.

mod table;
mod tree;

use crate::machine::interrupts::{Interrupts, Source};
use crate::machine::machine::{self, Machine};
use crate::machine::root::{Root, cpu_path};
use mainspring::{CoreClass, Cpu, Topology, list_of};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The schema's name and version.
pub const SCHEMA: &str = "mainspring-topology/1";

/// Everything that is known of a machine's CPUs.
#[derive(Clone, Debug, Serialize)]
pub struct Layout {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The machine as a whole.
    pub machine: Machine,
    /// The CPUs that are online, in ascending order.
    pub cpus: Vec<Row>,
    #[serde(skip)]
    model: String,
}

/// One CPU. `None` where the system doesn't say.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
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
    /// `performance` or `efficiency`, on machines that have both; otherwise `uniform`.
    pub class: &'static str,
    /// Whether this process may use it.
    pub is_allowed: bool,
    /// Whether the kernel's balancing leaves it alone.
    pub is_isolated: bool,
    /// Whether its tick stops while one thread runs.
    pub is_nohz_full: bool,
    /// The frequency that it may reach.
    pub max_mhz: Option<u64>,
    /// The frequency that it had when it was asked.
    pub mhz: Option<u64>,
    /// What governs the frequency.
    pub governor: Option<String>,
    /// Interrupts by devices, since the machine was started.
    pub interrupts_device: Option<u64>,
    /// All interrupts since then: devices', ticks, and those of the kernel's own.
    pub interrupts: Option<u64>,
}

impl Layout {
    /// Looks at a machine, whose topology was read from the same place.
    pub fn of(root: &Root, topology: &Topology) -> Self {
        let allowed: Vec<_> = topology.allowed().map(|cpu| cpu.id).collect();
        let interrupts = Interrupts::read(root).ok();
        let clocks = clocks(&root.find("proc/cpuinfo").unwrap_or_default());
        let row = |cpu: &Cpu| row(root, cpu, interrupts.as_ref(), clocks.get(&cpu.id).copied());
        Self {
            schema: SCHEMA,
            machine: machine::read_below(root.path(), &allowed, None),
            cpus: topology.cpus().iter().map(row).collect(),
            model: topology.to_string(),
        }
    }

    /// Packages, nodes, caches, cores, as a tree.
    pub fn tree(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = self.head(&mut text);
        text + "\n" + &tree::text(&self.cpus)
    }

    /// A row for each CPU.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = self.head(&mut text);
        text + "\n" + &table::text(&self.cpus, &self.machine.offline)
    }

    fn head(&self, text: &mut String) -> std::fmt::Result {
        let Machine { kernel, hypervisor, smt, quota_cpus, cpus_allowed, .. } = &self.machine;
        let Machine { isolated, nohz_full, offline, fingerprint, microcode, .. } = &self.machine;
        writeln!(text, "{}", self.model)?;
        match hypervisor {
            Some(name) => writeln!(text, "virtual:     yes, by {name}")?,
            None => writeln!(text, "virtual:     no hypervisor detected")?,
        }
        if !kernel.is_empty() {
            writeln!(text, "kernel:      Linux {kernel}")?;
        }
        if let Some(microcode) = microcode {
            writeln!(text, "microcode:   {microcode}")?;
        }
        writeln!(text, "SMT:         {}", smt.as_deref().unwrap_or("not told"))?;
        let quota = quota_cpus.as_ref().map_or("none".into(), |cpus| format!("{cpus} CPUs"));
        writeln!(text, "CPU quota:   {quota}")?;
        writeln!(text, "allowed:     {}", list_of(cpus_allowed))?;
        let lists = [("isolated:", isolated), ("nohz_full:", nohz_full), ("offline:", offline)];
        for (name, cpus) in lists.into_iter().filter(|(_, cpus)| !cpus.is_empty()) {
            writeln!(text, "{name:<12} {}", list_of(cpus))?;
        }
        writeln!(text, "fingerprint: {fingerprint}")
    }
}

fn row(root: &Root, cpu: &Cpu, interrupts: Option<&Interrupts>, clock: Option<u64>) -> Row {
    let mhz = |file: &str| {
        let khz = root.number::<u64>(&cpu_path(cpu.id, &format!("cpufreq/{file}"))).ok()?;
        Some(khz / 1000)
    };
    let count = |is: fn(&Source) -> bool| interrupts.map(|all| all.count(cpu.id, is));
    Row {
        cpu: cpu.id,
        core: cpu.core,
        l3: cpu.l3,
        node: cpu.node,
        package: cpu.package,
        class: match cpu.class {
            CoreClass::Uniform => "uniform",
            CoreClass::Performance => "performance",
            CoreClass::Efficiency => "efficiency",
        },
        is_allowed: cpu.is_allowed,
        is_isolated: cpu.is_isolated,
        is_nohz_full: cpu.is_nohz_full,
        max_mhz: mhz("cpuinfo_max_freq"),
        mhz: mhz("scaling_cur_freq").or(clock),
        governor: root.find(&cpu_path(cpu.id, "cpufreq/scaling_governor")),
        interrupts_device: count(Source::is_device),
        interrupts: count(|_| true),
    }
}

/// What `/proc/cpuinfo` says of each CPU's frequency, in MHz.
fn clocks(cpuinfo: &str) -> BTreeMap<usize, u64> {
    let mut clocks = BTreeMap::new();
    let mut cpu = None;
    for (key, value) in cpuinfo.lines().filter_map(|line| line.split_once(':')) {
        match (key.trim(), cpu) {
            ("processor", _) => cpu = value.trim().parse().ok(),
            ("cpu MHz", Some(cpu)) => {
                let mhz = value.trim().parse::<f64>().ok();
                clocks.extend(mhz.map(|mhz| (cpu, mhz as u64)));
            }
            _ => {}
        }
    }
    clocks
}
