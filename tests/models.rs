//! Runs the model checks of `loom-tests`, a workspace of its own because its flags must reach the
//! library, so that `cargo test --workspace` is complete.

use std::process::Command;

#[test]
fn every_model_passes() {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/loom-tests"));
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env_remove("CARGO_TARGET_DIR");
    command.args(["run", "--release", "--quiet", "--bin", "models"]);
    let output = command.output().expect("cargo can be run, as it runs this test");
    let text = String::from_utf8_lossy(&output.stdout);
    let summary = text.lines().last().unwrap_or("no output");
    println!("{summary}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
}
