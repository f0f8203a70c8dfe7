//! Breaks the shipped source on purpose, one place at a time, and demands that a scenario fails.

use crate::mutants::{MUTANTS, Mutant};
use crate::seeding::{self, Result};
use std::path::Path;
use std::process::{Command, Output};

/// How many schedules of each order a bug may take to be found. Few: whoever needs more than a second
/// for a bug has a scenario that hardly meets it.
const ITERATIONS: &str = "3000";

/// Runs those whose names contain `wanted`, on a copy of the tree; whether all were caught.
pub fn run(wanted: &str) -> Result<bool> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let scratch = project.join("loom-tests/target/seeded-schedules");
    let tree = scratch.join("tree");
    seeding::copy(&project, &tree)?;
    let mutants: Vec<_> = MUTANTS.iter().filter(|m| m.place.name.contains(wanted)).collect();
    for mutant in &mutants {
        seeding::original(&tree, mutant.place)?;
    }
    let mut caught = 0;
    for mutant in &mutants {
        let found = try_mutant(&tree, &scratch.join("build"), mutant)?;
        caught += usize::from(found.is_some());
        let verdict = match found {
            Some(how) => format!("caught by {} ({how})", mutant.scenario),
            None => format!("SURVIVED {}", mutant.scenario),
        };
        println!("{}: {verdict}", mutant.place.name);
    }
    println!("{} mutants, {caught} caught", mutants.len());
    Ok(caught == mutants.len())
}

/// How it was found, if it was.
fn try_mutant(tree: &Path, build: &Path, mutant: &Mutant) -> Result<Option<String>> {
    let (built, ran) = seeding::broken(tree, mutant.place, || {
        Ok((cargo(tree, build, "build", &[])?, {
            let args = ["--", "--scenario", mutant.scenario, "--iterations", ITERATIONS];
            cargo(tree, build, "run", &args)?
        }))
    })?;
    if !built.status.success() {
        let output = String::from_utf8_lossy(&built.stderr);
        return Err(format!("{} doesn't compile:\n{output}", mutant.place.name).into());
    }
    match ran.status.code() {
        Some(0) => Ok(None),
        Some(2) => Err(String::from_utf8_lossy(&ran.stderr).into_owned().into()),
        // By a signal: it has broken memory, or panicked twice.
        _ => Ok(Some(how(&ran))),
    }
}

/// The message of the first panic.
fn how(ran: &Output) -> String {
    let text = String::from_utf8_lossy(&ran.stderr).into_owned();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("panicked at"));
    let message = lines.nth(1).unwrap_or("it crashed");
    message.chars().take(60).collect()
}

fn cargo(tree: &Path, build: &Path, job: &str, rest: &[&str]) -> Result<Output> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(tree.join("loom-tests/schedules")).env("CARGO_TARGET_DIR", build);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    // Half the time of a mutant is its build.
    command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_INCREMENTAL", "1");
    command.args([job, "--release", "--quiet"]).args(rest);
    Ok(command.output()?)
}
