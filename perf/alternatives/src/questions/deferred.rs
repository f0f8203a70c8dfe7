//! Should a single producer show several requests at once, although the caller sends them singly?
//!
//! It could publish every k-th, and at once when the consumer has taken everything, as that one may
//! be waiting. What it can't do is know that no further request will come: if the last ones were
//! filled while the consumer was busy, somebody must still publish them.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::index::{IndexProducer, IndexRing};
use crate::rings::publish::{Cas, Publish, Store};
use crate::rings::{Ring, Tuning};
use crate::traffic::{CHUNK, Sending, stream, stream_by};
use std::hint::spin_loop;

/// See the module.
pub const QUESTION: Question = Question {
    name: "deferred",
    asks: "One producer, one by one: publish every k-th, or when the queue ran dry?",
    tables,
};

const WORDS: usize = 2;
const TUNING: Tuning = Tuning::PLAIN.ahead_to_write(40).ahead_to_take(40);

fn tables() -> Vec<Table> {
    vec![every::<Cas>("a CAS"), every::<Store>("a store")]
}

fn every<P: Publish>(how: &str) -> Table {
    let title = format!("a stream, 16 bytes, each sent singly, published by {how}");
    let mut table = Table::new(title).with("each", |lab| {
        stream::<IndexRing<P, WORDS>, WORDS>(lab, Sending::Single, Idling::Linger, TUNING)
    });
    for every in [4, 8, 32] {
        table = table.with(format!("every {every}th, or when dry"), move |lab| {
            run::<P>(lab, |producer| producer.unpublished() >= every || producer.ran_dry())
        });
    }
    for every in [4, 8, 32] {
        table = table.with(format!("every {every}th"), move |lab| {
            run::<P>(lab, |producer| producer.unpublished() >= every)
        });
    }
    table.with("32 handed over as a batch", |lab| {
        stream::<IndexRing<P, WORDS>, WORDS>(lab, Sending::Batched, Idling::Linger, TUNING)
    })
}

fn run<P: Publish>(
    lab: &Lab,
    is_due: impl Fn(&mut IndexProducer<'_, P, WORDS>) -> bool + Copy,
) -> f64 {
    let ring = IndexRing::<P, WORDS>::new();
    let mut producer = ring.producer(TUNING);
    stream_by(lab, ring.consumer(TUNING), Idling::Linger, 0, |first| {
        for number in first..first + CHUNK {
            while producer.fill(1, |_| [number; WORDS]) == 0 {
                // What was filled and not shown would never be taken: a full ring would stay full.
                if producer.unpublished() > 0 {
                    producer.publish();
                }
                spin_loop();
            }
            if is_due(&mut producer) {
                producer.publish();
            }
        }
        if producer.unpublished() > 0 {
            producer.publish();
        }
    })
}
