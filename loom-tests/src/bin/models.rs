//! Runs every model and sums up in one line: `N models, N executions, all passed`.
//!
//! `--table` also prints a table in Markdown: each model's executions, bound and time, and the seeded bugs
//! that it catches.
//!
//! A program of its own because the models' flags come from `.cargo/config.toml` beside the
//! manifest, which cargo looks for in the current directory.

use mainspring_loom_tests::mutants;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Output};

fn main() -> ExitCode {
    let has_table = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--table") => true,
        Some(other) => {
            eprintln!("models: there is no {other}: give --table, or nothing");
            return ExitCode::from(2);
        }
    };
    match run(has_table) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("models: cargo could not be run: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all models passed.
fn run(has_table: bool) -> io::Result<bool> {
    let (mut models, mut has_failed) = (Vec::new(), false);
    for file in files()? {
        let output = test(&file)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = models_in(&file, &text);
        if !output.status.success() || found.is_empty() {
            print!("{text}");
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            has_failed = true;
        }
        models.extend(found);
    }
    if has_table {
        print_table(&models);
    }
    let executions: u64 = models.iter().map(|model| model.executions).sum();
    let verdict = if has_failed { "FAILED" } else { "all passed" };
    println!("{} models, {executions} executions, {verdict}", models.len());
    Ok(!has_failed && !models.is_empty())
}

/// The files of models, in their order.
fn files() -> io::Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    files.sort();
    Ok(files)
}

fn test(file: &str) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.args(["test", "--release", "--test", file, "--", "--nocapture", "--test-threads=1"]);
    command.output()
}

/// One run of `check`.
struct Model {
    file: String,
    /// The test that it belongs to.
    test: String,
    name: String,
    executions: u64,
    bound: String,
    seconds: String,
}

/// What the tests of one file have printed: their names, and what `check` says.
fn models_in(file: &str, text: &str) -> Vec<Model> {
    let mut test = String::new();
    let mut models = Vec::new();
    for line in text.lines() {
        if let Some((name, _)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            test = name.into();
        }
        let Some((name, said)) = line.split_once("model ").and_then(|(_, m)| m.split_once(": "))
        else {
            continue;
        };
        let mut parts = said.split(", ").map(|part| part.trim());
        let mut number = |unit: &str| Some(parts.next()?.replace(unit, "").trim().to_owned());
        let executions = number(" executions").and_then(|count| count.parse().ok());
        let (Some(executions), Some(bound), Some(seconds)) =
            (executions, number("bound "), number(" s"))
        else {
            continue;
        };
        let (file, test, name) = (file.into(), test.clone(), name.into());
        models.push(Model { file, test, name, executions, bound, seconds });
    }
    models
}

fn print_table(models: &[Model]) {
    println!("| file | test | model | executions | bound | seconds | seeded bugs caught |");
    println!("|---|---|---|---:|---:|---:|---|");
    let mut last = None;
    for Model { file, test, name, executions, bound, seconds } in models {
        // A test's bugs are said once, beside its first model.
        let is_first = last.replace((file, test)) != Some((file, test));
        let is_its =
            |mutant: &&mutants::Mutant| mutant.file_of_model == file && mutant.model == test;
        let caught: Vec<_> = mutants::all().filter(is_its).map(|mutant| mutant.name).collect();
        let caught = if is_first { caught.join("; ") } else { "as above".into() };
        println!(
            "| `{file}` | `{test}` | {name} | {executions} | {bound} | {seconds} | {caught} |"
        );
    }
}
