//! Publications beside those who change the gate's word: they close it, and the consumer ends.
//!
//! Where lanes have tails of their own, a publication is a plain store. Two parties miss each other
//! then unless both fence, and a request is accepted that nobody takes, or refused and taken.
//!
//! The producer, which looks at the word before and after, runs in the spawned thread: in the first
//! one its second look would hide the first from the checker (see `mailbox.rs`).

use loom::sync::Arc;
use loom::thread;
use mainspring::mailbox::{Heat, Pop, PushError};
use mainspring_loom_tests::met::{Met, Told, batch};
use mainspring_loom_tests::{Mark, check};

/// The same model for both kinds: their ends have the same methods.
macro_rules! models_of {
    ($kind:ident) => {
        mod $kind {
            use super::*;
            use mainspring::mailbox::$kind;

            type Consumer = $kind::Consumer<Box<u64>, Told>;
            type Producer = $kind::Producer<Box<u64>, Told>;

            /// Both ends, with the consumer aware of the first lane.
            pub fn ends(capacity: u64, heat: Heat, told: &Told) -> (Producer, Consumer) {
                let ends = $kind::with_heat(capacity as usize, heat, told.clone());
                let (producer, mut consumer) = ends.unwrap();
                assert_eq!(consumer.drain(1, |_, _| ()), 0);
                (producer, consumer)
            }

            /// After a close: takes everything up to the end, which the consumer finds at once.
            fn take_all(consumer: &mut Consumer) -> Vec<u64> {
                let mut taken = Vec::new();
                loop {
                    match consumer.peek() {
                        Pop::Closed => return taken,
                        Pop::Request(()) => {
                            let count = consumer.drain(9, |request, _| taken.push(*request));
                            assert!(count > 0, "what it was told of can be taken");
                        }
                        found => panic!("{found:?} in a closed mailbox"),
                    }
                }
            }

            /// What the consumer got, behind the end of a mailbox where this was sent.
            pub fn check_end(met: Met, count: u64, mut consumer: Consumer, mut taken: Vec<u64>) {
                taken.extend(take_all(&mut consumer));
                assert_eq!(taken, met.delivered(count));
                assert_eq!(consumer.drain(9, |_, _| ()), 0, "behind the end nothing comes");
            }

            /// A batch beside a consumer that closes, and takes what is there until it finds the
            /// end.
            ///
            /// The closing, the sealing and the publication are one change of a word each, and
            /// each party's looks lie between: one batch has all the orders there are.
            fn publish_meets_the_end(name: &str, heat: Heat, count: u64) {
                let marks = Met::MARKS.map(Mark::new);
                let inside = marks.clone();
                check(name, 100, &marks.each_ref(), move || {
                    let told = Told::default();
                    let (producer, mut consumer) = ends(count, heat, &told);
                    assert!(heat == Heat::Varies || !consumer.cool());
                    let publishing = thread::spawn({
                        let told = told.clone();
                        move || {
                            let met = Met::of(producer.push_batch(&mut batch(count)), &told, count);
                            if met != Met::Accepted {
                                let refused = producer.push(Box::new(9));
                                assert!(matches!(refused, Err(PushError::Closed(_))));
                            }
                            met
                        }
                    });
                    consumer.close();
                    let taken = take_all(&mut consumer);
                    let met = publishing.join().unwrap();
                    inside[met as usize].hit();
                    check_end(met, count, consumer, taken);
                    assert_eq!(told.rung(), 0, "it was never cold");
                });
            }

            #[test]
            fn publish_races_the_end() {
                publish_meets_the_end(concat!(stringify!($kind), "_end"), Heat::Varies, 1);
            }

            #[test]
            fn publish_races_the_end_when_always_hot() {
                publish_meets_the_end(concat!(stringify!($kind), "_hot_end"), Heat::Always, 1);
            }

            #[test]
            fn batch_races_the_end() {
                publish_meets_the_end(concat!(stringify!($kind), "_batch_end"), Heat::Varies, 2);
            }
        }
    };
}

models_of!(spsc);
models_of!(lanes);

/// How the three threads fared.
struct Course {
    met: Met,
    is_sealed: bool,
    has_more: bool,
}

/// Asks whether a consumer that finds the mailbox closed by another sees what was accepted, and
/// seals what wasn't: the closer's fence comes after the close that the consumer sees, so it doesn't
/// help.
///
/// Three parties, and one step of each.
fn publish_meets_closer_and_consumer(name: &str, run: fn(Heat) -> Course) {
    for (heat, suffix) in [(Heat::Varies, ""), (Heat::Always, "_hot")] {
        let marks = Met::MARKS.map(Mark::new);
        let sealed = Mark::new("sealed");
        let (inside, mark) = (marks.clone(), sealed.clone());
        let all: Vec<&Mark> = marks.iter().chain([&sealed]).collect();
        check(&format!("{name}{suffix}"), 300, &all, move || {
            let Course { met, is_sealed, has_more } = run(heat);
            inside[met as usize].hit();
            mark.hit_if(is_sealed);
            assert!(!(is_sealed && has_more), "it was told that this is the end");
        });
    }
}

#[test]
fn publish_races_closer_and_consumer_of_one_lane() {
    publish_meets_closer_and_consumer("spsc_closed", |heat| {
        let told = Told::default();
        let (producer, consumer) = spsc::ends(1, heat, &told);
        let consumer = Arc::new(consumer);
        let publishing = thread::spawn({
            let told = told.clone();
            move || (Met::of(producer.push_batch(&mut batch(1)), &told, 1), producer)
        });
        let sealing = thread::spawn({
            let consumer = consumer.clone();
            move || consumer.peek() == Pop::Closed
        });
        consumer.close();
        let (met, _producer) = publishing.join().unwrap();
        let is_sealed = sealing.join().unwrap();
        let Ok(consumer) = Arc::try_unwrap(consumer) else { panic!("the other has gone") };
        let has_more = !consumer.is_empty();
        spsc::check_end(met, 1, consumer, Vec::new());
        Course { met, is_sealed, has_more }
    });
}

#[test]
fn publish_races_closer_and_consumer_of_several_lanes() {
    publish_meets_closer_and_consumer("lanes_closed", |heat| {
        let told = Told::default();
        let (producer, consumer) = lanes::ends(1, heat, &told);
        let producer = Arc::new(Shared(producer));
        let publishing = thread::spawn({
            let (producer, told) = (producer.clone(), told.clone());
            move || Met::of(producer.0.push_batch(&mut batch(1)), &told, 1)
        });
        let sealing = thread::spawn(move || (consumer.peek() == Pop::Closed, consumer));
        producer.0.close();
        let met = publishing.join().unwrap();
        let (is_sealed, consumer) = sealing.join().unwrap();
        let has_more = !consumer.is_empty();
        lanes::check_end(met, 1, consumer, Vec::new());
        Course { met, is_sealed, has_more }
    });
}

/// A producer that another thread closes the mailbox through, as a stop does.
struct Shared<T>(T);

// SAFETY: one thread pushes; the other only closes, and touches the mailbox alone, which all share.
unsafe impl<T: Send> Sync for Shared<T> {}
