//! The command `topology`.

use crate::print;
use clap::Args;
use mainspring::Topology;
use mainspring_perf::error::Error;
use mainspring_perf::machine::layout::Layout;
use mainspring_perf::machine::root::Root;
use mainspring_perf::results::output::Output;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Its options.
#[derive(Args)]
pub struct Options {
    /// A row for each CPU: place, frequency, governor, interrupts.
    #[arg(long)]
    table: bool,
    /// Writes a JSON document to this file, or to standard output instead of the text.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
    /// Reads a copy of another machine's /sys and /proc from this folder.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let json = options.json.map(|path| Output::open("--json", path)).transpose()?;
    let root = Root::new(options.root.as_deref());
    let layout = Layout::of(&root, &read(options.root.as_deref())?);
    if !json.as_ref().is_some_and(Output::is_stdout) {
        print(&if options.table { layout.table() } else { layout.tree() });
    }
    json.map_or(Ok(()), |json| json.write_json(&layout))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the machine, or the copy of one that the option `--root` names.
pub fn read(root: Option<&Path>) -> Result<Topology, Error> {
    let Some(root) = root else {
        return Topology::read().map_err(|error| Error::System {
            what: error.path.display().to_string(),
            error: error.error,
        });
    };
    Topology::read_from(root).map_err(|error| {
        Error::Usage(format!(
            "--root {}: {error}; give a folder with copies of another machine's sys and proc",
            root.display()
        ))
    })
}
