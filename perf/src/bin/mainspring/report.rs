//! The command `report`.

use crate::print;
use clap::Args;
use mainspring_perf::error::Error;
use mainspring_perf::results::document::Document;
use mainspring_perf::results::output::Output;
use mainspring_perf::results::report;
use std::path::PathBuf;
use std::process::ExitCode;

/// Its options.
#[derive(Args)]
pub struct Options {
    /// A document of `bench --json`.
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// Where to write the page [default: next to the document, as .html].
    #[arg(long, value_name = "FILE.html")]
    output: Option<PathBuf>,
}

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let Options { file, output } = options;
    let document = Document::read(&file)?;
    let output = output.unwrap_or_else(|| file.with_extension("html"));
    if output == file {
        return Err(Error::Usage(format!(
            "--output {}: this is the document itself; give another file",
            output.display()
        )));
    }
    let page = report::page(&document)?;
    let name = output.display().to_string();
    let place = Output::open("--output", Some(output))?;
    let is_stdout = place.is_stdout();
    place.write(&page)?;
    if !is_stdout {
        print(&format!("{name}\n"));
    }
    Ok(ExitCode::SUCCESS)
}
