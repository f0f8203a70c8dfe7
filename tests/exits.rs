//! Monitors: each is told of its object's end once, whenever it came.

mod common;

use common::{Bomb, DEADLINE, Stuck, Worker, eventually, one_runner, quiet, receive};
use mainspring::prelude::*;
use mainspring::{Exit, ExitReason};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Watches an object.
fn watch(worker: &common::WorkerProxy) -> Receiver<Exit> {
    let (tell, told) = channel();
    worker.on_exit(move |exit| tell.send(exit).unwrap());
    told
}

fn turn(scheduler: &mut Scheduler) {
    let now = Instant::now();
    for moment in 0..3 {
        while scheduler.turn(now + Duration::from_millis(moment)) > 0 {}
    }
}

#[test]
fn each_reason_is_told_as_it_was() {
    type End = fn(common::WorkerProxy, &Engine);
    let ends: [(End, ExitReason); 6] = [
        (|worker, _| drop(worker), ExitReason::Deserted),
        (|worker, _| worker.stop(), ExitReason::Stopped),
        (|worker, _| worker.abort(), ExitReason::Aborted),
        (|_worker, engine| engine.stop(), ExitReason::Stopped),
        (|_worker, engine| engine.stop_runner("loop").unwrap(), ExitReason::Stopped),
        (
            |worker, _| worker.fail("out of ink".into()).detach(),
            ExitReason::Panicked { method: "fail", message: "out of ink".into() },
        ),
    ];
    for (end, reason) in ends {
        let engine = quiet().start().unwrap();
        let mut scheduler = engine.invoker("loop").unwrap();
        let worker = engine.spawn("worker", Worker::default).on("loop").start().unwrap();
        let told = watch(&worker);
        turn(&mut scheduler);
        assert_eq!((worker.exit(), told.try_recv().ok()), (None, None));
        // The reason must not be covered by the drop of the last proxy.
        let kept = (reason != ExitReason::Deserted).then(|| worker.clone());
        end(worker, &engine);
        turn(&mut scheduler);
        let exit = told.try_recv().expect("told on the turn that ended it");
        assert_eq!((exit.object.as_str(), &exit.reason), ("worker", &reason));
        assert!(told.try_recv().is_err(), "once");
        if let Some(worker) = kept {
            let late = watch(&worker);
            assert_eq!(late.try_recv().as_ref(), Ok(&exit), "at once, when it is over");
            assert_eq!(worker.exit(), Some(exit));
        }
    }
}

#[test]
fn a_monitor_finds_the_servant_gone_and_the_name_free() {
    let engine = one_runner();
    let handle = engine.handle();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let (tell, told) = channel();
    worker.on_exit(move |_| {
        let successor = handle.spawn("worker", Worker::default).on("a").start();
        tell.send(successor).unwrap();
    });
    drop(worker);
    let successor = receive(&told).expect("the name is free");
    assert_eq!(common::outcome(successor.push(1)), Ok(1));
}

#[test]
fn a_monitor_does_not_keep_its_object_and_its_panic_harms_nobody() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    worker.on_exit(|_| panic!("as told"));
    let bomb = Bomb;
    worker.on_exit(move |_| drop(bomb));
    let told = watch(&worker);
    drop(worker);
    assert_eq!(receive(&told).reason, ExitReason::Deserted);
    let other = engine.spawn("other", Worker::default).start().unwrap();
    other.stop();
    other.wait_exit(DEADLINE).unwrap();
    other.on_exit(|_| panic!("as told, here"));
}

#[test]
fn monitors_and_waiters_that_meet_the_end_are_told_once_each() {
    const ROUNDS: usize = 500;
    let engine = one_runner();
    let (tell, told) = channel();
    for round in 0..ROUNDS {
        let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let tell = tell.clone();
                    worker.on_exit(move |exit| tell.send((round, exit.reason)).unwrap());
                    assert!(worker.wait_exit(DEADLINE).is_some());
                });
            }
            worker.stop();
        });
        for _ in 0..2 {
            assert_eq!(receive(&told), (round, ExitReason::Stopped));
        }
    }
    assert!(told.try_recv().is_err());
}

#[test]
fn waiting_for_an_end_keeps_to_its_limit_and_never_to_its_own_runner() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    worker.stop();
    assert_eq!(worker.wait_exit(Duration::from_millis(1)), None);
    assert_eq!(worker.wait_exit(Duration::ZERO), None);
    assert_eq!(common::outcome(stuck.release()), Ok(7));
    assert!(worker.wait_exit(Duration::MAX).is_some());
    let other = engine.spawn("other", Worker::default).start().unwrap();
    let own = other.clone();
    let waited = other.run(Box::new(move |_| u64::from(own.wait_exit(Duration::MAX).is_some())));
    assert_eq!(common::outcome(waited), Ok(0), "at once");
}

#[test]
fn an_object_that_never_began_has_ended_too() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let parent = engine.spawn("parent", Worker::default).on("a").start().unwrap();
    let handle = engine.handle();
    let (tell, told) = channel();
    // From a servant on another runner: the proxy is there before the factory has run.
    let spawned = parent.run(Box::new(move |_| {
        let failing = || Err::<Worker, _>("no paper");
        let child = handle.spawn("child", failing).on("b").start().unwrap();
        child.on_exit(move |exit| tell.send(exit).unwrap());
        1
    }));
    assert_eq!(common::outcome(spawned), Ok(1));
    let exit = receive(&told);
    assert_eq!(exit.object, "child");
    let failure = "the factory of object \"child\" failed: no paper".into();
    assert_eq!(exit.reason, ExitReason::NotStarted { failure });
    assert_eq!(
        exit.to_string(),
        "object \"child\" has ended: it never started: the factory of object \"child\" failed: no paper"
    );
    eventually("its name is free", || engine.len() == 1);
}

#[test]
fn a_hook_s_panic_at_the_end_is_the_reason() {
    struct Sore;
    #[active]
    impl Sore {
        pub fn nothing(&self) {}

        #[active(on_stop)]
        fn end(&self) {
            panic!("sore");
        }
    }
    let engine = one_runner();
    let restart = mainspring::Restart::new();
    let sore = engine.spawn("sore", || Sore).restart_on_panic(restart).start().unwrap();
    sore.stop();
    let reason = ExitReason::Panicked { method: "on_stop", message: "sore".into() };
    assert_eq!(sore.wait_exit(DEADLINE).unwrap().reason, reason);
}
