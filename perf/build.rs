//! Notes what the command is built with, for the documents that it writes.

use std::env::var;
use std::path::Path;
use std::process::Command;

fn main() {
    let rustc = first_line(Command::new(var("RUSTC").unwrap_or("rustc".into())).arg("--version"));
    println!("cargo::rustc-env=MAINSPRING_RUSTC={}", rustc.unwrap_or("unknown".into()));
    println!("cargo::rustc-env=MAINSPRING_PROFILE={}", var("PROFILE").unwrap_or_default());
    println!("cargo::rustc-env=MAINSPRING_TARGET={}", var("TARGET").unwrap_or_default());
    // Outside of a repository there is none.
    let git = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    if let Some(commit) = first_line(Command::new("git").args(git)) {
        println!("cargo::rustc-env=MAINSPRING_COMMIT={commit}");
    }
    // The log of HEAD grows with each commit. What isn't there would have cargo build each time.
    let sources = ["src", "../src", "../macros/src", "../Cargo.lock", "../.git/logs/HEAD"];
    for source in sources.into_iter().filter(|source| Path::new(source).exists()) {
        println!("cargo::rerun-if-changed={source}");
    }
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}
