//! Machines that nobody here owns: their `/sys` and `/proc`, written below a folder.
//!
//! Each is described in a few lines and written in full, so that what reads it finds what Linux
//! would show there. Used by the library's tests and by those of the command.

#![allow(dead_code)] // each test crate uses a part

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with a machine's files, gone when it is dropped.
pub struct Machine(PathBuf);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One CPU's place.
#[derive(Clone, Copy)]
pub struct At {
    pub cpu: usize,
    /// The lowest CPU of the core.
    pub core: usize,
    /// Which of the machine's last-level caches.
    pub l3: usize,
    pub node: usize,
    pub package: usize,
}

impl Machine {
    /// A folder without files.
    pub fn empty() -> Self {
        // Relaxed: it only has to be another number each time.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mainspring-machine-{}-{number}", std::process::id());
        // In memory, where there is such a folder: thousands of files take seconds on some disks.
        let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let made = |place: &PathBuf| {
            let root = place.join(&name);
            let _ = fs::remove_dir_all(&root);
            (place.is_dir() && fs::create_dir(&root).is_ok()).then_some(root)
        };
        Self(places.iter().find_map(made).expect("a folder for temporary files"))
    }

    /// A machine of these CPUs, all online, untuned, on bare metal.
    pub fn of(model: &str, cpus: &[At]) -> Self {
        let machine = Self::empty();
        let all = list(cpus.iter().map(|at| at.cpu));
        for file in ["online", "present", "possible"] {
            machine.write(&format!("sys/devices/system/cpu/{file}"), &all);
        }
        for at in cpus {
            machine.write_cpu(*at, cpus);
        }
        let mut nodes: Vec<_> = cpus.iter().map(|at| at.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        for node in nodes {
            let of_node = list(cpus.iter().filter(|at| at.node == node).map(|at| at.cpu));
            machine.write(&format!("sys/devices/system/node/node{node}/cpulist"), &of_node);
        }
        machine.write_rest(model, cpus)
    }

    fn write_cpu(&self, at: At, cpus: &[At]) {
        let with = |is: &dyn Fn(&At) -> bool| list(cpus.iter().filter(|o| is(o)).map(|o| o.cpu));
        let siblings = with(&|other| other.core == at.core);
        self.of_cpu(at.cpu, "topology/core_cpus_list", &siblings);
        self.of_cpu(at.cpu, "topology/physical_package_id", &at.package.to_string());
        self.of_cpu(at.cpu, "cache/index3/level", "3");
        self.of_cpu(at.cpu, "cache/index3/shared_cpu_list", &with(&|o| o.l3 == at.l3));
        if cpus.len() > 1024 {
            // Where the number of CPUs is the point, more files would only take time.
            return;
        }
        self.of_cpu(at.cpu, "topology/thread_siblings_list", &siblings);
        self.of_cpu(at.cpu, "cache/index0/level", "1");
        self.of_cpu(at.cpu, "cache/index0/shared_cpu_list", &siblings);
        self.of_cpu(at.cpu, "cache/index2/level", "2");
        self.of_cpu(at.cpu, "cache/index2/shared_cpu_list", &siblings);
        self.of_cpu(at.cpu, "cpufreq/scaling_governor", "powersave");
        self.of_cpu(at.cpu, "cpufreq/cpuinfo_max_freq", "3700000");
        self.of_cpu(at.cpu, "cpufreq/scaling_cur_freq", "2100000");
        for (state, (name, exit_us)) in [("POLL", 0), ("C1", 2), ("C6", 133)].iter().enumerate() {
            self.of_cpu(at.cpu, &format!("cpuidle/state{state}/name"), name);
            self.of_cpu(at.cpu, &format!("cpuidle/state{state}/latency"), &exit_us.to_string());
            self.of_cpu(at.cpu, &format!("cpuidle/state{state}/disable"), "0");
        }
    }

    fn write_rest(self, model: &str, cpus: &[At]) -> Self {
        let smt = if cpus.iter().any(|at| at.core != at.cpu) { "on" } else { "notsupported" };
        let processor = |at: &At| {
            let flags = "fpu tsc constant_tsc nonstop_tsc";
            let cpu = at.cpu;
            format!(
                "processor\t: {cpu}\nmodel name\t: {model}\nmicrocode\t: 0xa0011d5\nflags\t\t: {flags}\n\n"
            )
        };
        let info: String = cpus.iter().take(4).map(processor).collect();
        let ids: Vec<_> = cpus.iter().map(|at| at.cpu).collect();
        let names: String = ids.iter().map(|cpu| format!("      CPU{cpu}")).collect();
        let counts = |count: u64| ids.iter().map(|_| format!(" {count:>9}")).collect::<String>();
        let irq = format!("          {names}\n 42:{} PCI-MSI 1-edge nvme0q1\n", counts(40));
        let irq = format!("{irq}LOC:{}   Local timer interrupts\nERR:          0\n", counts(9000));
        let stat = |cpu: &usize| format!("cpu{cpu} 100 0 50 9000 10 0 5 0 0 0\n");
        let stat: String = ids.iter().map(stat).collect();
        self.set(&[
            ("proc/cpuinfo", &info),
            ("proc/interrupts", &irq),
            ("proc/irq/42/smp_affinity_list", &list(ids.iter().copied())),
            ("proc/stat", &format!("cpu  100 0 50 9000 10 0 5 0 0 0\n{stat}")),
            ("proc/uptime", "100.00 9000.00\n"),
            ("proc/loadavg", "0.02 0.01 0.00 1/300 4158\n"),
            ("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"),
            ("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n"),
            ("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet\n"),
            ("proc/sys/kernel/osrelease", "6.12.9\n"),
            ("proc/sys/kernel/numa_balancing", "1\n"),
            ("proc/sys/kernel/nmi_watchdog", "1\n"),
            ("proc/sys/kernel/sched_rt_runtime_us", "950000\n"),
            ("proc/sys/kernel/timer_migration", "1\n"),
            ("proc/sys/kernel/perf_event_paranoid", "2\n"),
            ("proc/sys/vm/stat_interval", "1\n"),
            ("proc/sys/vm/swappiness", "60\n"),
            ("proc/self/timerslack_ns", "50000\n"),
            ("proc/self/limits", LIMITS),
            ("proc/1/comm", "systemd\n"),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n"),
            ("proc/self/mountinfo", "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/nohz_full", "(null)\n"),
            ("sys/devices/system/cpu/smt/control", smt),
            ("sys/devices/system/cpu/cpufreq/boost", "1\n"),
            ("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Retpolines\n"),
            ("sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
            ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet\n"),
            ("sys/bus/event_source/devices/cpu/type", "4\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
            ("sys/kernel/mm/transparent_hugepage/defrag", "always [madvise] never\n"),
            ("sys/kernel/mm/transparent_hugepage/khugepaged/defrag", "1\n"),
            ("sys/class/dmi/id/sys_vendor", "Dell Inc.\n"),
        ])
        .allowing(&list(ids.into_iter()))
    }

    /// The first thread's mask.
    pub fn allowing(self, cpus: &str) -> Self {
        let status = format!("Name:\tx\nCapEff:\t0000000000000000\nCpus_allowed_list:\t{cpus}\n");
        self.set(&[("proc/self/status", &status)])
    }

    /// Writes these files, whatever was in them.
    pub fn set(self, files: &[(&str, &str)]) -> Self {
        files.iter().for_each(|(path, text)| self.write(path, text));
        self
    }

    /// The same file of these CPUs.
    pub fn set_of(self, cpus: Range<usize>, path: &str, text: &str) -> Self {
        cpus.for_each(|cpu| self.of_cpu(cpu, path, text));
        self
    }

    /// Removes files or folders.
    pub fn without(self, paths: &[&str]) -> Self {
        for path in paths {
            let path = self.0.join(path);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        self
    }

    fn of_cpu(&self, cpu: usize, path: &str, text: &str) {
        self.write(&format!("sys/devices/system/cpu/cpu{cpu}/{path}"), text);
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where its `sys` and `proc` lie.
    pub fn root(&self) -> &Path {
        &self.0
    }
}

const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max locked memory         8388608              8388608              bytes     \n\
Max realtime priority     0                    0                    \n";

fn list(cpus: impl Iterator<Item = usize>) -> String {
    cpus.map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
}

/// `count` CPUs without siblings, in one package with one cache.
pub fn plain(count: usize) -> Vec<At> {
    (0..count).map(|cpu| At { cpu, core: cpu, l3: 0, node: 0, package: 0 }).collect()
}

/// Two packages with a node each and eight caches of eight cores; siblings are 128 apart.
pub fn epyc() -> Machine {
    let at = |cpu: usize| {
        let core = cpu % 128;
        At { cpu, core, l3: core / 8, node: core / 64, package: core / 64 }
    };
    Machine::of("AMD EPYC 7763 64-Core Processor", &(0..256).map(at).collect::<Vec<_>>())
}

/// Six fast cores with siblings beside each other, eight slow ones without; one cache.
pub fn hybrid_laptop() -> Machine {
    let at = |cpu: usize| {
        let core = if cpu < 12 { cpu - cpu % 2 } else { cpu };
        At { cpu, core, l3: 0, node: 0, package: 0 }
    };
    let cpus: Vec<_> = (0..20).map(at).collect();
    Machine::of("13th Gen Intel(R) Core(TM) i7-13700H", &cpus).set(&[
        ("sys/devices/cpu_core/cpus", "0-11\n"),
        ("sys/devices/cpu_atom/cpus", "12-19\n"),
        ("sys/bus/event_source/devices/cpu_core/type", "4\n"),
    ])
}

/// One virtual CPU, whose system shows hardly any files.
pub fn lone_container() -> Machine {
    Machine::empty().allowing("0").set(&[
        ("sys/devices/system/cpu/online", "0\n"),
        ("proc/cpuinfo", "processor : 0\nmodel name : Xeon\nflags : fpu hypervisor\n"),
    ])
}

/// Eight CPUs, of which a container's cpuset has four, and 1.5 CPUs' time: cgroup version 1, where
/// the container sees its own group as the root.
pub fn container_v1() -> Machine {
    let mounts = "\
31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
32 31 0:29 /docker/1f /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 /docker/1f /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset
";
    Machine::of("Intel(R) Xeon(R) Gold 6248", &plain(8)).set(&[
        ("proc/self/mountinfo", mounts),
        ("proc/self/cgroup", "5:cpu,cpuacct:/docker/1f\n4:cpuset:/docker/1f\n0::/docker/1f\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.stat", "nr_periods 900\nnr_throttled 12\n"),
        ("sys/fs/cgroup/cpuset/cpuset.effective_cpus", "2-5\n"),
        ("sys/fs/cgroup/cpuset/cpuset.cpus", "2-7\n"),
    ])
}

/// The same in version 2, two groups deep: the outer one has the tighter limit, the inner one's
/// cpuset isn't told.
pub fn container_v2() -> Machine {
    Machine::of("Intel(R) Xeon(R) Gold 6248", &plain(8)).allowing("0-4").set(&[
        ("proc/self/cgroup", "0::/kubepods/pod7/app\n"),
        ("sys/fs/cgroup/kubepods/pod7/cpu.max", "50000 100000\n"),
        ("sys/fs/cgroup/kubepods/pod7/cpu.stat", "nr_periods 900\nnr_throttled 12\n"),
        ("sys/fs/cgroup/kubepods/pod7/cpuset.cpus.effective", "3-6\n"),
        ("sys/fs/cgroup/kubepods/pod7/app/cpu.max", "200000 100000\n"),
        ("sys/fs/cgroup/kubepods/pod7/app/cpu.stat", "nr_periods 900\nnr_throttled 0\n"),
        ("sys/fs/cgroup/cpuset.cpus.effective", "0-7\n"),
    ])
}

/// Four of eight CPUs are off, the siblings of the others.
pub fn half_offline() -> Machine {
    let cpus: Vec<_> = plain(4);
    Machine::of("AMD Ryzen 7 5800X", &cpus).allowing("0-7").set(&[
        ("sys/devices/system/cpu/present", "0-7\n"),
        ("sys/devices/system/cpu/offline", "4-7\n"),
        ("sys/devices/system/cpu/smt/control", "off\n"),
    ])
}

/// 1,536 CPUs in 16 packages.
pub fn giant() -> Machine {
    let at = |cpu: usize| At { cpu, core: cpu, l3: cpu / 48, node: cpu / 96, package: cpu / 96 };
    Machine::of("Giant 9000", &(0..1536).map(at).collect::<Vec<_>>())
}

/// Four CPUs; most of what is said about them is missing, unreadable or nonsense.
pub fn nonsense() -> Machine {
    let mut machine = Machine::empty().set(&[
        ("sys/devices/system/cpu/online", "0-3\n"),
        ("sys/devices/system/cpu/present", "many\n"),
        ("sys/devices/system/cpu/isolated", "7-2\n"),
        ("sys/devices/system/cpu/nohz_full", "0-99999999999\n"),
        ("sys/devices/system/cpu/cpu0/topology/core_cpus_list", "\u{7f}\u{0}x\n"),
        ("sys/devices/system/cpu/cpu1/topology/core_cpus_list", "2-3\n"),
        ("sys/devices/system/cpu/cpu2/topology/physical_package_id", "-1\n"),
        ("sys/devices/system/cpu/cpu2/cache/index0/level", "three\n"),
        ("sys/devices/system/cpu/cpu3/cpu_capacity", "-5\n"),
        ("sys/devices/system/node/nodeX/cpulist", "0-3\n"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "\n"),
        ("sys/devices/system/cpu/cpu0/cpuidle/state0/latency", "soon\n"),
        ("proc/cpuinfo", "\u{1}\n:\nmodel name\nmodel name :\n"),
        ("proc/self/status", "Cpus_allowed_list:\tall of them\n"),
        ("proc/self/cgroup", "nonsense\n0:\n::/\n"),
        ("proc/self/mountinfo", "- cgroup\n1 2 3 - cgroup2\n"),
        ("proc/interrupts", "CPU CPUx\n 1: a b\n2\n: : :\n"),
        ("proc/stat", "cpu0\ncpux 1 2\ncpu1 a b c\n"),
        ("proc/uptime", "\n"),
        ("proc/loadavg", "high\n"),
        ("proc/pressure/cpu", "some avg10=lots\n"),
        ("proc/swaps", ""),
        ("proc/cmdline", "isolcpus= rcu_nocbs=all,none nohz_full\n"),
        ("proc/self/limits", "Max locked memory\n"),
        ("proc/sys/kernel/numa_balancing", "yes\n"),
        ("proc/sys/kernel/perf_event_paranoid", "\n"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "always\n"),
    ]);
    // A folder where a file should be can't be read by anybody, not even by root.
    let folder = machine.0.join("sys/devices/system/clocksource/clocksource0/current_clocksource");
    fs::create_dir_all(folder).unwrap();
    fs::write(machine.0.join("proc/sys/kernel/osrelease"), [0xff, 0xfe, 0]).unwrap();
    machine = machine.set(&[("proc/sys/vm/stat_interval", "-\n")]);
    machine
}

/// Eight cores with siblings; the last four and theirs are kept free, and everything is tuned.
pub fn tuned_workstation() -> Machine {
    let at = |cpu: usize| At { cpu, core: cpu % 8, l3: 0, node: 0, package: 0 };
    let cpus: Vec<_> = (0..8).map(at).collect();
    let free = "isolcpus=managed_irq,domain,4-7 nohz_full=4-7 rcu_nocbs=4-7";
    let names: String = (0..8).map(|cpu| format!("      CPU{cpu}")).collect();
    let interrupts = format!(
        "          {names}\n 42: 90000 80000 70000 60000 0 0 0 0 PCI-MSI 1-edge nvme0q1\n\
         LOC: 90000 90000 90000 90000 100 100 100 100  Local timer interrupts\n"
    );
    Machine::of("AMD Ryzen 7 5800X", &cpus)
        .set_of(0..8, "cpufreq/scaling_governor", "performance\n")
        .set_of(0..8, "cpuidle/state2/disable", "1\n")
        .set(&[
            ("sys/devices/system/cpu/isolated", "4-7\n"),
            ("sys/devices/system/cpu/nohz_full", "4-7\n"),
            ("sys/devices/system/cpu/smt/control", "off\n"),
            ("sys/devices/system/cpu/cpufreq/boost", "0\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("proc/cmdline", &format!("root=/dev/sda1 {free}\n")),
            ("proc/interrupts", &interrupts),
            ("proc/irq/42/smp_affinity_list", "0-3\n"),
            ("proc/sys/kernel/numa_balancing", "0\n"),
            ("proc/sys/kernel/nmi_watchdog", "0\n"),
            ("proc/sys/kernel/sched_rt_runtime_us", "-1\n"),
            ("proc/sys/kernel/timer_migration", "0\n"),
            ("proc/sys/vm/stat_interval", "120\n"),
            ("proc/self/timerslack_ns", "1\n"),
        ])
}

/// Four slow cores and four fast ones, which share an L2 each.
pub fn big_little() -> Machine {
    let at = |cpu: usize| At { cpu, core: cpu, l3: cpu / 4, node: 0, package: 0 };
    let machine = Machine::of("", &(0..8).map(at).collect::<Vec<_>>())
        .set_of(0..4, "cpu_capacity", "446\n")
        .set_of(4..8, "cpu_capacity", "1024\n")
        .set_of(0..4, "cache/index2/shared_cpu_list", "0-3\n")
        .set_of(4..8, "cache/index2/shared_cpu_list", "4-7\n");
    let info = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd03\n";
    let no_l3: Vec<_> =
        (0..8).map(|cpu| format!("sys/devices/system/cpu/cpu{cpu}/cache/index3")).collect();
    machine
        .without(&no_l3.iter().map(String::as_str).collect::<Vec<_>>())
        .without(&["sys/class"])
        .set(&[
            ("proc/cpuinfo", info),
            ("proc/device-tree/model", "Hardkernel ODROID-N2\0"),
            (
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "arch_sys_counter\n",
            ),
        ])
}

/// Two virtual CPUs under KVM: nothing says how fast they run, and nothing counts their cycles.
pub fn virtual_machine() -> Machine {
    let info = "processor : 0\nmodel name : AMD EPYC\nflags : fpu tsc hypervisor\n";
    Machine::of("AMD EPYC", &plain(2))
        .without(&[
            "sys/devices/system/cpu/cpu0/cpufreq",
            "sys/devices/system/cpu/cpu1/cpufreq",
            "sys/devices/system/cpu/cpufreq",
            "sys/bus/event_source/devices/cpu",
        ])
        .set(&[
            ("proc/cpuinfo", info),
            ("sys/class/dmi/id/sys_vendor", "QEMU\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n"),
            ("sys/devices/system/clocksource/clocksource0/available_clocksource", "kvm-clock\n"),
            ("sys/devices/system/cpu/cpuidle/current_driver", "haltpoll\n"),
            ("sys/module/haltpoll/parameters/guest_halt_poll_ns", "0\n"),
            ("proc/stat", "cpu0 1000 0 0 9000 0 0 0 600 0 0\ncpu1 1000 0 0 9000 0 0 0 0 0 0\n"),
        ])
}
