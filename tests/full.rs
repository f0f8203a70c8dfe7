//! The rules of full mailboxes: fail, wait, drop the newest, shed the oldest.

mod common;

use common::*;
use mainspring::mailbox::Kind;
use mainspring::prelude::*;
use mainspring::{Executed, OnFull, Options, Priority, SendError};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(2);

fn wait(limit: Duration) -> Options {
    Options::new().on_full(OnFull::Wait(limit))
}

fn drop_newest() -> Options {
    Options::new().on_full(OnFull::DropNewest)
}

/// Runs `send` on another thread than the runner's own.
fn elsewhere<T: Send>(send: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(send).join().unwrap())
}

#[test]
fn a_sender_that_waits_gets_in_when_there_is_room() {
    let engine = one_runner();
    let worker = engine.spawn_unnamed(Worker::default).capacity(1).start().unwrap();
    for priority in [Priority::Urgent, Priority::Normal, Priority::Bulk] {
        let stuck = Stuck::new(&worker);
        // The one that runs has its slot still.
        while worker.with(Options::new().priority(priority)).tell().push(1).is_ok() {}
        let waiting = thread::spawn({
            let worker = worker.clone();
            move || {
                let patient = worker.with(wait(DEADLINE).priority(priority));
                patient.tell().push(2).unwrap();
                outcome(patient.push(3))
            }
        });
        outcome(stuck.release()).unwrap();
        waiting.join().unwrap().unwrap();
    }
    let mut list = outcome(worker.with(wait(DEADLINE)).list()).unwrap();
    list.retain(|number| *number > 1);
    assert_eq!(list, [2, 3, 2, 3, 2, 3]);
    assert_eq!((worker.refused(), worker.shed()), (3, 0), "those that filled it");
}

#[test]
fn a_wait_ends_with_its_limit_or_with_the_object() {
    let engine = one_runner();
    let spawn = engine.spawn_unnamed(Worker::default).capacity(1).on_full(OnFull::Wait(SOON));
    let worker = spawn.start().unwrap();
    let stuck = Stuck::new(&worker);
    while worker.try_push(1).is_ok() {}
    assert!(matches!(worker.tell().push(2), Err(SendError::Full(2))));
    assert_eq!(outcome(worker.push(2)), Err(CallError::Full));
    assert_eq!(worker.with(wait(Duration::ZERO)).push(2).get(), Err(CallError::Full));
    let fail = Options::new().on_full(OnFull::Fail);
    assert!(matches!(worker.with(fail).try_push(2), Err(SendError::Full(2))), "the call's wins");
    assert!(worker.refused() >= 4);
    let waiting = thread::spawn({
        let worker = worker.clone();
        move || worker.with(wait(Duration::MAX)).try_push(3).map(drop)
    });
    Proxy::stop(&worker);
    assert!(matches!(waiting.join().unwrap(), Err(SendError::Stopped(3))));
    drop(stuck.release());
}

#[test]
fn a_wait_that_could_never_end_is_refused_at_once() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = || engine.spawn_unnamed(Worker::default).capacity(1);
    let worker = spawn().on_full(OnFull::Wait(DEADLINE)).start().unwrap();
    let begun = Instant::now();
    for priority in [Priority::Urgent, Priority::Normal, Priority::Bulk] {
        let lane = worker.with(Options::new().priority(priority));
        lane.tell().push(1).unwrap();
        assert!(matches!(lane.tell().push(2), Err(SendError::WouldDeadlock(2))));
        assert!(matches!(lane.try_push(2), Err(SendError::WouldDeadlock(2))));
        let error = lane.push(2).get().unwrap_err();
        assert_eq!((error.clone(), error.executed()), (CallError::SendWouldDeadlock, Executed::No));
    }
    assert!(begun.elapsed() < DEADLINE);
    assert_eq!(worker.refused(), 9);
    while scheduler.turn(Instant::now()) > 0 {}
    // Nor may a runner wait without a limit for another.
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let spawn = |on| engine.spawn_unnamed(Worker::default).on(on).capacity(1).start().unwrap();
    let (asking, asked) = (spawn("a"), spawn("b"));
    let stuck = Stuck::new(&asked);
    while asked.try_push(1).is_ok() {}
    let (sent, refused) = channel();
    let other = asked.clone();
    let ask = asking.run(Box::new(move |_| {
        let forever = other.with(wait(Duration::MAX)).tell().push(5);
        let limited = other.with(wait(SOON)).tell().push(6);
        sent.send((forever, limited)).unwrap();
        0
    }));
    outcome(ask).unwrap();
    let (forever, limited) = receive(&refused);
    assert!(matches!(forever, Err(SendError::WouldDeadlock(5))));
    assert!(matches!(limited, Err(SendError::Full(6))));
    drop(stuck.release());
}

