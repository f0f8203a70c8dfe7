//! Every accepted call ends exactly once, and each argument is dropped once, whatever panics, restarts,
//! stops and overflows: `tests/stress/src/chaos.rs`, for a while.
//!
//! Five seconds, unless told otherwise:
//! `cargo test --release --package mainspring --test chaos -- --seconds 60 --seed 7`. What each thread
//! does comes from the seed; how the threads meet doesn't.

#[allow(dead_code)] // other programs use the rest
#[path = "stress/src/lib.rs"]
mod stress;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use stress::book::End;
use stress::{chaos, watch};

struct Plan {
    seconds: u64,
    seed: u64,
}

impl Plan {
    /// Leaves what cargo and its users pass to every test alone.
    fn read() -> Result<Self, String> {
        let mut plan = Self { seconds: 5, seed: 1 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().unwrap_or_default();
                let number = value.parse::<u64>();
                number.map_err(|_| format!("{argument} {value:?}: give a whole number"))
            };
            match argument.as_str() {
                "--seconds" => plan.seconds = number()?,
                "--seed" => plan.seed = number()?,
                _ => {}
            }
        }
        Ok(plan)
    }
}

fn main() -> ExitCode {
    let plan = match Plan::read() {
        Ok(plan) => plan,
        Err(rule) => {
            eprintln!("chaos: {rule}");
            return ExitCode::from(2);
        }
    };
    watch::begin();
    let summary = chaos::run(plan.seed, || thread::sleep(Duration::from_secs(plan.seconds)));
    let violations = watch::violations();
    let chaos::Summary { totals, lives, ways, .. } = summary;
    println!(
        "chaos: seed {}, {} s: {totals}; {} accepted, {} of them done; lost 0, doubled 0",
        plan.seed,
        plan.seconds,
        totals.accepted(),
        totals.of(End::Done),
    );
    let ways: Vec<_> = ways.iter().map(|(way, count)| format!("{way}: {count}")).collect();
    println!("{lives} objects ended: {}", ways.join(", "));
    if violations > 0 {
        eprintln!("chaos: {violations} panics that nobody meant");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
