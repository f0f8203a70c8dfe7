//! `compare` as its users meet it: exit codes, refusals, files. Its statistics are in
//! `compare_statistics.rs`.

mod samples;

use assert_cmd::Command;
use mainspring_perf::results::document::{Document, Kind, Status};
use samples::{HOSTILE, bare, failed, figures, hostile, rich, write};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

fn compare(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::cargo_bin("mainspring").unwrap();
    command.arg("compare").args(arguments.iter().map(|one| one.as_ref())).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Two documents in which one scenario has these rounds.
fn two(folder: &Path, of_a: &[f64], of_b: &[f64]) -> (PathBuf, PathBuf) {
    let document = |rounds: &[f64]| {
        let rounds: Vec<_> = rounds.iter().map(|nanos| (*nanos, None)).collect();
        Document { scenarios: vec![figures("call/x", Kind::Latency, &rounds)], ..bare() }
    };
    (write(&document(of_a), folder, "a.json"), write(&document(of_b), folder, "b.json"))
}

const STEADY: [f64; 6] = [100.0, 101.0, 100.5, 99.5, 100.2, 99.8];

#[test]
fn a_document_beside_itself_shows_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let (a, _) = two(folder.path(), &STEADY, &STEADY);
    // However restless: the same figures are the same.
    let wild = two(folder.path(), &[1.0, 900.0, 3.0, 70.0, 5.0], &STEADY).0;
    let full = write(&rich(), folder.path(), "rich.json");
    for path in [a, wild, full] {
        let output = compare(&[&path, &path]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("no regression beyond 3.0 %"));
        assert!(!said(&output).contains("SLOWER") && !said(&output).contains("faster"));
    }
}

#[test]
fn exit_codes_say_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let times = |factor: f64| STEADY.map(|nanos| nanos * factor);
    let code = |of_b: &[f64], threshold: &str| {
        let (a, b) = two(folder.path(), &STEADY, of_b);
        let output = compare(&[&a, &b, &"--threshold", &threshold]);
        (output.status.code().unwrap(), said(&output))
    };
    let (slower, text) = code(&times(1.2), "5%");
    assert!(slower == 3 && text.contains("B is slower: call/x"), "{text}");
    let (faster, text) = code(&times(0.8), "5");
    assert!(faster == 0 && text.contains("faster: call/x"), "{text}");
    assert_eq!(code(&times(1.2), "30%").0, 0, "not what the threshold asks for");
    let (noisy, text) = code(&[60.0, 180.0, 90.0, 140.0, 70.0, 130.0], "5%");
    assert!(noisy == 4 && text.contains("too noisy to detect a change of 5.0 %: call/x"), "{text}");
    let (few, text) = code(&[200.0, 201.0], "5%");
    assert!(few == 4 && text.contains("2 rounds, but 5 are needed"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = |document: &Document, name: &str| write(document, folder.path(), name);
    let good = file(&rich(), "good.json");
    let refused = |arguments: &[&dyn AsRef<std::ffi::OsStr>], word: &str| {
        let output = compare(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("mainspring: ") && said.matches('\n').count() == 1, "{said}");
        assert!(said.contains(word), "{word}: {said}");
        assert!(output.stdout.is_empty());
    };
    refused(&[&good, &file(&failed(), "failed.json")], "this run failed");
    let mut other = rich();
    other.environment.cpu_model = "Another CPU".into();
    let other = file(&other, "other.json");
    refused(&[&good, &other], "--allow-other-machine");
    refused(&[&good, &good, &"--noise", &other], "--allow-other-machine");
    let nothing = Document { scenarios: vec![], ..rich() };
    refused(&[&good, &file(&nothing, "nothing.json")], "no scenario");
    refused(&[&good, &good, &"--only", &"nothing"], "nothing");
    refused(&[&good, &good, &"--threshold", &"-1%"], "--threshold");
    refused(&[&good, &good, &"--threshold", &"inf"], "--threshold");
    refused(&[&good], "--help");
    refused(&[&good, &good, &"--json", &folder.path()], "--json");
    refused(&[&good, &good, &"--pairs", &"3"], "--run");
    refused(&[&"--run", &"/no/such", &"/no/such"], "/no/such");
    refused(&[&"--run", &"true", &"true", &"--pairs", &"0"], "--pairs 0");
    let output = compare(&[&good, &other, &"--allow-other-machine"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("warning: the processor of"));
}

#[test]
fn differences_beside_the_figures_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = rich();
    b.environment.kernel = "7.0.0".into();
    b.environment.governor = None;
    b.build.profile = "debug".into();
    b.parameters.insert("capacity".into(), "7".into());
    b.status = Status::Interrupted;
    b.scenarios.retain(|figures| figures.id != "call/round_trip/park");
    b.scenarios[0].unit = "bytes".into();
    let (a, b) = (write(&rich(), folder.path(), "a.json"), write(&b, folder.path(), "b.json"));
    let text = said(&compare(&[&a, &b]));
    for word in [
        "kernel: 6.18.5 in ",
        "frequency governor: performance in",
        "build profile: release in",
        "capacity",
        "was interrupted",
        "not compared: call/round_trip/park: only A has it",
        "not compared: floor/ping_pong: they measure different things",
        "not compared: wake/park: never measured",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let text = said(&compare(&[&b, &a]));
    assert!(text.contains("call/round_trip/park: only B has it"), "{text}");
}

#[test]
fn files_hold_the_whole_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = two(folder.path(), &STEADY, &STEADY.map(|nanos| 2.5 * nanos));
    let (json, html) = (folder.path().join("c.json"), folder.path().join("c.html"));
    let output = compare(&[&a, &b, &"--json", &json, &"--html", &html]);
    assert_eq!(output.status.code(), Some(3));
    let found: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(found["schema"], "mainspring-compare/1");
    assert_eq!((&found["verdict"], &found["how"]), (&"regressed".into(), &"documents".into()));
    let row = &found["rows"][0];
    assert_eq!((&row["verdict"], &row["basis"]), (&"regressed".into(), &"figure".into()));
    assert!((row["change"]["ratio"].as_f64().unwrap() - 2.5).abs() < 0.05, "{row}");
    let page = scraper::Html::parse_document(&fs::read_to_string(html).unwrap());
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let count = |selector| page.select(&scraper::Selector::parse(selector).unwrap()).count();
    assert_eq!(
        (count("svg[data-chart=whiskers]"), count("g.whisker.bad"), count("tr.bad")),
        (1, 1, 1)
    );
    assert_eq!(count("script#raw"), 1);
}

#[test]
fn the_same_machine_and_a_bare_floor_are_compared_as_ratios() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("c.json");
    let rich = write(&rich(), folder.path(), "rich.json");
    compare(&[&rich, &rich, &"--json", &json]);
    let found: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let row = |id: &str, metric: &str| {
        let rows = found["rows"].as_array().unwrap().iter();
        rows.clone().find(|row| row["scenario"] == id && row["metric"] == metric).unwrap().clone()
    };
    assert_eq!(row("call/round_trip/spin", "value")["basis"], "ratio");
    assert_eq!(row("open/fixed/100000", "value")["basis"], "figure");
    for (id, metric) in [("floor/ping_pong", "value"), ("call/round_trip/spin", "p99")] {
        assert_eq!(
            (&row(id, metric)["verdict"], &row(id, metric)["gates"]),
            (&"informs".into(), &false.into())
        );
    }
}

