//! What only a mailbox of lanes does: producers come and go, and none starves another.

use mainspring::mailbox::lanes::{self, ROUND_MAX};
use mainspring::mailbox::{Pop, PushError};
use std::thread;

/// Takes up to `max` requests.
fn take(consumer: &mut lanes::Consumer<u64>, max: usize) -> Vec<u64> {
    let mut taken = Vec::new();
    consumer.drain(max, |request, _| taken.push(request));
    taken
}

#[test]
fn each_producer_has_the_whole_capacity() {
    let (first, mut consumer) = lanes::mailbox(3).unwrap();
    let second = first.clone();
    for n in 0..3 {
        first.push(n).unwrap();
    }
    assert_eq!(first.push(3), Err(PushError::Full(3)));
    for n in 10..13 {
        second.push(n).unwrap();
    }
    assert_eq!(second.push(13), Err(PushError::Full(13)));
    assert_eq!((first.len(), consumer.len(), second.capacity()), (6, 6, 3));
    let mut taken = take(&mut consumer, 9);
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2, 10, 11, 12]);
    assert!(first.is_empty() && consumer.pop() == Pop::Empty);
}

#[test]
fn the_last_of_several_producers_closes() {
    let (first, mut consumer) = lanes::mailbox::<u64>(2).unwrap();
    let (second, third) = (first.clone(), first.clone());
    second.push(2).unwrap();
    drop((second, first));
    assert_eq!(consumer.pop(), Pop::Request(2));
    assert_eq!(consumer.pop(), Pop::Empty);
    third.push(3).unwrap();
    drop(third);
    assert_eq!((consumer.pop(), consumer.pop()), (Pop::Request(3), Pop::Closed));
}

#[test]
fn a_lane_given_up_goes_to_the_next_producer_in_order() {
    let (first, mut consumer) = lanes::mailbox(2).unwrap();
    for lap in 0..100 {
        let second = first.clone();
        second.push(lap).unwrap();
        drop(second);
        let third = first.clone();
        third.push(lap + 1000).unwrap();
        assert_eq!(third.push(9), Err(PushError::Full(9)), "it goes on where the other stopped");
        assert_eq!(consumer.len(), 2);
        assert_eq!(take(&mut consumer, 9), [lap, lap + 1000]);
        third.push(5).unwrap();
        third.push(6).unwrap();
        assert_eq!(take(&mut consumer, 9), [5, 6]);
    }
}

#[test]
fn producers_that_come_and_go_lose_nothing() {
    const THREADS: u64 = 3;
    const ROUNDS: u64 = if cfg!(miri) { 10 } else { 5_000 };
    let (producer, mut consumer) = lanes::mailbox::<u64>(4).unwrap();
    let senders: Vec<_> = (0..THREADS)
        .map(|_| {
            let producer = producer.clone();
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    // Each time a lane that others may just have given up.
                    let lane = producer.clone();
                    while lane.push(round).is_err() {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    drop(producer);
    let (mut count, mut sum) = (0, 0);
    loop {
        let mut add = |round, _| {
            count += 1;
            sum += round;
        };
        if consumer.drain(9, &mut add) == 0 {
            match consumer.peek() {
                Pop::Closed => break,
                _ => thread::yield_now(),
            }
        }
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!((count, sum), (THREADS * ROUNDS, THREADS * ROUNDS * (ROUNDS - 1) / 2));
}

#[test]
fn a_producer_that_floods_does_not_starve_another() {
    let (flooding, mut consumer) = lanes::mailbox(1000).unwrap();
    let other = flooding.clone();
    let flood = || while flooding.push(0).is_ok() {};
    for round in 1..50 {
        flood();
        other.push(round).unwrap();
        let taken = take(&mut consumer, 2 * ROUND_MAX);
        assert_eq!(taken.len(), 2 * ROUND_MAX, "the rest goes to who has more");
        assert_eq!(taken.iter().filter(|number| **number == round).count(), 1);
        assert!(taken.iter().all(|number| [0, round].contains(number)));
    }
    // Small drains take turns as well.
    flood();
    (1..=5).for_each(|number| other.push(number).unwrap());
    let taken: Vec<_> = (0..10).flat_map(|_| take(&mut consumer, 1)).collect();
    let others: Vec<_> = taken.into_iter().filter(|number| *number > 0).collect();
    assert_eq!(others, [1, 2, 3, 4, 5]);
}

#[test]
fn a_handler_that_panics_does_not_keep_its_lane_in_turn() {
    let (first, mut consumer) = lanes::mailbox(8).unwrap();
    let second = first.clone();
    (0..5).for_each(|_| first.push(1).unwrap());
    second.push(2).unwrap();
    let mut taken = Vec::new();
    for _ in 0..2 {
        let mut fail = |number: u64, _| {
            taken.push(number);
            panic!("as asked");
        };
        let drain = std::panic::AssertUnwindSafe(|| consumer.drain(9, &mut fail));
        assert!(std::panic::catch_unwind(drain).is_err());
    }
    taken.sort_unstable();
    assert_eq!(taken, [1, 2], "one of each");
}

#[test]
fn whoever_comes_after_the_close_is_refused() {
    let (first, mut consumer) = lanes::mailbox(2).unwrap();
    let second = first.clone();
    first.push(1).unwrap();
    second.close();
    let late = first.clone();
    for producer in [&first, &second, &late] {
        assert_eq!(producer.push(2), Err(PushError::Closed(2)));
    }
    assert_eq!(take(&mut consumer, 9), [1]);
    assert_eq!(consumer.peek(), Pop::Closed);
    // From here on the list of lanes is sealed.
    drop(second);
    let lanes: Vec<_> = (0..3).map(|_| first.clone()).collect();
    for producer in &lanes {
        assert_eq!(producer.push(3), Err(PushError::Closed(3)));
        let refused = producer.push_batch(&mut [4, 5].into_iter());
        assert_eq!(refused, Err(PushError::Closed(vec![])));
    }
    assert_eq!(consumer.peek(), Pop::Closed, "the end is the end");
    assert_eq!((take(&mut consumer, 9), consumer.pop()), (vec![], Pop::Closed));
    drop(consumer);
    assert_eq!(first.clone().push(6), Err(PushError::Closed(6)));
}
