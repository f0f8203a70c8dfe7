//! The command line: read, checked, and turned into a [`Plan`].

use crate::suite::{self, Suite};
use crate::{compare, doctor, jitter, latency_map, report, topology, tune};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use mainspring_perf::trouble::Trouble;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The largest mailbox that the benchmarks will use, in requests.
const CAPACITY_MAX: usize = 1 << 20;
const SECONDS_MAX: u64 = 3600;

#[derive(Parser)]
#[command(name = "mainspring", version, args_conflicts_with_subcommands = true)]
/// Measures the Mainspring library on this machine; without arguments, the quick suite.
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    bench: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a suite of benchmarks (also without this word).
    Bench(Options),
    #[command(flatten)]
    Tool(Tool),
}

/// The commands beside `bench`; each reads its own options.
#[derive(Subcommand)]
pub enum Tool {
    /// Shows the machine's CPUs: packages, caches, siblings, and what this process may use.
    Topology(topology::Options),
    /// Says what on this machine would spoil a measurement, and what to do about it.
    Doctor(doctor::Options),
    /// Measures the latency between CPUs.
    LatencyMap(latency_map::Options),
    /// Measures how often and how long each CPU is taken away from a thread.
    Jitter(jitter::Options),
    /// Finds a placement of runners and objects on CPUs, and proves it.
    Tune(tune::Options),
    /// Makes one HTML file of a run's document.
    Report(report::Options),
    /// Compares two runs' documents.
    Compare(compare::Options),
}

impl Tool {
    /// Runs it.
    pub fn run(self) -> Result<ExitCode, Trouble> {
        match self {
            Self::Topology(options) => topology::run(options),
            Self::Doctor(options) => doctor::run(options),
            Self::LatencyMap(options) => latency_map::run(options),
            Self::Jitter(options) => jitter::run(options),
            Self::Tune(options) => tune::run(options),
            Self::Report(options) => report::run(options),
            Self::Compare(options) => compare::run(options),
        }
    }
}

#[derive(Args)]
struct Options {
    /// Which suite to run.
    #[arg(long, value_enum, default_value_t = Suite::Quick)]
    suite: Suite,
    /// How long the run takes in all, about, in seconds.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seconds: u64,
    /// The CPUs of the caller and of the runner [default: the first two allowed].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Runs only scenarios with this in their name, and the floors they are compared with.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How many requests fit into a mailbox.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    capacity: usize,
    /// Writes every figure to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Lists the suites and their scenarios, and runs nothing.
    #[arg(long)]
    list: bool,
    /// Measures Mainspring beside other libraries instead, from the project's folder, by cargo;
    /// what follows goes to that program, as in `--rivals --help`.
    #[arg(long, value_name = "ARGUMENTS", num_args = 0.., allow_hyphen_values = true, exclusive = true)]
    rivals: Option<Vec<String>>,
}

/// What the command line asks for.
pub enum Asked {
    /// A text, and nothing to run.
    Text(String),
    /// A run.
    Run(Plan),
    /// The other program, with these arguments.
    Rivals(Vec<String>),
    /// A command beside `bench`.
    Tool(Tool),
}

/// One run, with every option checked.
pub struct Plan {
    /// Which scenarios there are.
    pub suite: Suite,
    /// Which of them are wanted; all, if it is empty.
    pub only: String,
    /// How long the run may take.
    pub budget: Duration,
    /// Those that this process may use.
    pub allowed: Vec<usize>,
    /// The caller's and the runner's; `None` when there is one only: then nothing is pinned.
    pub cpus: Option<(usize, usize)>,
    /// How many requests fit into a mailbox.
    pub capacity: usize,
    /// Where the figures go, open already.
    pub json: Option<File>,
    /// How the run can be repeated.
    pub command: String,
}

/// Reads the command line.
pub fn read() -> Result<Asked, Trouble> {
    read_from(std::env::args_os().skip(1).collect())
}

/// Reads these arguments.
fn read_from(arguments: Vec<OsString>) -> Result<Asked, Trouble> {
    let words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    let typed = words.fold("mainspring".to_owned(), |all, one| all + " " + &one);
    let arguments = [OsString::from("mainspring")].into_iter().chain(arguments);
    let Cli { command, bench } = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return in_one_line(&error),
    };
    let options = match command {
        Some(Command::Bench(options)) => options,
        Some(Command::Tool(tool)) => return Ok(Asked::Tool(tool)),
        None => bench,
    };
    if let Some(arguments) = options.rivals {
        return Ok(Asked::Rivals(arguments));
    }
    if options.list {
        return Ok(Asked::Text(suite::list()));
    }
    plan(options, typed).map(Asked::Run)
}

