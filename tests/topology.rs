//! What the library makes of machines that nobody here owns.

#[path = "common/machines.rs"]
mod machines;

use machines::Machine;
use mainspring::{CoreClass, Cpu, Distance, Topology, cpus_in, list_of};
use std::collections::BTreeSet;

fn read(machine: &Machine) -> Topology {
    Topology::read_from(machine.root()).unwrap()
}

fn allowed(topology: &Topology) -> String {
    list_of(&topology.allowed().map(|cpu| cpu.id).collect::<Vec<_>>())
}

fn those(topology: &Topology, is: fn(&Cpu) -> bool) -> String {
    list_of(&topology.cpus().iter().filter(|cpu| is(cpu)).map(|cpu| cpu.id).collect::<Vec<_>>())
}

fn count(topology: &Topology, of: fn(&Cpu) -> usize) -> usize {
    topology.cpus().iter().map(of).collect::<BTreeSet<_>>().len()
}

#[test]
fn two_packages_with_many_caches_are_told_apart() {
    let topology = read(&machines::epyc());
    assert_eq!(topology.cpus().len(), 256);
    assert_eq!(count(&topology, |cpu| cpu.core), 128);
    assert_eq!(count(&topology, |cpu| cpu.l3), 16);
    assert_eq!(count(&topology, |cpu| cpu.node), 2);
    assert_eq!(count(&topology, |cpu| cpu.package), 2);
    let distances = [0, 128, 7, 8, 64].map(|cpu| topology.distance(0, cpu).unwrap());
    use Distance::*;
    assert_eq!(distances, [SameCpu, SameCore, SameL3, SameNode, OtherPackage]);
    assert_eq!(allowed(&topology), "0-255");
    assert_eq!(topology.quota_cpus(), None);
    assert!(topology.to_string().contains("2 packages, 16 L3 groups, 128 cores, 256 CPUs"));
}

#[test]
fn fast_and_slow_cores_are_told_apart() {
    let is_fast = |cpu: &Cpu| cpu.class == CoreClass::Performance;
    let is_slow = |cpu: &Cpu| cpu.class == CoreClass::Efficiency;
    let laptop = read(&machines::hybrid_laptop());
    assert_eq!(those(&laptop, is_fast), "0-11");
    assert_eq!(those(&laptop, is_slow), "12-19");
    assert_eq!((count(&laptop, |cpu| cpu.core), count(&laptop, |cpu| cpu.l3)), (14, 1));
    let board = read(&machines::big_little());
    assert_eq!(those(&board, is_fast), "4-7");
    assert_eq!(those(&board, is_slow), "0-3");
    assert_eq!(count(&board, |cpu| cpu.l3), 2, "the last level is the second");
    assert_eq!(board.model(), "Hardkernel ODROID-N2");
}

#[test]
fn cores_that_are_graded_by_a_few_percent_are_of_one_kind() {
    let machine = Machine::of("x", &machines::plain(4)).set_of(0..2, "cpu_capacity", "1024\n");
    let topology = read(&machine.set_of(2..4, "cpu_capacity", "990\n"));
    assert!(topology.cpus().iter().all(|cpu| cpu.class == CoreClass::Uniform));
}

#[test]
fn a_cpuset_and_a_quota_are_those_of_the_process_s_own_group() {
    let first = read(&machines::container_v1());
    assert_eq!((allowed(&first).as_str(), first.quota_cpus()), ("2-5", Some(1.5)));
    let second = read(&machines::container_v2());
    assert_eq!(allowed(&second), "3-4", "the mask, and the nearest cpuset around it");
    assert_eq!(second.quota_cpus(), Some(0.5), "the tightest of those around it");
}

#[test]
fn without_a_table_of_mounts_groups_are_looked_for_at_the_usual_places() {
    let machine = machines::container_v2().without(&["proc/self/mountinfo"]);
    assert_eq!(read(&machine).quota_cpus(), Some(0.5));
    let machine = Machine::of("x", &machines::plain(4)).without(&["proc/self/mountinfo"]).set(&[
        ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "30000"),
        ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "10000"),
        ("sys/fs/cgroup/cpuset/cpuset.cpus", "1-2"),
    ]);
    let topology = read(&machine);
    assert_eq!((allowed(&topology).as_str(), topology.quota_cpus()), ("1-2", Some(3.0)));
}

