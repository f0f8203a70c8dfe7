//! The recipes as their users meet them: what they say of this machine, of one without tools, and what
//! `tune.sh` does to a machine that is made of files.

use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

const RECIPES: [&str; 10] =
    ["c2c", "env", "flame", "instructions", "osnoise", "sched", "stat", "tune", "untune", "wakes"];

/// What the scripts themselves take, besides what they probe for.
const BARE: [&str; 27] = [
    "awk", "basename", "bash", "cat", "comm", "cp", "cut", "date", "dirname", "env", "grep",
    "head", "id", "mkdir", "mktemp", "paste", "rm", "sed", "seq", "sleep", "sort", "tac", "tail",
    "tr", "true", "uname", "wc",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes")
}

fn recipe(name: &str) -> Command {
    let mut command = Command::new(folder().join(format!("{name}.sh")));
    command.env("MAINSPRING", assert_cmd::cargo::cargo_bin("mainspring"));
    command.env_remove("MAINSPRING_ROOT");
    command
}

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// One line that names the recipe and its tier; less than everything says what to use instead.
fn check_probe(name: &str, command: &mut Command) -> String {
    let (code, said, trouble) = run(command.arg("--probe"));
    assert_eq!(trouble, "", "{name}");
    assert_eq!(said.lines().count(), 1, "{name}: {said}");
    let tier = said.strip_prefix(&format!("{name}: ")).and_then(|rest| rest.split_once(": "));
    let (tier, words) = tier.unwrap_or_else(|| panic!("{name}: {said}"));
    assert_eq!(code, Some(if tier == "none" { 3 } else { 0 }), "{said}");
    assert_eq!(tier != "full", words.contains("; use: "), "{said}");
    tier.into()
}

#[test]
fn each_recipe_says_in_one_line_what_this_machine_allows() {
    for name in RECIPES {
        check_probe(name, &mut recipe(name));
    }
}

#[test]
fn without_any_tools_each_recipe_says_what_to_use_instead() {
    let path = tempfile::tempdir().unwrap();
    for tool in BARE {
        let found = ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(tool));
        let found = found.into_iter().find(|file| file.exists());
        symlink(found.unwrap_or_else(|| panic!("no {tool}")), path.path().join(tool)).unwrap();
    }
    let bare = |name: &str| {
        let mut command = recipe(name);
        command.env("PATH", path.path());
        command
    };
    let tiers = |with: &dyn Fn(&str) -> Command| -> Vec<String> {
        let probed = ["c2c", "flame", "instructions", "stat", "wakes"];
        probed.iter().map(|name| check_probe(name, &mut with(name))).collect()
    };
    assert_eq!(tiers(&bare), ["map", "none", "none", "times", "bench"]);
    let without_mainspring = |name: &str| {
        let mut command = bare(name);
        command.env_remove("MAINSPRING").env("CARGO_TARGET_DIR", "/nowhere");
        command
    };
    assert_eq!(tiers(&without_mainspring), ["none", "none", "none", "times", "none"]);
}

#[test]
fn bad_input_is_refused_in_one_line() {
    for name in RECIPES {
        for arguments in [&["--bad"][..], &["--seconds", "0"], &["--", "no-such-command-anywhere"]]
        {
            // Those have a command line of their own.
            if name == "untune" && arguments[0] == "--" {
                continue;
            }
            let (code, said, trouble) = run(recipe(name).args(arguments));
            assert_eq!((code, said.as_str()), (Some(2), ""), "{name} {arguments:?}: {trouble}");
            assert_eq!(trouble.lines().count(), 1, "{name}: {trouble}");
            assert!(trouble.starts_with(&format!("{name}: ")), "{trouble}");
        }
    }
}

#[test]
fn the_environment_is_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env.json");
    let (code, said, _) = run(recipe("env").arg("--out").arg(&file));
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let document: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(document["schema"], "mainspring-environment/1");
    assert!(document["uname"]["release"].is_string());
    for part in ["topology", "doctor"] {
        assert!(document[part].is_object() || document[part].is_null(), "{part}");
    }
}

/// Four CPUs, two of them measured in the tests.
struct Machine(tempfile::TempDir);

const FILES: [(&str, &str); 7] = [
    ("sys/devices/system/cpu/online", "0-3"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave"),
    ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never"),
    ("proc/sys/vm/stat_interval", "1"),
    ("proc/sys/kernel/numa_balancing", "0"),
    ("proc/irq/24/smp_affinity_list", "0-3"),
    ("proc/irq/default_smp_affinity", "f"),
];

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (path, text) in FILES {
            let path = machine.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        machine
    }

    fn recipe(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(recipe(name).arg("--root").arg(self.0.path()).args(arguments))
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap().trim().into()
    }

    fn has(&self, values: [&str; 7]) {
        let found = FILES.map(|(path, _)| self.read(path));
        assert_eq!(found, values);
    }

    /// A file has no brackets of its own: what was written is what is in force.
    const BEFORE: [&str; 7] = ["0-3", "powersave", "always", "1", "0", "0-3", "f"];
    const TUNED: [&str; 7] = ["0-3", "performance", "madvise", "120", "0", "0,1", "3"];
}

#[test]
fn tune_prints_what_it_would_do_and_what_undoes_it_and_does_nothing() {
    let machine = Machine::new();
    let (code, said, _) = machine.recipe("tune", &["--cpus", "2-3"]);
    assert_eq!(code, Some(0));
    for line in [
        "echo performance > /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor  \
         # undo: echo powersave > /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled  # undo: echo always >",
        "echo 0,1 > /proc/irq/24/smp_affinity_list  # undo: echo 0-3 >",
        "echo 3 > /proc/irq/default_smp_affinity  # undo: echo f >",
        "# /proc/sys/kernel/numa_balancing is 0 already",
    ] {
        assert!(said.contains(line), "{line}\nin {said}");
    }
    machine.has(FILES.map(|(_, text)| text));
    let (code, _, said) = machine.recipe("tune", &["--cpus", "0-3"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("leave one"), "{said}");
}

#[test]
fn what_was_tuned_is_put_back_and_what_others_changed_is_left() {
    let machine = Machine::new();
    let (code, said, trouble) = machine.recipe("tune", &["--cpus", "2-3", "--apply"]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{trouble}");
    machine.has(Machine::TUNED);
    let (code, _, said) = machine.recipe("tune", &["--apply"]);
    assert_eq!(code, Some(2), "a second time would lose the old values: {said}");
    let (code, said, _) = machine.recipe("untune", &[]);
    assert_eq!((code, said.lines().count()), (Some(0), 5), "{said}");
    machine.has(Machine::TUNED);
    fs::write(machine.0.path().join("proc/sys/vm/stat_interval"), "17\n").unwrap();
    let (code, _, said) = machine.recipe("untune", &["--apply"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("stat_interval: it is 17, which is neither"), "{said}");
    let mut expected = Machine::BEFORE;
    expected[3] = "17";
    machine.has(expected);
    assert_eq!(machine.recipe("untune", &["--apply"]).0, Some(3), "nothing is left to undo");
}

#[test]
fn around_a_command_the_machine_is_tuned_and_only_then() {
    let machine = Machine::new();
    let governor = machine.0.path().join(FILES[1].0);
    let script = format!("cat '{}'; exit 7", governor.display());
    let (code, said, trouble) =
        machine.recipe("tune", &["--cpus", "2-3", "--apply", "--", "bash", "-c", &script]);
    assert_eq!((code, said.as_str()), (Some(7), "performance\n"), "{trouble}");
    machine.has(Machine::BEFORE);
}
