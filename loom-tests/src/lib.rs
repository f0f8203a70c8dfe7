//! How a model is run: with a bound, a floor, and marks.
//!
//! Loom explores the interleavings of a small program, and the values that weak memory allows each
//! load. Two or three threads with one or two requests are enough for these protocols: each of
//! their races is between two parties over one word, and a third adds only a competitor.

pub mod met;
pub mod mutants;
pub mod seeding;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// A state that a model must reach at least once: one that never parks proves nothing of parking.
#[derive(Clone)]
pub struct Mark {
    name: &'static str,
    seen: Arc<AtomicBool>,
}

impl Mark {
    /// A mark that was not reached yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, seen: Arc::default() }
    }

    /// Reached.
    pub fn hit(&self) {
        self.seen.store(true, Relaxed);
    }

    /// Reached, if so.
    pub fn hit_if(&self, reached: bool) {
        if reached {
            self.hit();
        }
    }
}

/// Set for a model of broken source: it must be caught by an execution that fails, not because there
/// are fewer of them, or because a mark is out of reach.
pub const SEEDED: &str = "MAINSPRING_SEEDED";

/// Runs `model` under the checker with at most three preemptions, or `LOOM_MAX_PREEMPTIONS`.
///
/// # Panics
/// If an execution fails; and but for seeded bugs, if fewer than `floor` were explored, or if a mark
/// was never reached.
pub fn check(name: &str, floor: usize, marks: &[&Mark], model: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    let bound = builder.preemption_bound.unwrap_or(3);
    builder.preemption_bound = Some(bound);
    let began = Instant::now();
    builder.check({
        let executions = executions.clone();
        move || {
            executions.fetch_add(1, Relaxed);
            model();
        }
    });
    let explored = executions.load(Relaxed);
    let seconds = began.elapsed().as_secs_f64();
    println!("model {name}: {explored} executions, bound {bound}, {seconds:.2} s");
    if std::env::var_os(SEEDED).is_some() {
        return;
    }
    assert!(explored >= floor, "{name}: {explored} executions, at least {floor} expected");
    for mark in marks {
        assert!(mark.seen.load(Relaxed), "{name} never reached {:?}", mark.name);
    }
}
