//! An object between its callers, its runner and whoever aborts it: the ring, the bell, the ready
//! set and the reply cells together.

use loom::sync::Arc;
use loom::thread::{self, ThreadId};
use mainspring::mailbox::{Bell, Kind, Lanes, Mpsc, Pop, Spsc};
use mainspring::model::{self, Node, Ready};
use mainspring::{CallError, Proxy, active};
use mainspring_loom_tests::{Mark, check};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bell as an object has it: it pushes the object's link onto its runner's ready set.
///
/// Who rang is kept in a plain list: the checker needs no part in it.
#[derive(Clone)]
struct Desk {
    ready: Arc<Ready>,
    node: Node,
    ringers: std::sync::Arc<Mutex<Vec<ThreadId>>>,
}

impl Desk {
    fn new() -> Self {
        let ready = Arc::new(Ready::new());
        Self { ready, node: Node::new(KEY), ringers: std::sync::Arc::default() }
    }

    fn rung(&self) -> usize {
        self.ringers.lock().unwrap().len()
    }

    /// Whether the calling thread rang first.
    fn was_rung_here(&self) -> bool {
        self.ringers.lock().unwrap().first() == Some(&thread::current().id())
    }
}

/// The object's key.
const KEY: usize = 3;

impl Bell for Desk {
    fn ring(&self) {
        let here = thread::current().id();
        self.ringers.lock().unwrap().push(here);
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
            /// Each close is one change of the word, so two of them have all the orders there are.
            #[test]
            fn two_closes_race_a_cold_ring() {
                let stop_rang = Mark::new("the stop rang");
                let drop_rang = Mark::new("the drop rang");
                let marks = (stop_rang.clone(), drop_rang.clone());
                let name = concat!(stringify!($kind), "_two_closes");
                check(name, 3, &[&stop_rang, &drop_rang], move || {
                    let desk = Desk::new();
                    let (producer, mut consumer) =
                        $kind::with_bell::<u64, _>(1, desk.clone()).unwrap();
                    assert!(consumer.cool());
                    let dropping = thread::spawn({
                        let (desk, mark) = (desk.clone(), marks.1.clone());
                        move || {
                            drop(producer);
                            mark.hit_if(desk.was_rung_here());
                        }
                    });
                    consumer.close();
                    marks.0.hit_if(desk.was_rung_here());
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
models_of!(lanes);

/// A servant that counts how often its method has run.
struct Echo(std::sync::Arc<AtomicUsize>);

#[active]
impl Echo {
    pub fn echo(&mut self, n: u64) -> Box<u64> {
        self.0.fetch_add(1, Relaxed);
        Box::new(n)
    }
}

/// One accepted call between the runner and an aborter: it meets the abort in the ring, while it is
/// served, or after, and more calls would only queue behind it. The runner sleeps in between if it
/// gets that far.
fn abort_meets_the_runner<K: Kind>(name: &str) {
    let unstarted = Mark::new("stopped before the start");
    let started = Mark::new("stopped after the start");
    let done = Mark::new("done");
    let slept = Mark::new("slept");
    let marks = (unstarted.clone(), started.clone(), done.clone(), slept.clone());
    check(name, 100, &[&unstarted, &started, &done, &slept], move || {
        let runs = std::sync::Arc::new(AtomicUsize::new(0));
        let (proxy, running) = model::spawn::<_, K>(Echo(runs.clone()), 1);
        let mut call = proxy.echo(7);
        let running = thread::spawn(move || running.run());
        proxy.abort();
        let course = running.join().unwrap();
        assert_eq!(course.requests, 1);
        let outcome = call.try_get().expect("the object is over, and so are its calls");
        let runs = runs.load(Relaxed);
        match outcome {
            Ok(n) => {
                assert_eq!((*n, runs), (7, 1));
                marks.2.hit();
            }
            Err(CallError::Stopped { started }) => {
                assert_eq!(runs, usize::from(started));
                marks.0.hit_if(!started);
                marks.1.hit_if(started);
            }
            Err(error) => panic!("it ended as {error:?}"),
        }
        marks.3.hit_if(course.slept);
    });
}

/// Asks how an accepted call ends that an abort meets: once, with its result or without; what it
/// says of the start is true, and the runner comes to the object's end.
#[test]
fn abort_races_drain() {
    abort_meets_the_runner::<Mpsc>("mpsc_abort");
    abort_meets_the_runner::<Spsc>("spsc_abort");
    abort_meets_the_runner::<Lanes>("lanes_abort");
}

/// A proxy that other threads stop or abort the object through, whatever its kind.
struct Shared<T>(T);

// SAFETY: one thread calls. Stopping and aborting touch the ring and the desk alone, which are
// shared by all threads in any case.
unsafe impl<T: Send> Sync for Shared<T> {}

/// One call beside an abort, and if `stops` beside a stop of a third party's.
fn abort_meets_a_call<K: Kind>(name: &str, stops: bool) {
    let refused = Mark::new("refused");
    let accepted = Mark::new("accepted");
    let marks = (refused.clone(), accepted.clone());
    check(name, 10, &[&refused, &accepted], move || {
        let runs = std::sync::Arc::new(AtomicUsize::new(0));
        let (proxy, running) = model::spawn::<_, K>(Echo(runs.clone()), 1);
        let proxy = Arc::new(Shared(proxy));
        let stopping = stops.then(|| {
            let proxy = proxy.clone();
            thread::spawn(move || Proxy::stop(&proxy.0))
        });
        let aborting = thread::spawn({
            let proxy = proxy.clone();
            move || proxy.0.abort()
        });
        let mut call = proxy.0.echo(7);
        aborting.join().unwrap();
        let outcome = call.try_get().expect("the abort has ended it");
        assert_eq!(outcome, Err(CallError::Stopped { started: false }));
        stopping.into_iter().for_each(|stopping| stopping.join().unwrap());
        let course = running.run();
        marks.0.hit_if(course.requests == 0);
        marks.1.hit_if(course.requests == 1);
        assert_eq!(runs.load(Relaxed), 0, "it says that the method has not begun");
        assert_eq!(proxy.0.refused(), 1 - course.requests as u64);
    });
}

/// Asks whether an abort leaves a call behind that is made at the same time: it is refused, or has
/// ended when both are through, though no runner turns to the object, as if its servant were stuck.
///
/// One call is enough: it is accepted before the close or refused after it.
#[test]
fn abort_races_call() {
    abort_meets_a_call::<Mpsc>("object_abort_call", false);
    abort_meets_a_call::<Spsc>("spsc_abort_call", false);
    abort_meets_a_call::<Lanes>("lanes_abort_call", false);
}

/// Asks the same where the close is another's: the aborter's own changes nothing.
#[test]
fn abort_after_a_stop_races_call() {
    abort_meets_a_call::<Mpsc>("mpsc_stop_abort_call", true);
    abort_meets_a_call::<Spsc>("spsc_stop_abort_call", true);
    abort_meets_a_call::<Lanes>("lanes_stop_abort_call", true);
}

/// One call beside a stop, whose thread then runs the object to its end.
fn stop_meets_a_call<K: Kind>(name: &str) {
    let marks = ["accepted", "refused"].map(Mark::new);
    let inside = marks.clone();
    check(name, 10, &marks.each_ref(), move || {
        let runs = std::sync::Arc::new(AtomicUsize::new(0));
        let (proxy, running) = model::spawn::<_, K>(Echo(runs.clone()), 1);
        let proxy = Arc::new(Shared(proxy));
        let calling = thread::spawn({
            let proxy = proxy.clone();
            move || proxy.0.try_echo(7)
        });
        Proxy::stop(&proxy.0);
        let course = running.run();
        let call = calling.join().unwrap();
        assert_eq!(course.requests, usize::from(call.is_ok()));
        assert_eq!(runs.load(Relaxed), course.requests);
        inside[usize::from(call.is_err())].hit();
        if let Ok(mut call) = call {
            assert_eq!(call.try_get(), Some(Ok(Box::new(7))), "a stop serves what was accepted");
        }
    });
}

/// Asks whether a call that is accepted beside a stop is served before the object is over.
#[test]
fn stop_races_call() {
    stop_meets_a_call::<Mpsc>("mpsc_stop_call");
    stop_meets_a_call::<Spsc>("spsc_stop_call");
    stop_meets_a_call::<Lanes>("lanes_stop_call");
}
