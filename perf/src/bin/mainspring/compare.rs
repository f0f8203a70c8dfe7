//! The command `compare`.

use crate::print;
use clap::Args;
use indicatif::ProgressBar;
use mainspring_perf::error::Error;
use mainspring_perf::results::compare::pairs::{self, Builds};
use mainspring_perf::results::compare::{self, Comparison, Named, Question, THRESHOLD, text};
use mainspring_perf::results::document::Document;
use mainspring_perf::results::output::Output;
use mainspring_perf::results::report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const PAIRS: u32 = 12;
const PAIRS_MAX: u32 = 1000;
/// A short look at what matters most.
const BENCH: [&str; 4] = ["--only", "call/round_trip/spin", "--seconds", "5"];
const EXIT_CODES: &str = "\
Exit codes: 0 no regression (improvements are listed); 1 something went wrong; 2 bad input, or \
documents that can't be compared; 3 a regression; 4 no regression shown, but too noisy to detect a \
change of the threshold.

Two documents can only show changes several times larger than the spread of their rounds. To \
detect a few percent, run both builds alternately:

  mainspring compare --run old/mainspring new/mainspring --pairs 12 -- --only call/round_trip --seconds 8

Give the same binary twice to see what this machine can detect.";

/// Its options.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub struct Options {
    /// Two documents of `bench --json`: A, then B, which is judged.
    #[arg(value_name = "FILE", num_args = 2, required_unless_present = "run")]
    files: Vec<PathBuf>,
    /// Runs two builds of this command alternately, in fresh processes, instead of reading files. The
    /// arguments after -- go to their `bench` [default: --only call/round_trip/spin --seconds 5].
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "files")]
    run: Option<Vec<PathBuf>>,
    /// How many pairs of runs; fewer than 7 can't show anything [default: 12].
    #[arg(long, value_name = "N")]
    pairs: Option<u32>,
    /// Keeps the document of each run in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Another run of A's build, which shows how much runs differ without any change.
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    noise: Option<PathBuf>,
    /// The smallest change that matters. A change of exactly this size is found half the time, so give
    /// half of what must be found reliably.
    #[arg(long, value_name = "PERCENT", allow_hyphen_values = true, default_value_t = format!("{}%", 100.0 * THRESHOLD))]
    threshold: String,
    /// Compares only scenarios whose name contains this.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    only: String,
    /// Also compares documents of different machines.
    #[arg(long)]
    allow_other_machine: bool,
    /// Writes the comparison to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the comparison to this file, as an HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Arguments for the `bench` of both builds.
    #[arg(last = true, value_name = "BENCH ARGUMENTS")]
    bench: Vec<String>,
}

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let question = Question {
        threshold: share(&options.threshold)?,
        only: options.only.clone(),
        allow_other_machine: options.allow_other_machine,
    };
    // Not clap's `requires`: it is silent where files, which rule --run out, are given.
    let of_runs = [
        ("--pairs", options.pairs.is_some()),
        ("--keep", options.keep.is_some()),
        ("bench arguments behind --", !options.bench.is_empty()),
    ];
    if let Some((option, _)) =
        of_runs.iter().find(|(_, is_given)| *is_given && options.run.is_none())
    {
        return Err(Error::Usage(format!("{option}: this only applies with --run A B")));
    }
    let prepare = |option, path: &Option<PathBuf>| {
        path.clone().map(|path| Output::open(option, Some(path))).transpose()
    };
    let (json, html) = (prepare("--json", &options.json)?, prepare("--html", &options.html)?);
    let is_taken = [&json, &html].into_iter().flatten().any(Output::is_stdout);
    let comparison = match &options.run {
        Some(binaries) => by_turns(binaries, &options, &question)?,
        None => of_files(&options, &question)?,
    };
    if let Some(json) = json {
        json.write_json(&comparison)?;
    }
    if let Some(html) = html {
        html.write(&report::comparison(&comparison)?)?;
    }
    if !is_taken {
        print(&text::text(&comparison));
    }
    Ok(ExitCode::from(comparison.verdict.exit_code()))
}

/// `5%`, `5 %`, `5` and `2.5%` are shares of a hundred.
fn share(typed: &str) -> Result<f64, Error> {
    let number = typed.trim().trim_end_matches('%').trim_end().parse::<f64>();
    match number {
        Ok(percent) if percent > 0.0 && percent <= 1000.0 => Ok(percent / 100.0),
        _ => Err(Error::Usage(format!(
            "--threshold {typed}: give a percentage above 0 and up to 1000, such as 5%"
        ))),
    }
}

fn of_files(options: &Options, question: &Question) -> Result<Comparison, Error> {
    let [a, b] = &options.files[..] else {
        return Err(Error::Usage("give two files, A and B; see mainspring --help".into()));
    };
    let names = [a, b].map(|path| path.display().to_string());
    let (a, b) = (Document::read(a)?, Document::read(b)?);
    let again = options.noise.as_deref().map(Document::read).transpose()?;
    let again_name = options.noise.as_deref().map(Path::display).map(|name| name.to_string());
    let again_name = again_name.unwrap_or_default();
    let noise = again.as_ref().map(|document| Named { name: &again_name, document });
    let (a, b) = (Named { name: &names[0], document: &a }, Named { name: &names[1], document: &b });
    compare::documents(a, b, noise, question)
}

fn by_turns(
    binaries: &[PathBuf],
    options: &Options,
    question: &Question,
) -> Result<Comparison, Error> {
    let pairs = options.pairs.unwrap_or(PAIRS);
    if !(1..=PAIRS_MAX).contains(&pairs) {
        return Err(Error::Usage(format!("--pairs {pairs}: give 1 to {PAIRS_MAX}")));
    }
    let [a, b] = binaries else {
        return Err(Error::Usage("--run: give two builds of this command".into()));
    };
    let arguments = match &options.bench[..] {
        [] => BENCH.map(String::from).to_vec(),
        given => given.to_vec(),
    };
    let builds = Builds { a: a.clone(), b: b.clone(), pairs, arguments };
    let temporary = tempfile::tempdir();
    let temporary = temporary
        .map_err(|error| Error::System { what: "a folder for the documents".into(), error })?;
    let folder = options.keep.as_deref().unwrap_or(temporary.path());
    pairs::folder(folder)?;
    // On stderr, and only on a terminal; it draws between runs, never during one.
    let progress = ProgressBar::new(u64::from(2 * pairs));
    let runs = pairs::run(&builds, folder, |run| progress.set_position(run.into()))?;
    progress.finish_and_clear();
    pairs::compare(&builds, &runs, question)
}
