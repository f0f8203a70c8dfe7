//! Counting: a program's repetitions of a path, under callgrind.

use crate::paths::{Path, REPETITIONS};
use crate::trouble::Trouble;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

/// Counts in one build of this program.
pub struct Counter {
    program: PathBuf,
    /// What that build has: an older library lacks some.
    has: BTreeSet<String>,
}

impl Counter {
    /// Counts in another build.
    pub fn new(program: PathBuf) -> Result<Self, Trouble> {
        let listed = output(Command::new(&program).arg("paths"))?;
        let has = String::from_utf8_lossy(&listed.stdout).lines().map(String::from).collect();
        Ok(Self { program, has })
    }

    /// Counts in the build that is running.
    pub fn of_this() -> Result<Self, Trouble> {
        let this = std::env::current_exe();
        Self::new(this.map_err(|error| Trouble::Program { program: "this program".into(), error })?)
    }

    /// Counts those paths that the build has: instructions each.
    pub fn count_all(&self, paths: &[&Path]) -> Result<BTreeMap<String, f64>, Trouble> {
        let paths = paths.iter().filter(|path| self.has.contains(path.id));
        paths.map(|path| Ok((path.id.into(), self.count(path)?))).collect()
    }

    fn count(&self, path: &Path) -> Result<f64, Trouble> {
        let whole = self.count_part(path.id)?;
        let without = path.without.map(|(part, _)| self.count_part(part)).transpose()?;
        Ok(whole - without.unwrap_or(0.0))
    }

    /// Both runs at once: the counts don't depend on what else the machine does.
    fn count_part(&self, id: &str) -> Result<f64, Trouble> {
        let (once, twice) = thread::scope(|scope| {
            let twice = scope.spawn(|| self.total(id, 2 * REPETITIONS));
            (self.total(id, REPETITIONS), twice.join().expect("it only waits for a program"))
        });
        Ok((twice? as f64 - once? as f64) / REPETITIONS as f64)
    }

    /// The instructions of a whole run.
    fn total(&self, id: &str, count: usize) -> Result<u64, Trouble> {
        let trouble = |error| Trouble::File { path: std::env::temp_dir(), error };
        let file = tempfile::NamedTempFile::new().map_err(trouble)?;
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--quiet"]);
        command.arg(format!("--callgrind-out-file={}", file.path().display()));
        command.arg(&self.program).args(["repeat", id, &count.to_string()]);
        output(&mut command)?;
        let text = std::fs::read_to_string(file.path()).map_err(trouble)?;
        total_in(&text).ok_or_else(|| Trouble::NoTotal { path: id.into() })
    }
}

/// The total at the foot of callgrind's file; its one event is the instruction.
fn total_in(text: &str) -> Option<u64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Valgrind's version, as it says it.
pub fn valgrind() -> Result<String, Trouble> {
    match output(Command::new("valgrind").arg("--version")) {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(Trouble::Program { error, .. }) if error.kind() == ErrorKind::NotFound => {
            Err(Trouble::NoValgrind)
        }
        Err(trouble) => Err(trouble),
    }
}

/// Runs a program that must succeed.
pub fn output(command: &mut Command) -> Result<Output, Trouble> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.map_err(|error| Trouble::Program { program: program.clone(), error })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Trouble::Failed { program, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_at_the_foot() {
        let text = "events: Ir\nsummary: 5\nfn=(1) totals: x\n3 4\n\ntotals: 1234\n";
        assert_eq!(total_in(text), Some(1234));
        assert_eq!(total_in("events: Ir\n"), None);
    }
}
