//! The machine as an enemy: too few CPUs, threads, descriptors, too little memory, time that jumps, and a
//! system that suspends whom it likes.
//!
//! What changes a whole process happens in a *child*: this very program, told by an environment variable
//! which part to play. It starts no further ones.

pub mod clocks;
pub mod crowd;
pub mod descriptors;
pub mod memory;
pub mod one_cpu;
pub mod stalled;
pub mod suspended;
pub mod threads;

use super::program::Round;
use super::watch;
use std::env;
use std::process::{Child, Command, ExitCode, Output, Stdio};

const PART: &str = "MAINSPRING_STRESS_PART";

/// A part that a child plays.
pub type Part = fn(&mut Round);

const PARTS: &[(&str, Part)] = &[
    ("clock_ahead", clocks::ahead),
    ("descriptors", descriptors::part),
    ("memory_huge", memory::huge),
    ("memory_many", memory::many),
    ("one_cpu", one_cpu::part),
    ("suspended", suspended::part),
    ("threads_by_count", threads::by_count),
    ("threads_by_memory", threads::by_memory),
];

/// Plays the part that this process was started for, if it was. To be called first in `main`.
pub fn play() -> Option<ExitCode> {
    let told = env::var(PART).ok()?;
    let (name, seed) = told.split_once(' ').expect("a name and a seed");
    let (_, part) = PARTS.iter().find(|(part, _)| *part == name).expect("a part that there is");
    watch::begin();
    watch::expect(format!("the part {told}"));
    let mut round = Round::new(seed.parse().expect("a seed"));
    part(&mut round);
    println!("{}", round.book.balance().sent + round.others);
    Some(if watch::violations() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// This program once more.
fn command(round: &mut Round, part: &str) -> Command {
    let program = env::current_exe().expect("a program knows itself");
    let mut command = Command::new(program);
    prepare(round, part, &mut command);
    command
}

/// Tells a command which part to play.
fn prepare(round: &mut Round, part: &str, command: &mut Command) {
    command.env(PART, format!("{part} {}", round.random.number()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// Has a child play a part.
fn start(round: &mut Round, part: &str) -> Child {
    command(round, part).spawn().expect("a process can be made")
}

/// Waits for a child, which must do well.
fn finish(round: &mut Round, child: Child) {
    note(round, &child.wait_with_output().expect("it is our child"));
}

/// Takes over what a child has counted, if it did well.
fn note(round: &mut Round, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the child: {}\n{said}", output.status);
    let counted = String::from_utf8_lossy(&output.stdout);
    round.others += counted.trim().parse::<u64>().expect("its last word is a count");
}
