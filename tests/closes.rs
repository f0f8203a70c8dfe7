//! Closes beside publications, for the kinds whose publication is a plain store.

use mainspring::mailbox::{Bell, Heat, Pop, PushError, lanes, spsc};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// Counts what the bell is told.
#[derive(Clone, Default)]
struct Told {
    rung: Arc<AtomicUsize>,
    late: Arc<AtomicUsize>,
}

impl Bell for Told {
    fn ring(&self) {
        self.rung.fetch_add(1, SeqCst);
    }

    fn late(&self) {
        self.late.fetch_add(1, SeqCst);
    }
}

const HEATS: [Heat; 2] = [Heat::Varies, Heat::Always];

macro_rules! of_kinds_with_lanes {
    ($name:ident, $ring:ident) => {
        mod $name {
            use super::*;

            /// Has `meddle` do something with the consumer while the producer takes the second of
            /// three values from its iterator.
            fn batch_beside(
                heat: Heat,
                mut meddle: impl FnMut(&mut $ring::Consumer<Box<u64>, Told>),
            ) -> (Result<usize, PushError<Vec<Box<u64>>>>, usize, Vec<u64>) {
                let told = Told::default();
                let (producer, mut consumer) = $ring::with_heat(4, heat, told.clone()).unwrap();
                assert_eq!(consumer.pop(), Pop::Empty);
                let mut batch = [1, 2, 3].map(Box::new).into_iter().inspect(|number| {
                    if **number == 2 {
                        meddle(&mut consumer);
                    }
                });
                let sent = producer.push_batch(&mut batch);
                assert_eq!(batch.len(), 0);
                drop(batch);
                let mut taken = Vec::new();
                while consumer.drain(9, |number, _| taken.push(*number)) > 0 {}
                assert_eq!(consumer.peek(), Pop::Closed);
                assert_eq!(consumer.drain(9, |_, _| ()), 0);
                assert_eq!(producer.push(Box::new(4)), Err(PushError::Closed(Box::new(4))));
                assert_eq!(told.rung.load(SeqCst), 0);
                (sent, told.late.load(SeqCst), taken)
            }

            #[test]
            fn a_batch_that_meets_a_close_counts_if_the_end_was_not_found_before() {
                for heat in HEATS {
                    let closed = batch_beside(heat, |consumer| consumer.close());
                    assert_eq!(closed, (Ok(3), 1, vec![1, 2, 3]));
                    let drained = batch_beside(heat, |consumer| {
                        consumer.close();
                        assert_eq!(consumer.drain(9, |_, _| ()), 0);
                    });
                    assert_eq!(drained, (Ok(3), 1, vec![1, 2, 3]));
                }
            }

            #[test]
            fn a_batch_caught_by_a_close_comes_back_whole() {
                for heat in HEATS {
                    let refused = batch_beside(heat, |consumer| {
                        consumer.close();
                        assert_eq!(consumer.peek(), Pop::Closed);
                    });
                    let whole = [1, 2, 3].map(Box::new).into();
                    assert_eq!(refused, (Err(PushError::Closed(whole)), 0, vec![]));
                }
                let (producer, consumer) = $ring::mailbox(4).unwrap();
                consumer.close();
                let mut batch = [1, 2, 3].into_iter();
                let refused = producer.push_batch(&mut batch);
                assert_eq!(refused, Err(PushError::Closed(vec![])));
                assert_eq!(batch.len(), 3, "none was taken");
            }

            #[test]
            fn a_batch_given_up_halfway_is_dropped_once_behind_a_close() {
                let alive = Arc::new(());
                let (producer, mut consumer) = $ring::mailbox(4).unwrap();
                assert!(matches!(consumer.pop(), Pop::Empty));
                let mut batch = (0..3).map(|number| {
                    if number == 2 {
                        consumer.close();
                        assert!(matches!(consumer.peek(), Pop::Closed));
                        panic!("as asked");
                    }
                    alive.clone()
                });
                let push = || drop(producer.push_batch(&mut batch));
                let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(push));
                assert!(unwound.is_err());
                drop(batch);
                assert_eq!(Arc::strong_count(&alive), 1, "refused, and nobody is left to get it");
                drop((producer, consumer));
                assert_eq!(Arc::strong_count(&alive), 1);
            }

            #[test]
            fn a_mailbox_that_is_always_hot_is_never_cooled_nor_rung() {
                let told = Told::default();
                let ends = $ring::with_heat(2, Heat::Always, told.clone());
                let (producer, mut consumer) = ends.unwrap();
                assert!(!consumer.cool());
                producer.push(1).unwrap();
                assert!(!consumer.cool() && consumer.pop() == Pop::Request(1));
                assert!(!consumer.cool());
                drop(producer);
                assert!(!consumer.cool() && consumer.pop() == Pop::Closed);
                assert_eq!(told.rung.load(SeqCst), 0);
            }

            /// Rounds of a producer that pushes until it is refused, and a consumer that closes
            /// somewhere in the middle.
            #[test]
            fn what_is_accepted_beside_a_close_is_delivered_and_nothing_else() {
                const ROUNDS: u64 = if cfg!(miri) { 5 } else { 2_000 };
                for heat in HEATS {
                    let mut refused = 0;
                    for round in 0..ROUNDS {
                        let ends = $ring::with_heat(4, heat, Told::default());
                        let (producer, mut consumer) = ends.unwrap();
                        let sender = thread::spawn(move || {
                            send_until_closed(|number| match number % 2 {
                                0 => producer.push(number).map(|()| 1),
                                _ => {
                                    let mut batch = [number, number + 1].into_iter();
                                    match producer.push_batch(&mut batch) {
                                        Ok(sent) => Ok(sent as u64),
                                        Err(PushError::Full(_)) => Err(PushError::Full(number)),
                                        Err(PushError::Closed(_)) => Err(PushError::Closed(number)),
                                    }
                                }
                            })
                        });
                        let mut next = 0;
                        let mut see = |number, _| {
                            assert_eq!(number, next);
                            next += 1;
                        };
                        let mut polls = 0;
                        loop {
                            consumer.drain(3, &mut see);
                            polls += 1;
                            if polls == round % 64 {
                                consumer.close();
                            }
                            match consumer.peek() {
                                Pop::Closed => break,
                                Pop::Empty => thread::yield_now(),
                                _ => {}
                            }
                            if polls == 64 {
                                consumer.close();
                            }
                        }
                        assert_eq!(consumer.drain(9, &mut see), 0);
                        let sent = sender.join().unwrap();
                        assert_eq!(consumer.drain(9, &mut see), 0);
                        assert_eq!(next, sent, "{heat:?}");
                        refused += u64::from(sent == 0);
                    }
                    assert!(refused < ROUNDS, "no close came later than the first request");
                }
            }
        }
    };
}

/// Pushes the numbers from 0 on until the mailbox is closed; returns how many were accepted.
fn send_until_closed(mut push: impl FnMut(u64) -> Result<u64, PushError<u64>>) -> u64 {
    let mut number = 0;
    loop {
        match push(number) {
            Ok(sent) => number += sent,
            Err(PushError::Full(_)) => thread::yield_now(),
            Err(PushError::Closed(_)) => return number,
        }
    }
}

of_kinds_with_lanes!(single, spsc);
of_kinds_with_lanes!(several, lanes);
