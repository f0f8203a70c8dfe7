//! Runs a few randomised schedules of each scenario of `loom-tests/schedules`, a workspace of its own
//! because its flags must reach the library, so that `cargo test --workspace` is complete.

use std::process::Command;

#[test]
fn every_scenario_passes_a_few_schedules() {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/loom-tests/schedules"));
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env_remove("CARGO_TARGET_DIR");
    command.args(["run", "--release", "--quiet", "--", "--iterations", "300"]);
    let output = command.output().expect("cargo can be run, as it runs this test");
    let text = String::from_utf8_lossy(&output.stdout);
    let summary = text.lines().last().unwrap_or("no output");
    println!("{summary}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
}
