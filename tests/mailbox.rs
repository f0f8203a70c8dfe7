//! The rings, as public types.

mod common;

use common::{Bomb, eventually};
use mainspring::mailbox::{Bell, CAPACITY_MAX, Pop, PushError, lanes, mpsc, spsc};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// Counts how often it is rung.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A value that counts itself while it lives.
struct Counted(Count, u64);

impl Counted {
    fn new(alive: &Count, number: u64) -> Self {
        alive.0.fetch_add(1, SeqCst);
        Self(alive.clone(), number)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(self.0.0.fetch_sub(1, SeqCst) > 0, "dropped twice");
    }
}

fn unwinds(run: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

/// An iterator of `0..count` that panics in place of `bad`.
fn panicking(count: u64, bad: u64) -> impl ExactSizeIterator<Item = u64> {
    let numbers: Vec<_> = (0..count).collect();
    numbers.into_iter().inspect(move |number| assert!(*number != bad, "as asked"))
}

/// Each property holds for every kind: their ends have the same methods.
macro_rules! of_all_kinds {
    ($name:ident, $ring:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn the_capacity_is_exact_lap_after_lap() {
                for capacity in [1, 2, 3, 5, 1000] {
                    let (producer, mut consumer) = $ring::mailbox(capacity).unwrap();
                    assert_eq!((producer.capacity(), consumer.capacity()), (capacity, capacity));
                    assert!(producer.is_empty() && consumer.pop() == Pop::Empty);
                    for lap in 0..5 {
                        for n in 0..capacity {
                            assert_eq!(producer.len(), n);
                            producer.push((lap, n)).unwrap();
                        }
                        assert_eq!(producer.push((9, 9)), Err(PushError::Full((9, 9))));
                        for n in 0..capacity {
                            assert_eq!(consumer.pop(), Pop::Request((lap, n)));
                        }
                        assert_eq!(consumer.pop(), Pop::Empty);
                    }
                }
            }

            #[test]
            fn impossible_capacities_are_errors() {
                assert_eq!($ring::mailbox::<u8>(0).unwrap_err().capacity, 0);
                let error = $ring::mailbox::<u8>(CAPACITY_MAX + 1).unwrap_err();
                assert!(error.to_string().contains("1073741825"), "{error}");
            }

            #[test]
            fn a_close_gives_the_value_back_and_leaves_what_was_accepted() {
                let (producer, mut consumer) = $ring::mailbox(3).unwrap();
                producer.push(1).unwrap();
                consumer.close();
                consumer.close();
                assert_eq!(producer.push(2), Err(PushError::Closed(2)));
                assert_eq!(producer.push_batch(&mut [3].into_iter()).unwrap_err().is_full(), false);
                assert_eq!(consumer.pop(), Pop::Request(1));
                assert_eq!((consumer.pop(), consumer.peek()), (Pop::Closed, Pop::Closed));
            }

            #[test]
            fn a_dropped_producer_closes_and_a_dropped_consumer_too() {
                let (producer, mut consumer) = $ring::mailbox(3).unwrap();
                producer.push(1).unwrap();
                drop(producer);
                assert_eq!((consumer.pop(), consumer.pop()), (Pop::Request(1), Pop::Closed));
                let (producer, consumer) = $ring::mailbox(3).unwrap();
                drop(consumer);
                assert_eq!(producer.push(2), Err(PushError::Closed(2)));
            }

            #[test]
            fn a_batch_takes_what_there_is_room_for() {
                let (producer, mut consumer) = $ring::mailbox(5).unwrap();
                let mut batch = [1, 2, 3].into_iter();
                assert_eq!(producer.push_batch(&mut batch), Ok(3));
                let mut batch = [4, 5, 6, 7].into_iter();
                assert_eq!(producer.push_batch(&mut batch), Ok(2));
                assert_eq!(producer.push_batch(&mut batch), Err(PushError::Full(vec![])));
                assert_eq!(producer.push_batch(&mut [].into_iter()), Ok(0));
                assert_eq!(batch.as_slice(), [6, 7]);
                let mut taken = vec![];
                assert_eq!(consumer.drain(2, |n, last| taken.push((n, last))), 2);
                assert_eq!(consumer.drain(9, |n, last| taken.push((n, last))), 3);
                assert_eq!(taken, [(1, false), (2, true), (3, false), (4, false), (5, true)]);
                assert_eq!(consumer.drain(9, |_, _| unreachable!()), 0);
                assert_eq!(producer.push_batch(&mut batch), Ok(2));
                assert_eq!((consumer.pop(), consumer.pop()), (Pop::Request(6), Pop::Request(7)));
            }

            #[test]
            fn a_panicking_iterator_leaves_what_it_gave_before_and_rings_the_bell() {
                let bell = Count::default();
                let (producer, mut consumer) = $ring::with_bell(8, bell.clone()).unwrap();
                for round in 1..=5 {
                    assert!(consumer.cool());
                    assert!(unwinds(|| drop(producer.push_batch(&mut panicking(6, 3)))));
                    assert_eq!(bell.get(), round, "nobody else would ring");
                    let mut taken = vec![];
                    while consumer.drain(9, |n, _| taken.push(n)) > 0 {}
                    assert_eq!(taken, [0, 1, 2]);
                }
                let numbers: Vec<_> = (0..8).collect();
                assert_eq!(producer.push_batch(&mut numbers.into_iter()), Ok(8));
            }

            #[test]
            fn a_panicking_handler_consumes_its_request_and_no_other() {
                let alive = Count::default();
                let (producer, mut consumer) = $ring::mailbox(8).unwrap();
                (0..8).for_each(|n| drop(producer.push(Counted::new(&alive, n))));
                let mut taken = vec![];
                for bad in [0, 3, 4, 7] {
                    let handle = |request: Counted, _| {
                        taken.push(request.1);
                        assert!(request.1 != bad, "as asked");
                    };
                    assert!(unwinds(|| assert!(consumer.drain(9, handle) > 0)));
                    assert_eq!(alive.get(), 7 - bad as usize);
                }
                assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6, 7]);
                for n in 0..8 {
                    producer.push(Counted::new(&alive, n)).unwrap_or_else(|_| panic!("{n}"));
                }
                drop((producer, consumer));
                assert_eq!(alive.get(), 0);
            }

            #[test]
            fn what_is_left_is_dropped_once_whichever_end_goes_first() {
                for consumer_first in [true, false] {
                    for taken in 0..4 {
                        let alive = Count::default();
                        let (producer, mut consumer) = $ring::mailbox(3).unwrap();
                        for n in 0..taken {
                            assert!(producer.push(Counted::new(&alive, n)).is_ok());
                            assert!(matches!(consumer.pop(), Pop::Request(_)));
                        }
                        (0..4).for_each(|n| drop(producer.push(Counted::new(&alive, n))));
                        assert_eq!(alive.get(), 3);
                        if consumer_first {
                            drop(consumer);
                            assert_eq!(alive.get(), 0, "the consumer is the last to read");
                            drop(producer);
                        } else {
                            drop(producer);
                            drop(consumer);
                        }
                        assert_eq!(alive.get(), 0);
                    }
                }
            }

            #[test]
            fn a_request_whose_drop_panics_does_not_keep_the_rest_alive() {
                let alive = Count::default();
                let (producer, consumer) = $ring::mailbox::<Box<dyn Send>>(3).unwrap();
                producer.push(Box::new(Bomb)).unwrap_or_else(|_| panic!());
                producer.push(Box::new(Counted::new(&alive, 1))).unwrap_or_else(|_| panic!());
                assert!(unwinds(|| drop(consumer)));
                drop(producer);
                assert_eq!(alive.get(), 0);
            }

            #[test]
            fn destructors_that_panic_keep_nothing_alive_however_many_there_are() {
                let alive = Count::default();
                let (producer, consumer) = $ring::mailbox::<Box<dyn Send>>(6).unwrap();
                for n in 0..3 {
                    producer.push(Box::new(Counted::new(&alive, n))).unwrap_or_else(|_| panic!());
                    producer.push(Box::new(Bomb)).unwrap_or_else(|_| panic!());
                }
                assert!(unwinds(|| drop(consumer)), "the first panic goes on");
                assert_eq!(alive.get(), 0, "the consumer is the last to read");
                drop(producer);
            }

            #[test]
            fn an_empty_batch_inside_a_batch_opens_no_way_to_its_slots() {
                let alive = Count::default();
                let (producer, mut consumer) = $ring::mailbox(8).unwrap();
                let mut batch = [0, 1, 2].into_iter().map(|n| {
                    assert_eq!(producer.push_batch(&mut [].into_iter()).ok(), Some(0));
                    drop(producer.push(Counted::new(&alive, 10 + n)));
                    Counted::new(&alive, n)
                });
                assert_eq!(producer.push_batch(&mut batch).ok(), Some(3));
                let mut taken = vec![];
                while consumer.drain(9, |value, _| taken.push(value.1)) > 0 {}
                taken.retain(|n| *n < 10);
                assert_eq!(taken, [0, 1, 2]);
                assert_eq!(alive.get(), 0, "each is dropped once");
            }

            #[test]
            fn the_bell_rings_once_each_time_it_was_cooled() {
                let bell = Count::default();
                let (producer, mut consumer) = $ring::with_bell(4, bell.clone()).unwrap();
                producer.push(0).unwrap();
                assert!(!consumer.cool(), "something is there");
                assert_eq!((consumer.pop(), bell.get()), (Pop::Request(0), 0));
                for round in 1..=5 {
                    assert!(consumer.cool());
                    assert_eq!(consumer.pop(), Pop::Empty);
                    assert_eq!(bell.get(), round - 1);
                    match round {
                        1 => producer.push(1).unwrap(),
                        _ => assert_eq!(producer.push_batch(&mut [1].into_iter()), Ok(1)),
                    }
                    assert_eq!(bell.get(), round);
                    producer.push(2).unwrap();
                    assert_eq!(bell.get(), round, "once");
                    assert_eq!(consumer.drain(9, |_, _| {}), 2);
                }
                assert!(consumer.cool());
                producer.close();
                producer.close();
                assert_eq!(bell.get(), 6, "a close rings too");
                assert!(!consumer.cool() && consumer.pop() == Pop::Closed);
            }

            #[test]
            fn a_consumer_that_sleeps_until_the_bell_misses_nothing() {
                const COUNT: u64 = if cfg!(miri) { 50 } else { 50_000 };
                struct Unpark(thread::Thread);
                impl Bell for Unpark {
                    fn ring(&self) {
                        self.0.unpark();
                    }
                }
                let bell = Unpark(thread::current());
                let (producer, mut consumer) = $ring::with_bell(3, bell).unwrap();
                let sender = thread::spawn(move || {
                    for n in 0..COUNT {
                        while producer.push(n).is_err() {
                            thread::yield_now();
                        }
                    }
                });
                let mut next = 0;
                loop {
                    match consumer.pop() {
                        Pop::Request(n) => {
                            assert_eq!(n, next);
                            next += 1;
                        }
                        Pop::Closed => break,
                        // The bell unparks; a wake-up for nothing only leads back here.
                        Pop::Empty if consumer.cool() => thread::park(),
                        _ => thread::yield_now(),
                    }
                }
                sender.join().unwrap();
                assert_eq!(next, COUNT);
            }
        }
    };
}

