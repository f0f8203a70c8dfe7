//! The command `jitter`.

mod text;

use crate::{options, print};
use clap::Args;
use mainspring_perf::error::Error;
use mainspring_perf::machine::jitter::{self, Report, SCHEMA, Watched};
use mainspring_perf::machine::machine;
use mainspring_perf::results::output::Output;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Its options.
#[derive(Args)]
pub struct Options {
    /// The CPUs to watch: all that this process may use, or a list.
    #[arg(long, value_name = "LIST", default_value = "all")]
    cpus: String,
    /// How long each CPU is watched, in seconds.
    #[arg(long, value_name = "N", default_value_t = 3.0)]
    seconds: f64,
    /// Watches all CPUs at once instead of one after another.
    #[arg(long)]
    together: bool,
    /// Writes a JSON document to this file, or to standard output instead of the table.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
}

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let cpus = options::cpus(&options.cpus)?;
    let length = options::seconds(options.seconds)?;
    let json = options.json.map(|path| Output::open("--json", path)).transpose()?;
    let started = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let watched = watch(&cpus, length, options.together)?;
    let report = Report {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        started,
        machine: machine::read(&mainspring::allowed_cpus(), None),
        is_together: options.together,
        cpus: watched,
    };
    if !json.as_ref().is_some_and(Output::is_stdout) {
        print(&text::of(&report));
    }
    json.map_or(Ok(()), |json| json.write_json(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn watch(cpus: &[usize], length: Duration, together: bool) -> Result<Vec<Watched>, Error> {
    if together {
        return jitter::watch_together(cpus, length);
    }
    let progress = options::progress(cpus.len());
    let one = |cpu: &usize| {
        progress.set_message(format!("CPU {cpu}"));
        progress.tick();
        let watched = jitter::watch_closely(*cpu, length)?;
        progress.inc(1);
        Ok(watched)
    };
    let watched = cpus.iter().map(one).collect();
    progress.finish_and_clear();
    watched
}