#[test]
fn a_restriction_that_would_leave_no_cpu_is_not_believed() {
    let machine = machines::container_v2().allowing("0-1");
    assert_eq!(allowed(&read(&machine)), "0-1");
    assert_eq!(allowed(&read(&machine.allowing("64-127"))), "3-6");
}

#[test]
fn cpus_that_are_off_are_listed_and_never_allowed() {
    let topology = read(&machines::half_offline());
    assert_eq!(topology.offline(), [4, 5, 6, 7]);
    assert_eq!(allowed(&topology), "0-3");
    assert_eq!(topology.cpu(4), None);
    assert_eq!(topology.distance(0, 4), None);
}

#[test]
fn more_cpus_than_a_usual_mask_has_are_all_there() {
    let topology = read(&machines::giant());
    assert_eq!(allowed(&topology), "0-1535");
    assert_eq!(topology.cpu(1535).unwrap().package, 15);
    assert_eq!(topology.distance(1024, 1535), Some(Distance::OtherPackage));
}

#[test]
fn files_with_nonsense_are_as_if_they_were_not_there() {
    let topology = read(&machines::nonsense());
    let plain: Vec<_> = (0..4).map(Cpu::new).collect();
    assert_eq!(topology.cpus(), plain);
    assert_eq!((topology.model(), topology.quota_cpus()), ("unknown", None));
    assert!(topology.offline().is_empty());
    let lone = read(&machines::lone_container());
    assert_eq!((lone.cpus(), lone.model()), (&[Cpu::new(0)][..], "Xeon"));
}

#[test]
fn where_nobody_says_which_cpus_share_a_cache_a_package_does() {
    let at = |cpu| machines::At { cpu, core: cpu, l3: 0, node: 0, package: cpu / 2 };
    let machine = Machine::of("x", &(0..4).map(at).collect::<Vec<_>>());
    let caches: Vec<_> =
        (0..4).map(|cpu| format!("sys/devices/system/cpu/cpu{cpu}/cache")).collect();
    let topology = read(&machine.without(&caches.iter().map(String::as_str).collect::<Vec<_>>()));
    let caches: Vec<_> = topology.cpus().iter().map(|cpu| cpu.l3).collect();
    assert_eq!(caches, [0, 0, 1, 1]);
}

#[test]
fn without_a_list_of_cpus_the_error_names_the_file() {
    let said = Topology::read_from(Machine::empty().root()).unwrap_err().to_string();
    assert!(said.contains("sys/devices/system/cpu/online"), "{said}");
    let machine = machines::nonsense().set(&[("sys/devices/system/cpu/online", "some\n")]);
    let said = Topology::read_from(machine.root()).unwrap_err().to_string();
    assert!(said.contains("no list of CPUs"), "{said}");
}

#[test]
fn kept_free_cpus_are_marked_and_the_fingerprint_leaves_them_out() {
    let tuned = read(&machines::tuned_workstation());
    assert_eq!(those(&tuned, |cpu| cpu.is_isolated), "4-7");
    assert_eq!(those(&tuned, |cpu| cpu.is_nohz_full), "4-7");
    let untuned = machines::tuned_workstation()
        .set(&[("sys/devices/system/cpu/isolated", ""), ("sys/devices/system/cpu/nohz_full", "")]);
    let fewer = read(&untuned.allowing("0-1"));
    assert_eq!(fewer.fingerprint(), tuned.fingerprint());
    assert_ne!(fewer.fingerprint(), read(&machines::half_offline()).fingerprint());
}

#[test]
fn this_machine_s_allowed_cpus_are_those_of_the_process() {
    let topology = Topology::read().unwrap();
    assert_eq!(allowed(&topology), list_of(&mainspring::allowed_cpus()));
    assert!(cpus_in(&allowed(&topology)).is_some_and(|cpus| !cpus.is_empty()));
}