of_all_kinds!(shared, mpsc);
of_all_kinds!(single, spsc);
of_all_kinds!(several, lanes);

/// Each property holds for both kinds that have claims.
macro_rules! of_kinds_with_claims {
    ($name:ident, $ring:ident) => {
        #[allow(unused_mut)] // a single producer's claim borrows it mutably
        mod $name {
            use super::*;

            #[test]
            fn a_claim_is_filled_or_given_up() {
                let (mut producer, mut consumer) = $ring::mailbox(2).unwrap();
                producer.claim().unwrap().publish_it(1);
                drop(producer.claim().unwrap());
                assert_eq!((consumer.pop(), consumer.pop()), (Pop::Request(1), Pop::Empty));
                for _ in 0..5 {
                    drop(producer.claim().unwrap());
                    while consumer.drain(9, |_, _| {}) > 0 {}
                }
                producer.push(2).unwrap();
                producer.push(3).unwrap();
                assert_eq!(producer.claim().unwrap_err(), PushError::Full(()));
                consumer.close();
                assert_eq!(producer.claim().unwrap_err(), PushError::Closed(()));
                assert_eq!((consumer.pop(), consumer.pop()), (Pop::Request(2), Pop::Request(3)));
                producer.push(4).unwrap_err();
            }

            #[test]
            fn a_claim_that_is_filled_rings_the_bell() {
                let bell = Count::default();
                let (mut producer, mut consumer) = $ring::with_bell(2, bell.clone()).unwrap();
                for round in 1..=3 {
                    assert!(consumer.cool());
                    producer.claim().unwrap().publish_it(1);
                    assert_eq!((bell.get(), consumer.pop()), (round, Pop::Request(1)));
                }
            }
        }
    };
}

