//! Each stress scenario of `tests/stress`, a workspace of its own, for a moment; its programs run them for
//! longer, and under checkers.

#[allow(dead_code)] // other programs use the rest
#[path = "stress/src/lib.rs"]
mod stress;

use std::process::ExitCode;
use std::time::Duration;
use stress::program::{self, Length};
use stress::{hostile, scenarios, watch};

/// Of each scenario, one round at least.
const LENGTH: Length = Length { rounds: 20, time: Duration::from_millis(200) };

fn main() -> ExitCode {
    if let Some(code) = hostile::play() {
        return code;
    }
    watch::begin();
    for scenario in scenarios::ALL {
        let done = program::run(scenario, 1, LENGTH, || true);
        println!("{}: {} rounds; {}", scenario.name, done.rounds, done.totals);
    }
    let violations = watch::violations();
    println!("{} scenarios, {violations} violations", scenarios::ALL.len());
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
