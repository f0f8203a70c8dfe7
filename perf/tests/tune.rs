//! The command `tune` as its users meet it. What it measures is only looked at for its form.

mod common;

use common::mainspring;
use mainspring::{Engine, Profile, Topology};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TRADING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/graphs/trading.toml");
const OBJECTS: [&str; 6] = ["feed", "book", "strategy", "risk", "gateway", "log"];

fn tune(arguments: &[&str]) -> assert_cmd::Command {
    mainspring(&[&["tune"], arguments].concat())
}

/// What it prints, when all is well.
fn said(arguments: &[&str]) -> String {
    let output = tune(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    assert_eq!(error, "", "quiet in a pipe");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line with which it refuses.
fn refusal(arguments: &[&str]) -> String {
    common::refusal("tune", arguments)
}

/// A folder with files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().into()
    }

    /// Two packages with an L3 and four cores each.
    fn machine(&self) -> String {
        self.file("sys/devices/system/cpu/online", "0-7\n");
        self.file("proc/cpuinfo", "model name\t: Somebody else's\n");
        for cpu in 0..8 {
            let package = cpu / 4;
            let cpu_path = |name: &str, text: &str| {
                self.file(&format!("sys/devices/system/cpu/cpu{cpu}/{name}"), text)
            };
            cpu_path("topology/thread_siblings_list", &cpu.to_string());
            cpu_path("topology/physical_package_id", &package.to_string());
            cpu_path("cache/index0/level", "3");
            cpu_path(
                "cache/index0/shared_cpu_list",
                &format!("{}-{}", 4 * package, 4 * package + 3),
            );
        }
        self.0.path().to_str().unwrap().into()
    }
}

#[test]
fn a_graph_is_placed_on_a_machine_elsewhere_and_the_profile_is_written() {
    let folder = Folder::new();
    let root = folder.machine();
    let profile = folder.file("profile.toml", &"an old one\n".repeat(1000));
    let text = said(&[TRADING, "--root", &root, "--output", &profile, "--explain"]);
    for words in
        ["Every placement was tried", "Assumed, not measured", "round robin", "feed on CPU"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let profile = Profile::load(&profile).unwrap();
    let machine = Topology::read_from(Path::new(&root)).unwrap();
    assert_eq!(profile.machine.fingerprint, machine.fingerprint());
    let placed: BTreeSet<_> = profile.objects.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(placed, OBJECTS.into());
    let runners: BTreeSet<_> = profile.runners.iter().map(|runner| &runner.name).collect();
    assert!(profile.objects.iter().all(|object| runners.contains(&object.runner)));
    let packages: BTreeSet<_> = profile.runners.iter().map(|runner| runner.cpus[0] / 4).collect();
    assert_eq!(packages.len(), 1, "who talks stays in one package: {profile:?}");
}

#[test]
fn the_same_seed_finds_the_same_and_the_document_says_all_of_it() {
    let folder = Folder::new();
    let root = folder.machine();
    let arguments = [TRADING, "--root", &root, "--seed", "7", "--json"];
    let text = said(&arguments);
    assert_eq!(text, said(&arguments));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "mainspring-tune/1");
    assert_eq!(document["seed"], 7);
    assert_eq!(document["is_proven"], true);
    assert_eq!(document["objects"].as_object().unwrap().len(), OBJECTS.len());
    let total = |cost: &str| document[cost]["messages"].as_f64().unwrap();
    assert!(total("cost") > 0.0 && total("round_robin") > total("cost"), "{document}");
    assert_eq!(document["proof"], Value::Null);
    for runner in document["runners"].as_array().unwrap() {
        let chosen = runner["chosen"].as_u64().unwrap() as usize;
        assert!(runner["front"][chosen]["cpu_share"].as_f64().unwrap() <= 1.0, "{runner}");
    }
}

#[test]
fn the_objective_decides_how_runners_wait() {
    let folder = Folder::new();
    let root = folder.machine();
    let waits = |objective: &str| {
        let arguments = [TRADING, "--root", &root, "--objective", objective, "--output", "-"];
        let profile = Profile::parse(&said(&arguments)).unwrap();
        profile.runners.into_iter().map(|runner| runner.wait.name()).collect::<Vec<_>>()
    };
    assert!(waits("cpu").iter().all(|wait| *wait == "park"), "{:?}", waits("cpu"));
    assert!(waits("latency").iter().all(|wait| wait.starts_with("spin")), "{:?}", waits("latency"));
}

