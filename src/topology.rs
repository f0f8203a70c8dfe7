//! The machine's CPUs as the kernel describes them: which share a core, a cache, a package.
//!
//! Everything is read from files below `/sys` and `/proc`, and may be read from a copy of them
//! elsewhere: so machines that nobody here owns can be tested. What a file doesn't say is taken to
//! be the simplest case (each CPU a core of its own, one cache, one package), because containers
//! and sandboxes hide files at will; only without a list of CPUs there is nothing to say.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
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
    /// Whether this process may use it.
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

/// The CPUs of a machine that are online.
///
/// ```
/// let topology = mainspring::Topology::read()?;
/// let allowed = topology.allowed().map(|cpu| cpu.id);
/// assert!(allowed.eq(mainspring::allowed_cpus()));
/// # Ok::<(), mainspring::TopologyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    model: String,
    /// In ascending order of their ids.
    cpus: Vec<Cpu>,
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
        Files(root).topology()
    }

    /// A machine that is described rather than read, for tests and simulations.
    pub fn from_cpus(model: impl Into<String>, mut cpus: Vec<Cpu>) -> Self {
        cpus.sort_by_key(|cpu| cpu.id);
        cpus.dedup_by_key(|cpu| cpu.id);
        Self { model: model.into(), cpus }
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

/// The files of one machine.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn topology(&self) -> Result<Topology, TopologyError> {
        let path = "sys/devices/system/cpu/online";
        let online = fs::read_to_string(self.0.join(path)).and_then(|text| {
            let cpus = cpus_in(&text).filter(|cpus| !cpus.is_empty());
            cpus.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no list of CPUs"))
        });
        let online = online.map_err(|error| TopologyError { path: self.0.join(path), error })?;
        let set = |path: &str| self.text(path).and_then(|text| cpus_in(&text)).unwrap_or_default();
        let isolated = set("sys/devices/system/cpu/isolated");
        let nohz_full = set("sys/devices/system/cpu/nohz_full");
        // Nobody says what is allowed: then everything is.
        let allowed = self.allowed().unwrap_or_else(|| online.clone());
        let classes = self.classes();
        let (mut cores, mut caches) = (Groups::default(), Groups::default());
        let cpu = |id: &usize| Cpu {
            id: *id,
            core: cores.of(*id, self.siblings(*id, "topology/thread_siblings_list")),
            l3: caches.of_or_first(self.last_level(*id)),
            node: self.node(*id),
            package: self.number(*id, "topology/physical_package_id"),
            class: classes.get(id).copied().unwrap_or(CoreClass::Uniform),
            is_allowed: allowed.contains(id),
            is_isolated: isolated.contains(id),
            is_nohz_full: nohz_full.contains(id),
        };
        Ok(Topology { model: self.model(), cpus: online.iter().map(cpu).collect() })
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.0.join(path)).ok()
    }

    fn of_cpu(&self, id: usize, path: &str) -> Option<String> {
        self.text(&format!("sys/devices/system/cpu/cpu{id}/{path}"))
    }

    fn siblings(&self, id: usize, path: &str) -> Vec<usize> {
        self.of_cpu(id, path).and_then(|text| cpus_in(&text)).unwrap_or_default()
    }

    /// 0 where there is no number; some virtual machines say -1.
    fn number(&self, id: usize, path: &str) -> usize {
        self.of_cpu(id, path).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The mask of the process's first thread: its own threads may be pinned.
    fn allowed(&self) -> Option<Vec<usize>> {
        let status = self.text("proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        cpus_in(line)
    }

    /// Which CPUs share the largest cache: its level may be 2 on small machines.
    fn last_level(&self, id: usize) -> Vec<usize> {
        let index = |index| {
            let level = self.of_cpu(id, &format!("cache/index{index}/level"))?;
            let shared = self.siblings(id, &format!("cache/index{index}/shared_cpu_list"));
            Some((level.trim().parse::<u32>().ok()?, shared))
        };
        let last = (0..10).map_while(index).max_by_key(|(level, _)| *level);
        last.filter(|(level, _)| *level >= 2).map(|(_, shared)| shared).unwrap_or_default()
    }

    fn node(&self, id: usize) -> usize {
        let folder = self.0.join(format!("sys/devices/system/cpu/cpu{id}"));
        let names =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let node = |name: std::ffi::OsString| name.to_str()?.strip_prefix("node")?.parse().ok();
        names.filter_map(node).next().unwrap_or(0)
    }

    /// Intel's hybrids have two devices for counters; elsewhere the capacities differ.
    fn classes(&self) -> BTreeMap<usize, CoreClass> {
        let of = |device: &str| {
            let text = self.text(&format!("sys/devices/{device}/cpus"))?;
            cpus_in(&text).filter(|cpus| !cpus.is_empty())
        };
        let (Some(fast), Some(slow)) = (of("cpu_core"), of("cpu_atom")) else {
            return BTreeMap::new();
        };
        let fast = fast.into_iter().map(|cpu| (cpu, CoreClass::Performance));
        fast.chain(slow.into_iter().map(|cpu| (cpu, CoreClass::Efficiency))).collect()
    }

    fn model(&self) -> String {
        let info = self.text("proc/cpuinfo").unwrap_or_default();
        let line = info.lines().find(|line| line.starts_with("model name"));
        let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
        name.filter(|name| !name.is_empty()).unwrap_or("unknown").into()
    }
}

/// Numbers groups in the order in which they are met; a group is known by its first member.
#[derive(Default)]
struct Groups(BTreeMap<usize, usize>);

impl Groups {
    /// The group of those who share something, the CPU itself included.
    fn of(&mut self, id: usize, sharing: Vec<usize>) -> usize {
        let first = sharing.into_iter().min().unwrap_or(id);
        let next = self.0.len();
        *self.0.entry(first).or_insert(next)
    }

    /// Where nobody says who shares, all do.
    fn of_or_first(&mut self, sharing: Vec<usize>) -> usize {
        self.of(0, sharing)
    }
}

/// Reads a list as the kernel writes it: `0-3,8,10-11`. `None` if it is none.
fn cpus_in(list: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in list.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let (first, last) = (number(first)?, number(last)?);
        // A million CPUs is no machine: a file with nonsense in it must not cost memory.
        if first > last || last >= 1 << 20 {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_the_kernel_is_read_and_nonsense_is_none() {
        assert_eq!(cpus_in("0-3,8,10-11\n"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(cpus_in("\n"), Some(vec![]));
        for bad in ["a", "3-1", "1-", "-1", "0-99999999999", "0-1048576"] {
            assert_eq!(cpus_in(bad), None, "{bad}");
        }
    }

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
