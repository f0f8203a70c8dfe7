//! Should a thread that polls say so to the processor?
//!
//! `pause` makes the core slow down for some forty or hundred cycles, which helps whoever shares it.
//! Under a hypervisor many in a row may even end the time slice. But a request that arrives just
//! after it waits.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::index::IndexRing;
use crate::rings::publish::Cas;
use crate::rings::stamped::StampedRing;
use crate::rings::{Ring, Tuning};
use crate::traffic::{Sending, round_trip, stream};

/// See the module.
pub const QUESTION: Question = Question {
    name: "pause",
    asks: "Between two polls: a pause, nothing, or a microsecond's rest after a stream?",
    tables,
};

const WORDS: usize = 2;
type Single = IndexRing<Cas, WORDS>;
type Shared = StampedRing<true, WORDS>;
const IDLINGS: [(&str, Idling); 3] = [
    ("pause", Idling::Pause),
    ("nothing", Idling::Bare),
    ("pause; 1 µs after a stream", Idling::Linger),
];

fn tables() -> Vec<Table> {
    vec![
        all("a round trip, single producer", round_trip::<Single, WORDS>),
        all("a round trip, shared ring", round_trip::<Shared, WORDS>),
        streams::<Single>("single producer, one by one", Sending::Single),
        streams::<Single>("single producer, batches of 32", Sending::Batched),
        streams::<Shared>("shared ring, one by one", Sending::Single),
        streams::<Shared>("shared ring, batches of 32", Sending::Batched),
    ]
}

fn streams<R: Ring<WORDS>>(title: &str, sending: Sending) -> Table {
    all(title, move |lab, idling| {
        stream::<R, WORDS>(lab, sending, idling, Tuning::PLAIN.ahead_to_write(26))
    })
}

fn all(title: &str, run: impl Fn(&Lab, Idling) -> f64 + Copy + 'static) -> Table {
    let table = Table::new(title);
    IDLINGS
        .into_iter()
        .fold(table, |table, (name, idling)| table.with(name, move |lab| run(lab, idling)))
}
