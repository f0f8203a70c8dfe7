//! Everything on one CPU: who waits for another must let it run.

use super::super::program::{self, Length, Round};
use super::super::scenarios;
use super::{finish, start};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::time::Duration;

pub fn round(round: &mut Round) {
    let child = start(round, "one_cpu");
    finish(round, child);
}

/// A round of each scenario.
pub fn part(round: &mut Round) {
    let allowed = sched_getaffinity(None).expect("Linux has it");
    let cpu = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).expect("we run somewhere");
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one).expect("it is one of ours");
    assert_eq!(mainspring::allowed_cpus(), [cpu]);
    let length = Length { rounds: 1, time: Duration::ZERO };
    for scenario in scenarios::ALL.iter().filter(|scenario| !scenario.is_native) {
        let done = program::run(scenario, round.random.number(), length, || false);
        round.others += done.totals.sent + done.totals.others;
    }
    super::crowd::round(round);
}
