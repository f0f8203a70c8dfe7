//! The machine that is looked at, and which of its CPUs matter.

use crate::machine::doctor::counts::Counts;
use crate::machine::machine;
use crate::machine::root::{Root, Unreadable};
use mainspring::{Cpu, Topology, list_of};
use std::time::Duration;

/// A machine, as far as several checks want it.
pub struct System {
    /// Its files.
    pub root: Root,
    /// Its CPUs.
    pub topology: Topology,
    /// Those that matter, in ascending order.
    pub cpus: Vec<usize>,
    /// The hypervisor's name, if there is one.
    pub hypervisor: Option<String>,
    pub(super) counts: Counts,
}

impl System {
    /// Looks at a machine for a moment; without a moment, at what it has counted since its start.
    ///
    /// # Blocking
    /// For that moment, asleep.
    pub fn new(root: Root, topology: Topology, cpus: &[usize], moment: Option<Duration>) -> Self {
        let mut cpus = cpus.to_vec();
        cpus.sort_unstable();
        cpus.dedup();
        let counts = match moment {
            Some(moment) => Counts::during(&root, moment),
            None => Counts::since_start(&root),
        };
        let hypervisor = machine::hypervisor(&root);
        Self { root, topology, cpus, hypervisor, counts }
    }

    /// The CPUs that matter, as a list.
    pub(super) fn list(&self) -> String {
        list_of(&self.cpus)
    }

    /// The CPUs that matter, in a path for a shell: `cpu{0,1}`.
    pub(super) fn braces(&self) -> String {
        braces(&self.cpus)
    }

    /// Those of the CPUs that matter of which `is` holds.
    pub(super) fn those(&self, is: impl Fn(&Cpu) -> bool) -> Vec<usize> {
        let cpus = self.cpus.iter().filter_map(|cpu| self.topology.cpu(*cpu));
        cpus.filter(|cpu| is(cpu)).map(|cpu| cpu.id).collect()
    }

    /// The other CPUs of the same core that are online.
    pub(super) fn siblings(&self, cpu: usize) -> Vec<usize> {
        let core = self.topology.cpu(cpu).map(|cpu| cpu.core);
        let others = self.topology.cpus().iter().filter(|one| one.id != cpu);
        others.filter(|one| Some(one.core) == core).map(|one| one.id).collect()
    }

    /// The CPUs online that don't matter: where everything else can run.
    pub(super) fn others(&self) -> Vec<usize> {
        let all = self.topology.cpus().iter().map(|cpu| cpu.id);
        all.filter(|cpu| !self.cpus.contains(cpu)).collect()
    }

    pub(super) fn is_virtual(&self) -> bool {
        self.hypervisor.is_some()
    }

    /// The value of a kernel's parameter: `b` of `a=b`.
    pub(super) fn boot(&self, name: &str) -> Result<Option<String>, Unreadable> {
        let line = self.root.text("proc/cmdline")?;
        let mut words = line.split_whitespace().filter_map(|word| word.split_once('='));
        Ok(words.find(|(one, _)| *one == name).map(|(_, value)| value.to_owned()))
    }
}

pub(super) fn braces(cpus: &[usize]) -> String {
    match cpus {
        [only] => format!("cpu{only}"),
        _ => {
            let all: Vec<_> = cpus.iter().map(usize::to_string).collect();
            format!("cpu{{{}}}", all.join(","))
        }
    }
}
