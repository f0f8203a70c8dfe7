//! Breaks the shipped source on purpose, one place at a time, and demands that a model fails.
//!
//! Works on a copy of the tree. Ends with `N mutants, N caught`, and exit code 0 only if all were.

use mainspring_loom_tests::SEEDED;
use mainspring_loom_tests::mutants::{self, Mutant};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::SystemTime;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match run(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("seeded: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(wanted: &str) -> Result<bool> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let scratch = project.join("loom-tests/target/seeded");
    let tree = scratch.join("tree");
    copy(&project, &tree)?;
    let mutants: Vec<_> = mutants::all().filter(|mutant| mutant.name.contains(wanted)).collect();
    // All before the first: a model takes seconds, and nobody waits minutes to learn of a misfit.
    for mutant in &mutants {
        original(&tree, mutant)?;
    }
    let mut caught = 0;
    for mutant in &mutants {
        let is_caught = try_mutant(&tree, &scratch.join("build"), mutant)?;
        caught += usize::from(is_caught);
        let verdict = if is_caught { "caught by" } else { "SURVIVED" };
        println!("{}: {verdict} {}::{}", mutant.name, mutant.file_of_model, mutant.model);
    }
    println!("{} mutants, {caught} caught", mutants.len());
    Ok(caught == mutants.len())
}

/// The sources that a model is built from. Everything else stays where it is.
fn copy(project: &Path, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    for part in [
        "Cargo.toml",
        "README.md",
        "src",
        "macros",
        "perf",
        "benches",
        "examples",
        "tests",
        "loom-tests",
    ] {
        copy_part(&project.join(part), &tree.join(part))?;
    }
    Ok(())
}

fn copy_part(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        fs::create_dir_all(to.parent().ok_or("no parent")?)?;
        fs::copy(from, to)?;
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            copy_part(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

fn try_mutant(tree: &Path, build: &Path, mutant: &Mutant) -> Result<bool> {
    let file: PathBuf = tree.join(mutant.file);
    let original = original(tree, mutant)?;
    write(&file, &original.replace(mutant.find, mutant.replace))?;
    let built = cargo(tree, build, mutant, &["--no-run"])?;
    let ran = cargo(tree, build, mutant, &["--", "--exact", mutant.model])?;
    write(&file, &original)?;
    if !built.status.success() {
        let output = String::from_utf8_lossy(&built.stderr).into_owned();
        return Err(format!("{} doesn't compile:\n{output}", mutant.name).into());
    }
    let output = String::from_utf8_lossy(&ran.stdout).into_owned();
    // A model that doesn't exist would pass, and a test that didn't run proves nothing.
    let has_run = output.contains("running 1 test") || !ran.status.success();
    if !has_run {
        return Err(format!("{}: there is no model {:?}", mutant.name, mutant.model).into());
    }
    Ok(!ran.status.success())
}

/// The file as it is shipped, which must hold the mutant's place once.
fn original(tree: &Path, mutant: &Mutant) -> Result<String> {
    let original = fs::read_to_string(tree.join(mutant.file))?;
    if original.matches(mutant.find).count() != 1 {
        return Err(format!("{}: its text must occur once in {}", mutant.name, mutant.file).into());
    }
    Ok(original)
}

/// Writes with a new time: cargo would take the last mutant's build for this one's.
fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)?;
    let file = fs::File::options().append(true).open(file)?;
    file.set_modified(SystemTime::now())?;
    Ok(())
}

fn cargo(tree: &Path, build: &Path, mutant: &Mutant, rest: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(tree.join("loom-tests")).env("CARGO_TARGET_DIR", build);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env(SEEDED, "1");
    command.args(["test", "--release", "--quiet", "--test", mutant.file_of_model]).args(rest);
    Ok(command.output()?)
}
