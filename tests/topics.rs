//! What is published reaches each mailbox once, in order; and who comes, goes or ends meanwhile.

mod common;

use common::*;
use mainspring::mailbox::Guest;
use mainspring::prelude::*;
use mainspring::{Published, SendError, Subscription};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

const COUNT: u64 = if cfg!(miri) { 50 } else { 5_000 };

/// Hears numbers.
#[derive(Default)]
struct Ear {
    heard: Vec<u64>,
    publisher: Option<mainspring::Publisher<u64>>,
}

#[active]
impl Ear {
    pub fn hear(&mut self, number: u64) {
        self.heard.push(number);
    }

    pub fn heard(&self) -> Vec<u64> {
        self.heard.clone()
    }

    /// Publishes so many numbers on its runner's thread; returns how many were delivered.
    pub fn say(&mut self, numbers: u64) -> usize {
        let Some(publisher) = &mut self.publisher else { return 0 };
        (0..numbers).map(|number| publisher.publish(&number).delivered).sum()
    }

    /// Stays until the door's other end is gone.
    pub fn hold(&self, door: std::sync::mpsc::Receiver<()>) {
        let _ = door.recv();
    }
}

/// What most subscribers do with a number.
fn hear(ear: &EarProxy<Guest>, number: &u64) -> Result<(), SendError<u64>> {
    ear.tell().hear(*number)
}

fn ear(engine: &Engine, capacity: usize) -> EarProxy {
    engine.spawn_unnamed(Ear::default).capacity(capacity).start().unwrap()
}

fn heard(ear: &EarProxy) -> Vec<u64> {
    outcome(ear.heard()).unwrap()
}

fn delivered(delivered: usize) -> Published {
    Published { delivered, missed: 0 }
}

#[test]
fn each_message_of_several_publishers_reaches_each_subscriber_once_in_their_order() {
    const PUBLISHERS: u64 = 3;
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let ears: Vec<_> = (0..5).map(|_| ear(&engine, (PUBLISHERS * COUNT) as usize)).collect();
    let topic = Topic::new();
    let _subscriptions: Vec<_> = ears.iter().map(|ear| topic.subscribe(ear, hear)).collect();
    assert_eq!(topic.subscribers(), ears.len());
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut topic = topic.publisher();
            scope.spawn(move || {
                for number in 0..COUNT {
                    assert_eq!(topic.publish(&(publisher * COUNT + number)), delivered(5));
                }
            });
        }
    });
    for ear in &ears {
        let heard = heard(ear);
        assert_eq!(heard.len() as u64, PUBLISHERS * COUNT);
        for publisher in 0..PUBLISHERS {
            let numbers = publisher * COUNT..(publisher + 1) * COUNT;
            let from_it = heard.iter().copied().filter(|number| numbers.contains(number));
            assert!(from_it.eq(numbers.clone()), "publisher {publisher}");
        }
    }
    engine.join();
}

/// A thread that publishes 1, 2, 3 … until it is told to end, and says how far it has come.
struct Stream {
    begun: AtomicU64,
    ended: AtomicU64,
    is_over: AtomicBool,
}

impl Stream {
    fn new() -> Self {
        let [begun, ended] = [0; 2].map(AtomicU64::new);
        Self { begun, ended, is_over: AtomicBool::new(false) }
    }

    fn run(&self, topic: &Topic<u64>) {
        let mut publisher = topic.publisher();
        for number in 1.. {
            if self.is_over.load(SeqCst) {
                return;
            }
            self.begun.store(number, SeqCst);
            publisher.publish(&number);
            self.ended.store(number, SeqCst);
        }
    }

    /// Returns once a further message was published whole.
    fn flow(&self) {
        let ended = self.ended.load(SeqCst);
        eventually("messages flow", || self.ended.load(SeqCst) > ended + 1);
    }
}

