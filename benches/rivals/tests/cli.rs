//! The command line as its users meet it: texts, exit codes, files.

use assert_cmd::Command;
use serde_json::Value;

fn rivals(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("rivals").unwrap();
    command.args(arguments);
    command
}

#[test]
fn bad_input_is_refused_in_one_line() {
    let cases = [
        (&["--only", "no such thing"][..], "--list"),
        (&["--json", "/nowhere/at/all.json"], "directory"),
        (&["--jason"], "--help"),
        (&["measure-one", "nonsense"], "internal"),
    ];
    for (arguments, word) in cases {
        let output = rivals(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.matches('\n').count(), 1, "{arguments:?}: {said}");
        assert!(said.starts_with("rivals: ") && said.contains(word), "{arguments:?}: {said}");
    }
}

#[test]
fn the_list_names_rows_and_contenders() {
    let output = rivals(&["--list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["call, spinning", "memory, never used", "rtrb", "actix, one arbiter"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_quick_run_writes_a_document_with_every_round() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("figures.json");
    let mut command = rivals(&["--quick", "--only", "tell, spsc, spinning", "--json"]);
    let output = command.arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    let last = table.trim_end().lines().next_back().unwrap();
    assert_eq!(last, "0 rows met, 0 missed, 0 inconclusive", "a quick run has no verdicts");
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(document["schema"], "mainspring-rivals/1");
    assert!(document["versions"]["rtrb"].is_string());
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    if document["environment"]["cpus_used"].as_array().unwrap().is_empty() {
        return; // Rings that spin need two CPUs.
    }
    let ours = rows[0]["contenders"].as_array().unwrap();
    let ours = ours.iter().find(|one| one["role"] == "ours").unwrap();
    assert!(ours["rounds"][0]["value"].as_f64().unwrap() > 0.0);
}
