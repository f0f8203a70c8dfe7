//! One cache line between what different threads write, or two?
//!
//! The processor fetches lines in pairs when it guesses that both will be wanted. If it does so for
//! the other thread's half of a pair, padding to one line is not enough.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::index::IndexRing;
use crate::rings::layout::{OneLine, Usual};
use crate::rings::publish::Cas;
use crate::rings::stamped::StampedRing;
use crate::rings::{Ring, Tuning};
use crate::traffic::{Sending, round_trip, stream};

/// See the module.
pub const QUESTION: Question =
    Question { name: "padding", asks: "Between tail, head and slots: 128 bytes or 64?", tables };

const WORDS: usize = 2;
type Single<L> = IndexRing<Cas, WORDS, L>;
type Shared<L> = StampedRing<true, WORDS, L>;

fn tables() -> Vec<Table> {
    vec![
        pair::<Single<Usual>, Single<OneLine>>("single producer, one by one", Sending::Single),
        pair::<Single<Usual>, Single<OneLine>>("single producer, batches of 32", Sending::Batched),
        pair::<Shared<Usual>, Shared<OneLine>>("shared ring, one by one", Sending::Single),
        pair::<Shared<Usual>, Shared<OneLine>>("shared ring, batches of 32", Sending::Batched),
        trips::<Single<Usual>, Single<OneLine>>("single producer, a round trip"),
        trips::<Shared<Usual>, Shared<OneLine>>("shared ring, a round trip"),
    ]
}

fn pair<A: Ring<WORDS>, B: Ring<WORDS>>(title: &str, sending: Sending) -> Table {
    Table::new(title)
        .with("128 bytes", move |lab| run::<A>(lab, sending))
        .with("64 bytes", move |lab| run::<B>(lab, sending))
}

fn run<R: Ring<WORDS>>(lab: &Lab, sending: Sending) -> f64 {
    stream::<R, WORDS>(lab, sending, Idling::Linger, Tuning::PLAIN.ahead_to_write(26))
}

fn trips<A: Ring<WORDS>, B: Ring<WORDS>>(title: &str) -> Table {
    Table::new(title)
        .with("128 bytes", |lab| round_trip::<A, WORDS>(lab, Idling::Pause))
        .with("64 bytes", |lab| round_trip::<B, WORDS>(lab, Idling::Pause))
}
