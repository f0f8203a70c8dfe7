//! [`chaos`](super::super::chaos), for a moment.

use super::super::chaos;
use super::super::program::Round;
use std::thread;
use std::time::Duration;

const LENGTH: Duration = Duration::from_millis(150);

pub fn round(round: &mut Round) {
    let summary = chaos::run(round.random.number(), || thread::sleep(LENGTH));
    round.others += summary.totals.sent;
}
