//! A process that the system stops and continues at random moments, for longer than its deadlines,
//! spins and timers last.

use super::super::chaos;
use super::super::program::{self, Length, Round};
use super::super::scenarios;
use super::{finish, start};
use rustix::process::{Pid, Signal, kill_process};
use std::thread;
use std::time::Duration;

/// How long the child takes, if nobody stops it.
const LENGTH: Duration = Duration::from_millis(300);
const STOPS: u32 = 12;

pub fn round(round: &mut Round) {
    let child = start(round, "suspended");
    let id = Pid::from_child(&child);
    for _ in 0..STOPS {
        thread::sleep(round.random.micros(20_000));
        // It isn't waited for yet, so the number is its own, also when it has ended.
        kill_process(id, Signal::STOP).expect("it is our child");
        thread::sleep(round.random.micros(20_000));
        kill_process(id, Signal::CONT).expect("it is our child");
    }
    finish(round, child);
}

/// Chaos, and what has deadlines and timers.
pub fn part(round: &mut Round) {
    round.others += chaos::run(round.random.number(), || thread::sleep(LENGTH)).totals.sent;
    let length = Length { rounds: 1, time: Duration::ZERO };
    for name in ["replies", "flows", "later", "restarts", "loops"] {
        for scenario in scenarios::named(name) {
            let done = program::run(scenario, round.random.number(), length, || false);
            round.others += done.totals.sent;
        }
    }
}
