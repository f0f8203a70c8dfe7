//! The command `jitter`. What is measured is only looked at for its structure.

mod common;

use common::{mainspring, refusal};
use serde_json::Value;
use std::fs;

fn output_of(arguments: &[&str]) -> String {
    let output = mainspring(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    assert_eq!(said, "", "in a pipe there is no progress bar");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bad_input_is_refused_in_one_line_before_anything_is_watched() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["--seconds", "0"], &["--seconds 0", "3600"]),
        (&["--seconds", "nan"], &["--seconds NaN", "3600"]),
        (&["--seconds", "3600", "--cpus", "5000"], &["CPU 5000", "give all, or some of ["]),
        (&["--seconds", "3600", "--cpus", "0,0"], &["CPU 0 is named twice"]),
        (&["--seconds", "3600", "--cpus", "x"], &["\"x\" is neither a CPU number"]),
        (&["--seconds", "3600", "--json", "/nowhere/at/all"], &["/nowhere/at/all", "directory"]),
    ];
    for (arguments, words) in cases {
        let said = refusal("jitter", arguments);
        for word in *words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn every_allowed_cpu_is_watched_and_described() {
    let allowed = mainspring::allowed_cpus();
    for how in
        [&["jitter", "--seconds", "0.02"][..], &["jitter", "--seconds", "0.02", "--together"]]
    {
        let text = output_of(how);
        for cpu in &allowed {
            assert!(text.contains(&format!("\nCPU {cpu}: ")), "{text}");
        }
        assert!(text.contains("hiccups/s") && text.contains("p99.99"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    }
}

#[test]
fn the_document_has_its_schema_the_machine_and_each_cpus_sources() {
    let text = output_of(&["jitter", "--seconds", "0.02", "--json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "mainspring-jitter/1");
    assert!(document["machine"]["kernel"].is_string());
    let cpus = document["cpus"].as_array().unwrap();
    assert_eq!(cpus.len(), mainspring::allowed_cpus().len());
    for cpu in cpus {
        let jitter = &cpu["jitter"];
        assert!(jitter["seconds"].as_f64().unwrap() >= 0.02, "{jitter}");
        assert!(jitter["max_ns"].as_u64() >= jitter["p99_ns"].as_u64(), "{jitter}");
        assert!(cpu["sources"].is_object());
    }
}

#[test]
fn a_file_is_replaced_whole_and_only_when_there_is_something_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jitter.json");
    let longer = "x".repeat(1 << 20);
    fs::write(&path, &longer).unwrap();
    let name = path.to_str().unwrap();
    refusal("jitter", &["--json", name, "--seconds", "0"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), longer);
    let text = output_of(&["jitter", "--cpus", "all", "--seconds", "0.01", "--json", name]);
    assert!(text.contains("hiccups/s"), "the table is there as well: {text}");
    let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(document["is_together"], false);
}
