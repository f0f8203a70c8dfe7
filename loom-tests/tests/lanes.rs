//! Lanes that come, are given up and are taken over, beside a consumer that cools or ends.

use loom::thread::{self, ThreadId};
use mainspring::mailbox::{Bell, Pop, lanes};
use mainspring_loom_tests::met::{Met, Told, batch};
use mainspring_loom_tests::{Mark, check};
use std::sync::{Arc, Mutex};

/// Asks whether a consumer that cools learns of a request in a lane that it has never seen.
///
/// The lane comes and is published in once: whatever the consumer misses of the two, the producer
/// finds the mailbox cold.
#[test]
fn new_lane_races_cold() {
    let went_cold = Mark::new("cold");
    let disturbed = Mark::new("disturbed");
    let marks = (went_cold.clone(), disturbed.clone());
    check("lanes_new_cold", 50, &[&went_cold, &disturbed], move || {
        let told = Told::default();
        let (producer, mut consumer) = lanes::with_bell(1, told.clone()).unwrap();
        let consuming = thread::spawn(move || {
            let is_cold = consumer.cool();
            (consumer, is_cold)
        });
        let other = producer.clone();
        other.push(Box::new(1)).unwrap();
        let (mut consumer, is_cold) = consuming.join().unwrap();
        assert_eq!(told.rung(), usize::from(is_cold), "else nobody would come for the request");
        assert_eq!(consumer.drain(2, |_, _| ()), 1);
        marks.0.hit_if(is_cold);
        marks.1.hit_if(!is_cold);
    });
}

/// Asks what becomes of a lane that comes while the mailbox ends: the consumer takes what was
/// accepted there, or the list is sealed before and nothing is.
///
/// One lane with one request: its coming and the seal change the same word.
#[test]
fn new_lane_races_the_end() {
    let marks = Met::MARKS.map(Mark::new);
    let inside = marks.clone();
    check("lanes_new_end", 50, &marks.each_ref(), move || {
        let told = Told::default();
        let (producer, mut consumer) = lanes::with_bell(1, told.clone()).unwrap();
        let consuming = thread::spawn(move || {
            consumer.close();
            let mut taken = Vec::new();
            while consumer.peek() != Pop::Closed {
                consumer.drain(2, |request: Box<u64>, _| taken.push(*request));
            }
            (consumer, taken)
        });
        let other = producer.clone();
        let met = Met::of(other.push_batch(&mut batch(1)), &told, 1);
        inside[met as usize].hit();
        let (mut consumer, taken) = consuming.join().unwrap();
        assert_eq!(taken, met.delivered(1));
        assert_eq!(consumer.drain(2, |_, _| ()), 0, "behind the end nothing comes");
        assert!(producer.clone().push(Box::new(2)).is_err());
        assert_eq!(consumer.peek(), Pop::Closed, "the end is the end");
    });
}

/// Notes who rang.
#[derive(Clone, Default)]
struct Ringers(Arc<Mutex<Vec<ThreadId>>>);

