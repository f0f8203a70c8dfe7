//! The files in which Linux describes a machine.

use super::{CoreClass, Cpu, Topology, TopologyError, cgroup, cpus_in};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The lines of `/proc/cpuinfo` that name a processor; each architecture has its own.
const MODEL_LINES: &[&str] = &["model name", "cpu model", "Processor", "cpu", "uarch", "Hardware"];

/// Slower cores have less than this part of the largest capacity. Cores that are meant to be alike
/// may also differ, by a few percent.
const EFFICIENCY_BELOW: f64 = 2.0 / 3.0;

/// Reads the machine below `root`.
pub(super) fn topology(root: &Path) -> Result<Topology, TopologyError> {
    Files(root).topology()
}

struct Files<'a>(&'a Path);

impl Files<'_> {
    fn topology(&self) -> Result<Topology, TopologyError> {
        let online = self.online()?;
        let isolated = self.list("sys/devices/system/cpu/isolated");
        let nohz_full = self.list("sys/devices/system/cpu/nohz_full");
        let allowed = self.allowed(&online);
        let (classes, nodes) = (self.classes(&online), self.nodes());
        let (mut cores, mut caches) = (Groups::default(), Groups::default());
        let cpu = |id: &usize| {
            let package = self.package(*id);
            Cpu {
                id: *id,
                core: cores.of(Known::First(self.siblings(*id).unwrap_or(*id))),
                l3: caches.of(self.last_level(*id).map_or(Known::Package(package), Known::First)),
                node: nodes.get(id).copied().unwrap_or(0),
                package,
                class: classes.get(id).copied().unwrap_or(CoreClass::Uniform),
                is_allowed: allowed.binary_search(id).is_ok(),
                is_isolated: isolated.binary_search(id).is_ok(),
                is_nohz_full: nohz_full.binary_search(id).is_ok(),
            }
        };
        let cpus: Vec<_> = online.iter().map(cpu).collect();
        let present = self.list("sys/devices/system/cpu/present");
        let offline = present.into_iter().filter(|cpu| online.binary_search(cpu).is_err());
        Ok(Topology {
            model: self.model(),
            cpus,
            offline: offline.collect(),
            quota_cpus: cgroup::quota_cpus(self.0),
        })
    }

    fn online(&self) -> Result<Vec<usize>, TopologyError> {
        let path = self.0.join("sys/devices/system/cpu/online");
        let online = fs::read_to_string(&path).and_then(|text| {
            let cpus = cpus_in(&text).filter(|cpus| !cpus.is_empty());
            cpus.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no list of CPUs"))
        });
        online.map_err(|error| TopologyError { path, error })
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.0.join(path)).ok()
    }

    /// Empty if the file is missing, or is no list.
    fn list(&self, path: &str) -> Vec<usize> {
        self.text(path).and_then(|text| cpus_in(&text)).unwrap_or_default()
    }

    fn of_cpu(&self, id: usize, path: &str) -> Option<String> {
        self.text(&format!("sys/devices/system/cpu/cpu{id}/{path}"))
    }

    /// The first of the CPUs that share something with this one, which must be among them.
    fn first_sharing(&self, id: usize, path: &str) -> Option<usize> {
        let sharing = cpus_in(&self.of_cpu(id, path)?)?;
        sharing.contains(&id).then(|| sharing[0])
    }

    /// The first CPU of the same core: the file has had two names.
    fn siblings(&self, id: usize) -> Option<usize> {
        let of = |path| self.first_sharing(id, path);
        of("topology/core_cpus_list").or_else(|| of("topology/thread_siblings_list"))
    }

    /// 0 if there is no number; some virtual machines say -1.
    fn package(&self, id: usize) -> usize {
        let text = self.of_cpu(id, "topology/physical_package_id");
        text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The first CPU behind the same largest cache, whose level may be 2 on small machines.
    fn last_level(&self, id: usize) -> Option<usize> {
        let index = |index| {
            let level = self.of_cpu(id, &format!("cache/index{index}/level"))?;
            let first = self.first_sharing(id, &format!("cache/index{index}/shared_cpu_list"))?;
            Some((level.trim().parse::<u32>().ok()?, first))
        };
        let last = (0..10).filter_map(index).max_by_key(|(level, _)| *level)?;
        (last.0 >= 2).then_some(last.1)
    }

    fn nodes(&self) -> BTreeMap<usize, usize> {
        let folder = "sys/devices/system/node";
        let names = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        let number = |name: std::ffi::OsString| name.to_str()?.strip_prefix("node")?.parse().ok();
        let nodes = names.filter_map(|entry| number(entry.file_name()));
        let of = |node: usize| {
            let cpus = self.list(&format!("{folder}/node{node}/cpulist"));
            cpus.into_iter().map(move |cpu| (cpu, node))
        };
        nodes.flat_map(of).collect()
    }

    /// Intel's hybrids have a device for the counters of each kind; elsewhere the capacities
    /// differ.
    fn classes(&self, online: &[usize]) -> BTreeMap<usize, CoreClass> {
        let of = |device: &str| self.list(&format!("sys/devices/{device}/cpus"));
        let (fast, slow) = (of("cpu_core"), [of("cpu_atom"), of("cpu_lowpower")].concat());
        if !fast.is_empty() && !slow.is_empty() {
            let fast = fast.into_iter().map(|cpu| (cpu, CoreClass::Performance));
            return fast.chain(slow.into_iter().map(|cpu| (cpu, CoreClass::Efficiency))).collect();
        }
        self.classes_by_capacity(online)
    }

    fn classes_by_capacity(&self, online: &[usize]) -> BTreeMap<usize, CoreClass> {
        let capacity = |id: &usize| {
            let text = self.of_cpu(*id, "cpu_capacity")?;
            Some((*id, f64::from(text.trim().parse::<u32>().ok()?)))
        };
        let capacities: Vec<_> = online.iter().filter_map(capacity).collect();
        let largest = capacities.iter().fold(0.0, |most: f64, (_, one)| most.max(*one));
        let is_slow = |capacity: f64| capacity < largest * EFFICIENCY_BELOW;
        if !capacities.iter().any(|(_, capacity)| is_slow(*capacity)) {
            return BTreeMap::new();
        }
        let class = |(cpu, capacity)| {
            let slow = is_slow(capacity);
            (cpu, if slow { CoreClass::Efficiency } else { CoreClass::Performance })
        };
        capacities.into_iter().map(class).collect()
    }

    /// A CPU is allowed unless something restricts it. A restriction that leaves no CPU is ignored.
    fn allowed(&self, online: &[usize]) -> Vec<usize> {
        let cut = |allowed: Vec<usize>, by: Option<Vec<usize>>| {
            let Some(by) = by else { return allowed };
            let both = allowed.iter().copied().filter(|cpu| by.binary_search(cpu).is_ok());
            let both: Vec<_> = both.collect();
            if both.is_empty() { allowed } else { both }
        };
        cut(cut(online.to_vec(), self.first_mask()), cgroup::cpuset(self.0))
    }

    /// The mask of the process's first thread: its others may be pinned.
    fn first_mask(&self) -> Option<Vec<usize>> {
        let status = self.text("proc/self/status")?;
        cpus_in(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?)
    }

    fn model(&self) -> String {
        let info = self.text("proc/cpuinfo").unwrap_or_default();
        let value = |name: &&str| {
            let pairs = info.lines().filter_map(|line| line.split_once(':'));
            let mut values = pairs.filter(|(key, _)| key.trim() == *name).map(|(_, value)| value);
            values.next().map(|value| value.trim().to_owned())
        };
        // The board's name, where the processor has none.
        let board = || Some(self.text("proc/device-tree/model")?.trim_matches('\0').to_owned());
        let names = MODEL_LINES.iter().filter_map(value).chain(board());
        names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into())
    }
}

/// What identifies a group.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Its first CPU.
    First(usize),
    /// Its package, if no file says which CPUs share.
    Package(usize),
}

/// Numbers groups in the order in which they are found.
#[derive(Default)]
struct Groups(BTreeMap<Known, usize>);

impl Groups {
    fn of(&mut self, known: Known) -> usize {
        let next = self.0.len();
        *self.0.entry(known).or_insert(next)
    }
}