#[test]
fn hostile_names_stay_text_in_a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let (a, html) = (write(&hostile(), folder.path(), "a.json"), folder.path().join("c.html"));
    let output = compare(&[&a, &a, &"--html", &html]);
    assert_eq!(output.status.code(), Some(0));
    let page = scraper::Html::parse_document(&fs::read_to_string(html).unwrap());
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let all =
        |selector| page.select(&scraper::Selector::parse(selector).unwrap()).collect::<Vec<_>>();
    assert!(all("img, [onerror]").is_empty());
    assert!(all("tbody th")[0].text().collect::<String>().contains(HOSTILE));
}

#[test]
fn builds_run_by_turns_and_each_document_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (json, keep) = (folder.path().join("c.json"), folder.path().join("kept"));
    let binary = assert_cmd::cargo::cargo_bin("mainspring");
    let bench = ["--only", "floor/ring/single", "--seconds", "1"];
    let output = compare(&[
        &"--run", &binary, &binary, &"--pairs", &"2", &"--json", &json, &"--keep", &keep, &"--",
        &bench[0], &bench[1], &bench[2], &bench[3],
    ]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    // Floors gate nothing, and two pairs show nothing.
    assert_eq!((output.status.code(), error.as_str()), (Some(0), ""));
    let found: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(found["how"], "pairs");
    assert_eq!(found["rows"][0]["count_a"], 2);
    let mut names: Vec<_> =
        fs::read_dir(keep).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["001-a.json", "001-b.json", "002-a.json", "002-b.json"]);
}

#[test]
fn a_build_that_fails_ends_the_comparison() {
    let binary = assert_cmd::cargo::cargo_bin("mainspring");
    let output = compare(&[&"--run", &binary, &binary, &"--", &"--only", &"no such thing"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such thing"));
    // `true` is no bench: it leaves no document.
    let output = compare(&[&"--run", &"true", &"true"]);
    assert_eq!(output.status.code(), Some(2));
    let output = compare(&[&"--run", &"false", &"false"]);
    assert_eq!(output.status.code(), Some(1));
}