#[test]
fn while_messages_flow_subscribers_hear_all_between_their_coming_and_their_going() {
    let engine = one_runner();
    let topic = Topic::new();
    let stream = Stream::new();
    thread::scope(|scope| {
        scope.spawn(|| stream.run(&topic));
        for round in 0..if cfg!(miri) { 3 } else { 200 } {
            let numbers = Arc::new(Mutex::new(Vec::new()));
            let listener = ear(&engine, 1);
            let keep = {
                let numbers = numbers.clone();
                move |_: &EarProxy<Guest>, number: &u64| -> Result<(), SendError<u64>> {
                    numbers.lock().unwrap().push(*number);
                    Ok(())
                }
            };
            let subscription = topic.subscribe(&listener, keep);
            let from = stream.begun.load(SeqCst);
            stream.flow();
            let until = stream.ended.load(SeqCst);
            if round % 2 == 0 {
                subscription.unsubscribe();
            } else {
                drop(subscription);
            }
            let at_most = stream.begun.load(SeqCst);
            // What was in progress may still come, and then nothing.
            stream.flow();
            let heard = numbers.lock().unwrap().clone();
            assert!(
                heard.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "once, in order: {heard:?}"
            );
            assert!(
                heard.first().is_some_and(|first| *first <= from + 1),
                "all that began after it"
            );
            assert!(heard.last().is_some_and(|last| (until..=at_most).contains(last)));
        }
        stream.is_over.store(true, SeqCst);
    });
    assert_eq!(topic.subscribers(), 0);
    engine.join();
}

#[test]
fn a_full_subscriber_misses_what_the_others_get() {
    let engine = one_runner();
    let topic = Topic::new();
    let (slow, quick) = (ear(&engine, 2), ear(&engine, 64));
    let (door, is_open) = channel();
    slow.tell().hold(is_open).unwrap();
    let of_slow = topic.subscribe(&slow, hear);
    let of_quick = topic.subscribe(&quick, hear);
    let mut publisher = topic.publisher();
    let published: Vec<_> = (0..10).map(|number| publisher.publish(&number)).collect();
    let missed: usize = published.iter().map(|published| published.missed).sum();
    assert!(published.iter().all(|published| published.delivered + published.missed == 2));
    assert!(missed >= 8 && of_slow.missed() == missed as u64, "{published:?}");
    assert_eq!((of_quick.missed(), slow.refused()), (0, missed as u64));
    drop(door);
    assert_eq!(heard(&quick), (0..10).collect::<Vec<_>>());
    eventually("the slow one goes on", || slow.queued() == 0);
    assert_eq!(publisher.publish(&10), delivered(2));
    let heard = heard(&slow);
    assert_eq!((heard.len(), heard.last()), (10 - missed + 1, Some(&10)));
    engine.join();
}

#[test]
fn what_happens_when_a_mailbox_is_full_is_the_closure_s_to_choose() {
    let engine = one_runner();
    let topic = Topic::new();
    let listener = ear(&engine, 1);
    // Waits: nothing is missed.
    let wait = |ear: &EarProxy<Guest>, number: &u64| {
        let mut sent = hear(ear, number);
        while matches!(sent, Err(SendError::Full(_))) {
            thread::yield_now();
            sent = hear(ear, number);
        }
        sent
    };
    let subscription = topic.subscribe(&listener, wait);
    let mut publisher = topic.publisher();
    for number in 0..100 {
        assert_eq!(publisher.publish(&number), delivered(1));
    }
    eventually("all was served", || listener.queued() == 0);
    assert_eq!(heard(&listener), (0..100).collect::<Vec<_>>());
    assert_eq!(subscription.missed(), 0);
    engine.join();
}

#[test]
fn a_subscriber_that_ends_while_messages_flow_leaves_the_topic_and_the_others_alone() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let topic = Topic::new();
    let (stays, goes) = (ear(&engine, 4 * COUNT as usize), ear(&engine, 4 * COUNT as usize));
    let _staying = topic.subscribe(&stays, hear);
    let going = topic.subscribe(&goes, hear);
    thread::scope(|scope| {
        let publish = || {
            let mut publisher = topic.publisher();
            for number in 0..COUNT {
                let published = publisher.publish(&number);
                assert!(published.delivered >= 1 && published.missed == 0);
            }
        };
        scope.spawn(publish);
        scope.spawn(publish);
        eventually("messages flow", || goes.queued() > 0 || !heard(&goes).is_empty());
        Proxy::stop(&goes);
    });
    topic.publisher().publish(&0);
    assert_eq!((topic.subscribers(), going.missed()), (1, 0));
    assert_eq!(heard(&stays).len() as u64, 2 * COUNT + 1);
    drop(going);
    assert_eq!(topic.subscribers(), 1);
    engine.join();
}