#[test]
fn a_wait_for_a_reply_cell_ends_too() {
    let engine = one_runner();
    let spawn = engine.spawn_unnamed(Worker::default).calls_max(1);
    let worker = spawn.on_full(OnFull::Wait(SOON)).start().unwrap();
    let held = worker.push(1);
    assert!(matches!(worker.try_push(2), Err(SendError::Full(2))));
    assert_eq!(worker.with(drop_newest()).push(2).get(), Err(CallError::Shed));
    let waiting = thread::spawn({
        let worker = worker.clone();
        move || outcome(worker.with(wait(DEADLINE)).push(3))
    });
    assert_eq!(outcome(held), Ok(1));
    assert_eq!(waiting.join().unwrap(), Ok(2));
    assert_eq!((worker.shed(), worker.refused()), (1, 1));
}

#[test]
fn the_newest_is_dropped_and_its_call_learns_it() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = engine.spawn_unnamed(Worker::default).capacity(1).on_full(OnFull::DropNewest);
    let worker = spawn.start().unwrap();
    let (dropped, drops) = channel();
    elsewhere(|| {
        worker.tell().push(1).unwrap();
        worker.tell().push(2).unwrap();
        let error = worker.push(3).get().unwrap_err();
        assert_eq!((error.clone(), error.executed()), (CallError::Shed, Executed::No));
        let call = worker.try_take(Box::new(Witness(dropped, 4))).unwrap();
        assert_eq!(call.get(), Err(CallError::Shed));
        let urgent = worker.with(Options::new().priority(Priority::Urgent));
        urgent.tell().push(5).unwrap();
        urgent.tell().push(6).unwrap();
    });
    assert_eq!(drops.try_recv(), Ok(4));
    assert_eq!((worker.shed(), worker.refused()), (4, 0));
    while scheduler.turn(Instant::now()) > 0 {}
    let mut list = worker.list();
    scheduler.turn(Instant::now());
    assert_eq!(list.try_get(), Some(Ok(vec![5, 1])));
}

/// Ten readings for an object that keeps three.
fn sheds<K: Kind>(scheduler: &mut Scheduler, worker: &WorkerProxy<K>, options: Options) {
    let mut calls: Vec<_> = Vec::new();
    let before = (worker.shed(), worker.refused());
    for number in 0..10 {
        calls.push(worker.with(options).push(number));
    }
    for number in [6, 7, 8, 9] {
        assert_eq!(calls[number].try_get(), Some(Err(CallError::Full)), "the slack is used up");
    }
    while scheduler.turn(Instant::now()) > 0 {}
    for call in &mut calls[..3] {
        let error = call.try_get().unwrap().unwrap_err();
        assert_eq!((error.clone(), error.executed()), (CallError::Shed, Executed::No));
    }
    assert!(calls[3..6].iter_mut().all(|call| call.try_get().unwrap().is_ok()));
    assert_eq!((worker.shed(), worker.refused()), (before.0 + 3, before.1 + 4));
}

