//! The machine's CPUs as the kernel describes them: which share a core, a cache, a package.
//!
//! Everything is read from files below `/sys` and `/proc`, and may be read from a copy of them
//! elsewhere: so machines that nobody here owns can be tested. What a file doesn't say is taken to
//! be the simplest case (each CPU a core of its own, one cache, one package), because containers
//! and sandboxes hide files at will; only without a list of CPUs there is nothing to say.

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
    /// What kind of core it is on.
    pub class: CoreClass,
    /// Whether this process may use it: its first thread's mask and its cgroup's cpuset both say so.
    pub is_allowed: bool,
    /// Whether the kernel's balancing leaves it alone (`isolcpus`).
    pub is_isolated: bool,
    /// Whether its tick stops while one thread runs (`nohz_full`).
    pub is_nohz_full: bool,
}

impl Cpu {
    /// An ordinary CPU that may be used: a core of its own, in the first group of everything.
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

/// The CPUs of a machine that are online, and what part of them this process has.
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

/// A system file without which nothing can be said about the machine.
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

    /// A machine that is described rather than read, for tests and simulations.
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

    /// The CPUs that are there, and switched off.
    pub fn offline(&self) -> &[usize] {
        &self.offline
    }

    /// The CPU time that cgroups leave this process, in CPUs: 1.5 are 1.5 s of each second. `None`
    /// without a limit.
    ///
    /// The process's own group counts and all those around it, as far as they can be seen; the
    /// tightest decides.
    pub fn quota_cpus(&self) -> Option<f64> {
        self.quota_cpus
    }

    /// The CPU of that number, if it is online.
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

    /// A number that stays the same while the machine does: its model, and where each CPU belongs.
    ///
    /// What this process may use isn't part of it, nor what boot parameters change.
    pub fn fingerprint(&self) -> String {
        let place = |cpu: &Cpu| [cpu.id, cpu.core, cpu.l3, cpu.node, cpu.package];
        let numbers =
            self.cpus.iter().flat_map(place).flat_map(|number| (number as u64).to_le_bytes());
        let hash = self.model.bytes().chain(numbers).fold(0xcbf2_9ce4_8422_2325, fnv1a);
        format!("{hash:016x}")
    }
}

/// [`Topology::quota_cpus`] without the rest, which takes many more files.
pub(crate) fn quota_cpus() -> Option<f64> {
    cgroup::quota_cpus(Path::new("/"))
}

/// One step of FNV-1a (Fowler, Noll, Vo; 64 bits).
fn fnv1a(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// In one line: the model, and how many there are of what.
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
