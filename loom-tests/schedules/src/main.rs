//! Runs the scenarios, and sums up in one line: `N scenarios, N schedules, N failed`.
//!
//! ```text
//! cargo schedules                              all, for about a minute
//! cargo schedules --iterations 10000        so many schedules of each, in each order
//! cargo schedules --scenario NAME           one scenario
//! cargo schedules --scenario NAME --order pct --seed 7      one schedule again
//! cargo schedules --from 1000000            other seeds
//! cargo schedules --seeded [PART]           each seeded bug must be caught
//! cargo schedules --list
//! ```

use mainspring_schedules::orders::Order;
use mainspring_schedules::run::{self, Ran};
use mainspring_schedules::{Scenario, marks, scenarios, seeded};
use std::process::ExitCode;
use std::time::Instant;

/// How many schedules of each scenario and order, times its weight.
const ITERATIONS: u64 = 2000;

/// What was asked for.
#[derive(Default)]
struct Asked {
    iterations: Option<u64>,
    scenario: Option<String>,
    order: Option<Order>,
    seed: Option<u64>,
    from: u64,
    lists: bool,
    /// Seeded bugs whose names contain this.
    seeded: Option<String>,
}

fn main() -> ExitCode {
    match asked(std::env::args().skip(1)).and_then(run_all) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("schedules: {message}");
            ExitCode::from(2)
        }
    }
}

fn asked(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked::default();
    while let Some(flag) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{flag} needs a value"));
        let number = |text: String| {
            text.parse().map_err(|_| format!("{flag} needs a number, and {text:?} is none"))
        };
        match flag.as_str() {
            "--iterations" => asked.iterations = Some(number(value()?)?),
            "--scenario" => asked.scenario = Some(value()?),
            "--order" => asked.order = Some(value()?.parse()?),
            "--seed" => asked.seed = Some(number(value()?)?),
            "--from" => asked.from = number(value()?)?,
            "--list" => asked.lists = true,
            "--seeded" => asked.seeded = Some(args.next().unwrap_or_default()),
            _ => {
                let known = "--iterations, --scenario, --order, --seed, --from, --list, --seeded";
                return Err(format!("there is no {flag}: give {known}"));
            }
        }
    }
    if asked.seed.is_some() && (asked.scenario.is_none() || asked.order.is_none()) {
        return Err("--seed needs --scenario and --order beside it".into());
    }
    Ok(asked)
}

fn run_all(asked: Asked) -> Result<bool, String> {
    if let Some(part) = &asked.seeded {
        return seeded::run(part).map_err(|error| error.to_string());
    }
    let wanted =
        |scenario: &&Scenario| asked.scenario.as_ref().is_none_or(|name| *name == scenario.name);
    let chosen: Vec<_> = scenarios::ALL.iter().filter(wanted).collect();
    if chosen.is_empty() {
        let names: Vec<_> = scenarios::ALL.iter().map(|scenario| scenario.name).collect();
        return Err(format!("there is no such scenario; there are {}", names.join(", ")));
    }
    if asked.lists {
        chosen.iter().for_each(|scenario| println!("{}", scenario.name));
        return Ok(true);
    }
    if !run::has_teeth() {
        println!("the controls weren't found: whatever passes proves nothing");
        return Ok(false);
    }
    let (mut schedules, mut failed) = (0, 0);
    for scenario in &chosen {
        let ran = run_one(scenario, &asked);
        schedules += ran.schedules;
        failed += u64::from(ran.has_failed);
    }
    println!("{} scenarios, {schedules} schedules, {failed} failed", chosen.len());
    Ok(failed == 0)
}

fn run_one(scenario: &Scenario, asked: &Asked) -> Ran {
    let began = Instant::now();
    marks::begin();
    let mut all = Ran::default();
    let mut add = |ran: Ran| {
        all.schedules += ran.schedules;
        all.steps += ran.steps;
        all.has_failed |= ran.has_failed;
    };
    for order in Order::ALL.into_iter().filter(|order| asked.order.is_none_or(|o| o == *order)) {
        let count = asked.iterations.unwrap_or(ITERATIONS * scenario.weight);
        let seeds = match asked.seed {
            Some(seed) => seed..seed.saturating_add(1),
            None => asked.from..asked.from.saturating_add(count),
        };
        let first = seeds.start;
        let ran = run::run(scenario, order, seeds);
        add(ran);
        if !ran.has_failed && !run::is_repeatable(scenario, order, first) {
            eprintln!("{}: seed {first} of order {order} isn't repeatable", scenario.name);
            add(Ran { has_failed: true, ..Ran::default() });
        }
    }
    // A few schedules reach what they reach.
    let is_whole = asked.seed.is_none() && asked.order.is_none() && asked.iterations.is_none();
    let missing = run::missing(scenario);
    if is_whole && !all.has_failed && !missing.is_empty() {
        eprintln!("{}: never reached {missing:?}", scenario.name);
        all.has_failed = true;
    }
    let verdict = if all.has_failed { "FAILED" } else { "passed" };
    let Ran { schedules, steps, .. } = all;
    let mean = steps / schedules.max(1);
    let seconds = began.elapsed().as_secs_f64();
    println!("{}: {schedules} schedules of {mean} steps, {seconds:.1} s, {verdict}", scenario.name);
    all
}
