//! The command line: read, checked, and turned into a [`Plan`].

use crate::suite::{self, Suite};
use crate::{compare, doctor, jitter, latency_map, report, topology, tune};
use clap::{Args, Parser, Subcommand};
use mainspring_perf::cli::{self, Parsed};
use mainspring_perf::error::Error;
use mainspring_perf::lab::settings::Settings;
use mainspring_perf::run::plan::Plan;
use std::ffi::OsString;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "mainspring", version, args_conflicts_with_subcommands = true)]
/// Measures the Mainspring library on this machine. Without arguments it runs the quick suite.
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a suite of benchmarks; the quick one by default.
    Bench(Box<Bench>),
    #[command(flatten)]
    Tool(Tool),
}

/// The commands beside `bench`; each reads its own options.
#[derive(Subcommand)]
pub enum Tool {
    /// Shows the machine's CPUs: packages, caches, siblings, and what this process may use.
    Topology(topology::Options),
    /// Reports what would spoil a measurement on this machine, and how to fix it.
    Doctor(doctor::Options),
    /// Measures the latency between CPUs.
    LatencyMap(latency_map::Options),
    /// Measures how often, and for how long, each CPU is taken away from a thread.
    Jitter(jitter::Options),
    /// Finds a placement of runners and objects on CPUs, and can prove it by measuring.
    Tune(tune::Options),
    /// Turns a run's document into one HTML file.
    Report(report::Options),
    /// Compares two runs' documents.
    Compare(Box<compare::Options>),
}

impl Tool {
    /// Runs it.
    pub fn run(self) -> Result<ExitCode, Error> {
        match self {
            Self::Topology(options) => topology::run(options),
            Self::Doctor(options) => doctor::run(options),
            Self::LatencyMap(options) => latency_map::run(options),
            Self::Jitter(options) => jitter::run(options),
            Self::Tune(options) => tune::run(options),
            Self::Report(options) => report::run(options),
            Self::Compare(options) => compare::run(*options),
        }
    }
}

#[derive(Args)]
struct Bench {
    /// Which suite to run [default: quick].
    #[arg(value_enum)]
    suite: Option<Suite>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct Options {
    #[command(flatten)]
    settings: Settings,
    /// Lists the suites and their scenarios without running them.
    #[arg(long)]
    list: bool,
    /// Compares Mainspring with other libraries instead. Needs the project's folder and cargo; the
    /// arguments that follow go to that program, as in `--rivals --help`.
    #[arg(long, value_name = "ARGUMENTS", num_args = 0.., allow_hyphen_values = true, exclusive = true)]
    rivals: Option<Vec<String>>,
}

/// What the command line asks for.
pub enum Invocation {
    /// A text, and nothing to run.
    Text(String),
    /// A run.
    Run(Suite, Box<Plan>),
    /// The other program, with these arguments.
    Rivals(Vec<String>),
    /// A command beside `bench`.
    Tool(Tool),
}

/// Reads the command line.
pub fn read() -> Result<Invocation, Error> {
    read_from(std::env::args_os().collect())
}

/// Reads these arguments, the program's name first.
fn read_from(arguments: Vec<OsString>) -> Result<Invocation, Error> {
    let typed = cli::command_line("mainspring", &arguments);
    let Cli { command, options } = match cli::parse(arguments)? {
        Parsed::Options(cli) => cli,
        Parsed::Text(text) => return Ok(Invocation::Text(text)),
    };
    let (suite, options) = match command {
        Some(Command::Tool(tool)) => return Ok(Invocation::Tool(tool)),
        Some(Command::Bench(bench)) => (bench.suite, bench.options),
        None => (None, options),
    };
    if let Some(arguments) = options.rivals {
        return Ok(Invocation::Rivals(arguments));
    }
    let settings = options.settings.with_file()?;
    if options.list {
        return Ok(Invocation::Text(suite::list(&settings)));
    }
    let suite = match suite {
        Some(suite) => suite,
        None => Suite::of_file(&settings)?,
    };
    suite.check_parameters(&settings)?;
    let plan = Plan::new(suite.name(), settings, suite.rounds_max(), typed)?;
    suite.check_selection(&plan)?;
    Ok(Invocation::Run(suite, Box::new(plan)))
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
            "--config=/",
            "timers",
            "open-loop",
            "--rate",
            "1e5",
            "--wait=park",
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
        let (mut plans, mut texts, mut errors) = (0, 0, 0);
        for seed in 0..20_000 {
            let state = &mut (seed << 32);
            let words: Vec<_> = (0..random(state) % 6).map(|_| word(state)).collect();
            match read_from([&["mainspring".into()], &words[..]].concat()) {
                Ok(Invocation::Run(..)) => plans += 1,
                Ok(Invocation::Text(_) | Invocation::Rivals(_) | Invocation::Tool(_)) => texts += 1,
                Err(error) => {
                    errors += 1;
                    let said = error.to_string();
                    assert!(!said.is_empty() && said.lines().count() == 1, "{words:?}: {said:?}");
                }
            }
        }
        assert!(plans > 100 && texts > 100 && errors > 1_000, "{plans} {texts} {errors}");
    }
}
