//! Prototypes of what the hot path could have been, measured side by side. See the README.

mod questions;
mod harness;
mod traffic;
mod calls;
mod idle;
mod rings;
mod cells;
mod sys;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use harness::{Lab, Question};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Compares variants of the hot path, side by side in each round.
#[derive(Parser)]
struct Options {
    /// Answers only questions with this in their name; may be given more than once.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often each variant is run.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    rounds: usize,
    /// How long a variant runs in one round, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    milliseconds: u64,
    /// Lists the questions, and runs nothing.
    #[arg(long)]
    list: bool,
}

impl Options {
    fn asks_for(&self, question: &Question) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| question.name.contains(part))
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let questions = questions::ALL.iter().filter(|question| options.asks_for(question));
    let questions: Vec<_> = questions.collect();
    if questions.is_empty() {
        eprintln!("no question has such a name; --list says which there are");
        return ExitCode::FAILURE;
    }
    if options.list {
        questions.iter().for_each(|question| println!("{:<12}{}", question.name, question.asks));
        return ExitCode::SUCCESS;
    }
    let Some(lab) = Lab::open(Duration::from_millis(options.milliseconds)) else {
        eprintln!("two CPUs are needed: each variant has a thread on either");
        return ExitCode::FAILURE;
    };
    answer(&questions, &lab, options.rounds);
    ExitCode::SUCCESS
}

fn answer(questions: &[&Question], lab: &Lab, rounds: usize) {
    let begun = Instant::now();
    for question in questions {
        println!("# {}: {}\n", question.name, question.asks);
        for table in (question.tables)() {
            println!("{}", table.measure(lab, rounds));
        }
    }
    let (sender, receiver, time) = (lab.sender, lab.receiver, begun.elapsed().as_secs());
    println!("{rounds} rounds on CPUs {sender} and {receiver}, {time} s");
}
