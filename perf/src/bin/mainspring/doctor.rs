//! The command `doctor`.

use crate::{print, topology};
use clap::Args;
use mainspring::{Topology, list_of};
use mainspring_perf::error::Error;
use mainspring_perf::machine::doctor::{self, Diagnosis, System};
use mainspring_perf::machine::jitter::{self, CpuJitter};
use mainspring_perf::machine::root::Root;
use mainspring_perf::results::output::Output;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Something would spoil a measurement.
const SPOILT: u8 = 3;

/// How long interrupts and the CPUs' time are counted.
const MOMENT: Duration = Duration::from_millis(500);

/// Its options.
#[derive(Args)]
pub struct Options {
    /// The CPUs that matter [default: the first two allowed].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Explains one check on this machine: evidence, effect, fix, and how to undo the fix.
    #[arg(long, value_name = "CHECK")]
    explain: Option<String>,
    /// Lists the checks without running them.
    #[arg(long)]
    list: bool,
    /// Uses the machine's counts since boot instead of counting for half a second, and skips the
    /// scan for hiccups.
    #[arg(long)]
    no_measure: bool,
    /// Writes a JSON document to this file, or to standard output instead of the text.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
    /// Reads a copy of another machine's /sys and /proc from this folder.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    if options.list {
        print(&doctor::list());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(check) = options.explain.as_ref().filter(|check| !doctor::is_check(check)) {
        return Err(Error::Usage(format!(
            "--explain {check}: no such check; see mainspring doctor --list"
        )));
    }
    let json = options.json.map(|path| Output::open("--json", path)).transpose()?;
    let root = Root::new(options.root.as_deref());
    let topology = topology::read(options.root.as_deref())?;
    let cpus = choose(&options.cpus, &topology)?;
    // Of a copy, there is nothing to count.
    let is_measured = root.is_here() && !options.no_measure;
    let system = System::new(root, topology, &cpus, is_measured.then_some(MOMENT));
    let diagnosis = Diagnosis::of(&system, is_measured.then_some(&scan));
    if !json.as_ref().is_some_and(Output::is_stdout) {
        print(&match &options.explain {
            Some(check) => diagnosis.explain(check).unwrap_or_default(),
            None => diagnosis.text(),
        });
    }
    json.map_or(Ok(()), |json| json.write_json(&diagnosis))?;
    Ok(if diagnosis.is_spoilt() { ExitCode::from(SPOILT) } else { ExitCode::SUCCESS })
}

/// A CPU that can't be watched is ranked without: where pinning is forbidden, the rest still holds.
fn scan(cpu: usize, length: Duration) -> Option<CpuJitter> {
    let watched = jitter::watch(cpu, length);
    watched.inspect_err(|error| eprintln!("mainspring: no hiccup scan: {error}")).ok()
}

/// CPUs that are online; whether the process may use them is a check of its own.
fn choose(wanted: &[usize], topology: &Topology) -> Result<Vec<usize>, Error> {
    if let Some(cpu) = wanted.iter().find(|cpu| topology.cpu(**cpu).is_none()) {
        let online: Vec<_> = topology.cpus().iter().map(|cpu| cpu.id).collect();
        let (named, online) = (wanted.iter().map(usize::to_string), list_of(&online));
        let named = named.collect::<Vec<_>>().join(",");
        return Err(Error::Usage(format!(
            "--cpus {named}: CPU {cpu} doesn't exist or is offline; choose from {online}"
        )));
    }
    match wanted {
        [] => Ok(topology.allowed().take(2).map(|cpu| cpu.id).collect()),
        wanted => Ok(wanted.to_vec()),
    }
}
