//! The machine's CPUs as the kernel describes them: which share a core, a cache, a package.
//!
//! Everything is read from files below `/sys` and `/proc`, or from a copy of them elsewhere, so
//! that tests can use machines that we don't have. Containers and sandboxes hide files at will. So
//! what a file doesn't say is assumed to be the simplest case: each CPU a core of its own, one
//! cache, one package. Only a missing list of CPUs is an error.

mod cgroup;
mod files;
mod list;

pub use cgroup::cpu_controllers;
pub use list::{cpus_in, list_of};

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// One CPU: a hardware thread, under the number that the kernel gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// The kernel's number, as pinning takes it.
    pub id: usize,
    /// The physical core, counted over the whole machine; CPUs of one core are SMT siblings.
    pub core: usize,
    /// The group of CPUs that share a last-level cache, counted over the whole machine.
    pub l3: usize,
    /// The NUMA node.
    pub node: usize,
    /// The package (socket).
    pub package: usize,
    /// The kind of its core.
    pub class: CoreClass,
    /// Whether this process may use it: its first thread's mask and its cgroup's cpuset both say
    /// so.
    pub is_allowed: bool,
    /// Whether the kernel's load balancing leaves it out (`isolcpus`).
    pub is_isolated: bool,
    /// Whether its timer tick stops while a single thread runs there (`nohz_full`).
    pub is_nohz_full: bool,
}

impl Cpu {
    /// An ordinary CPU that may be used: a core of its own, and the first cache, node and package.
    pub fn new(id: usize) -> Self {
        Self {
            id,
            core: id,
            l3: 0,
            node: 0,
            package: 0,
            class: CoreClass::Uniform,
            is_allowed: true,
            is_isolated: false,
            is_nohz_full: false,
        }
    }
}

/// The kind of a core, on machines that have more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoreClass {
    /// All cores are alike, or the system doesn't say.
    Uniform,
    /// One of the faster cores.
    Performance,
    /// One of the slower cores, made to save energy.
    Efficiency,
}

/// How far apart two CPUs are, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distance {
    /// The same CPU.
    SameCpu,
    /// SMT siblings.
    SameCore,
    /// Other cores behind the same last-level cache.
    SameL3,
    /// The same NUMA node.
    SameNode,
    /// The same package.
    SamePackage,
    /// Different packages.
    OtherPackage,
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameCpu => "same CPU",
            Self::SameCore => "same core",
            Self::SameL3 => "same L3",
            Self::SameNode => "same node",
            Self::SamePackage => "same package",
            Self::OtherPackage => "other package",
        })
    }
}

/// The CPUs of a machine that are online, and which of them this process may use.
///
/// ```
/// let topology = mainspring::Topology::read()?;
/// let allowed = topology.allowed().map(|cpu| cpu.id);
/// assert!(allowed.eq(mainspring::allowed_cpus()));
/// # Ok::<(), mainspring::TopologyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    model: String,
    /// In ascending order of their ids.
    cpus: Vec<Cpu>,
    offline: Vec<usize>,
    quota_cpus: Option<f64>,
}

/// A system file could not be read without which nothing is known about the machine.
#[derive(Debug, Error)]
#[error("{}: {error}: the CPUs of this machine can't be listed without it", path.display())]
pub struct TopologyError {
    /// The file.
    pub path: PathBuf,
    /// Why it couldn't be read.
    pub error: io::Error,
}

impl Topology {
    /// Reads this machine.
    ///
    /// # Errors
    /// [`TopologyError`] where there is no list of CPUs: only Linux has one.
    ///
    /// # Blocking
    /// Reads some files for each CPU; for tools and for starting up.
    pub fn read() -> Result<Self, TopologyError> {
        Self::read_from(Path::new("/"))
    }

    /// Reads the machine whose `sys` and `proc` lie below this folder.
    ///
    /// # Errors
    /// [`TopologyError`], as [`read`](Self::read).
    pub fn read_from(root: &Path) -> Result<Self, TopologyError> {
        files::topology(root)
    }

    /// A described machine, for tests and simulations.
    pub fn from_cpus(model: impl Into<String>, mut cpus: Vec<Cpu>) -> Self {
        cpus.sort_by_key(|cpu| cpu.id);
        cpus.dedup_by_key(|cpu| cpu.id);
        Self { model: model.into(), cpus, offline: Vec::new(), quota_cpus: None }
    }

