//! `cargo run --release --manifest-path tests/stress/Cargo.toml --bin stress -- --help`

#[path = "../told.rs"]
mod told;

use mainspring_stress::machine::Held;
use mainspring_stress::program::{self, Length, Scenario};
use mainspring_stress::{hostile, scenarios, watch};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
Runs the stress scenarios, each of which checks itself.

Options:
  --seconds N   how long each of them runs [default: 1]
  --rounds N    how many rounds each of them runs at most, one at least [default: no limit]
  --seed N      the first round's seed; further rounds count on from it [default: 1]
  --only NAME   only scenarios with this in their names
  --checked     only those that checkers can look at
  --list        lists the scenarios
  --help        says this

Exit code 0 if all is well, 1 if something is wrong, 2 if it couldn't run.
";

struct Plan {
    length: Length,
    seed: u64,
    wanted: Vec<&'static Scenario>,
}

fn main() -> ExitCode {
    if let Some(code) = hostile::play() {
        return code;
    }
    match read() {
        Ok(Some(plan)) => run(&plan),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stress: {error}; see --help");
            ExitCode::from(2)
        }
    }
}

/// The command line; `None` if it only asked for a text.
fn read() -> Result<Option<Plan>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut length = Length { rounds: u64::MAX, time: Duration::from_secs(1) };
    let (mut seed, mut only, mut checked, mut lists) = (1, String::new(), false, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => length.time = Duration::from_secs(parser.value()?.parse()?),
            Long("rounds") => length.rounds = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Long("only") => only = parser.value()?.string()?,
            Long("checked") => checked = true,
            Long("list") => lists = true,
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(None);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    let mut wanted = scenarios::named(&only);
    wanted.retain(|scenario| !checked || !scenario.is_native);
    if wanted.is_empty() {
        return Err(format!("--only {only:?}: there is no such scenario; see --list").into());
    }
    if lists {
        wanted.iter().for_each(|scenario| println!("{}: {}", scenario.name, scenario.about));
        return Ok(None);
    }
    Ok(Some(Plan { length, seed, wanted }))
}

fn run(plan: &Plan) -> ExitCode {
    watch::begin();
    let mut rounds = 0;
    for scenario in &plan.wanted {
        let (began, before) = (Instant::now(), Held::now());
        let ran =
            std::panic::catch_unwind(|| program::run(scenario, plan.seed, plan.length, || true));
        let Ok(done) = ran else { break };
        let (totals, took) = (done.totals, began.elapsed());
        rounds += done.rounds;
        println!(
            "{}: {} rounds in {:.1} s; {totals}; {} more counted; RSS {:+.1} MB",
            scenario.name,
            done.rounds,
            took.as_secs_f64(),
            totals.others,
            (Held::now().rss_kb as f64 - before.rss_kb as f64) / 1024.0
        );
    }
    let violations = watch::violations();
    println!("{} scenarios, {rounds} rounds, {violations} violations", plan.wanted.len());
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
