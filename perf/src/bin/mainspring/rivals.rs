//! Hands over to the program that measures other libraries too.
//!
//! It is a workspace of its own, as its dependencies are many; so cargo builds it when it is asked
//! for, and this command needs none of them.

use mainspring_perf::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Seen from the project's folder.
const MANIFEST: &str = "benches/rivals/Cargo.toml";

/// Builds it and runs it; its exit code becomes ours.
pub fn run(arguments: &[String]) -> Result<ExitCode, Error> {
    if !Path::new(MANIFEST).exists() {
        let why = format!("--rivals: there is no {MANIFEST} here; run it in the project's folder");
        return Err(Error::Usage(why));
    }
    // The cargo that runs this program, if one does.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--quiet", "--manifest-path", MANIFEST]);
    command.args(["--bin", "rivals", "--"]).args(arguments);
    let status = command.status();
    let status = status.map_err(|error| Error::System { what: "cargo".into(), error })?;
    // Without a code it was ended by a signal.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