#[test]
fn a_subscription_keeps_no_object() {
    let engine = one_runner();
    let topic = Topic::new();
    let listener = ear(&engine, 8);
    let subscription = topic.subscribe(&listener, hear);
    let mut publisher = topic.publisher();
    assert_eq!(publisher.publish(&1), delivered(1));
    drop(listener);
    eventually("it has gone", || engine.is_empty());
    assert_eq!(topic.subscribers(), 1, "nothing has tried to reach it since");
    assert_eq!(publisher.publish(&2), delivered(0));
    assert_eq!((topic.subscribers(), subscription.missed()), (0, 0));
    engine.join();
}

#[test]
fn a_detached_subscription_lasts_as_long_as_its_object() {
    let engine = one_runner();
    let topic = Topic::new();
    let listener = ear(&engine, 8);
    topic.subscribe(&listener, hear).detach();
    topic.subscribe(&listener, hear).detach();
    let mut publisher = topic.publisher();
    assert_eq!(publisher.publish(&1), delivered(2), "each subscription counts");
    assert_eq!(heard(&listener), [1, 1]);
    Proxy::stop(&listener);
    assert_eq!(publisher.publish(&2), delivered(0));
    assert_eq!(topic.subscribers(), 0);
    engine.join();
}

#[test]
fn a_closure_that_panics_misses_its_message_and_no_other() {
    let engine = one_runner();
    let topic = Topic::new();
    let listener = ear(&engine, 8);
    let panics = |_: &EarProxy<Guest>, number: &u64| -> Result<(), SendError<u64>> {
        std::panic::panic_any(*number)
    };
    let _before = topic.subscribe(&listener, hear);
    let panicking = topic.subscribe(&listener, panics);
    let _behind = topic.subscribe(&listener, hear);
    let mut publisher = topic.publisher();
    for number in 1..=2 {
        assert_eq!(publisher.publish(&number), Published { delivered: 2, missed: 1 });
        assert_eq!(panicking.missed(), number);
    }
    assert_eq!(heard(&listener), [1, 1, 2, 2]);
    engine.join();
}

#[test]
fn a_closure_may_subscribe_and_unsubscribe() {
    let engine = one_runner();
    let topic = Topic::new();
    let listener = ear(&engine, 64);
    let own: Arc<Mutex<Vec<Subscription>>> = Arc::default();
    let change = {
        let (topic, listener, own) = (topic.clone(), listener.clone(), own.clone());
        move |ear: &EarProxy<Guest>, number: &u64| {
            match number {
                // One more, from the next message on.
                1 => own.lock().unwrap().push(topic.subscribe(&listener, hear)),
                // Itself, and the other one.
                _ => own.lock().unwrap().clear(),
            }
            hear(ear, number)
        }
    };
    let first = topic.subscribe(&listener, change);
    own.lock().unwrap().push(first);
    let mut publisher = topic.publisher();
    assert_eq!(publisher.publish(&1), delivered(1));
    assert_eq!(topic.subscribers(), 2);
    // Begun before they have gone, so both may get it; and do, in the publisher's own list.
    assert_eq!(publisher.publish(&2), delivered(2));
    assert_eq!(publisher.publish(&3), delivered(0));
    assert_eq!(heard(&listener), [1, 2, 2]);
    engine.join();
}