/// The claims' `publish` differ: the single producer's finds out about a close only then.
trait Publish<T> {
    fn publish_it(self, value: T);
}

impl<T: Send, B: Bell> Publish<T> for mpsc::Claim<'_, T, B> {
    fn publish_it(self, value: T) {
        self.publish(value);
    }
}

impl<T: Send, B: Bell> Publish<T> for spsc::Claim<'_, T, B> {
    fn publish_it(self, value: T) {
        assert!(self.publish(value).is_ok());
    }
}

of_kinds_with_claims!(shared_claims, mpsc);
of_kinds_with_claims!(single_claims, spsc);

#[test]
fn a_claim_not_yet_filled_hides_what_is_behind_it() {
    let (producer, mut consumer) = mpsc::mailbox(3).unwrap();
    let claim = producer.claim().unwrap();
    producer.push(2).unwrap();
    assert_eq!((consumer.pop(), consumer.peek()), (Pop::InFlight, Pop::InFlight));
    assert!(!consumer.cool());
    producer.close();
    assert_eq!(consumer.pop(), Pop::InFlight, "accepted before the close");
    claim.publish(1);
    assert_eq!((consumer.pop(), consumer.pop()), (Pop::Request(1), Pop::Request(2)));
    assert_eq!(consumer.pop(), Pop::Closed);
}

