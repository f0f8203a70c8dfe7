//! Where does a reply cell lie, and who lends it?
//!
//! In the slot of its request, no second line crosses. In cells of the caller's own, taking one is
//! not atomic. In a pool for all callers of an object, two compare-and-swaps a call, but any thread
//! may call, and nothing is kept for threads that seldom do.

use crate::calls::{Prefetch, WINDOW, in_slots, with_cells};
use crate::cells::{Completion, Pool, Slab, TwoCas, cells};
use crate::harness::{Lab, Question, Table};
use crate::rings::layout::{Line, Word};
use crossbeam_utils::CachePadded;
use std::sync::atomic::AtomicU64;

/// See the module.
pub const QUESTION: Question = Question {
    name: "cell-place",
    asks: "Reply cells: in a pool, of the caller's own, or in the request's slot?",
    tables,
};

/// More than are ever on their way.
const CELLS: usize = 256;

fn tables() -> Vec<Table> {
    vec![
        places("a call at a time", 1),
        places("128 calls on their way", WINDOW),
        ahead(),
        ahead_of_one(),
    ]
}

fn places(title: &str, in_flight: usize) -> Table {
    Table::new(title)
        .with("a pool", move |lab| in_pool::<TwoCas>(lab, in_flight, Prefetch::Never))
        .with("the caller's own", move |lab| {
            let cells = cells(CELLS);
            with_cells::<TwoCas>(lab, &cells, Slab::new(&cells), in_flight, Prefetch::Never)
        })
        .with("in slots of 64 bytes", move |lab| in_slots::<Line<_>>(lab, in_flight))
        .with("in slots of 24 bytes", move |lab| in_slots::<Word<_>>(lab, in_flight))
}

fn ahead() -> Table {
    let variants = [
        ("nobody", Prefetch::Never),
        ("the responder, 1 call ahead", Prefetch::Ahead(1)),
        ("the responder, 4 calls ahead", Prefetch::Ahead(4)),
        ("the responder, a batch's at its begin", Prefetch::Batch),
        ("the caller, 2 calls ahead, to read", Prefetch::CallerToRead(2)),
        ("the caller, 4 calls ahead, to read", Prefetch::CallerToRead(4)),
        ("the caller, 8 calls ahead, to read", Prefetch::CallerToRead(8)),
        ("the caller, 16 calls ahead, to read", Prefetch::CallerToRead(16)),
        ("the caller, 4 calls ahead, to write", Prefetch::CallerToWrite(4)),
        ("the caller, 8 calls ahead, to write", Prefetch::CallerToWrite(8)),
        ("the caller, 16 calls ahead, to write", Prefetch::CallerToWrite(16)),
    ];
    let table = Table::new("128 calls on their way, a pool: who asks for the cells' lines");
    variants.into_iter().fold(table, |table, (name, prefetch)| {
        table.with(name, move |lab| in_pool::<TwoCas>(lab, WINDOW, prefetch))
    })
}

fn ahead_of_one() -> Table {
    Table::new("a call at a time, a pool: the same, where there is nothing to ask for")
        .with("never", |lab| in_pool::<TwoCas>(lab, 1, Prefetch::Never))
        .with("4 calls ahead", |lab| in_pool::<TwoCas>(lab, 1, Prefetch::Ahead(4)))
        .with("a batch's at its begin", |lab| in_pool::<TwoCas>(lab, 1, Prefetch::Batch))
}

/// Calls with cells from a pool.
pub fn in_pool<C: Completion>(lab: &Lab, in_flight: usize, prefetch: Prefetch) -> f64 {
    let (cells, free) = (cells(CELLS), CachePadded::new(AtomicU64::new(0)));
    with_cells::<C>(lab, &cells, Pool::new(&cells, &free), in_flight, prefetch)
}
