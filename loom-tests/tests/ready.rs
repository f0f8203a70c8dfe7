//! Going to sleep against being rung for.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;
use mainspring::model::{Node, Ready, Token};
use mainspring_loom_tests::{Mark, check};

/// A token that was left is taken, before or after the sleep began; a lost one is a deadlock, which
/// the checker reports. What was done before it was left is seen.
#[test]
fn token_races_park() {
    check("token", 3, &[], || {
        let token = Arc::new(Token::default());
        let done = Arc::new(AtomicUsize::new(0));
        let leaving = thread::spawn({
            let (token, done) = (token.clone(), done.clone());
            move || {
                done.store(1, Relaxed);
                token.unpark();
            }
        });
        token.park();
        assert_eq!(done.load(Relaxed), 1);
        leaving.join().unwrap();
    });
}

/// Two ringers and a runner that sleeps in between: both keys are taken, once each, however the
/// pushes, the takings and the sleep interleave.
#[test]
fn two_ringers_race_park() {
    let slept = Mark::new("slept");
    let both = Mark::new("both at once");
    let marks = (slept.clone(), both.clone());
    check("ready_two_ringers", 100, &[&slept, &both], move || {
        let ready = Arc::new(Ready::new());
        let ringers = [1, 2].map(|key| {
            let ready = ready.clone();
            let node = Node::new(key);
            let kept = node.clone();
            let ringer = thread::spawn(move || assert!(ready.push(&node).is_some()));
            (ringer, kept)
        });
        let mut taken = ready.take();
        while taken.len() < 2 {
            marks.0.hit_if(ready.park());
            let more = ready.take();
            marks.1.hit_if(more.len() == 2);
            taken.extend(more);
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        for (ringer, _) in ringers {
            ringer.join().unwrap();
        }
    });
}

/// The same for a runner that sleeps in a poller: its descriptor is readable for each ringer that
/// found it asleep, also if that one was suspended meanwhile and the runner sleeps anew.
#[test]
fn two_ringers_race_sleeps_in_a_poller() {
    let slept = Mark::new("slept");
    let for_nothing = Mark::new("looked for nothing");
    let marks = (slept.clone(), for_nothing.clone());
    check("ready_poller", 100, &[&slept, &for_nothing], move || {
        let ready = Arc::new(Ready::new());
        ready.make_wake_fd();
        // This sleep is ended by something else that the poller waits for.
        ready.announce_sleep();
        let ring = |key| {
            let (ready, node) = (ready.clone(), Node::new(key));
            let kept = node.clone();
            (thread::spawn(move || assert!(ready.push(&node).is_some())), kept)
        };
        let first = ring(1);
        let mut taken = ready.take();
        let second = ring(2);
        while taken.len() < 2 {
            let has_slept = ready.announce_sleep();
            if has_slept {
                ready.poll();
            }
            let more = ready.take();
            marks.0.hit_if(has_slept && !more.is_empty());
            marks.1.hit_if(has_slept && more.is_empty());
            taken.extend(more);
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        for (ringer, _) in [first, second] {
            ringer.join().unwrap();
        }
    });
}

/// A ringer leaves its token where the runner sleeps, also if the descriptor was made meanwhile,
/// before a sleep or in it.
#[test]
fn ringer_races_the_making_of_the_descriptor() {
    let slept = Mark::new("slept");
    let mark = slept.clone();
    check("ready_descriptor", 100, &[&slept], move || {
        let ready = Arc::new(Ready::new());
        let node = Node::new(1);
        let ringer = thread::spawn({
            let (ready, node) = (ready.clone(), node.clone());
            move || assert!(ready.push(&node).is_some())
        });
        let mut is_announced = ready.announce_sleep();
        ready.make_wake_fd();
        let mut taken = Vec::new();
        while taken.is_empty() {
            if is_announced {
                ready.poll();
            }
            taken = ready.take();
            if taken.is_empty() {
                is_announced = ready.announce_sleep();
                mark.hit_if(is_announced);
            }
        }
        assert_eq!(taken, [1]);
        ringer.join().unwrap();
    });
}

/// What holds for a poller holds for a runner that sleeps on its descriptor without one.
#[test]
fn ringer_races_park_on_the_descriptor() {
    let slept = Mark::new("slept");
    let mark = slept.clone();
    check("ready_park_on_descriptor", 10, &[&slept], move || {
        let ready = Arc::new(Ready::new());
        let node = Node::new(1);
        let ringer = thread::spawn({
            let (ready, node) = (ready.clone(), node.clone());
            move || assert!(ready.push(&node).is_some())
        });
        ready.make_wake_fd();
        let mut taken = ready.take();
        while taken.is_empty() {
            mark.hit_if(ready.park());
            taken = ready.take();
        }
        assert_eq!(taken, [1]);
        ringer.join().unwrap();
    });
}

/// A ringer and a runner that sleeps until its next timer: whatever the moment at which time is up, what was
/// pushed is taken; and the token of a wake-up that came too late for that sleep costs the next one a
/// look, and hides no later push.
#[test]
fn timer_races_park() {
    let late = Mark::new("time was up");
    let slept = Mark::new("slept without a limit");
    let marks = (late.clone(), slept.clone());
    check("ready_timer", 100, &[&late, &slept], move || {
        let ready = Arc::new(Ready::new());
        let nodes = [1, 2].map(Node::new);
        let ringer = thread::spawn({
            let (ready, nodes) = (ready.clone(), nodes.clone());
            move || nodes.iter().for_each(|node| assert!(ready.push(node).is_some()))
        });
        // The first sleep ends with a timer's time, as often as it takes to be pushed to.
        let mut taken = Vec::new();
        while taken.is_empty() {
            marks.0.hit_if(ready.park_until_due());
            taken = ready.take();
            if taken.is_empty() {
                thread::yield_now();
            }
        }
        // No timer is left.
        while taken.len() < 2 {
            marks.1.hit_if(ready.park());
            taken.extend(ready.take());
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        ringer.join().unwrap();
    });
}

/// What a ringer did before is seen by the runner that takes its link, and the link can be pushed
/// again afterwards.
#[test]
fn pushed_again_after_taking() {
    check("ready_again", 5, &[], || {
        let ready = Arc::new(Ready::new());
        let node = Node::new(3);
        let work = Arc::new(AtomicUsize::new(0));
        let ringer = thread::spawn({
            let (ready, node, work) = (ready.clone(), node.clone(), work.clone());
            move || {
                work.store(1, Relaxed);
                assert!(ready.push(&node).is_some());
            }
        });
        let mut taken = ready.take();
        while taken.is_empty() {
            ready.park();
            taken = ready.take();
        }
        assert_eq!((taken.as_slice(), work.load(Relaxed)), ([3].as_slice(), 1));
        ringer.join().unwrap();
        assert!(ready.push(&node).is_some());
        assert_eq!(ready.take(), [3]);
    });
}