#[test]
fn a_given_up_claim_rings_the_bell_that_it_owes() {
    let bell = Count::default();
    let (producer, mut consumer) = mpsc::with_bell::<u64, _>(2, bell.clone()).unwrap();
    assert!(consumer.cool());
    drop(producer.claim().unwrap());
    assert_eq!((bell.get(), consumer.pop()), (1, Pop::Empty));
    assert!(consumer.cool());
}

#[test]
fn a_claim_outlives_the_consumer_and_its_value_is_dropped() {
    let alive = Count::default();
    let (producer, consumer) = mpsc::mailbox(2).unwrap();
    let claim = producer.claim().unwrap();
    drop(consumer);
    claim.publish(Counted::new(&alive, 1));
    drop(producer);
    assert_eq!(alive.get(), 0);
}

#[test]
fn what_a_claim_has_hidden_is_dropped_although_destructors_panic() {
    let alive = Count::default();
    let (producer, consumer) = mpsc::mailbox::<Box<dyn Send>>(4).unwrap();
    let claim = producer.claim().unwrap();
    producer.push(Box::new(Bomb)).unwrap_or_else(|_| panic!());
    producer.push(Box::new(Counted::new(&alive, 1))).unwrap_or_else(|_| panic!());
    drop((consumer, claim));
    assert_eq!(alive.get(), 1);
    assert!(unwinds(|| drop(producer)), "the last one drops them");
    assert_eq!(alive.get(), 0);
}

#[test]
fn the_last_of_several_producers_closes() {
    let (producer, mut consumer) = mpsc::mailbox::<u8>(2).unwrap();
    let other = producer.clone();
    drop(producer);
    assert_eq!(consumer.pop(), Pop::Empty);
    drop(other);
    assert_eq!(consumer.pop(), Pop::Closed);
}

/// What several producers send by, of whichever kind.
trait Sends: Clone + Send + 'static {
    fn one(&self, value: Numbered) -> bool;
    fn some(&self, values: &mut impl ExactSizeIterator<Item = Numbered>) -> u64;
    fn none(&self) {}
}

/// Who sent it, its number among his, and a count of what is alive.
type Numbered = (u64, u64, Counted);

impl Sends for mpsc::Producer<Numbered> {
    fn one(&self, value: Numbered) -> bool {
        self.push(value).is_ok()
    }

    fn some(&self, values: &mut impl ExactSizeIterator<Item = Numbered>) -> u64 {
        self.push_batch(values).unwrap_or(0) as u64
    }

    fn none(&self) {
        drop(self.claim());
    }
}

impl Sends for lanes::Producer<Numbered> {
    fn one(&self, value: Numbered) -> bool {
        self.push(value).is_ok()
    }

