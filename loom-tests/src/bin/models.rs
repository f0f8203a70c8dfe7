//! Runs every model and sums up in one line: `N models, N executions, N failed`.
//!
//! A program of its own because the models' flags come from `.cargo/config.toml` beside the
//! manifest, which cargo looks for in the current directory.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.args(["test", "--release", "--quiet", "--no-fail-fast", "--tests", "--"]);
    command.args(["--nocapture", "--test-threads=1"]);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("models: cargo could not be run: {error}");
            return ExitCode::from(2);
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let executions = |line: &str| -> Option<u64> {
        let (_, rest) = line.split_once("model ")?.1.split_once(": ")?;
        rest.split(' ').next()?.parse().ok()
    };
    let counts: Vec<u64> = text.lines().filter_map(executions).collect();
    if !output.status.success() {
        print!("{text}");
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let verdict = if output.status.success() { "all passed" } else { "FAILED" };
    println!("{} models, {} executions, {verdict}", counts.len(), counts.iter().sum::<u64>());
    if output.status.success() && !counts.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
