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
