//! What the kernel counts of those who may disturb a CPU.
//!
//! Only one cause is known for a single hiccup: that the thread was off its CPU. The kernel counts
//! a thread's timeslices on a CPU, and asking for them is one short read. All else is counted over the
//! whole watch, and shown beside the hiccups.

use crate::machine::interrupts::{Interrupts, Source};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// What was counted on a CPU while it was watched. `None` where the system doesn't say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sources {
    /// Hiccups during which the watching thread was off the CPU: another thread had it.
    pub preempted: Option<u64>,
    /// The time that those took.
    pub preempted_ns: Option<u64>,
    /// Hiccups, at least, for which there were no interrupts and no preemptions left: what the
    /// kernel doesn't see, so the hypervisor's or the firmware's.
    pub unseen_min: Option<u64>,
    /// Interrupts that this CPU took, the most frequent first; those that there were.
    pub interrupts: Option<Vec<Counted>>,
    /// Softirqs that this CPU ran, likewise.
    pub softirqs: Option<Vec<Counted>>,
    /// Time that the hypervisor took from this CPU, in the kernel's ticks of 10 ms.
    pub steal_ms: Option<u64>,
    /// Times that the watching thread was made to leave the CPU.
    pub switches_involuntary: Option<u64>,
    /// Time that the watching thread could have run, and waited for the CPU.
    pub run_delay_ns: Option<u64>,
    /// Periods in which the cgroup's quota was used up, by all threads of it.
    pub throttled: Option<u64>,
}

/// One kind, and how many there were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its name, as the kernel gives it.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl Sources {
    /// Adds what is known of single hiccups: of so many, those that were preemptions, and their time.
    pub(super) fn with_preemptions(mut self, hiccups: u64, known: Option<(u64, Duration)>) -> Self {
        self.preempted = known.map(|(count, _)| count);
        self.preempted_ns = known.map(|(_, time)| time.as_nanos() as u64);
        let interrupts = self.interrupts.as_ref().map(|all| all.iter().map(|one| one.count).sum());
        let seen = interrupts.zip(self.preempted).map(|(all, others): (u64, u64)| all + others);
        self.unseen_min = seen.map(|seen| hiccups.saturating_sub(seen));
        self
    }
}

/// The kernel's counters at one moment.
pub(super) struct Snapshot {
    interrupts: Option<BTreeMap<String, u64>>,
    softirqs: Option<BTreeMap<String, u64>>,
    steal_ticks: Option<u64>,
    switches_involuntary: Option<u64>,
    run_delay_ns: Option<u64>,
    throttled: Option<u64>,
}

impl Snapshot {
    /// Reads the counters of this CPU and of the calling thread below `root`.
    pub(super) fn take(root: &Path, cpu: usize) -> Self {
        let text = |path: &str| read_to_string(root.join(path)).ok();
        let cgroup = ["sys/fs/cgroup/cpu.stat", "sys/fs/cgroup/cpu/cpu.stat"];
        Self {
            interrupts: text("proc/interrupts").and_then(|text| column(&text, cpu)),
            softirqs: text("proc/softirqs").and_then(|text| column(&text, cpu)),
            steal_ticks: text("proc/stat").and_then(|text| steal(&text, cpu)),
            switches_involuntary: text("proc/thread-self/status")
                .and_then(|text| named(&text, "nonvoluntary_ctxt_switches:")),
            run_delay_ns: text("proc/thread-self/schedstat").and_then(|text| word(&text, 1)),
            throttled: cgroup.iter().find_map(|path| named(&text(path)?, "nr_throttled")),
        }
    }

    /// What has happened between an earlier snapshot and this one.
    pub(super) fn since(&self, earlier: &Self) -> Sources {
        let rise = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Sources {
            preempted: None,
            preempted_ns: None,
            unseen_min: None,
            interrupts: rises(self.interrupts.as_ref(), earlier.interrupts.as_ref()),
            softirqs: rises(self.softirqs.as_ref(), earlier.softirqs.as_ref()),
            // USER_HZ is 100 wherever Linux runs today.
            steal_ms: rise(self.steal_ticks, earlier.steal_ticks).map(|ticks| ticks * 10),
            switches_involuntary: rise(self.switches_involuntary, earlier.switches_involuntary),
            run_delay_ns: rise(self.run_delay_ns, earlier.run_delay_ns),
            throttled: rise(self.throttled, earlier.throttled),
        }
    }
}

/// What rose, the most first.
fn rises(
    now: Option<&BTreeMap<String, u64>>,
    then: Option<&BTreeMap<String, u64>>,
) -> Option<Vec<Counted>> {
    let (now, then) = (now?, then?);
    let rise = |(name, count): (&String, &u64)| {
        let count = count.saturating_sub(then.get(name).copied().unwrap_or(0));
        (count > 0).then(|| Counted { name: name.clone(), count })
    };
    let mut rises: Vec<_> = now.iter().filter_map(rise).collect();
    rises.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    Some(rises)
}

/// One CPU's counts by the names of their sources; `None` if the CPU is offline.
fn column(table: &str, cpu: usize) -> Option<BTreeMap<String, u64>> {
    let table = Interrupts::parse(table)?;
    let column = table.column(cpu)?.map(|(source, count)| (name(source), count));
    Some(column.collect())
}

/// `virtio1-req.0 (36)` for a device's interrupt, `Local timer interrupts (LOC)` for the
/// architecture's own, the key for what has no description.
fn name(source: &Source) -> String {
    let Source { name, what, .. } = source;
    match what.rsplit(' ').next() {
        None | Some("") => name.clone(),
        // The controller's name and its line precede the device.
        Some(device) if source.is_device() => format!("{device} ({name})"),
        Some(_) => format!("{what} ({name})"),
    }
}

