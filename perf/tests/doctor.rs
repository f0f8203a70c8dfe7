//! `mainspring doctor` on machines that nobody here owns, and once on this one.

mod common;
#[path = "../../tests/common/machines.rs"]
mod machines;

use common::{mainspring, refusal};
use machines::{Machine, plain};
use mainspring::Topology;
use mainspring_perf::machine::doctor::{Diagnosis, System};
use mainspring_perf::machine::layout::Layout;
use mainspring_perf::machine::root::Root;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The exit code, and the document.
fn diagnosis(machine: &Machine, arguments: &[&str]) -> (i32, Value) {
    let mut command = mainspring(&["doctor", "--json", "--root"]);
    let output = command.arg(machine.root()).args(arguments).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "", "{arguments:?}");
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

fn finding<'a>(document: &'a Value, check: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|one| one["check"] == check).unwrap_or_else(|| panic!("no {check}"))
}

/// How bad each of these checks is.
#[track_caller]
fn assert_severities(machine: &Machine, arguments: &[&str], expected: &[(&str, &str)]) {
    let document = diagnosis(machine, arguments).1;
    for (check, severity) in expected {
        let finding = finding(&document, check);
        assert_eq!(finding["severity"], *severity, "{finding:#}");
    }
}

/// The checks that are as bad as that.
fn those(document: &Value, severity: &str) -> Vec<String> {
    let checks = document["checks"].as_array().unwrap().iter();
    let those = checks.filter(|one| one["severity"] == severity);
    those.map(|one| one["check"].as_str().unwrap().to_owned()).collect()
}

fn all_machines() -> Vec<Machine> {
    vec![
        machines::epyc(),
        machines::hybrid_laptop(),
        machines::lone_container(),
        machines::container_v1(),
        machines::container_v2(),
        machines::half_offline(),
        machines::giant(),
        machines::nonsense(),
        machines::tuned_workstation(),
        machines::big_little(),
        machines::virtual_machine(),
    ]
}

#[test]
fn a_tuned_machine_is_well_on_the_cpus_that_are_kept_free() {
    let (code, document) = diagnosis(&machines::tuned_workstation(), &["--cpus", "4,5"]);
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(those(&document, "spoils"), [""; 0]);
    assert_eq!(those(&document, "warns"), [""; 0]);
    assert_eq!(those(&document, "unchecked"), [""; 0]);
    let well = ["isolation", "nohz_full", "smt", "irqs", "governor", "turbo", "idle_states", "thp"];
    assert!(well.iter().all(|check| finding(&document, check)["severity"] == "ok"));
}

#[test]
fn the_same_machine_is_not_well_where_the_others_run() {
    let expected = [("isolation", "warns"), ("nohz_full", "note"), ("irqs", "warns")];
    assert_severities(&machines::tuned_workstation(), &["--cpus", "0,1"], &expected);
    let document = diagnosis(&machines::tuned_workstation(), &["--cpus", "0,1"]).1;
    let isolation = finding(&document, "isolation");
    assert_eq!(isolation["fix"]["command"], "choose from the isolated ones: 4-7");
}

#[test]
fn cpus_outside_of_the_mask_are_said_with_the_command_that_adds_them() {
    let machine = machines::tuned_workstation().allowing("0-3");
    let (code, document) = diagnosis(&machine, &["--cpus", "4,5"]);
    assert_eq!(code, 3);
    assert_eq!(those(&document, "spoils"), ["allowed"]);
    let allowed = finding(&document, "allowed");
    assert_eq!(allowed["fix"]["command"], "taskset -c 0-5 mainspring …");
    assert_severities(&machine, &["--cpus", "0,1"], &[("allowed", "note")]);
}

#[test]
fn an_untuned_server_would_spoil_a_measurement_and_says_how_to_mend_it() {
    let (code, document) = diagnosis(&machines::epyc(), &[]);
    assert_eq!(code, 3);
    assert_eq!(document["schema"], "mainspring-doctor/1");
    assert_eq!(document["cpus"], json!([0, 1]));
    assert_eq!(those(&document, "spoils"), ["governor"]);
    let warns = those(&document, "warns");
    for check in ["smt", "isolation", "turbo", "idle_states", "thp", "numa_balancing"] {
        assert!(warns.iter().any(|one| one == check), "{check}: {warns:?}");
    }
    let governor = finding(&document, "governor");
    let path = "/sys/devices/system/cpu/cpu{0,1}/cpufreq/scaling_governor";
    assert_eq!(governor["fix"]["command"], format!("echo performance | sudo tee {path}"));
    assert_eq!(governor["fix"]["undo"], format!("echo powersave | sudo tee {path}"));
    assert_eq!(governor["fix"]["needs_root"], true);
    assert_eq!(governor["evidence"][1]["path"], path.replace("{0,1}", "1"));
    assert_eq!(governor["evidence"][1]["value"], "powersave");
    assert_eq!(finding(&document, "isolation")["fix"]["needs_reboot"], true);
    let smt = finding(&document, "smt");
    assert_eq!(
        smt["fix"]["command"],
        "echo 0 | sudo tee /sys/devices/system/cpu/cpu{128,129}/online"
    );
}

