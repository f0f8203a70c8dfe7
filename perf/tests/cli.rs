//! The command line as its users meet it: texts, exit codes, files. Nothing here is timed.

mod common;

use common::{mainspring, refused};
use serde_json::Value;

#[test]
fn bad_input_is_refused_in_one_line_with_the_value_and_the_rule() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["--seconds", "0"], &["--seconds 0", "1 to 3600"]),
        (&["--seconds", "soon"], &["soon", "--help"]),
        (&["--cpus", "0,5000"], &["5000", "not allowed", "choose two different ones from ["]),
        (&["--cpus", "0"], &["--cpus 0"]),
        (&["--cpus", "0,0"], &["--cpus 0,0"]),
        (&["--capacity", "0"], &["--capacity 0", "give 1 to"]),
        (&["--only", "no such thing"], &["no such thing", "--list"]),
        (&["bench", "slow"], &["slow", "quick, mailbox, call", "--help"]),
        (&["bench", "call", "--rate", "100"], &["--rate", "suite call", "open-loop"]),
        (&["bench", "mailbox", "--payload", "7"], &["--payload 7", "[0, 8, 16"]),
        (&["bench", "open-loop", "--rate", "0"], &["--rate 0", "1 to 100000000"]),
        (&["bench", "wake", "--wait", "sping"], &["sping", "spin-then-park"]),
        (&["--config", "/nowhere.toml"], &["/nowhere.toml", "give a TOML file"]),
        (&["--json", "/nowhere/at/all.json"], &["/nowhere/at/all.json", "directory"]),
        (&["--jason"], &["--jason", "--help"]),
        (&["bench", "--jason"], &["--jason", "--help"]),
        (&["bank"], &["bank", "--help"]),
        (&["--seconds", "5", "--rivals"], &["--rivals", "--help"]),
    ];
    for (arguments, words) in cases {
        let said = refused(arguments);
        for word in *words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn an_unwritable_file_is_refused_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    // With a budget of an hour: it must not be spent first.
    let said = refused(&["--seconds", "3600", "--json", path]);
    assert!(said.contains(path), "{said}");
}

#[test]
fn a_run_that_is_refused_leaves_no_file_behind() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("figures.json");
    let path = file.to_str().unwrap();
    for arguments in [["--only", "nobody"], ["--seconds", "0"], ["--cpus", "0,0"]] {
        refused(&[&arguments[..], &["--json", path]].concat());
        assert!(!file.exists(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for argument in ["--help", "--version"] {
        let output = mainspring(&[argument]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains("mainspring"));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn rivals_are_refused_outside_of_the_project() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = mainspring(&["bench", "--rivals", "--quick"]);
    let output = command.current_dir(directory.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("benches/rivals/Cargo.toml"), "{said}");
}

#[test]
fn the_list_names_every_suite_and_its_scenarios() {
    for arguments in [&["--list"][..], &["bench", "--list"]] {
        let output = mainspring(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        for line in ["quick", "pairs", "idle"] {
            assert!(text.lines().any(|l| l == line), "{text}");
        }
        for id in ["floor/ping_pong", "call/round_trip/spin", "tell/spsc/batched/spin", "wake/park"]
        {
            assert!(text.contains(id), "{text}");
        }
    }
}

/// Runs for a second and returns the document.
fn run(arguments: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("figures.json");
    let output =
        mainspring(arguments).args(["--seconds", "1", "--json"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said, "", "in a pipe there is no progress bar");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("command: mainspring"), "{table}");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_tiny_run_writes_a_document_with_its_schema() {
    let document = run(&["--only", "floor"]);
    assert_eq!(document["schema"], "mainspring-bench/2");
    assert!(["ok", "noisy"].contains(&document["status"].as_str().unwrap()));
    assert_eq!(document["error"], Value::Null);
    let scenarios = document["scenarios"].as_array().unwrap();
    assert!(!scenarios.is_empty());
    for scenario in scenarios {
        assert!(scenario["id"].as_str().unwrap().starts_with("floor/"));
        assert!(scenario["value"].as_f64().unwrap() > 0.0);
        assert_eq!(scenario["rounds"].as_array().unwrap().len(), 5);
    }
}

#[test]
fn a_scenario_brings_its_floor_along() {
    let document = run(&["--only", "call/round_trip/park", "--capacity", "7"]);
    let scenarios = document["scenarios"].as_array().unwrap();
    let ids: Vec<_> = scenarios.iter().map(|scenario| scenario["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["floor/futex/ping_pong", "call/round_trip/park"]);
    assert!(scenarios[1]["ratio"].as_f64().unwrap() > 0.0);
}

#[test]
fn ctrl_c_reports_what_there_is() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("mainspring"));
    // Far longer than the test waits: it ends because it is told to.
    command.args(["bench", "call", "--seconds", "100", "--only", "floor", "--json"]).arg(&file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let tasks = format!("/proc/{}/task", child.id());
    // The measuring thread is there: Ctrl-C has its handler.
    let is_measuring = || {
        let tasks = std::fs::read_dir(&tasks).into_iter().flatten().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.into_iter().any(|name| name.trim() == "bench")
    };
    while !is_measuring() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8(output.stdout).unwrap().contains("interrupted: not every round"));
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(document["status"], "interrupted");
}
