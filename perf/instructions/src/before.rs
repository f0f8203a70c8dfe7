//! The library as it was: this program built on the sources of an earlier commit.

use crate::count::output;
use crate::trouble::Trouble;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is counted is built from these.
const SOURCES: [&str; 2] = ["src", "macros/src"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(here().join("../.."));
    git
}

/// Builds this program on the library of that commit, in a copy; returns where it is.
pub fn build(commit: &str) -> Result<PathBuf, Trouble> {
    let scratch = here().join("target/before");
    let tree = scratch.join("tree");
    unpack(commit, &scratch, &tree)?;
    let copy = tree.join("perf/instructions");
    for part in ["Cargo.toml", "Cargo.lock", "src"] {
        copy_part(&here().join(part), &copy.join(part))
            .map_err(|error| Trouble::File { path: copy.join(part), error })?;
    }
    let build = scratch.join("build");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--no-default-features", "--manifest-path"]);
    cargo.arg(copy.join("Cargo.toml")).arg("--target-dir").arg(&build);
    // An older library has the same files flat in `src`.
    for (feature, files) in [
        ("lanes", &["src/mailbox/lanes.rs"][..]),
        ("context", &["src/object/context.rs", "src/context.rs"]),
        ("options", &["src/proxy/options.rs", "src/options.rs"]),
        ("timers", &["src/runner/timer_wheel.rs", "src/wheel.rs"]),
    ] {
        if files.iter().any(|file| tree.join(file).exists()) {
            cargo.args(["--features", feature]);
        }
    }
    output(&mut cargo)?;
    Ok(build.join("release/instructions"))
}

/// Lays a commit's files out.
fn unpack(commit: &str, scratch: &Path, tree: &Path) -> Result<(), Trouble> {
    let trouble = |error| Trouble::File { path: tree.to_owned(), error };
    if tree.exists() {
        fs::remove_dir_all(tree).map_err(trouble)?;
    }
    fs::create_dir_all(tree).map_err(trouble)?;
    let archive = scratch.join("tree.tar");
    output(git().args(["archive", "--output"]).arg(&archive).arg(commit))?;
    output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(tree))?;
    Ok(())
}

fn copy_part(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap_or(to))?;
        return fs::copy(from, to).map(drop);
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy_part(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// The commit that the library's sources are of, as far as git knows.
pub fn commit() -> String {
    let said = |command: &mut Command| {
        let said = output(command).ok()?;
        Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let last = said(git().args(["log", "-1", "--format=%h", "--"]).args(SOURCES));
    let changed = said(git().args(["status", "--porcelain", "--"]).args(SOURCES));
    let sign = if changed.is_some_and(|changed| !changed.is_empty()) { "+" } else { "" };
    last.unwrap_or_default() + sign
}

/// The compiler's version, as it says it.
pub fn rustc() -> Result<String, Trouble> {
    let said = output(Command::new("rustc").arg("--version"))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