/// The eighth number of the CPU's line.
fn steal(stat: &str, cpu: usize) -> Option<u64> {
    let line = stat.lines().find(|line| line.split(' ').next() == Some(&format!("cpu{cpu}")))?;
    word(line, 8)
}

/// The number behind a name at the beginning of a line.
fn named(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next()? == name).then(|| words.next()?.parse().ok())?)
}

fn word(text: &str, place: usize) -> Option<u64> {
    text.split_whitespace().nth(place)?.parse().ok()
}

/// How often the calling thread has come back to a CPU.
pub(super) struct Timeslices {
    file: Option<File>,
    last: Option<u64>,
}

impl Timeslices {
    /// Counts those of the calling thread, if the kernel says.
    pub(super) fn of_this_thread() -> Self {
        let mut timeslices =
            Self { file: File::open("/proc/thread-self/schedstat").ok(), last: None };
        timeslices.last = timeslices.count();
        timeslices
    }

    /// Counts none.
    pub(super) fn unknown() -> Self {
        Self { file: None, last: None }
    }

    pub(super) fn is_known(&self) -> bool {
        self.last.is_some()
    }

    /// Whether the thread was off its CPU since it was last asked.
    pub(super) fn has_another(&mut self) -> bool {
        let count = self.count();
        count != std::mem::replace(&mut self.last, count)
    }

    fn count(&self) -> Option<u64> {
        let mut text = [0; 96];
        let length = self.file.as_ref()?.read_at(&mut text, 0).ok()?;
        word(std::str::from_utf8(&text[..length]).ok()?, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERRUPTS: &str = "           CPU0       CPU2       \n \
        24:          1          7  IO-APIC   5-edge      ACPI:Ged\n \
        36:          0    3035703 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n\
        LOC:   15835239   17333545   Local timer interrupts\n\
        ERR:          0\n";

    #[test]
    fn a_cpus_interrupts_are_found_by_the_head_of_its_column() {
        let second = column(INTERRUPTS, 2).unwrap();
        let expected = [
            ("ACPI:Ged (24)", 7),
            ("Local timer interrupts (LOC)", 17_333_545),
            ("virtio1-req.0 (36)", 3_035_703),
        ];
        assert!(second.iter().map(|(name, count)| (name.as_str(), *count)).eq(expected));
        assert_eq!(column(INTERRUPTS, 1), None, "CPU 1 is offline");
        assert_eq!(column("", 0), None);
    }

    #[test]
    fn softirqs_have_no_description() {
        let table = "       CPU0   CPU1\n  TIMER:   5   6\n  NET_RX:  1   2\n";
        let counts = column(table, 1).unwrap();
        assert_eq!(counts, BTreeMap::from([("TIMER".into(), 6), ("NET_RX".into(), 2)]));
    }

    #[test]
    fn steal_is_the_named_cpus_and_not_that_of_one_with_a_longer_number() {
        let stat =
            "cpu  1 2 3 4 5 6 7 80 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\ncpu11 1 2 3 4 5 6 7 9 0 0\n";
        assert_eq!([steal(stat, 1), steal(stat, 11), steal(stat, 0)], [Some(8), Some(9), None]);
    }

    #[test]
    fn a_difference_names_what_rose_the_most_first_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "proc/interrupts",
            "  CPU0\n 5: 10 chip edge disk\n NMI: 1 Non-maskable\n LOC: 7 Timer\n",
        );
        write("proc/thread-self/schedstat", "100 200 3\n");
        write("sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 2\n");
        let before = Snapshot::take(root.path(), 0);
        write(
            "proc/interrupts",
            "  CPU0\n 5: 12 chip edge disk\n NMI: 1 Non-maskable\n LOC: 99 Timer\n",
        );
        write("proc/thread-self/schedstat", "150 260 4\n");
        write("sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 3\n");
        let sources = Snapshot::take(root.path(), 0).since(&before);
        let counted = |name: &str, count| Counted { name: name.into(), count };
        assert_eq!(
            sources.interrupts,
            Some(vec![counted("Timer (LOC)", 92), counted("disk (5)", 2)])
        );
        assert_eq!((sources.run_delay_ns, sources.throttled), (Some(60), Some(1)));
        assert_eq!((sources.softirqs, sources.steal_ms), (None, None), "no such files");
    }

    #[test]
    fn hiccups_beyond_all_interrupts_and_preemptions_are_nobodys_that_the_kernel_sees() {
        let interrupts = [5, 3].map(|count| Counted { name: "x".into(), count });
        let sources = Sources { interrupts: Some(interrupts.into()), ..Sources::default() };
        let unseen = |hiccups, known| sources.clone().with_preemptions(hiccups, known).unseen_min;
        let known = Some((2, Duration::from_nanos(7)));
        assert_eq!(
            [unseen(25, known), unseen(4, known), unseen(25, None)],
            [Some(15), Some(0), None]
        );
        assert_eq!(sources.clone().with_preemptions(25, known).preempted_ns, Some(7));
        assert_eq!(Sources::default().with_preemptions(25, known).unseen_min, None);
    }

    #[test]
    fn a_sleep_is_another_stint_and_no_news_is_none() {
        let mut timeslices = Timeslices::of_this_thread();
        if !timeslices.is_known() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
        assert!(timeslices.has_another());
        assert!(!Timeslices::unknown().has_another());
    }
}