#[test]
fn the_oldest_are_shed_by_the_object_in_its_turn() {
    // Not this thread's runner: its own calls are never shed.
    let (sent, workers) = channel();
    let (asked, turns) = channel::<()>();
    let driving = thread::spawn(move || {
        let engine = quiet().start().unwrap();
        let mut scheduler = engine.invoker("loop").unwrap();
        let spawn = || engine.spawn_unnamed(Worker::default).capacity(3).shed_oldest();
        let shared = spawn().start().unwrap();
        let single = spawn().single_producer().start().unwrap();
        let lanes = spawn().lanes().start().unwrap();
        assert_eq!((shared.capacity(), single.capacity(), lanes.capacity()), (3, 3, 3));
        let local: Vec<_> = (0..6).map(|n| shared.push(n)).collect();
        while scheduler.turn(Instant::now()) > 0 {}
        assert!(local.iter().all(Call::is_ready));
        assert_eq!(shared.shed(), 0);
        drop(local);
        let urgent = Options::new().priority(Priority::Urgent);
        sheds(&mut scheduler, &shared, urgent);
        sent.send((shared, single, lanes)).unwrap();
        while turns.recv().is_ok() {
            while scheduler.turn(Instant::now()) > 0 {}
        }
    });
    let (shared, single, lanes) = receive(&workers);
    fn sheds_elsewhere<K: Kind>(worker: &WorkerProxy<K>, turn: impl Fn()) {
        let before = worker.shed();
        let calls: Vec<_> = (0..6).map(|number| worker.push(number)).collect();
        assert!(matches!(worker.tell().push(6), Err(SendError::Full(6))));
        turn();
        let ends: Vec<_> = calls.into_iter().map(|call| outcome(call).is_ok()).collect();
        assert_eq!(ends, [false, false, false, true, true, true]);
        assert_eq!(worker.shed(), before + 3);
    }
    let turn = || asked.send(()).unwrap();
    sheds_elsewhere(&shared, turn);
    sheds_elsewhere(&single, turn);
    sheds_elsewhere(&lanes, turn);
    drop((shared, single, lanes, asked));
    driving.join().unwrap();
}

#[test]
fn an_object_s_calls_have_its_deadline_unless_they_have_their_own() {
    struct Clock;
    #[active]
    impl Clock {
        pub fn limit(&self, cx: &mut Context<Self>) -> Option<Duration> {
            cx.deadline().map(|at| at.saturating_duration_since(cx.now()))
        }
    }
    let engine = one_runner();
    let spawn = |limit| engine.spawn_unnamed(|| Clock).call_timeout(limit);
    let hour = Duration::from_secs(3600);
    let clock = spawn(hour).start().unwrap();
    let limit = outcome(clock.limit()).unwrap().unwrap();
    // The turn may have begun before the call was made.
    assert!(limit <= hour + DEADLINE && limit > hour / 2);
    assert!(outcome(clock.with(Options::new()).limit()).unwrap().unwrap() > hour / 2);
    let own = Options::new().timeout(2 * hour);
    assert!(outcome(clock.with(own).limit()).unwrap().unwrap() > hour + DEADLINE);
    let none = Options::new().timeout(Duration::MAX);
    assert_eq!(outcome(clock.with(none).limit()), Ok(None));
    let clock = spawn(Duration::ZERO).start().unwrap();
    assert_eq!(outcome(clock.limit()), Err(CallError::Expired));
    let urgent = Options::new().priority(Priority::Urgent);
    assert_eq!(outcome(clock.with(urgent).limit()), Err(CallError::Expired));
    assert_eq!(outcome(clock.with(none).limit()), Ok(None));
    let clock = spawn(Duration::MAX).start().unwrap();
    assert_eq!(outcome(clock.limit()), Ok(None), "beyond the clock's range there is none");
}

#[test]
fn a_batch_is_refused_whatever_the_object_says() {
    let engine = quiet().start().unwrap();
    let _scheduler = engine.invoker("loop").unwrap();
    let spawn = engine.spawn_unnamed(Worker::default).capacity(1).on_full(OnFull::DropNewest);
    let worker = spawn.start().unwrap();
    let request = |number| WorkerRequest::Push { number, reply: mainspring::Reply::none() };
    elsewhere(|| {
        let mut requests = [1, 2].map(request).into_iter();
        assert_eq!(worker.handle().tell_batch(&mut requests).unwrap(), 1);
        let refused = worker.handle().tell_batch(&mut requests).unwrap_err();
        assert!(refused.is_full() && requests.len() == 1);
    });
    assert_eq!(worker.shed(), 0);
}
