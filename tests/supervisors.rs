//! Objects that restart together.

mod common;
#[path = "common/frail.rs"]
mod frail;

use common::{NOT_STARTED, outcome};
use frail::*;
use mainspring::prelude::*;
use mainspring::{ExitReason, Recovery, Restart, Supervisor};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// Members `a`, `b` and `c` of a supervisor, and which servant each has.
fn members(lab: &Lab, supervisor: &Supervisor) -> [FrailProxy; 3] {
    ["a", "b", "c"].map(|name| {
        let (factory, told) = frail(never, never);
        std::mem::forget(told);
        lab.engine.spawn(name, factory).on("loop").supervised_by(supervisor).start().unwrap()
    })
}

fn servants(lab: &mut Lab, members: &[FrailProxy; 3], at: Duration) -> [usize; 3] {
    let mut calls = [0, 1, 2].map(|member: usize| members[member].add(0));
    lab.turn(at);
    calls.each_mut().map(|call| call.try_get().expect("served").expect("with a result").0)
}

#[test]
fn a_supervisor_restarts_whom_its_strategy_says_with_their_queues() {
    type Strategy = fn(Restart) -> Supervisor;
    let strategies: [(Strategy, [usize; 3]); 3] = [
        (Supervisor::one_for_one, [1, 2, 1]),
        (Supervisor::one_for_all, [2, 2, 2]),
        (Supervisor::rest_for_one, [1, 2, 2]),
    ];
    for (strategy, expected) in strategies {
        for delay in [ms(0), ms(10)] {
            let mut lab = Lab::new();
            let supervisor = strategy(Restart::new().backoff(delay, delay));
            let members = members(&lab, &supervisor);
            lab.turn(ms(0));
            assert_eq!(supervisor.len(), 3);
            members[1].fail().detach();
            lab.turn(ms(1));
            // Meanwhile all accept.
            let mut calls =
                far(|| [0, 1, 2].map(|n: usize| [members[n].add(1), members[n].add(2)]));
            lab.turn(ms(20));
            let results = calls.each_mut().map(|pair| {
                pair[0].try_get().unwrap().unwrap();
                pair[1].try_get().unwrap().unwrap()
            });
            assert_eq!(results.clone().map(|(made, _)| made), expected, "{supervisor:?}");
            assert!(results.iter().all(|(_, seen)| *seen == [1, 2]), "{results:?}");
        }
    }
}

#[test]
fn a_supervisor_s_members_share_one_budget_and_end_together() {
    let mut lab = Lab::new();
    let supervisor = Supervisor::one_for_one(AT_ONCE.times(2));
    let members = members(&lab, &supervisor);
    lab.turn(ms(0));
    members[0].fail().detach();
    members[1].fail().detach();
    lab.turn(ms(1));
    assert_eq!(servants(&mut lab, &members, ms(2)), [2, 2, 1]);
    let (mut behind, mut other) = far(|| {
        members[2].fail().detach();
        (members[2].add(1), members[0].add(1))
    });
    lab.turn(ms(3));
    lab.turn(ms(4));
    assert_eq!(behind.try_get(), Some(Err(NOT_STARTED)));
    assert_eq!(other.try_get(), Some(Ok((2, vec![0, 1]))), "the others drain");
    let reasons = members.each_ref().map(|member| member.exit().unwrap().reason);
    assert_eq!(reasons[..2], [ExitReason::SupervisorGaveUp, ExitReason::SupervisorGaveUp]);
    assert!(matches!(reasons[2], ExitReason::RestartsExhausted { .. }));
    assert!(supervisor.is_empty(), "they are forgotten");
}

#[test]
fn members_that_fail_together_cost_one_restart_and_are_made_anew_once() {
    let mut lab = Lab::new();
    let supervisor = Supervisor::one_for_all(Restart::new().times(1).backoff(ms(10), ms(10)));
    let members = members(&lab, &supervisor);
    lab.turn(ms(0));
    // One turn runs all three before any order is heard.
    far(|| members.iter().for_each(|member| member.fail().detach()));
    lab.turn(ms(1));
    lab.turn(ms(20));
    assert_eq!(servants(&mut lab, &members, ms(21)), [2, 2, 2]);
    let after = ms(10);
    assert_eq!(lab.recoveries(), [Recovery::Restarts { after }; 3]);
    assert_eq!(lab.restarts(), 3);
}

#[test]
fn members_that_ended_or_stop_are_left_alone() {
    let mut lab = Lab::new();
    let supervisor = Supervisor::one_for_all(AT_ONCE);
    let members = members(&lab, &supervisor);
    lab.turn(ms(0));
    members[0].stop();
    lab.turn(ms(1));
    lab.turn(ms(2));
    assert_eq!((supervisor.len(), lab.engine.len()), (2, 2));
    // Closed, and with work left when the order comes.
    let mut draining = far(|| {
        members[2].fail().detach();
        members[1].add(1)
    });
    members[1].stop();
    lab.turn(ms(3));
    assert_eq!(draining.try_get(), Some(Ok((1, vec![1]))));
    let mut call = members[2].add(1);
    lab.turn(ms(4));
    assert_eq!(call.try_get(), Some(Ok((2, vec![1]))));
}

#[test]
fn members_on_many_threads_fail_at_once_and_every_call_ends() {
    const ROUNDS: u64 = 200;
    let engine = Engine::builder().on_event(|_| ());
    let engine = ["a", "b"].into_iter().fold(engine, |e, name| e.runner(Runner::named(name)));
    let engine = engine.start().unwrap();
    let supervisor = Supervisor::one_for_all(AT_ONCE.times(u32::MAX));
    let made = Arc::new(AtomicUsize::new(0));
    let members: Vec<_> = (0..4)
        .map(|n| {
            let (mut factory, told) = frail(never, never);
            let made = made.clone();
            let counted = move || {
                made.fetch_add(1, SeqCst);
                let _ = told.try_iter().count();
                factory()
            };
            let spawn = engine.spawn_unnamed(counted).on(if n % 2 == 0 { "a" } else { "b" });
            spawn.supervised_by(&supervisor).start().unwrap()
        })
        .collect();
    thread::scope(|scope| {
        for member in &members {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (add, fail) = (member.add(round), member.fail());
                    assert!(outcome(add).is_ok());
                    assert!(matches!(outcome(fail), Err(CallError::Panicked { .. })));
                }
            });
        }
    });
    assert!(made.load(SeqCst) > 4 + ROUNDS as usize);
    for member in &members {
        assert!(outcome(member.add(1)).is_ok());
    }
    engine.join();
}
