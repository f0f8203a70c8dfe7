//! One producer, one consumer: do slots say themselves whose turn it is, or do two positions?
//!
//! A stamp travels with its request, so a consumer that waits misses once, not twice. But it takes
//! room in every line, and a batch can't be shown by one store.

use crate::harness::{Question, Table};
use crate::idle::Idling;
use crate::rings::index::IndexRing;
use crate::rings::publish::{Cas, Store};
use crate::rings::stamped::StampedRing;
use crate::rings::{Ring, Tuning, slots_in};
use crate::traffic::{Sending, round_trip, stream};

/// See the module.
pub const QUESTION: Question = Question {
    name: "stamps",
    asks: "One producer: two positions, or a stamp in each slot?",
    tables,
};

fn tables() -> Vec<Table> {
    let mut tables = streams::<1>();
    tables.extend(streams::<8>());
    tables.push(round_trips::<1>());
    tables.push(round_trips::<8>());
    tables
}

fn streams<const WORDS: usize>() -> Vec<Table> {
    let one = |sending| {
        let title = format!("a stream, {} bytes, {}", 8 * WORDS, Sending::name(sending));
        Table::new(title)
            .with("positions, published by a store", run::<IndexRing<Store, WORDS>, WORDS>(sending))
            .with("stamps", run::<StampedRing<false, WORDS>, WORDS>(sending))
            .with("positions, published by a CAS", run::<IndexRing<Cas, WORDS>, WORDS>(sending))
            .with("stamps, claimed by a CAS", run::<StampedRing<true, WORDS>, WORDS>(sending))
    };
    vec![one(Sending::Single), one(Sending::Batched)]
}

fn run<R: Ring<WORDS>, const WORDS: usize>(
    sending: Sending,
) -> impl Fn(&crate::harness::Lab) -> f64 {
    // Everybody asks ten lines ahead to write; positions also to read, as nothing is written there.
    let slots = slots_in(10, 8 * WORDS as u64);
    let tuning = Tuning::PLAIN.ahead_to_write(slots).ahead_to_take(slots);
    move |lab| stream::<R, WORDS>(lab, sending, Idling::Linger, tuning)
}

fn round_trips<const WORDS: usize>() -> Table {
    Table::new(format!("a round trip, {} bytes", 8 * WORDS))
        .with("positions, published by a store", |lab| {
            round_trip::<IndexRing<Store, WORDS>, WORDS>(lab, Idling::Pause)
        })
        .with("stamps", |lab| round_trip::<StampedRing<false, WORDS>, WORDS>(lab, Idling::Pause))
        .with("positions, published by a CAS", |lab| {
            round_trip::<IndexRing<Cas, WORDS>, WORDS>(lab, Idling::Pause)
        })
        .with("stamps, claimed by a CAS", |lab| {
            round_trip::<StampedRing<true, WORDS>, WORDS>(lab, Idling::Pause)
        })
}
