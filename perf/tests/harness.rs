//! The harness as its users meet it: the example, which measures an object of one's own.

use serde_json::Value;
use std::process::{Command, Output};

/// The example, which cargo has built beside the tests.
fn own_object(arguments: &[&str]) -> Output {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples/own_object")).args(arguments).output().unwrap()
}

#[test]
fn an_object_of_ones_own_is_measured_like_those_of_the_suites() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    let output = own_object(&["--seconds", "1", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("account/deposit/closed_loop"));
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(
        (&document["schema"], &document["suite"]),
        (&"mainspring-bench/2".into(), &"account".into())
    );
    let scenarios = document["scenarios"].as_array().unwrap();
    let loads = scenarios.iter().filter(|scenario| !scenario["load"].is_null());
    assert_eq!(loads.count(), 8);
}

#[test]
fn its_bad_input_is_one_line_and_exit_code_2() {
    let output = own_object(&["--rate", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.lines().count() == 1 && said.contains("--rate 0"), "{said}");
}
