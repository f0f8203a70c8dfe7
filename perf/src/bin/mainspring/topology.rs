//! The command `topology`.

use clap::Args;
use mainspring_perf::trouble::Trouble;
use std::process::ExitCode;

/// What it can be told.
#[derive(Args)]
pub struct Options {}

/// Runs it.
pub fn run(_: Options) -> Result<ExitCode, Trouble> {
    Err(Trouble::Usage("not there yet".into()))
}