impl Bell for Ringers {
    fn ring(&self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

/// Asks whether a cold mailbox is rung once for two producers whose publications meet nowhere.
///
/// Each looks at the word once and changes it at most once, so one request of each will do.
#[test]
fn two_lanes_race_a_cold_mailbox() {
    let marks = ["the first rang", "the second rang"].map(Mark::new);
    let inside = marks.clone();
    check("lanes_two_cold", 50, &marks.each_ref(), move || {
        let ringers = Ringers::default();
        let (first, mut consumer) = lanes::with_bell(1, ringers.clone()).unwrap();
        let second = first.clone();
        assert!(consumer.cool());
        let pushing = [first, second].map(|producer| {
            thread::spawn(move || {
                producer.push(Box::new(1)).unwrap();
                (producer, thread::current().id())
            })
        });
        let pushed = pushing.map(|pushing| pushing.join().unwrap());
        let rung = ringers.0.lock().unwrap().clone();
        assert_eq!(rung.len(), 1);
        assert_eq!(consumer.drain(9, |_, _| ()), 2);
        inside[usize::from(rung[0] == pushed[1].1)].hit();
    });
}

/// Asks whether a lane that one producer gives up and another takes over loses nothing and keeps
/// its order.
///
/// The second producer begins where the first has stopped, so all that matters is one request of
/// the first; the second's third one finds out whose lane it has, as there is room for two.
#[test]
fn lane_given_up_races_the_next_producer() {
    let taken_over = Mark::new("taken over");
    let new = Mark::new("a new lane");
    let marks = (taken_over.clone(), new.clone());
    check("lanes_taken_over", 10, &[&taken_over, &new], move || {
        let (producer, mut consumer) = lanes::mailbox::<Box<u64>>(2).unwrap();
        let first = producer.clone();
        let giving_up = thread::spawn(move || {
            first.push(Box::new(1)).unwrap();
            drop(first);
        });
        let second = producer.clone();
        second.push(Box::new(2)).unwrap();
        let is_taken_over = second.push(Box::new(3)).is_err();
        giving_up.join().unwrap();
        let mut taken = Vec::new();
        consumer.drain(9, |request, _| taken.push(*request));
        if is_taken_over {
            assert_eq!(taken, [1, 2]);
        } else {
            taken.retain(|request| *request != 1);
            assert_eq!(taken, [2, 3]);
        }
        marks.0.hit_if(is_taken_over);
        marks.1.hit_if(!is_taken_over);
    });
}

/// Two producers that come at once, each with one request in a lane that has room for no second.
fn two_come_at_once(name: &str, has_vacant: bool) {
    let marks = ["the first lane is the one's", "the first lane is the other's"].map(Mark::new);
    let inside = marks.clone();
    check(name, 50, &marks.each_ref(), move || {
        let (first, mut consumer) = lanes::mailbox::<Box<usize>>(1).unwrap();
        let second = first.clone();
        if has_vacant {
            drop(first.clone());
            // From here on the consumer has the vacant one first, and new ones last.
            assert_eq!(consumer.drain(1, |_, _| ()), 0);
        }
        let coming = [(first, 0), (second, 1)].map(|(producer, number)| {
            thread::spawn(move || {
                let new = producer.clone();
                new.push(Box::new(number)).unwrap();
                [producer, new]
            })
        });
        let _producers = coming.map(|coming| coming.join().unwrap());
        let mut taken = Vec::new();
        consumer.drain(9, |request, _| taken.push(*request));
        inside[taken[0]].hit();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1]);
    });
}

/// Asks whether the list of lanes keeps both.
#[test]
fn two_lanes_come_at_once() {
    two_come_at_once("lanes_two_new", false);
}

/// Asks whether a lane that was given up has one owner.
#[test]
fn two_producers_race_for_a_lane_given_up() {
    two_come_at_once("lanes_two_vacant", true);
}

/// Asks whether the close by the last of two producers comes behind what both have sent.
#[test]
fn two_last_producers_race_the_end() {
    let marks = ["found the end meanwhile", "found it afterwards"].map(Mark::new);
    let inside = marks.clone();
    check("lanes_two_last", 100, &marks.each_ref(), move || {
        let (first, mut consumer) = lanes::mailbox::<Box<u64>>(1).unwrap();
        let second = first.clone();
        let sending = [(first, 1), (second, 2)].map(|(producer, number)| {
            thread::spawn(move || producer.push(Box::new(number)).unwrap())
        });
        let mut taken = Vec::new();
        let mut is_over = |consumer: &mut lanes::Consumer<Box<u64>>| {
            consumer.drain(9, |request, _| taken.push(*request));
            let is_over = consumer.peek() == Pop::Closed;
            assert!(!is_over || taken.len() == 2);
            is_over
        };
        let was_over = is_over(&mut consumer) || is_over(&mut consumer);
        sending.into_iter().for_each(|sending| sending.join().unwrap());
        while !is_over(&mut consumer) {}
        inside[usize::from(!was_over)].hit();
    });
}
