//! Is it worth asking for cache lines early, where, and how early?
//!
//! A line takes about as long as a hundred instructions to come from another core. In order, each
//! end waits for it at its first access: the producer, because the slot was last touched over
//! there, the consumer, because it was last written over there.

use crate::harness::{Lab, Question, Table};
use crate::idle::Idling;
use crate::rings::index::IndexRing;
use crate::rings::publish::Cas;
use crate::rings::stamped::StampedRing;
use crate::rings::{Tuning, slots_in};
use crate::traffic::{Sending, stream};

/// See the module.
pub const QUESTION: Question = Question {
    name: "prefetch",
    asks: "Ask for cache lines ahead of use: on which side, and how far?",
    tables,
};

/// Requests of two words; a slot of the single producer's ring holds nothing else, one of the
/// shared ring a stamp besides.
const WORDS: usize = 2;
type Single = IndexRing<Cas, WORDS>;
type Shared = StampedRing<true, WORDS>;

/// So many lines ahead.
const DISTANCES: [u64; 4] = [4, 6, 10, 16];
/// What the engine takes for both ends of the single producer's ring: ten lines.
const TEN_LINES: u64 = slots_in(10, 16);

fn tables() -> Vec<Table> {
    vec![producers_side(), consumers_side(), shared(Sending::Single), shared(Sending::Batched)]
}

fn producers_side() -> Table {
    let title = "single producer, 16-byte slots, batches of 32: the producer asks, to write";
    let table = Table::new(title).with("never", |lab| run_single(lab, 0, TEN_LINES));
    DISTANCES.into_iter().fold(table, |table, lines| {
        let name = format!("{lines} lines ahead");
        table.with(name, move |lab| run_single(lab, slots_in(lines, 16), TEN_LINES))
    })
}

fn consumers_side() -> Table {
    let title = "single producer, 16-byte slots, batches of 32: the consumer asks, to read";
    let table = Table::new(title)
        .with("never", |lab| run_single(lab, TEN_LINES, 0))
        .with("never, nor does the producer", |lab| run_single(lab, 0, 0));
    DISTANCES.into_iter().fold(table, |table, lines| {
        let name = format!("{lines} lines ahead");
        table.with(name, move |lab| run_single(lab, TEN_LINES, slots_in(lines, 16)))
    })
}

fn run_single(lab: &Lab, to_write: u64, to_take: u64) -> f64 {
    let tuning = Tuning::PLAIN.ahead_to_write(to_write).ahead_to_take(to_take);
    stream::<Single, WORDS>(lab, Sending::Batched, Idling::Linger, tuning)
}

/// How a shared ring is run: the size of the groups given back, and who asks how far ahead.
struct Way {
    group: u64,
    producer: u64,
    consumer: Consumer,
}

/// What a shared ring's consumer asks for, always to write: it will stamp the slot free, so a line
/// that came for reading would have to come a second time.
#[derive(Clone, Copy)]
enum Consumer {
    Never,
    /// So many slots ahead, if its last pass took as much as it could.
    Behind(u64),
    /// The same, but nothing beyond a slot that it has found full.
    KnownFull(u64),
}

const fn way(group: u64, producer: u64, consumer: Consumer) -> Way {
    Way { group, producer, consumer }
}

/// Two things changed at once in the engine's history: how far ahead producers ask, and whether
/// slots come back one by one or in groups. So both are varied; and one that was not tried there,
/// a consumer that asks.
const WAYS: [Way; 15] = [
    way(64, 26, Consumer::Never),
    way(64, 0, Consumer::Never),
    way(64, 8, Consumer::Never),
    way(64, 16, Consumer::Never),
    way(1, 0, Consumer::Never),
    way(1, 8, Consumer::Never),
    way(1, 26, Consumer::Never),
    way(8, 8, Consumer::Never),
    way(8, 26, Consumer::Never),
    way(64, 26, Consumer::Behind(16)),
    way(64, 26, Consumer::Behind(26)),
    way(64, 26, Consumer::KnownFull(16)),
    way(64, 26, Consumer::KnownFull(26)),
    way(64, 16, Consumer::KnownFull(16)),
    way(64, 8, Consumer::KnownFull(16)),
];

fn shared(sending: Sending) -> Table {
    let title = format!(
        "shared ring, 24-byte slots, {}: given back, asked for how many slots ahead",
        sending.name()
    );
    WAYS.iter().fold(Table::new(title), |table, way| {
        let tuning = way.tuning();
        table.with(way.name(), move |lab| {
            stream::<Shared, WORDS>(lab, sending, Idling::Linger, tuning)
        })
    })
}

impl Way {
    fn tuning(&self) -> Tuning {
        let (ahead, known_full_only) = match self.consumer {
            Consumer::Never => (0, true),
            Consumer::Behind(ahead) => (ahead, false),
            Consumer::KnownFull(ahead) => (ahead, true),
        };
        let tuning = Tuning::PLAIN.releasing(self.group).ahead_to_write(self.producer);
        Tuning { known_full_only, ..tuning.ahead_to_take(ahead) }
    }

    fn name(&self) -> String {
        let consumer = match self.consumer {
            Consumer::Never => String::new(),
            Consumer::Behind(ahead) => format!(", consumer {ahead} if behind"),
            Consumer::KnownFull(ahead) => format!(", consumer {ahead} if known full"),
        };
        format!("by {}: producer {}{consumer}", self.group, self.producer)
    }
}
