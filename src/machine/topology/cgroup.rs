//! What cgroups leave the process: CPUs, and time on them.
//!
//! `/proc/self/cgroup` names the process's groups, `/proc/self/mountinfo` the folders in which they
//! can be seen. A container often sees its own group as the root, or a group's name that has a
//! meaning only outside. Then we use what can be seen at the mount.

use super::cpus_in;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folders of the process's own CPU group and those around it, innermost first, as far as they
/// can be seen below `root`. Machines with both kinds of cgroup may have both here.
///
/// For the `mainspring` command, which reads more of their files than the library.
pub fn cpu_controllers(root: &Path) -> Vec<PathBuf> {
    folders(root, "cpu").map(|folder| folder.path).filter(|path| path.is_dir()).collect()
}

/// The tightest of the groups' limits, in CPUs.
pub(super) fn quota_cpus(root: &Path) -> Option<f64> {
    folders(root, "cpu").filter_map(|folder| folder.quota()).reduce(f64::min)
}

/// The CPUs of the nearest group that has a list. The lists of all hierarchies apply.
pub(super) fn cpuset(root: &Path) -> Option<Vec<usize>> {
    let nearest = |is_v2: bool| {
        let mut folders = folders(root, "cpuset").filter(|folder| folder.is_v2 == is_v2);
        folders.find_map(|folder| folder.cpus())
    };
    match (nearest(false), nearest(true)) {
        (Some(one), Some(other)) => {
            Some(one.into_iter().filter(|cpu| other.binary_search(cpu).is_ok()).collect())
        }
        (one, other) => one.or(other),
    }
}

struct Folder {
    path: PathBuf,
    is_v2: bool,
}

impl Folder {
    fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path.join(file)).ok()
    }

    fn quota(&self) -> Option<f64> {
        if self.is_v2 {
            return quota_of(&self.text("cpu.max")?);
        }
        let (quota, period) = (self.text("cpu.cfs_quota_us")?, self.text("cpu.cfs_period_us")?);
        quota_of(&format!("{} {}", quota.trim(), period.trim()))
    }

    fn cpus(&self) -> Option<Vec<usize>> {
        let names: &[&str] = match self.is_v2 {
            true => &["cpuset.cpus.effective"],
            false => &["cpuset.effective_cpus", "cpuset.cpus"],
        };
        let list = |name: &&str| cpus_in(&self.text(name)?).filter(|cpus| !cpus.is_empty());
        names.iter().find_map(list)
    }
}

/// The ratio of a quota and its period, if there is a limit: `max` and negative ones are none.
fn quota_of(both: &str) -> Option<f64> {
    let both = both.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let (quota, period) = both.split_once(char::is_whitespace)?;
    let positive = |text: &str| {
        text.trim().parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite())
    };
    Some(positive(quota)? / positive(period)?).filter(|ratio| ratio.is_finite())
}

/// A file system of cgroups, and which group is seen at its mount.
struct Mount {
    point: PathBuf,
    group: PathBuf,
    is_v2: bool,
}

/// The folders of the process's groups of this controller, innermost first.
fn folders(root: &Path, controller: &str) -> impl Iterator<Item = Folder> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    mounts(root, controller).into_iter().flat_map(move |mount| {
        let group = group_of(&groups, controller, mount.is_v2).unwrap_or("/");
        let inner = below(Path::new(group), &mount.group);
        let paths: Vec<_> = inner.ancestors().map(|inner| mount.point.join(inner)).collect();
        paths.into_iter().map(move |path| Folder { path, is_v2: mount.is_v2 })
    })
}

/// The group's place below the one that is seen at the mount; none if it lies elsewhere.
fn below(group: &Path, mounted: &Path) -> PathBuf {
    let inner = group.strip_prefix(mounted).unwrap_or(Path::new(""));
    let is_inside = inner.components().all(|part| matches!(part, Component::Normal(_)));
    if is_inside { inner.to_owned() } else { PathBuf::new() }
}

/// Reads lines like `4:cpu,cpuacct:/docker/1` and `0::/user.slice`.
fn group_of<'a>(groups: &'a str, controller: &str, is_v2: bool) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let is_it = match is_v2 {
            true => number == "0" && controllers.is_empty(),
            false => controllers.split(',').any(|one| one == controller),
        };
        is_it.then_some(path)
    })
}

/// Where this controller's groups are mounted: the usual places, unless a file says otherwise.
fn mounts(root: &Path, controller: &str) -> Vec<Mount> {
    let Ok(table) = fs::read_to_string(root.join("proc/self/mountinfo")) else {
        let usual = |point: &str, is_v2| {
            let point = root.join(format!("sys/fs/cgroup{point}"));
            Mount { point, group: "/".into(), is_v2 }
        };
        return vec![usual("", true), usual(&format!("/{controller}"), false)];
    };
    table.lines().filter_map(|line| mount(root, controller, line)).collect()
}

/// Reads a line like `32 31 0:29 /docker/1 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu`.
fn mount(root: &Path, controller: &str, line: &str) -> Option<Mount> {
    let (place, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let is_v2 = match kind.next()? {
        "cgroup2" => true,
        "cgroup" if kind.nth(1)?.split(',').any(|option| option == controller) => false,
        _ => return None,
    };
    let mut place = place.split(' ').skip(3);
    let (group, point) = (place.next()?, place.next()?);
    let point = root.join(point.strip_prefix('/')?);
    Some(Mount { point, group: group.into(), is_v2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_ratio_or_none_whatever_the_file_says() {
        assert_eq!(quota_of("50000 100000\n"), Some(0.5));
        assert_eq!(quota_of("150000\t100000"), Some(1.5));
        let bad = ["", "max 100000", "-1 100000", "5", "0 0", "1 0", "1 -5", "a b", "NaN 1"];
        let more = ["inf 1", "1 inf", "1e308 1e-308", "\u{0} 1", "1  ", " 1 2 3"];
        bad.into_iter().chain(more).for_each(|text| assert_eq!(quota_of(text), None, "{text:?}"));
    }

    #[test]
    fn a_group_that_can_not_be_seen_is_looked_for_at_the_mount() {
        let inner = |group: &str, mounted: &str| below(Path::new(group), Path::new(mounted));
        assert_eq!(inner("/a/b", "/"), Path::new("a/b"));
        assert_eq!(inner("/docker/1/x", "/docker/1"), Path::new("x"));
        assert_eq!(inner("/docker/1", "/docker/1"), Path::new(""));
        assert_eq!(inner("/elsewhere", "/docker/1"), Path::new(""));
        assert_eq!(inner("/../../etc", "/"), Path::new(""));
    }
}