/// Help and version are texts; everything else becomes the one line that we print for bad input.
fn in_one_line(error: &clap::Error) -> Result<Asked, Trouble> {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Asked::Text(text)),
        _ => {
            let is_said = |line: &&str| !line.is_empty() && !line.starts_with("For more");
            let before_usage = text.lines().take_while(|line| !line.starts_with("Usage:"));
            let said: Vec<_> = before_usage.map(str::trim).filter(is_said).collect();
            let said = said.join(" ");
            let said = said.strip_prefix("error: ").unwrap_or(&said);
            Err(Trouble::Usage(format!("{said}; see mainspring --help")))
        }
    }
}

fn plan(options: Options, command: String) -> Result<Plan, Trouble> {
    let Options { suite, seconds, cpus, only, capacity, json, .. } = options;
    if !(1..=SECONDS_MAX).contains(&seconds) {
        return refuse(format!("--seconds {seconds}: give 1 to {SECONDS_MAX}"));
    }
    if !(1..=CAPACITY_MAX).contains(&capacity) {
        return refuse(format!("--capacity {capacity}: give 1 to {CAPACITY_MAX} requests"));
    }
    let allowed = mainspring::allowed_cpus();
    let cpus = choose_cpus(&cpus, &allowed)?;
    let only = only.unwrap_or_default();
    suite::check(suite, &only, cpus.is_some())?;
    let json = json.as_deref().map(open).transpose()?;
    let budget = Duration::from_secs(seconds);
    Ok(Plan { suite, only, budget, allowed, cpus, capacity, json, command })
}

fn refuse<T>(why: String) -> Result<T, Trouble> {
    Err(Trouble::Usage(why))
}

/// Two different CPUs of those allowed; `None` if there is one, or the system doesn't say.
fn choose_cpus(wanted: &[usize], allowed: &[usize]) -> Result<Option<(usize, usize)>, Trouble> {
    let named = wanted.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let refuse = |rule: String| {
        refuse(format!("--cpus {named}: {rule}; choose two different ones of {allowed:?}"))
    };
    if let Some(cpu) = wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        return refuse(format!("CPU {cpu} does not exist or is not allowed to this process"));
    }
    match (wanted, allowed) {
        ([], [caller, runner, ..]) => Ok(Some((*caller, *runner))),
        ([], _) => Ok(None),
        ([caller, runner], _) if caller != runner => Ok(Some((*caller, *runner))),
        _ => refuse("one CPU for the caller and another for the runner are needed".into()),
    }
}

/// Opens the file before the run: nobody waits 20 s to learn that it can't be written.
fn open(path: &Path) -> Result<File, Trouble> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    opened.map_err(|error| {
        let path = path.display();
        Trouble::Usage(format!(
            "--json {path}: {error}; give a file in a directory you may write to"
        ))
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    /// Splitmix.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    /// Words that mean something, numbers at the ends of their ranges, and what isn't text at all.
    fn word(state: &mut u64) -> OsString {
        const WORDS: &[&str] = &[
            "bench",
            "--suite",
            "quick",
            "idle",
            "--seconds",
            "--cpus",
            "0",
            "1",
            "0,1",
            "1,1",
            "--only",
            "call",
            "nothing",
            "--capacity",
            "--list",
            "--help",
            "--version",
            "-h",
            "--",
            "-",
            "",
            "--json=/",
            "--json=/nowhere/at/all",
            "/",
            "18446744073709551616",
            "-1",
            "3600",
            "3601",
            "--rivals",
            "--suite=",
            "--suite=timers",
            "--seconds=20",
            "1048577",
            "NaN",
            "0x10",
            ",",
        ];
        match random(state) % 8 {
            0 => {
                let length = random(state) % 12;
                OsString::from_vec((0..length).map(|_| random(state) as u8).collect())
            }
            _ => WORDS[random(state) as usize % WORDS.len()].into(),
        }
    }

    #[test]
    fn whatever_is_typed_is_a_plan_a_text_or_one_line_of_trouble() {
        let (mut plans, mut texts, mut troubles) = (0, 0, 0);
        for seed in 0..20_000 {
            let state = &mut (seed << 32);
            let words: Vec<_> = (0..random(state) % 6).map(|_| word(state)).collect();
            match read_from(words.clone()) {
                Ok(Asked::Run(_)) => plans += 1,
                Ok(Asked::Text(_) | Asked::Rivals(_) | Asked::Tool(_)) => texts += 1,
                Err(trouble) => {
                    troubles += 1;
                    let said = trouble.to_string();
                    assert!(!said.is_empty() && said.lines().count() == 1, "{words:?}: {said:?}");
                }
            }
        }
        assert!(plans > 100 && texts > 100 && troubles > 1_000, "{plans} {texts} {troubles}");
    }
}
