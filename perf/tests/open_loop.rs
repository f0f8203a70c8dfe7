//! Planned loads: a stall shows where users would feel it, and a rate that isn't reached is said.

use assert_cmd::Command;
use serde_json::Value;

/// Runs the suite; exit code, what was said, and the document.
fn open_loop(arguments: &[&str]) -> (Option<i32>, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let mut command = Command::cargo_bin("mainspring").unwrap();
    command.args(["bench", "open-loop"]).args(arguments).arg("--json").arg(&file);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said, serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

fn scenario<'a>(document: &'a Value, id: &str) -> &'a Value {
    let scenarios = document["scenarios"].as_array().unwrap();
    scenarios.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id}: {document}"))
}

fn p99(latencies: &Value) -> u64 {
    latencies["p99"].as_u64().unwrap()
}

#[test]
fn a_stall_of_100_ms_shows_under_a_planned_load_and_hides_in_a_closed_loop() {
    let plan = ["--rate", "5000", "--arrivals", "fixed", "--stall-ms", "100", "--seconds", "8"];
    let (code, said, document) = open_loop(&plan);
    // A busy machine may be late at the end of a round; what was measured counts all the same.
    assert!(code == Some(0) || said.contains("a second were planned"), "{code:?}: {said}");
    let planned = scenario(&document, "open-loop/fixed/5000");
    // Of each round's requests the stall delays far more than one in a hundred, by up to 100 ms.
    assert!(p99(&planned["latency_ns"]) > 80_000_000, "{planned}");
    assert_eq!(planned["load"]["planned"], planned["load"]["received"]);
    assert!(!planned["series"].as_array().unwrap().is_empty());
    // One operation of each round has met it, of many thousands.
    let closed = &scenario(&document, "open-loop/closed_loop")["latency_ns"];
    assert!(closed["max"].as_u64().unwrap() > 80_000_000, "{closed}");
    assert!(p99(closed) < p99(&planned["latency_ns"]) / 4, "{closed}");
}

#[test]
fn a_rate_that_cannot_be_reached_fails_in_one_line_with_the_document_written() {
    let plan = ["--rate", "90000000", "--arrivals", "fixed", "--seconds", "1"];
    let (code, said, document) = open_loop(&plan);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("open-loop/fixed/90000000") && said.contains("--rate"), "{said}");
    assert_eq!(document["status"], "failed");
    assert!(scenario(&document, "open-loop/fixed/90000000")["load"]["sent"].as_u64().unwrap() > 0);
}

#[test]
fn the_sweep_measures_shares_of_what_the_object_can_do() {
    let (code, said, document) = open_loop(&["--only", "poisson", "--seconds", "2"]);
    // On a busy machine shares near the most may not be reached: that is warned of, and no failure.
    assert_eq!(code, Some(0), "{said}");
    let target = |share| {
        let scenario = scenario(&document, &format!("open-loop/poisson/{share}%"));
        scenario["load"]["target_per_s"].as_f64().unwrap()
    };
    assert!(target(10) > 0.0 && target(50) > target(10), "{document}");
}