#[test]
fn what_a_closure_has_captured_is_dropped_once_by_the_last_who_knew_it() {
    let engine = one_runner();
    let topic = Topic::new();
    let listener = ear(&engine, 64);
    let (dropped, drops) = channel();
    let mut publishers = [topic.publisher(), topic.publisher(), topic.publisher()];
    let with = |witness: Witness| {
        // Its drop subscribes nobody, but takes the topic's lock.
        let nested = topic.subscribe(&listener, hear);
        move |ear: &EarProxy<Guest>, number: &u64| {
            let _captured = (&witness, &nested);
            hear(ear, number)
        }
    };
    let subscription = topic.subscribe(&listener, with(Witness(dropped.clone(), 1)));
    publishers[..2]
        .iter_mut()
        .for_each(|publisher| assert_eq!(publisher.publish(&1), delivered(2)));
    drop(subscription);
    assert!(drops.try_recv().is_err(), "two publishers know it still");
    publishers[0].publish(&2);
    assert!(drops.try_recv().is_err());
    publishers[1].publish(&3);
    assert_eq!(drops.try_recv(), Ok(1));
    assert_eq!(topic.subscribers(), 0, "the captured subscription has gone too");
    let unknown = topic.subscribe(&listener, with(Witness(dropped, 2)));
    drop(unknown);
    assert_eq!(drops.try_recv(), Ok(2), "no publisher knew it");
    // A destructor's panic stays where it is.
    let bomb = Bomb;
    let bombed = topic.subscribe(&listener, move |ear, number| {
        let _captured = &bomb;
        hear(ear, number)
    });
    publishers[2].publish(&4);
    drop(bombed);
    assert_eq!(publishers[2].publish(&5), delivered(0));
    engine.join();
}

#[test]
fn servants_publish_to_their_own_runner_and_to_others() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let topic = Topic::new();
    let speaker = {
        let publisher = Some(topic.publisher());
        let speaker = move || Ear { heard: Vec::new(), publisher };
        engine.spawn_unnamed(speaker).on("a").start().unwrap()
    };
    let near = engine.spawn_unnamed(Ear::default).on("a").start().unwrap();
    let far = engine.spawn_unnamed(Ear::default).on("b").start().unwrap();
    let _subscriptions = [&near, &far, &speaker].map(|ear| topic.subscribe(ear, hear));
    assert_eq!(outcome(speaker.say(20)), Ok(60));
    for ear in [&near, &far, &speaker] {
        assert_eq!(heard(ear), (0..20).collect::<Vec<_>>());
    }
    engine.join();
}

#[test]
fn a_publication_wakes_a_runner_once_for_all_of_its_subscribers() {
    let engine = one_runner();
    let topic = Topic::new();
    let ears: Vec<_> = (0..64).map(|_| ear(&engine, 8)).collect();
    let _subscriptions: Vec<_> = ears.iter().map(|ear| topic.subscribe(ear, hear)).collect();
    let mut publisher = topic.publisher();
    let mut round = 0;
    eventually("the runner was asleep", || {
        let before = engine.wakeups("a").unwrap();
        round += 1;
        assert_eq!(publisher.publish(&round), delivered(64));
        let after = engine.wakeups("a").unwrap();
        for ear in &ears {
            assert_eq!(heard(ear).len() as u64, round);
        }
        // It sleeps through the whole publication, and is woken at its end, or not at all.
        assert!(after.wakes - before.wakes <= 1);
        after.wakes > before.wakes
    });
    engine.join();
}

#[test]
fn messages_may_be_unsized_and_topics_of_one_type_are_apart() {
    let engine = one_runner();
    let topic = Topic::<str>::new();
    let other = Topic::<str>::default();
    let listener = ear(&engine, 8);
    let length = |ear: &EarProxy<Guest>, text: &str| ear.tell().hear(text.len() as u64);
    let subscription = topic.subscribe(&listener, length);
    assert_eq!(other.publisher().publish("nobody"), delivered(0));
    assert_eq!(topic.publisher().clone().publish("hello"), delivered(1));
    assert_eq!(heard(&listener), [5]);
    assert_eq!(
        format!("{topic:?} {subscription:?}"),
        "Topic { subscribers: 1 } Subscription { missed: 0, .. }"
    );
    engine.join();
}

#[test]
fn topics_publishers_and_subscriptions_are_sent() {
    fn is_sent<T: Send>(_: &T) {}
    fn is_shared<T: Sync>(_: &T) {}
    let engine = one_runner();
    let listener = ear(&engine, 8);
    let topic = Topic::<u64>::new();
    let subscription = topic.subscribe(&listener, hear);
    is_sent(&topic);
    is_shared(&topic);
    is_sent(&topic.publisher());
    is_sent(&subscription);
    is_shared(&subscription);
    engine.join();
}