#[test]
fn siblings_that_are_both_chosen_are_said() {
    let document = diagnosis(&machines::epyc(), &["--cpus", "3,131"]).1;
    let says = finding(&document, "smt")["says"].as_str().unwrap();
    assert!(says.contains("3,131 share a core with each other"), "{says}");
    assert_severities(&machines::half_offline(), &[], &[("smt", "ok")]);
}

#[test]
fn quotas_and_throttling_are_those_of_every_group_around_the_process() {
    for machine in [machines::container_v1(), machines::container_v2()] {
        let (code, document) = diagnosis(&machine, &[]);
        assert_eq!(code, 3);
        assert_eq!(finding(&document, "quota")["severity"], "spoils");
        let throttling = finding(&document, "throttling");
        assert_eq!(throttling["severity"], "warns");
        assert!(throttling["says"].as_str().unwrap().contains("12 periods"), "{throttling}");
    }
    let quota = &diagnosis(&machines::container_v2(), &[]).1;
    let first = &finding(quota, "quota")["evidence"][1];
    assert_eq!(first["path"], "/sys/fs/cgroup/kubepods/pod7/cpu.max");
    assert_eq!(first["value"], "50000 100000");
}

#[test]
fn what_a_guest_can_not_change_is_a_note_and_no_failure() {
    let machine = machines::virtual_machine();
    let (code, document) = diagnosis(&machine, &[]);
    assert_eq!(code, 0, "{document:#}");
    for check in ["virtual", "governor", "turbo", "perf_counters", "steal"] {
        let finding = finding(&document, check);
        assert_eq!(finding["severity"], "note", "{finding:#}");
        let why = finding["out_of_reach"].as_str().unwrap();
        assert!(why.contains("from inside"), "{why}");
    }
    let halt_poll = finding(&document, "halt_poll");
    assert_eq!(halt_poll["severity"], "warns");
    assert!(halt_poll["fix"]["command"].as_str().unwrap().contains("guest_halt_poll_ns"));
    let expected = [("clocksource", "ok"), ("isolation", "note"), ("cpu_count", "warns")];
    assert_severities(&machine, &[], &expected);
}

#[test]
fn what_can_not_be_read_is_unchecked_and_says_why() {
    let (code, document) = diagnosis(&machines::nonsense(), &[]);
    assert_eq!(code, 0, "{document:#}");
    let unchecked = those(&document, "unchecked");
    for check in [
        "irqs",
        "irqbalance",
        "steal",
        "load",
        "memlock",
        "rtprio",
        "timer_slack",
        "governor",
        "turbo",
        "idle_states",
        "clocksource",
        "thp",
        "swap",
        "stat_interval",
        "nmi_watchdog",
        "perf_counters",
        "mitigations",
        "quota",
        "throttling",
    ] {
        assert!(unchecked.iter().any(|one| one == check), "{check}: {unchecked:?}");
        let says = finding(&document, check)["says"].as_str().unwrap();
        assert!(says.starts_with("/proc") || says.starts_with("/sys"), "{check}: {says}");
    }
    let lone = [("cpu_count", "spoils"), ("isolation", "unchecked"), ("smt", "unchecked")];
    assert_severities(&machines::lone_container(), &[], &lone);
    let no_groups = machines::epyc().without(&["proc/self/mountinfo", "sys/fs/cgroup"]);
    let expected = [("quota", "unchecked"), ("throttling", "unchecked")];
    assert_severities(&no_groups, &[], &expected);
    assert_severities(
        &machines::epyc().without(&["proc/self/status"]),
        &[],
        &[("allowed", "unchecked")],
    );
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(below).collect()
}

