//! How many served slots should a consumer give back at a time?
//!
//! One by one keeps the capacity exact. But a producer that waits for room reads the very word, or
//! the very line, that the consumer writes each time, and both pull it to and fro.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::index::IndexRing;
use crate::rings::publish::Cas;
use crate::rings::stamped::StampedRing;
use crate::rings::{CAPACITY, Ring, Tuning};
use crate::traffic::{Sending, stream_with_work};

/// See the module.
pub const QUESTION: Question = Question {
    name: "release",
    asks: "How many served slots does the consumer give back at a time?",
    tables,
};

const WORDS: usize = 2;
type Shared = StampedRing<true, WORDS>;
const GROUPS: [u64; 6] = [1, 8, 16, 32, 64, CAPACITY as u64 / 4];
/// As in the engine: ten lines for both ends of the single producer's ring, and for the shared
/// ring's producers.
const SINGLE: Tuning = Tuning::PLAIN.ahead_to_write(40).ahead_to_take(40);
const SHARED: Tuning = Tuning::PLAIN.ahead_to_write(26);

fn tables() -> Vec<Table> {
    let mut tables = Vec::new();
    for sending in [Sending::Single, Sending::Batched] {
        for slow in [false, true] {
            tables.push(groups::<IndexRing<Cas, WORDS>>("single producer", sending, slow, SINGLE));
        }
    }
    for sending in [Sending::Single, Sending::Batched] {
        for slow in [false, true] {
            let table = groups::<Shared>("shared ring", sending, slow, SHARED);
            let tuning = Tuning { oldest_last: false, ..SHARED };
            tables.push(table.with("64, the oldest first", move |lab| {
                run::<Shared>(lab, sending, slow, tuning)
            }));
        }
    }
    tables
}

/// Two situations: a consumer that waits for requests, and one that lets the ring fill up.
fn groups<R: Ring<WORDS> + 'static>(
    ring: &str,
    sending: Sending,
    slow: bool,
    tuning: Tuning,
) -> Table {
    let end = if slow { "full" } else { "nearly empty" };
    let table = Table::new(format!("{ring}, {}, {end}: given back at a time", sending.name()));
    GROUPS.into_iter().fold(table, |table, group| {
        let tuning = tuning.releasing(group);
        table.with(group.to_string(), move |lab| run::<R>(lab, sending, slow, tuning))
    })
}

fn run<R: Ring<WORDS>>(lab: &Lab, sending: Sending, slow: bool, tuning: Tuning) -> f64 {
    // A little more than what the producer needs for a request.
    let work = match (slow, sending) {
        (false, _) => 0,
        (true, Sending::Single) => 16,
        (true, Sending::Batched) => 4,
    };
    stream_with_work::<R, WORDS>(lab, sending, Idling::Linger, tuning, work)
}