    /// The processor's name, as the kernel gives it; `unknown` if it doesn't.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The CPUs that are online, in ascending order of their ids.
    pub fn cpus(&self) -> &[Cpu] {
        &self.cpus
    }

    /// Those that this process may use.
    pub fn allowed(&self) -> impl Iterator<Item = &Cpu> {
        self.cpus.iter().filter(|cpu| cpu.is_allowed)
    }

    /// The CPUs that exist, and are switched off.
    pub fn offline(&self) -> &[usize] {
        &self.offline
    }

    /// The CPU time that cgroups leave this process, in CPUs: 1.5 means 1.5 s in each second.
    /// `None` without a limit.
    ///
    /// It is the lowest limit of the process's own group and of all groups around it that can be
    /// seen.
    pub fn quota_cpus(&self) -> Option<f64> {
        self.quota_cpus
    }

    /// The CPU with that number, if it is online.
    pub fn cpu(&self, id: usize) -> Option<&Cpu> {
        let place = self.cpus.binary_search_by_key(&id, |cpu| cpu.id).ok()?;
        Some(&self.cpus[place])
    }

    /// How far apart two CPUs are; `None` if one of them isn't online.
    pub fn distance(&self, a: usize, b: usize) -> Option<Distance> {
        let (a, b) = (self.cpu(a)?, self.cpu(b)?);
        Some(match () {
            () if a.id == b.id => Distance::SameCpu,
            () if a.core == b.core => Distance::SameCore,
            () if a.l3 == b.l3 => Distance::SameL3,
            () if a.package != b.package => Distance::OtherPackage,
            () if a.node == b.node => Distance::SameNode,
            () => Distance::SamePackage,
        })
    }

    /// A hash of the machine's model and of where each CPU belongs: the same machine has the same
    /// one.
    ///
    /// It doesn't depend on what this process may use, nor on boot parameters.
    pub fn fingerprint(&self) -> String {
        let place = |cpu: &Cpu| [cpu.id, cpu.core, cpu.l3, cpu.node, cpu.package];
        let numbers =
            self.cpus.iter().flat_map(place).flat_map(|number| (number as u64).to_le_bytes());
        let hash = self.model.bytes().chain(numbers).fold(0xcbf2_9ce4_8422_2325, fnv1a);
        format!("{hash:016x}")
    }
}

/// [`Topology::quota_cpus`] alone; the rest takes many more files.
pub(crate) fn quota_cpus() -> Option<f64> {
    cgroup::quota_cpus(Path::new("/"))
}

/// One step of FNV-1a (Fowler, Noll, Vo; 64 bits).
fn fnv1a(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// In one line: the model, and the numbers of packages, L3 groups, cores and CPUs.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |of: fn(&Cpu) -> usize| {
            let mut all: Vec<_> = self.cpus.iter().map(of).collect();
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        let counted = |count: usize, what: &str| {
            format!("{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        write!(
            f,
            "{}, {}, {}, {}, {}",
            self.model,
            counted(count(|cpu| cpu.package), "package"),
            counted(count(|cpu| cpu.l3), "L3 group"),
            counted(count(|cpu| cpu.core), "core"),
            counted(self.cpus.len(), "CPU"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_grow_from_the_core_to_the_package() {
        let at = |id, core, l3, node, package| Cpu { core, l3, node, package, ..Cpu::new(id) };
        let cpus = vec![at(0, 0, 0, 0, 0), at(1, 0, 0, 0, 0), at(2, 1, 0, 0, 0), at(3, 2, 1, 0, 0)];
        let far = vec![at(4, 3, 2, 1, 0), at(5, 4, 3, 2, 1)];
        let topology = Topology::from_cpus("x", cpus.into_iter().chain(far).collect());
        let distances: Vec<_> = (0..6).filter_map(|cpu| topology.distance(0, cpu)).collect();
        use Distance::*;
        assert_eq!(distances, [SameCpu, SameCore, SameL3, SameNode, SamePackage, OtherPackage]);
        assert_eq!(topology.distance(0, 6), None);
    }
}