#[test]
fn whatever_a_file_says_the_rest_is_told() {
    let most = "18446744073709551615";
    let row = [most; 12].join(" ");
    let cpu = format!("cpu0 {row}\ncpu1 {row}");
    let irqs = format!("CPU0 CPU1\n 1: {row}\n2: {row}\nLOC: {row}");
    let said =
        ["", "x", "-1", "\0", "0-", "[", ":", "1 2 3 4 5", most, "1e308 1e-308", &cpu, &irqs];
    let of_swaps = format!("Name\n{row}\n{row}");
    for machine in [machines::virtual_machine(), machines::container_v2()] {
        let online = machine.root().join("sys/devices/system/cpu/online");
        for file in files(machine.root()).into_iter().filter(|file| *file != online) {
            let text = fs::read(&file).unwrap();
            for nonsense in said.into_iter().chain([of_swaps.as_str()]) {
                fs::write(&file, nonsense).unwrap();
                let topology = Topology::read_from(machine.root()).unwrap();
                let root = Root::new(Some(machine.root()));
                assert!(!Layout::of(&root, &topology).tree().is_empty());
                let system = System::new(root, topology, &[0, 1], None);
                let diagnosis = Diagnosis::of(&system, None);
                assert!(
                    diagnosis.text().contains(" ok; details"),
                    "{}: {nonsense:?}",
                    file.display()
                );
                let mut rates = diagnosis.quietest.iter().filter_map(|one| one.irqs_per_s);
                assert!(rates.all(f64::is_finite), "{}: {nonsense:?}", file.display());
            }
            fs::write(&file, text).unwrap();
        }
    }
}

#[test]
fn each_setting_is_judged_by_its_value() {
    let with = |path: &str, text: &str| Machine::of("x", &plain(4)).set(&[(path, text)]);
    let clock = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    let cases: &[(&str, &str, &str, &str)] = &[
        (clock, "hpet", "clocksource", "spoils"),
        (clock, "arch_sys_counter", "clocksource", "ok"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]", "thp", "ok"),
        ("proc/swaps", "Name\n/dev/sda2 partition 100000 0 -2", "swap", "note"),
        ("proc/swaps", "Name\n/dev/sda2 partition 100000 9000 -2", "swap", "warns"),
        ("proc/7/comm", "irqbalance", "irqbalance", "warns"),
        ("proc/pressure/cpu", "some avg10=25.00 avg60=0.00", "load", "spoils"),
        ("proc/pressure/cpu", "some avg10=2.50 avg60=0.00", "load", "warns"),
        ("proc/sys/kernel/perf_event_paranoid", "4", "perf_counters", "note"),
        ("proc/sys/kernel/perf_event_paranoid", "-1", "perf_counters", "ok"),
        ("proc/sys/vm/stat_interval", "120", "stat_interval", "ok"),
        ("proc/sys/kernel/sched_rt_runtime_us", "-1", "rt_runtime", "ok"),
        ("proc/sys/kernel/timer_migration", "1", "timer_migration", "note"),
        ("proc/sys/kernel/nmi_watchdog", "1", "nmi_watchdog", "note"),
        ("proc/sys/kernel/numa_balancing", "1", "numa_balancing", "ok"),
        ("proc/self/timerslack_ns", "1", "timer_slack", "ok"),
        ("proc/self/limits", "Max locked memory  unlimited unlimited bytes", "memlock", "ok"),
        ("proc/self/limits", "Max realtime priority  49 49", "rtprio", "ok"),
        ("proc/self/status", "CapEff:\t0000000000804000\n", "memlock", "ok"),
        ("proc/self/status", "CapEff:\t0000000000804000\n", "rtprio", "ok"),
        ("proc/stat", "cpu0 100 0 0 9000 0 0 0 0\n", "steal", "ok"),
        ("sys/module/kvm/parameters/halt_poll_ns", "200000", "halt_poll", "ok"),
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "1", "turbo", "ok"),
    ];
    for (path, text, check, severity) in cases {
        let document = diagnosis(&with(path, text), &[]).1;
        let finding = finding(&document, check);
        assert_eq!(finding["severity"], *severity, "{path} {text:?}: {finding:#}");
    }
}

