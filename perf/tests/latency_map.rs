//! The command `latency-map`. What is measured is only looked at for its structure.

mod common;

use assert_cmd::Command;
use common::{mainspring, refusal};
use serde_json::Value;
use std::fs;

fn has_two_cpus() -> bool {
    mainspring::allowed_cpus().len() >= 2
}

fn output_of(arguments: &[&str]) -> String {
    let output =
        mainspring(&["latency-map", "--seconds", "0.05"]).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    assert_eq!(said, "", "in a pipe there is no progress bar");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bad_input_is_refused_in_one_line_before_anything_is_measured() {
    let nowhere = "/nowhere/at/all";
    let cases: &[(&[&str], &[&str])] = &[
        (&["--seconds", "0"], &["--seconds 0", "3600"]),
        (&["--seconds", "3600", "--cpus", "0,5000"], &["CPU 5000", "give all, or some of ["]),
        (&["--seconds", "3600", "--cpus", "0"], &["CPU 0 alone", "taskset"]),
        (&["--seconds", "3600", "--json", nowhere], &["--json /nowhere/at/all", "directory"]),
        (&["--seconds", "3600", "--svg", nowhere], &["--svg /nowhere/at/all", "directory"]),
        (&["--seconds", "3600", "--json", "--svg", "-"], &["--json and --svg", "a file"]),
        (&["--seconds", "3600", "--lines", "1"], &["--lines 1", "2 to 64"]),
    ];
    for (arguments, words) in cases {
        let is_of_two = !arguments.contains(&"--cpus");
        if is_of_two && !has_two_cpus() {
            continue;
        }
        let said = refusal("latency-map", arguments);
        for word in *words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn one_allowed_cpu_is_refused_with_the_way_out() {
    let cpu = mainspring::allowed_cpus()[0].to_string();
    let binary = assert_cmd::cargo::cargo_bin("mainspring");
    let output = Command::new("taskset").args(["-c", &cpu]).arg(binary).arg("latency-map").output();
    // Not every machine has that program.
    let Ok(output) = output else { return };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("mainspring: ") && said.contains("alone"), "{said}");
    assert_eq!(said.matches('\n').count(), 1, "{said}");
}

#[test]
fn the_map_has_every_pair_its_class_and_what_repeats() {
    if !has_two_cpus() {
        return;
    }
    let text = output_of(&["--cpus", &two()]);
    for word in ["Rows begin", "pairs", "one way", "Measured again: 2 pairs", "Machine: "] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn the_document_and_the_picture_hold_the_same_pairs() {
    if !has_two_cpus() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let svg = directory.path().join("map.svg");
    fs::write(&svg, "x".repeat(1 << 20)).unwrap();
    let text = output_of(&["--cpus", &two(), "--json", "--svg", svg.to_str().unwrap()]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "mainspring-matrix/1");
    let matrix = &document["matrix"];
    assert_eq!(matrix["lines"], 8);
    let (there, back) = (&matrix["p50_ns"][0][1], &matrix["p50_ns"][1][0]);
    assert!(there.as_f64().unwrap() > 0.0 && back.as_f64().unwrap() > 0.0, "{matrix}");
    assert_eq!(matrix["p50_ns"][0][0], Value::Null);
    assert_eq!(document["classes"][0]["pairs"], 2);
    assert!(document["machine"]["fingerprint"].is_string());
    let svg = fs::read_to_string(&svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "the old file is gone");
    assert_eq!(svg.matches("<title>").count(), 2);
}

fn two() -> String {
    let cpus = mainspring::allowed_cpus();
    format!("{},{}", cpus[0], cpus[1])
}
