//! How does a single producer show what it filled, if the consumer may have gone to sleep?
//!
//! A plain store is the cheapest, and right only where nobody else changes the word. The others
//! learn in the same step, or in a second one, whether a wake-up is owed.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::Tuning;
use crate::rings::index::IndexRing;
use crate::rings::publish::{Cas, Fenced, Publish, Store, Swap};
use crate::traffic::{Sending, round_trip, stream};

/// See the module.
pub const QUESTION: Question = Question {
    name: "publish",
    asks: "One producer: publish by a store, a CAS, a swap, or a store with a fence?",
    tables,
};

const WORDS: usize = 2;

fn tables() -> Vec<Table> {
    let streams = [Sending::Single, Sending::Batched].map(|sending| {
        let title = format!("a stream, 16 bytes, {}", sending.name());
        Table::new(title)
            .with("store: no wake-ups", move |lab| run::<Store>(lab, sending))
            .with("CAS", move |lab| run::<Cas>(lab, sending))
            .with("swap", move |lab| run::<Swap>(lab, sending))
            .with("store, fence, look at a flag", move |lab| run::<Fenced>(lab, sending))
    });
    let trips = Table::new("a round trip, 16 bytes, both ways alike")
        .with("store: no wake-ups", trip::<Store>)
        .with("CAS", trip::<Cas>)
        .with("swap", trip::<Swap>)
        .with("store, fence, look at a flag", trip::<Fenced>);
    streams.into_iter().chain([trips]).collect()
}

fn run<P: Publish>(lab: &Lab, sending: Sending) -> f64 {
    let tuning = Tuning::PLAIN.ahead_to_write(40).ahead_to_take(40);
    stream::<IndexRing<P, WORDS>, WORDS>(lab, sending, Idling::Linger, tuning)
}

fn trip<P: Publish>(lab: &Lab) -> f64 {
    round_trip::<IndexRing<P, WORDS>, WORDS>(lab, Idling::Pause)
}
