//! How does the responder say that an answer is there, if the caller may be asleep?
//!
//! A locked instruction waits until the cell's line is here; the second one on the same line costs
//! little more. A store would not wait at all, but the fence that its look at the waiter needs does.

use super::cell_place::in_pool;
use crate::calls::{Prefetch, WINDOW};
use crate::cells::{Completion, Fenced, OneCas, Plain, TwoCas};
use crate::harness::{Lab, Question, Table};

/// See the module.
pub const QUESTION: Question = Question {
    name: "cell-done",
    asks: "Reply cells: completed by two CAS, by one, or by a store and a fence?",
    tables,
};

fn tables() -> Vec<Table> {
    vec![
        ways("a call at a time", 1, Prefetch::Never),
        ways("128 calls on their way", WINDOW, Prefetch::Never),
        ways("128 calls on their way, lines asked for 4 calls ahead", WINDOW, Prefetch::Ahead(4)),
    ]
}

fn ways(title: &str, in_flight: usize, prefetch: Prefetch) -> Table {
    fn way<C: Completion>(in_flight: usize, prefetch: Prefetch) -> impl Fn(&Lab) -> f64 {
        move |lab| in_pool::<C>(lab, in_flight, prefetch)
    }
    Table::new(title)
        .with("CAS to start, CAS when done", way::<TwoCas>(in_flight, prefetch))
        .with("CAS when done", way::<OneCas>(in_flight, prefetch))
        .with("store, fence, look at the waiter", way::<Fenced>(in_flight, prefetch))
        .with("store: callers never sleep", way::<Plain>(in_flight, prefetch))
}