    fn some(&self, values: &mut impl ExactSizeIterator<Item = Numbered>) -> u64 {
        self.push_batch(values).unwrap_or(0) as u64
    }
}

const PRODUCERS: u64 = 4;

/// How many requests each producer sends. Small rings spend their time waiting for each other.
fn count_for(capacity: usize) -> u64 {
    let count = if cfg!(miri) { 50 } else { 40_000 };
    if capacity < 64 { count / 10 } else { count }
}

/// Sends all numbers of each producer, from threads of their own.
fn send_from_threads<P: Sends>(
    producer: P,
    count: u64,
    alive: &Count,
) -> Vec<thread::JoinHandle<()>> {
    let sends = |sender| {
        let (producer, alive) = (producer.clone(), alive.clone());
        thread::spawn(move || send_all(sender, count, &producer, &alive))
    };
    (0..PRODUCERS).map(sends).collect()
}

/// Sends by single pushes, claims given up and batches in turn.
fn send_all(sender: u64, count: u64, producer: &impl Sends, alive: &Count) {
    let make = |number| (sender, number, Counted::new(alive, number));
    let mut number = 0;
    while number < count {
        if number % 5 == 0 {
            producer.none();
        }
        let sent = if number % 3 == 0 {
            let wanted = (count - number).min(4) as usize;
            let mut numbers = (number..).map(make);
            let mut batch = (0..wanted).map(|_| numbers.next().unwrap());
            producer.some(&mut batch)
        } else {
            producer.one(make(number)).into()
        };
        number += sent;
        if sent == 0 {
            thread::yield_now();
        }
    }
}

/// The same for both kinds that take several producers.
macro_rules! of_several_producers {
    ($name:ident, $ring:ident) => {
        fn $name() {
            for capacity in [1, 2, 3, 64] {
                let (alive, count) = (Count::default(), count_for(capacity));
                let (producer, mut consumer) = $ring::mailbox::<Numbered>(capacity).unwrap();
                let senders = send_from_threads(producer, count, &alive);
                let mut next = [0; PRODUCERS as usize];
                loop {
                    let mut see = |(sender, number, _): Numbered, _| {
                        assert_eq!(number, next[sender as usize], "of producer {sender}");
                        next[sender as usize] += 1;
                    };
                    if consumer.drain(7, &mut see) == 0 {
                        match consumer.peek() {
                            Pop::Closed => break,
                            _ => thread::yield_now(),
                        }
                    }
                }
                senders.into_iter().for_each(|sender| sender.join().unwrap());
                assert_eq!(next, [count; PRODUCERS as usize]);
                eventually("every value was dropped", || alive.get() == 0);
            }
        }
    };
}

of_several_producers!(contend_for_slots, mpsc);
of_several_producers!(merge_lanes, lanes);

#[test]
fn nothing_is_lost_doubled_or_reordered_under_contention() {
    contend_for_slots();
}

#[test]
fn nothing_is_lost_doubled_or_reordered_from_lane_to_lane() {
    merge_lanes();
}

#[test]
fn one_producer_and_one_consumer_pass_everything_on() {
    const COUNT: u64 = if cfg!(miri) { 50 } else { 100_000 };
    for capacity in [1, 3, 64] {
        let (producer, mut consumer) = spsc::mailbox(capacity).unwrap();
        let sender = thread::spawn(move || {
            let mut number = 0;
            while number < COUNT {
                let wanted = (COUNT - number).min(number % 7 + 1) as usize;
                let mut batch = (0..wanted).map(|n| number + n as u64);
                match producer.push_batch(&mut batch) {
                    Ok(sent) => number += sent as u64,
                    Err(_) => thread::yield_now(),
                }
            }
        });
        let mut next = 0;
        loop {
            let mut see = |number, _| {
                assert_eq!(number, next);
                next += 1;
            };
            if consumer.drain(5, &mut see) == 0 {
                match consumer.peek() {
                    Pop::Closed => break,
                    _ => thread::yield_now(),
                }
            }
        }
        sender.join().unwrap();
        assert_eq!(next, COUNT);
    }
}

#[test]
fn requests_need_not_be_sync() {
    let (producer, mut consumer) = mpsc::mailbox(1).unwrap();
    assert!(producer.push(std::cell::Cell::new(1)).is_ok());
    assert!(matches!(consumer.pop(), Pop::Request(cell) if cell.get() == 1));
}
