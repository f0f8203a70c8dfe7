//! Breaks the shipped source on purpose, one place at a time, and demands that a model fails.
//!
//! Works on a copy of the tree. Ends with `N mutants, N caught`, and exit code 0 only if all were.

use mainspring_loom_tests::SEEDED;
use mainspring_loom_tests::mutants::{self, Mutant};
use mainspring_loom_tests::seeding::{self, Result};
use std::path::Path;
use std::process::{Command, ExitCode, Output};

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
    seeding::copy(&project, &tree)?;
    let mutants: Vec<_> = mutants::all().filter(|mutant| mutant.name.contains(wanted)).collect();
    // All before the first: a model takes seconds, and nobody waits minutes to learn of a misfit.
    for mutant in &mutants {
        seeding::original(&tree, mutant.place())?;
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

fn try_mutant(tree: &Path, build: &Path, mutant: &Mutant) -> Result<bool> {
    let (built, ran) = seeding::broken(tree, mutant.place(), || {
        let built = cargo(tree, build, mutant, &["--no-run"])?;
        Ok((built, cargo(tree, build, mutant, &["--", "--exact", mutant.model])?))
    })?;
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

fn cargo(tree: &Path, build: &Path, mutant: &Mutant, rest: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(tree.join("loom-tests")).env("CARGO_TARGET_DIR", build);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env(SEEDED, "1");
    command.args(["test", "--release", "--quiet", "--test", mutant.file_of_model]).args(rest);
    Ok(command.output()?)
}
