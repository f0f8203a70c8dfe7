//! `mainspring topology` on machines that nobody here owns, and once on this one.

mod common;
#[path = "../../tests/common/machines.rs"]
mod machines;

use common::{mainspring, refusal};
use machines::Machine;
use serde_json::Value;

/// What the command says of a machine.
fn said(machine: &Machine, arguments: &[&str]) -> String {
    let mut command = mainspring(&["topology", "--root"]);
    let output = command.arg(machine.root()).args(arguments).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(machine: &Machine) -> Value {
    serde_json::from_str(&said(machine, &["--json"])).unwrap()
}

#[test]
fn a_large_machine_is_a_page_with_a_line_for_each_cache() {
    let text = said(&machines::epyc(), &[]);
    assert!(text.lines().count() < 30, "{text}");
    assert!(text.contains("2 packages, 16 L3 groups, 128 cores, 256 CPUs"), "{text}");
    let line = "└─ L3 group 7, cores 56-63: CPUs 56-63 and their siblings 184-191\n";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("package 1, node 1\n├─ L3 group 8, cores 64-71: "), "{text}");
}

#[test]
fn more_than_a_thousand_cpus_are_a_few_pages() {
    let text = said(&machines::giant(), &[]);
    assert!(text.contains("allowed:     0-1535\n"), "{text}");
    assert!(text.lines().count() < 150, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn cpus_are_marked_by_what_is_special_about_them() {
    let laptop = said(&machines::hybrid_laptop(), &[]);
    assert!(laptop.contains("core 0: CPUs 0-1, performance\n"), "{laptop}");
    assert!(laptop.contains("core 13: CPU 19, efficiency\n"), "{laptop}");
    let tuned = said(&machines::tuned_workstation().allowing("0-3"), &[]);
    assert!(tuned.contains("core 4: CPU 4, not allowed, isolated, nohz_full\n"), "{tuned}");
    assert!(tuned.contains("core 3: CPU 3\n"), "{tuned}");
    assert!(tuned.contains("isolated:    4-7\nnohz_full:   4-7\n"), "{tuned}");
    let half = said(&machines::epyc().allowing("0-3,128-129"), &[]);
    assert!(
        half.contains("cores 2-3: CPUs 2-3 and their siblings 130-131, not allowed: 130-131\n")
    );
}

#[test]
fn the_table_has_a_row_for_each_cpu_also_those_that_are_off() {
    let text = said(&machines::half_offline(), &["--table"]);
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).map(cells).collect();
    assert_eq!(rows.len(), 2 + 4 + 4, "{text}");
    assert_eq!(
        rows[2][1..],
        [
            "0",
            "0",
            "0",
            "0",
            "0",
            "uniform",
            "3700",
            "2100",
            "powersave",
            "40",
            "9040",
            "yes",
            "",
            ""
        ]
    );
    assert_eq!((rows[6][1].as_str(), rows[6][12].as_str()), ("4", "offline"));
}

#[test]
fn containers_show_what_they_were_left() {
    let text = said(&machines::container_v1(), &[]);
    assert!(text.contains("CPU quota:   1.5 CPUs\nallowed:     2-5\n"), "{text}");
    let document = json(&machines::container_v2());
    assert_eq!(document["machine"]["quota_cpus"], "0.5");
    assert_eq!(document["machine"]["cpus_allowed"], serde_json::json!([3, 4]));
}

#[test]
fn the_document_has_its_schema_the_machine_and_each_cpu() {
    let document = json(&machines::epyc());
    assert_eq!(document["schema"], "mainspring-topology/1");
    assert_eq!(document["machine"]["cpu_model"], "AMD EPYC 7763 64-Core Processor");
    assert_eq!(document["machine"]["hypervisor"], Value::Null);
    assert_eq!(document["machine"]["microcode"], "0xa0011d5");
    assert_eq!(document["machine"]["mitigations"]["spectre_v2"], "Mitigation: Retpolines");
    let cpus = document["cpus"].as_array().unwrap();
    assert_eq!(cpus.len(), 256);
    assert_eq!((&cpus[200]["core"], &cpus[200]["l3"]), (&Value::from(72), &Value::from(9)));
    let guest = json(&machines::virtual_machine());
    assert_eq!(guest["machine"]["hypervisor"], "KVM or QEMU");
}

#[test]
fn a_machine_of_which_little_is_known_is_shown_all_the_same() {
    for machine in [machines::nonsense(), machines::lone_container(), machines::big_little()] {
        let text = said(&machine, &[]);
        assert!(text.contains("package 0, node 0\n"), "{text}");
        assert!(said(&machine, &["--table"]).contains("| CPU |"));
        assert!(!json(&machine)["cpus"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_file_gets_the_document_and_the_terminal_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    let text = said(&machines::nonsense(), &["--json", file.to_str().unwrap()]);
    assert!(text.contains("package 0"), "{text}");
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(document["schema"], "mainspring-topology/1");
}

#[test]
fn a_folder_without_a_machine_is_refused() {
    let said = refusal("topology", &["--root", "/nowhere/at/all"]);
    assert!(said.contains("--root /nowhere/at/all") && said.contains("cpu/online"), "{said}");
    let said = refusal("topology", &["--json", "/nowhere/at/all.json"]);
    assert!(said.contains("/nowhere/at/all.json"), "{said}");
}

#[test]
fn this_machine_s_document_names_the_cpus_that_are_allowed() {
    let output = mainspring(&["topology", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed = serde_json::json!(mainspring::allowed_cpus());
    assert_eq!(document["machine"]["cpus_allowed"], allowed);
    let cpus = document["cpus"].as_array().unwrap().iter();
    let those: Vec<_> =
        cpus.filter(|cpu| cpu["is_allowed"] == true).map(|cpu| &cpu["cpu"]).collect();
    assert_eq!(serde_json::json!(those), allowed);
}