#[test]
fn every_finding_has_evidence_or_a_reason_and_every_fix_an_undo() {
    for machine in all_machines() {
        let (code, document) = diagnosis(&machine, &[]);
        let checks = document["checks"].as_array().unwrap();
        for one in checks {
            assert!(!one["says"].as_str().unwrap().is_empty() && one["effect"] != "", "{one:#}");
            if let Some(fix) = one["fix"].as_object() {
                assert!(fix["command"] != "" && fix["undo"] != "", "{one:#}");
                assert_ne!(fix["command"], fix["undo"], "{one:#}");
            }
            let bad = one["severity"] == "spoils" || one["severity"] == "warns";
            assert!(!bad || one["evidence"] != json!([]), "{one:#}");
        }
        let spoils = those(&document, "spoils").len();
        assert_eq!(code, if spoils > 0 { 3 } else { 0 });
        assert_eq!(document["summary"]["spoils"], spoils);
        assert_eq!(document["summary"]["ok"], those(&document, "ok").len());
        let order = ["spoils", "warns", "note", "unchecked", "ok"];
        let ranks: Vec<_> =
            checks.iter().map(|one| order.iter().position(|s| one["severity"] == *s)).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
        let ranked = document["quietest"].as_array().unwrap().len();
        assert_eq!(ranked, document["machine"]["cpus_allowed"].as_array().unwrap().len());
    }
}

#[test]
fn the_quietest_cpus_are_those_that_are_kept_free() {
    let document = diagnosis(&machines::tuned_workstation(), &[]).1;
    let cpus = document["quietest"].as_array().unwrap().iter().map(|one| &one["cpu"]);
    assert_eq!(json!(cpus.collect::<Vec<_>>()), json!([7, 6, 5, 4, 3, 2, 1, 0]));
    let last = &document["quietest"][7];
    assert_eq!((&last["irqs_device_per_s"], &last["hiccups"]), (&json!(900.0), &Value::Null));
}

#[test]
fn the_text_is_short_grouped_and_worst_first() {
    let machine = machines::epyc();
    let mut command = mainspring(&["doctor", "--root"]);
    let output = command.arg(machine.root()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    let places: Vec<_> = ["Spoils a measurement", "Disturbs", "Worth knowing", "OK", "Quietest"]
        .iter()
        .map(|title| text.find(title).unwrap_or_else(|| panic!("{title}: {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("and 248 more"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("1 would spoil a measurement"), "{text}");
    assert!(text.lines().count() < 70 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn one_check_is_explained_and_all_are_listed() {
    let machine = machines::epyc();
    let mut command = mainspring(&["doctor", "--explain", "thp", "--root"]);
    let output = command.arg(machine.root()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["effect:", "evidence: /sys/kernel/mm", "fix:", "undo:     echo always"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let output = mainspring(&["doctor", "--list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let list = String::from_utf8(output.stdout).unwrap();
    let document = diagnosis(&machine, &[]).1;
    let checks = document["checks"].as_array().unwrap();
    assert_eq!(list.lines().count(), checks.len());
    for one in checks {
        let name = one["check"].as_str().unwrap();
        assert!(list.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
    }
}

#[test]
fn bad_input_is_refused_in_one_line() {
    let machine = machines::half_offline();
    let root = machine.root().to_str().unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["--cpus", "4,1", "--root", root], &["--cpus 4,1", "CPU 4", "offline", "0-3"]),
        (&["--cpus", "one"], &["one", "--help"]),
        (&["--explain", "everything"], &["everything", "--list"]),
        (&["--root", "/nowhere/at/all"], &["--root /nowhere/at/all", "sys and proc"]),
        (&["--json", "/nowhere/at/all.json"], &["/nowhere/at/all.json"]),
    ];
    for (arguments, words) in cases {
        let said = refusal("doctor", arguments);
        for word in *words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
}

/// Whether it is quiet now is nobody's promise: only what must hold anywhere.
#[test]
fn this_machine_is_measured_and_ranked() {
    let output = mainspring(&["doctor", "--json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let spoils = those(&document, "spoils");
    assert_eq!(output.status.code(), Some(if spoils.is_empty() { 0 } else { 3 }));
    assert_eq!(spoils.iter().any(|one| one == "build"), cfg!(debug_assertions));
    let quietest = document["quietest"].as_array().unwrap();
    let mut cpus: Vec<_> =
        quietest.iter().map(|one| one["cpu"].as_u64().unwrap() as usize).collect();
    cpus.sort_unstable();
    assert_eq!(cpus, mainspring::allowed_cpus());
    assert!(quietest.iter().all(|one| one["hiccups"]["seconds"].as_f64().unwrap() > 0.0));
    let unmeasured = mainspring(&["doctor", "--json", "--no-measure"]).output().unwrap();
    let unmeasured: Value = serde_json::from_slice(&unmeasured.stdout).unwrap();
    assert_eq!(unmeasured["quietest"][0]["hiccups"], Value::Null);
}
