//! The reply cells of one object, between many callers and those who answer them.

use super::{choose, one_in};
use crate::mailboxes::{Ledger, Token};
use crate::{Scenario, marks};
use mainspring::model::{Cells, Node, Ready};
use mainspring::{Call, CallError, CallSet, Reply, WaitError};
use shuttle::future::block_on;
use shuttle::sync::mpsc;
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

pub const REPLIES: Scenario = Scenario {
    name: "replies",
    run: replies,
    marks: &[
        "answered",
        "cancelled",
        "too late to cancel",
        "aborted",
        "dropped",
        "observed",
        "timed out",
        "awaited",
        "in a set",
        "too many",
    ],
    weight: 3,
};

pub const READY: Scenario = Scenario {
    name: "ready",
    run: ready,
    marks: &["slept", "never slept", "many at once"],
    weight: 6,
};

type Answer = (u64, Token);

/// Callers take cells, wait in all the ways there are, and let go; responders answer, or drop what they
/// have; and once somebody ends all calls, as an abort does.
fn replies() {
    let cells_max = 6 + choose(50) as u32;
    let tries = Arc::new(AtomicUsize::new(0));
    let (cells, ledger) = (Arc::new(Cells::at_most(cells_max)), Ledger::default());
    let (outcomes, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (send, receive) = mpsc::channel::<(u64, Reply<Answer>)>();
    let receive = Arc::new(shuttle::sync::Mutex::new(receive));
    let responders: Vec<_> = (0..2)
        .map(|_| {
            let (receive, ledger) = (receive.clone(), ledger.clone());
            thread::spawn(move || {
                loop {
                    let next = receive.lock().unwrap().recv();
                    let Ok((number, reply)) = next else { return };
                    match choose(8) {
                        0 => drop(reply),
                        1 => reply.send((number, ledger.token())),
                        _ => reply.serve(|| (number, ledger.token())),
                    }
                }
            })
        })
        .collect();
    let callers: Vec<_> = (0..5)
        .map(|caller: u64| {
            let (cells, send) = (cells.clone(), send.clone());
            let (outcomes, calls) = (outcomes.clone(), calls.clone());
            let tries = tries.clone();
            thread::spawn(move || {
                let mut kept = Vec::new();
                for at in 0..8 {
                    let number = caller << 8 | at;
                    tries.fetch_add(1, Relaxed);
                    let Some((call, reply)) = cells.try_call::<Answer>() else {
                        let all = tries.load(Relaxed);
                        assert!(all > cells_max as usize, "there is a cell for each so far");
                        marks::hit("too many");
                        thread::yield_now();
                        continue;
                    };
                    calls.fetch_add(1, Relaxed);
                    send.send((number, reply)).unwrap();
                    wait_somehow(number, call, &mut kept, &outcomes);
                }
                let mut set = CallSet::new();
                let numbers: Vec<_> = kept
                    .into_iter()
                    .map(|(number, call)| {
                        set.insert(call);
                        number
                    })
                    .collect();
                while let Some((key, outcome)) =
                    if one_in(2) { set.next() } else { block_on(set.next_async()) }
                {
                    marks::hit("in a set");
                    note(numbers[key], outcome, &outcomes);
                }
            })
        })
        .collect();
    drop(send);
    let aborting = one_in(3).then(|| {
        let cells = cells.clone();
        thread::spawn(move || {
            (0..choose(60)).for_each(|_| thread::yield_now());
            cells.end_all();
        })
    });
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    responders.into_iter().for_each(|responder| responder.join().unwrap());
    aborting.into_iter().for_each(|aborting| aborting.join().unwrap());
    drop(receive);
    drop(cells);
    assert_eq!(outcomes.load(Relaxed), calls.load(Relaxed), "each call ends once");
    ledger.check();
}

fn wait_somehow(
    number: u64,
    mut call: Call<Answer>,
    kept: &mut Vec<(u64, Call<Answer>)>,
    outcomes: &Arc<AtomicUsize>,
) {
    match choose(7) {
        // Nobody learns how it ends.
        0 => {
            drop(call);
            outcomes.fetch_add(1, Relaxed);
        }
        1 => {
            let is_cancelled = call.cancel();
            marks::hit_if("too late to cancel", !is_cancelled);
            let outcome = call.get();
            if is_cancelled {
                assert_eq!(outcome.as_ref().err(), Some(&CallError::Cancelled));
            }
            note(number, outcome, outcomes);
        }
        2 => {
            let outcomes = outcomes.clone();
            call.on_complete(move |outcome| {
                marks::hit("observed");
                note(number, outcome, &outcomes);
            });
        }
        3 => match call.get_timeout(Duration::ZERO) {
            Ok(answer) => note(number, Ok(answer), outcomes),
            Err(WaitError::Ended(error)) => note(number, Err(error), outcomes),
            Err(_) => {
                marks::hit("timed out");
                match choose(3) {
                    // With a waiter left in the cell.
                    0 => {
                        drop(call);
                        outcomes.fetch_add(1, Relaxed);
                    }
                    1 => wait_somehow(number, call, kept, outcomes),
                    _ => kept.push((number, call)),
                }
            }
        },
        4 => {
            marks::hit("awaited");
            note(number, block_on(call), outcomes);
        }
        5 => kept.push((number, call)),
        _ => note(number, call.get(), outcomes),
    }
}

fn note(number: u64, outcome: Result<Answer, CallError>, outcomes: &AtomicUsize) {
    match outcome {
        Ok((answer, _token)) => {
            assert_eq!(answer, number, "it is the answer to this call");
            marks::hit("answered");
        }
        Err(CallError::Cancelled) => marks::hit("cancelled"),
        Err(CallError::Dropped) => marks::hit("dropped"),
        Err(CallError::Stopped { .. }) => marks::hit("aborted"),
        Err(error) => panic!("no call ends so here: {error:?}"),
    }
    outcomes.fetch_add(1, Relaxed);
}

/// Many ringers, each with objects of its own that are cold or hot; a runner that sleeps between them.
fn ready() {
    const RINGS: usize = 6;
    let set = Arc::new(Ready::new());
    let (ringers, each) = (3 + choose(4) as usize, 1 + choose(3) as usize);
    let objects = (0..ringers * each).map(|key| (Node::new(key), AtomicBool::new(true)));
    let objects: Vec<_> = objects.collect();
    let objects = Arc::new(objects);
    let pushed = Arc::new(AtomicUsize::new(0));
    let left = Arc::new(AtomicUsize::new(ringers));
    let ringing: Vec<_> = (0..ringers)
        .map(|ringer| {
            let (set, objects) = (set.clone(), objects.clone());
            let (pushed, left) = (pushed.clone(), left.clone());
            thread::spawn(move || {
                for _ in 0..RINGS {
                    let (node, is_cold) = &objects[ringer * each + choose(each as u64) as usize];
                    // Whoever clears COLD rings; the runner has taken the link off before it is set again.
                    if is_cold.swap(false, Relaxed) {
                        pushed.fetch_add(1, Relaxed);
                        assert!(set.push(node).is_some(), "the runner has not ended");
                    }
                    thread::yield_now();
                }
                left.fetch_sub(1, Relaxed);
            })
        })
        .collect();
    let running = thread::spawn({
        let (set, objects, pushed) = (set.clone(), objects.clone(), pushed.clone());
        move || {
            let (mut taken, mut slept) = (0, false);
            loop {
                let keys = set.take();
                marks::hit_if("many at once", keys.len() > 2);
                taken += keys.len();
                for key in &keys {
                    objects[*key].1.store(true, Relaxed);
                }
                if keys.is_empty() {
                    // A ringer that is still there may ring; and if the last has gone, all was taken
                    // that it has pushed, or a token is there.
                    if left.load(Relaxed) == 0 && taken == pushed.load(Relaxed) {
                        return (taken, slept);
                    }
                    if taken < pushed.load(Relaxed) {
                        slept |= set.park();
                    } else {
                        thread::yield_now();
                    }
                }
            }
        }
    });
    ringing.into_iter().for_each(|ringing| ringing.join().unwrap());
    let (taken, slept) = running.join().unwrap();
    assert_eq!(taken, pushed.load(Relaxed), "each ring is heard once");
    marks::hit_if("slept", slept);
    marks::hit_if("never slept", !slept);
}
