//! An object between its callers, its runner and whoever aborts it: the ring, the bell, the ready
//! set and the reply cells together.

use loom::sync::Arc;
use loom::thread;
use mainspring::mailbox::{Bell, Pop};
use mainspring::model::{Node, Ready};
use mainspring_loom_tests::{Mark, check};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bell as an object has it: it pushes the object's link onto its runner's ready set.
///
/// The count is a plain one: the checker needs no part in it.
#[derive(Clone)]
struct Desk {
    ready: Arc<Ready>,
    node: Node,
    rung: std::sync::Arc<AtomicUsize>,
}

impl Desk {
    fn new() -> Self {
        Self { ready: Arc::new(Ready::new()), node: Node::new(KEY), rung: std::sync::Arc::default() }
    }

    fn rung(&self) -> usize {
        self.rung.load(Relaxed)
    }
}

/// The object's key.
const KEY: usize = 3;

impl Bell for Desk {
    fn ring(&self) {
        self.rung.fetch_add(1, Relaxed);
        assert!(self.ready.push(&self.node).is_some(), "a runner outlives its objects");
    }
}

/// What a runner went through, for the marks.
#[derive(Default)]
struct Run {
    taken: Vec<u64>,
    coolings: usize,
    disturbed: bool,
    slept: bool,
}

/// The same model for both kinds: their ends have the same methods.
macro_rules! models_of {
    ($kind:ident) => {
        mod $kind {
            use super::*;
            use mainspring::mailbox::$kind;

            /// The runner's loop with one object: drain, cool, park, take the token, until it is
            /// closed and empty.
            fn run(desk: &Desk, mut consumer: $kind::Consumer<Box<u64>, Desk>) -> Run {
                let mut run = Run::default();
                loop {
                    if consumer.drain(2, |request, _| run.taken.push(*request)) > 0 {
                        continue;
                    }
                    if !consumer.cool() {
                        if consumer.peek() == Pop::Closed {
                            return run;
                        }
                        run.disturbed = true;
                        // In flight, or here already: lets the producer go on.
                        thread::yield_now();
                        continue;
                    }
                    run.coolings += 1;
                    run.slept |= desk.ready.park();
                    // One token for this cooling, and no sleep ends without it.
                    assert_eq!(desk.ready.take(), [KEY]);
                    assert_eq!(desk.rung(), run.coolings);
                }
            }

            /// Asks whether the two handshakes fit together, publication against `COLD` and token
            /// against sleep: nothing is lost, each cooling gets one token, and the runner ends.
            ///
            /// Two requests and the close are three chances to be cooled in between; so the ring
            /// is cooled again after its token was taken, which is all that a longer run repeats.
            #[test]
            fn publish_races_cooling_and_parking() {
                let slept = Mark::new("slept");
                let disturbed = Mark::new("disturbed");
                let never_cold = Mark::new("never cold");
                let cold_again = Mark::new("cold again");
                let marks =
                    (slept.clone(), disturbed.clone(), never_cold.clone(), cold_again.clone());
                check(
                    concat!(stringify!($kind), "_runner"),
                    100,
                    &[&slept, &disturbed, &never_cold, &cold_again],
                    move || {
                        let desk = Desk::new();
                        let (producer, consumer) = $kind::with_bell(2, desk.clone()).unwrap();
                        let running = thread::spawn({
                            let desk = desk.clone();
                            move || run(&desk, consumer)
                        });
                        producer.push(Box::new(1)).unwrap();
                        thread::yield_now();
                        producer.push(Box::new(2)).unwrap();
                        drop(producer);
                        let run = running.join().unwrap();
                        assert_eq!(run.taken, [1, 2]);
                        assert_eq!(desk.rung(), run.coolings);
                        marks.0.hit_if(run.slept);
                        marks.1.hit_if(run.disturbed);
                        marks.2.hit_if(run.coolings == 0);
                        marks.3.hit_if(run.coolings > 1);
                    },
                );
            }

            /// Asks whether a runner that is going to sleep learns that its last caller has gone.
            ///
            /// The drop's close is one change of the word; a request before it would add nothing
            /// that the model above leaves out.
            #[test]
            fn last_proxy_dropped_races_parking() {
                let slept = Mark::new("slept");
                let never_cold = Mark::new("never cold");
                let marks = (slept.clone(), never_cold.clone());
                check(
                    concat!(stringify!($kind), "_runner_last_drop"),
                    5,
                    &[&slept, &never_cold],
                    move || {
                        let desk = Desk::new();
                        let (producer, consumer) = $kind::with_bell(2, desk.clone()).unwrap();
                        let running = thread::spawn({
                            let desk = desk.clone();
                            move || run(&desk, consumer)
                        });
                        drop(producer);
                        let run = running.join().unwrap();
                        assert!(run.taken.is_empty());
                        assert_eq!(desk.rung(), run.coolings);
                        marks.0.hit_if(run.slept);
                        marks.1.hit_if(run.coolings == 0);
                    },
                );
            }

            /// Asks whether a cold ring that two threads close at once, a stop and the last drop,
            /// rings once: a second push of the link would break the ready set.
            ///
            /// The closes are the only two parties that don't both need the producer's end.
            #[test]
            fn two_closes_race_a_cold_ring() {
                check(concat!(stringify!($kind), "_two_closes"), 3, &[], || {
                    let desk = Desk::new();
                    let (producer, mut consumer) =
                        $kind::with_bell::<u64, _>(1, desk.clone()).unwrap();
                    assert!(consumer.cool());
                    let dropping = thread::spawn(move || drop(producer));
                    consumer.close();
                    dropping.join().unwrap();
                    assert_eq!(desk.rung(), 1);
                    assert_eq!(desk.ready.take(), [KEY]);
                    assert_eq!(consumer.peek(), Pop::Closed);
                });
            }
        }
    };
}

models_of!(mpsc);
models_of!(spsc);