#[test]
fn measured_latencies_and_hiccups_are_read_and_heeded() {
    let folder = Folder::new();
    let root = folder.machine();
    let here = Topology::read_from(Path::new(&root)).unwrap();
    let machine = json!({ "fingerprint": here.fingerprint(), "summary": here.to_string() });
    let quiet = |cpu: usize| {
        let (share, count) = if cpu == 6 { (0.0, 0) } else { (0.3, 10) };
        json!({ "jitter": {
            "cpu": cpu, "seconds": 1.0, "threshold_ns": 300, "count": count, "share": share,
            "p99_ns": 1, "p999_ns": 1, "p9999_ns": 1, "max_ns": 1, "hdr": "",
        } })
    };
    let all: Vec<_> = (0..8).map(quiet).collect();
    let jitter = json!({ "schema": "mainspring-jitter/1", "machine": machine, "cpus": all });
    let jitter = folder.file("jitter.json", &jitter.to_string());
    let nothing = vec![vec![Value::Null; 8]; 8];
    let matrix = json!({ "schema": "mainspring-matrix/1", "machine": machine, "matrix": {
        "cpus": [0, 1, 2, 3, 4, 5, 6, 7], "lines": 2, "p50_ns": nothing, "p99_ns": nothing,
    } });
    let matrix = folder.file("matrix.json", &matrix.to_string());
    let arguments = [
        TRADING,
        "--root",
        &root,
        "--jitter",
        &jitter,
        "--matrix",
        &matrix,
        "--wake-us",
        "9",
        "--json",
    ];
    let document: Value = serde_json::from_str(&said(&arguments)).unwrap();
    assert_eq!(document["assumed"], json!([]));
    assert_eq!(document["wake_ns"], 9000.0);
    for object in OBJECTS {
        assert_eq!(document["objects"][object], 6, "the only quiet CPU: {document}");
    }
    // As another machine's they are refused.
    let machine = json!({ "fingerprint": "0", "summary": "a toaster" });
    let other = json!({ "schema": "mainspring-jitter/1", "machine": machine, "cpus": [] });
    let other = folder.file("other.json", &other.to_string());
    let said = refusal(&[TRADING, "--root", &root, "--jitter", &other]);
    for words in ["other.json", "a toaster", "Somebody else's", "mainspring jitter --json"] {
        assert!(said.contains(words), "{said}");
    }
    let said = refusal(&[TRADING, "--root", &root, "--matrix", &jitter]);
    assert!(said.contains("mainspring-jitter/1") && said.contains("mainspring-matrix/1"), "{said}");
}

#[test]
fn bad_input_is_one_line_that_names_value_rule_and_way_out() {
    let folder = Folder::new();
    let root = folder.machine();
    let bad = folder.file("bad.toml", "schema = \"mainspring-graph/1\"\n[[object]\n");
    let unknown = folder.file(
        "unknown.toml",
        "schema = \"mainspring-graph/1\"\n[[object]]\nname = \"a\"\n[[edge]]\nfrom = \"b\"\nto = \"a\"\nrate = 1",
    );
    let impossible = folder.file(
        "impossible.toml",
        "schema = \"mainspring-graph/1\"\n[limits]\nleave_for_os = [3]\n[[object]]\nname = \"a\"\ncpu = 3",
    );
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["GRAPH", "--help"]),
        (&["/nowhere.toml"], &["/nowhere.toml", "give a graph"]),
        (&[&bad], &["bad.toml: line 2, column "]),
        (&[&unknown], &["unknown.toml: line 5, column 8: there is no object named \"b\"", "\"a\""]),
        (
            &[&impossible, "--root", &root],
            &["impossible.toml", "object \"a\" on CPU 3; leave_for_os [3] can't", "change one"],
        ),
        (&[TRADING, "--wake-us=-1"], &["--wake-us -1", "give 0 to"]),
        (&[TRADING, "--seconds", "0", "--prove"], &["--seconds 0", "give"]),
        (&[TRADING, "--root", "/nowhere"], &["--root /nowhere", "/nowhere/sys", "copy"]),
        (&[TRADING, "--root", &root, "--prove"], &["--root", "--prove", "leave one"]),
        (&[TRADING, "--objective", "fun"], &["fun", "latency", "balanced", "cpu"]),
        (&[TRADING, "--matrix", TRADING, "--root", &root], &["trading.toml", "line 1"]),
    ];
    for (arguments, words) in cases {
        let said = refusal(arguments);
        for word in *words {
            assert!(said.contains(word), "{arguments:?}: {word}: {said}");
        }
    }
}

#[test]
fn an_output_that_cannot_be_written_is_refused_first_and_a_good_one_survives_bad_input() {
    let folder = Folder::new();
    let directory = folder.0.path().to_str().unwrap();
    // An hour of rounds must not be spent first.
    let said = refusal(&[TRADING, "--prove", "--seconds", "3600", "--output", directory]);
    assert!(said.contains("--output") && said.contains(directory), "{said}");
    let good = folder.file("good.toml", "good");
    let toaster = folder.file("toaster.json", "{}");
    refusal(&[TRADING, "--matrix", &toaster, "--output", &good]);
    assert_eq!(fs::read_to_string(good).unwrap(), "good");
}

#[test]
fn a_placement_is_measured_proven_and_used_on_this_machine() {
    let folder = Folder::new();
    let profile = folder.path("profile.toml");
    let profile = profile.to_str().unwrap();
    let document = folder.path("tune.json");
    let document = document.to_str().unwrap();
    let slow = fs::read_to_string(TRADING).unwrap().replace("0_000", "00").replace("000", "0");
    let graph = folder.file("slow.toml", &slow);
    let arguments =
        [&graph, "--output", profile, "--json", document, "--prove", "--seconds", "0.7"];
    let output = tune(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Measured here, 7 alternating rounds"), "{text}");
    let document: Value = serde_json::from_str(&fs::read_to_string(document).unwrap()).unwrap();
    assert_eq!(document["assumed"], json!([]), "all was measured");
    for side in ["before", "after"] {
        let rounds = document["proof"][side].as_array().unwrap();
        assert_eq!(rounds.len(), 7);
        assert!(rounds.iter().all(|round| round["p50_ns"].as_f64().unwrap() > 0.0), "{rounds:?}");
    }
    let engine = Engine::builder().on_event(|_| ()).profile(profile).start().unwrap();
    assert_eq!(engine.runners().len(), document["runners"].as_array().unwrap().len());
    engine.join();
}
