//! The rings: nothing lost, nothing twice, in order; and the two bits beside the tail.
//!
//! Where the consumer only loads, it runs in the spawned thread and the producer in the first one:
//! loom remembers one last access of each atomic, and a producer's own load before its CAS would
//! hide the consumer's load from it, and with it every interleaving (seen: one execution).

use loom::thread::{self, ThreadId};
use mainspring::mailbox::{Bell, Pop, PushError};
use mainspring_loom_tests::{Mark, check};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Counts how often it was rung. A plain counter: the checker needs no part in it.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn rung(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A bell that the checker knows: it must be freed once, after each use of it.
struct Used {
    uses: loom::sync::atomic::AtomicUsize,
    freed: Arc<Mutex<Vec<ThreadId>>>,
}

impl Bell for Used {
    fn ring(&self) {
        self.uses.store(1, Relaxed);
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        // Needs all other uses to lie behind it, or the checker reports a race.
        self.uses.with_mut(|_| ());
        self.freed.lock().unwrap().push(thread::current().id());
    }
}

/// Counts its drops. A plain counter; the box is for the checker.
struct Dropped(Arc<AtomicUsize>, #[allow(dead_code)] Box<u64>);

impl Dropped {
    fn counter() -> Arc<AtomicUsize> {
        Arc::default()
    }

    fn new(drops: &Arc<AtomicUsize>) -> Self {
        Self(drops.clone(), Box::new(7))
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The same model for all kinds: their ends have the same methods.
macro_rules! models_of {
    ($kind:ident) => {
        mod $kind {
            use super::*;
            use mainspring::mailbox::$kind;

            /// One producer tries three requests in `capacity` slots while the consumer takes what
            /// it finds: the ring wraps, and each accepted request comes out once, in order.
            fn wraps(name: &str, capacity: usize) {
                let full = Mark::new("full");
                let taken_meanwhile = Mark::new("taken while producing");
                let wrapped = Mark::new("wrapped");
                let marks = (full.clone(), taken_meanwhile.clone(), wrapped.clone());
                check(name, 30, &[&full, &taken_meanwhile, &wrapped], move || {
                    let (producer, mut consumer) = $kind::mailbox::<Box<u64>>(capacity).unwrap();
                    let consuming = thread::spawn(move || {
                        let mut taken = Vec::new();
                        for _ in 0..2 {
                            consumer.drain(2, |request, _| taken.push(*request));
                        }
                        (consumer, taken)
                    });
                    let accepted = |n: &u64| {
                        let is_accepted = producer.push(Box::new(*n)).is_ok();
                        // Lets the consumer in: its own load before it frees the slot hides the
                        // producer's from loom, as the head of this file says.
                        thread::yield_now();
                        is_accepted
                    };
                    let accepted: Vec<u64> = (1..=3).filter(accepted).collect();
                    drop(producer);
                    marks.0.hit_if(accepted.len() < 3);
                    marks.2.hit_if(accepted.len() > capacity);
                    let (mut consumer, mut taken) = consuming.join().unwrap();
                    marks.1.hit_if(!taken.is_empty());
                    while consumer.drain(2, |request, _| taken.push(*request)) > 0 {}
                    assert_eq!(taken, accepted);
                    assert_eq!(consumer.pop(), Pop::Closed);
                });
            }

            #[test]
            fn publish_races_consume_at_capacity_1() {
                wraps(concat!(stringify!($kind), "_wrap_1"), 1);
            }

            #[test]
            fn publish_races_consume_at_capacity_2() {
                wraps(concat!(stringify!($kind), "_wrap_2"), 2);
            }

            /// Accepted is delivered, refused comes back: whichever of claim and close is first.
            #[test]
            fn claim_races_close() {
                let refused = Mark::new("refused");
                let accepted = Mark::new("accepted");
                let marks = (refused.clone(), accepted.clone());
                check(concat!(stringify!($kind), "_close"), 5, &[&refused, &accepted], move || {
                    let (producer, mut consumer) = $kind::mailbox::<Box<u64>>(2).unwrap();
                    let producing = thread::spawn(move || match producer.push(Box::new(7)) {
                        Ok(()) => true,
                        Err(PushError::Closed(request)) => {
                            assert_eq!(*request, 7);
                            false
                        }
                        Err(PushError::Full(_)) => panic!("there was room"),
                    });
                    consumer.close();
                    let accepted = producing.join().unwrap();
                    let mut taken = 0;
                    consumer.drain(2, |_, _| taken += 1);
                    assert_eq!(taken, usize::from(accepted));
                    assert_eq!(consumer.peek(), Pop::Closed);
                    marks.0.hit_if(!accepted);
                    marks.1.hit_if(accepted);
                });
            }

            /// A consumer that went cold is rung for exactly once, and one that didn't never.
            #[test]
            fn publish_races_cold() {
                let went_cold = Mark::new("cold");
                let disturbed = Mark::new("disturbed");
                let marks = (went_cold.clone(), disturbed.clone());
                check(
                    concat!(stringify!($kind), "_cold"),
                    5,
                    &[&went_cold, &disturbed],
                    move || {
                        let bell = Count::default();
                        let (producer, mut consumer) = $kind::with_bell(2, bell.clone()).unwrap();
                        let producing = thread::spawn(move || {
                            assert!(producer.push(Box::new(1)).is_ok());
                            assert!(producer.push(Box::new(2)).is_ok());
                            producer
                        });
                        let mut taken = 0;
                        consumer.drain(1, |_, _| taken += 1);
                        let is_cold = consumer.cool();
                        let producer = producing.join().unwrap();
                        let behind = consumer.drain(2, |_, _| taken += 1);
                        assert_eq!(taken, 2, "nothing is lost");
                        marks.0.hit_if(is_cold);
                        marks.1.hit_if(!is_cold);
                        if bell.rung() == 0 && is_cold {
                            assert_eq!(behind, 0, "nobody would come for them");
                            // It was cooled behind the last request: the close owes the bell.
                            drop(producer);
                        }
                        assert_eq!(bell.rung(), usize::from(is_cold));
                    },
                );
            }

            /// The last producer's drop is a close: a cold consumer is rung for it.
            #[test]
            fn last_producer_dropped_races_cold() {
                let went_cold = Mark::new("cold");
                let mark = went_cold.clone();
                check(concat!(stringify!($kind), "_last_drop"), 3, &[&went_cold], move || {
                    let bell = Count::default();
                    let (producer, mut consumer) =
                        $kind::with_bell::<u64, _>(1, bell.clone()).unwrap();
                    let dropping = thread::spawn(move || drop(producer));
                    let is_cold = consumer.cool();
                    mark.hit_if(is_cold);
                    dropping.join().unwrap();
                    assert_eq!(bell.rung(), usize::from(is_cold));
                    assert_eq!(consumer.pop(), Pop::Closed);
                });
            }

            /// Asks who wakes the consumer of a cold mailbox where a publication meets a close: one
            /// of the two. What the close refuses comes back.
            #[test]
            fn publish_races_close_of_a_cold_mailbox() {
                let marks = ["accepted", "refused"].map(Mark::new);
                let inside = marks.clone();
                let name = concat!(stringify!($kind), "_cold_close");
                check(name, 5, &marks.each_ref(), move || {
                    let bell = Count::default();
                    let (producer, mut consumer) = $kind::with_bell(1, bell.clone()).unwrap();
                    assert!(consumer.cool());
                    let producing = thread::spawn(move || producer.push(Box::new(1)).is_ok());
                    consumer.close();
                    let is_accepted = producing.join().unwrap();
                    assert_eq!(bell.rung(), 1);
                    assert_eq!(consumer.drain(2, |_, _| ()), usize::from(is_accepted));
                    assert_eq!(consumer.peek(), Pop::Closed);
                    inside[usize::from(!is_accepted)].hit();
                });
            }

            /// Asks whether the mailbox is freed by the last that holds it, after the other's last
            /// use of it: whichever closes the cold mailbox rings its bell.
            ///
            /// Two holders: with a third the last two would do the same.
            #[test]
            fn two_drops_race() {
                let marks = ["freed by the consumer", "freed by the producer"].map(Mark::new);
                let inside = marks.clone();
                let name = concat!(stringify!($kind), "_two_drops");
                check(name, 5, &marks.each_ref(), move || {
                    let freed = Arc::<Mutex<Vec<ThreadId>>>::default();
                    let bell = Used { uses: Default::default(), freed: freed.clone() };
                    let (producer, mut consumer) = $kind::with_bell::<u64, _>(1, bell).unwrap();
                    assert!(consumer.cool());
                    let dropping = thread::spawn(move || drop(producer));
                    drop(consumer);
                    dropping.join().unwrap();
                    let freed = freed.lock().unwrap();
                    assert_eq!(freed.len(), 1);
                    inside[usize::from(freed[0] != thread::current().id())].hit();
                });
            }

            /// Asks what becomes of a request whose consumer leaves: it comes back, or is dropped by
            /// whoever is the last to hold the mailbox; once.
            ///
            /// The consumer's drop is a close, a drain and the end of a hold; one request meets each.
            #[test]
            fn push_races_the_consumer_s_drop() {
                let marks = ["left behind", "came back"].map(Mark::new);
                let inside = marks.clone();
                let name = concat!(stringify!($kind), "_consumer_drop");
                check(name, 5, &marks.each_ref(), move || {
                    let (producer, consumer) = $kind::mailbox::<Dropped>(2).unwrap();
                    let drops = Dropped::counter();
                    let request = Dropped::new(&drops);
                    let leaving = thread::spawn(move || drop(consumer));
                    let pushed = producer.push(request);
                    inside[usize::from(pushed.is_err())].hit();
                    drop(pushed);
                    leaving.join().unwrap();
                    drop(producer);
                    assert_eq!(drops.load(Relaxed), 1);
                });
            }

            /// A batch comes out whole and in order, whatever the consumer sees of it meanwhile.
            #[test]
            fn batch_races_consume() {
                let partly = Mark::new("room for a part only");
                let mark = partly.clone();
                check(concat!(stringify!($kind), "_batch"), 5, &[&partly], move || {
                    let (producer, mut consumer) = $kind::mailbox::<Box<u64>>(2).unwrap();
                    producer.push(Box::new(0)).unwrap();
                    let consuming = thread::spawn(move || {
                        let mut taken = Vec::new();
                        consumer.drain(3, |request, _| taken.push(*request));
                        (consumer, taken)
                    });
                    let mut batch = [1, 2].map(Box::new).into_iter();
                    let sent = producer.push_batch(&mut batch).unwrap_or(0);
                    mark.hit_if(sent == 1);
                    assert_eq!(batch.len(), 2 - sent);
                    let sent = sent as u64;
                    let (mut consumer, mut taken) = consuming.join().unwrap();
                    while consumer.drain(3, |request, _| taken.push(*request)) > 0 {}
                    assert_eq!(taken, (0..=sent).collect::<Vec<u64>>());
                });
            }
        }
    };
}

models_of!(mpsc);
models_of!(spsc);
models_of!(lanes);

/// Two producers make the ring's memory and claim its slots at once; each keeps its request.
#[test]
fn two_claims_race_over_fresh_slots() {
    use mainspring::mailbox::mpsc;
    let full = Mark::new("full");
    let mark = full.clone();
    check("mpsc_two_claims", 100, &[&full], move || {
        let (producer, mut consumer) = mpsc::mailbox::<Box<u64>>(1).unwrap();
        let other = producer.clone();
        let first = thread::spawn(move || producer.push(Box::new(1)).is_ok());
        let second = thread::spawn(move || other.push(Box::new(2)).is_ok());
        let mut taken = 0;
        consumer.drain(1, |_, _| taken += 1);
        let accepted = usize::from(first.join().unwrap()) + usize::from(second.join().unwrap());
        mark.hit_if(accepted == 1);
        consumer.drain(2, |_, _| taken += 1);
        assert_eq!(taken, accepted);
        assert_eq!(consumer.pop(), Pop::Closed);
    });
}

/// A claim that is given up holds nobody up for good, and costs no request.
#[test]
fn abandoned_claim_races_consume() {
    use mainspring::mailbox::mpsc;
    let obstructed = Mark::new("in flight");
    let mark = obstructed.clone();
    check("mpsc_void", 10, &[&obstructed], move || {
        let (producer, mut consumer) = mpsc::mailbox::<Box<u64>>(2).unwrap();
        let mark = mark.clone();
        let consuming = thread::spawn(move || {
            mark.hit_if(consumer.peek() == Pop::InFlight);
            let mut taken = Vec::new();
            consumer.drain(2, |request, _| taken.push(*request));
            (consumer, taken)
        });
        drop(producer.claim().unwrap());
        producer.push(Box::new(5)).unwrap();
        let (mut consumer, mut taken) = consuming.join().unwrap();
        consumer.drain(2, |request, _| taken.push(*request));
        assert_eq!(taken, [5]);
    });
}

/// Asks whether a claim that is given up owes the bell: the consumer that it found cold would else sleep
/// before a slot that hides all that comes behind it.
#[test]
fn abandoned_claim_races_cold() {
    use mainspring::mailbox::mpsc;
    let went_cold = Mark::new("cold");
    let disturbed = Mark::new("disturbed");
    let marks = (went_cold.clone(), disturbed.clone());
    check("mpsc_void_cold", 3, &[&went_cold, &disturbed], move || {
        let bell = Count::default();
        let (producer, mut consumer) = mpsc::with_bell::<Box<u64>, _>(2, bell.clone()).unwrap();
        let giving_up = thread::spawn(move || {
            drop(producer.claim().unwrap());
            producer
        });
        let is_cold = consumer.cool();
        let _producer = giving_up.join().unwrap();
        assert_eq!(bell.rung(), usize::from(is_cold));
        assert_eq!(consumer.pop(), Pop::Empty, "the consumer comes past it");
        marks.0.hit_if(is_cold);
        marks.1.hit_if(!is_cold);
    });
}

/// Asks what a claim leaves that outlives the consumer: its request is dropped, once, with the ring.
#[test]
fn claim_races_the_consumer_s_drop() {
    use mainspring::mailbox::mpsc;
    check("mpsc_claim_consumer_drop", 5, &[], || {
        let (producer, consumer) = mpsc::mailbox::<Dropped>(1).unwrap();
        let drops = Dropped::counter();
        let request = Dropped::new(&drops);
        let claim = producer.claim().unwrap();
        let leaving = thread::spawn(move || drop(consumer));
        claim.publish(request);
        leaving.join().unwrap();
        drop(producer);
        assert_eq!(drops.load(Relaxed), 1);
    });
}

/// Asks what a producer leaves that dies in its claim, as a thread does that is cancelled there: nobody
/// waits, and what lies before the claim is served. What lies behind it is not, and the mailbox doesn't
/// end; others fill it and are told so, and its drop drops what is there.
///
/// One slot before the claim and one behind it.
#[test]
fn dead_claim_races_consume() {
    use mainspring::mailbox::mpsc;
    let marks = ["served before", "served later"].map(Mark::new);
    let inside = marks.clone();
    check("mpsc_dead_claim", 5, &marks.each_ref(), move || {
        let (producer, mut consumer) = mpsc::mailbox::<Dropped>(2).unwrap();
        let drops = Dropped::counter();
        let requests = [(); 3].map(|()| Dropped::new(&drops));
        let consuming = thread::spawn(move || {
            let taken = consumer.drain(2, |_, _| ());
            (consumer, taken)
        });
        let [before, behind, refused] = requests;
        assert!(producer.push(before).is_ok());
        std::mem::forget(producer.claim());
        let is_accepted = producer.push(behind).is_ok();
        let (mut consumer, taken) = consuming.join().unwrap();
        inside[usize::from(taken == 0)].hit();
        let later = consumer.drain(2, |_, _| ());
        assert_eq!(taken + later, 1, "what lies before the claim");
        assert_eq!(consumer.peek(), Pop::InFlight);
        if is_accepted {
            assert!(producer.push(refused).is_err_and(|error| error.is_full()));
        }
        producer.close();
        assert_eq!(consumer.peek(), Pop::InFlight, "this has no end");
        drop((producer, consumer));
        assert_eq!(drops.load(Relaxed), if is_accepted { 3 } else { 2 });
    });
}

/// Asks whether two producers that push at once each keep their order, through slots that they use one
/// after the other.
///
/// Two requests of one and one of the other: with less there is no order, with more only more of it.
#[test]
fn two_producers_keep_their_orders() {
    use mainspring::mailbox::mpsc;
    let marks = ["first", "between", "last"].map(Mark::new);
    let inside = marks.clone();
    check("mpsc_two_producers", 100, &marks.each_ref(), move || {
        let (producer, mut consumer) = mpsc::mailbox::<Box<u64>>(3).unwrap();
        let other = producer.clone();
        let pushing = thread::spawn(move || {
            producer.push(Box::new(1)).unwrap();
            producer.push(Box::new(2)).unwrap();
        });
        other.push(Box::new(10)).unwrap();
        let mut taken = Vec::new();
        consumer.drain(3, |request, _| taken.push(*request));
        pushing.join().unwrap();
        consumer.drain(3, |request, _| taken.push(*request));
        let place = taken.iter().position(|request| *request == 10).expect("it was accepted");
        inside[place].hit();
        taken.remove(place);
        assert_eq!(taken, [1, 2]);
    });
}

/// Whoever closes the ring, or finds it closed, sees what came with each claim before: an aborter
/// looks for the reply cells of all accepted calls, also after a stop of somebody else's.
///
/// The closer decides what was accepted; the second one only reads the word, and is told nothing by
/// the first.
fn close_meets_a_claim(name: &str, closes_before: bool) {
    use loom::sync::atomic::AtomicBool;
    use mainspring::mailbox::mpsc;
    let accepted_before = Mark::new("accepted before the close");
    let mark = accepted_before.clone();
    check(name, 5, &[&accepted_before], move || {
        let (producer, consumer) = mpsc::mailbox::<u64>(1).unwrap();
        let consumer = loom::sync::Arc::new(consumer);
        let cell_is_open = loom::sync::Arc::new(AtomicBool::new(false));
        let (seen, mark) = (cell_is_open.clone(), mark.clone());
        let first = closes_before.then(|| {
            let consumer = consumer.clone();
            thread::spawn(move || consumer.close())
        });
        let closing = thread::spawn(move || {
            consumer.close();
            if consumer.len() == 1 {
                mark.hit();
                assert!(seen.load(Relaxed));
            }
        });
        cell_is_open.store(true, Relaxed);
        let _ = producer.push(1);
        closing.join().unwrap();
        first.into_iter().for_each(|first| first.join().unwrap());
    });
}

#[test]
fn close_sees_what_came_with_a_claim() {
    close_meets_a_claim("mpsc_claimed", false);
}

#[test]
fn second_close_sees_what_came_with_a_claim() {
    close_meets_a_claim("mpsc_claimed_twice", true);
}
