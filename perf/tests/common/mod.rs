//! What tests of commands share.

use assert_cmd::Command;

/// The command with these arguments.
pub fn mainspring(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("mainspring").unwrap();
    command.args(arguments);
    command
}

/// Runs a command that must refuse its arguments; returns the line that says why.
#[allow(dead_code)] // not every test file has bad input
pub fn refusal(command: &str, arguments: &[&str]) -> String {
    refused(&[&[command], arguments].concat())
}

/// The same with the command among the arguments, or none.
#[allow(dead_code)] // as above
pub fn refused(arguments: &[&str]) -> String {
    let output = mainspring(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(said.matches('\n').count(), 1, "{arguments:?}: {said}");
    assert!(said.starts_with("mainspring: ") && said.ends_with('\n'), "{arguments:?}: {said}");
    said
}
