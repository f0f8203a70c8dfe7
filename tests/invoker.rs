//! Runners that the user's own loop drives: when it may sleep, and what wakes it.

#![cfg(target_os = "linux")]

mod common;

use common::{DEADLINE, Worker, WorkerProxy, outcome, quiet};
use mainspring::prelude::*;
use mainspring::{Engine, Parked, fan_out};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// An engine whose only runner is this test, with one object.
fn driven() -> (Engine, Scheduler, WorkerProxy) {
    let engine = quiet().start().unwrap();
    let scheduler = engine.invoker("loop").unwrap();
    let worker = engine.spawn("worker", Worker::default).on("loop").start().unwrap();
    (engine, scheduler, worker)
}

/// Whether the descriptor is readable, after at most so long.
fn is_readable(scheduler: &Scheduler, limit: Duration) -> bool {
    let mut sources = [PollFd::from_borrowed_fd(scheduler.wake_fd().unwrap(), PollFlags::IN)];
    poll(&mut sources, Some(&Timespec::try_from(limit).unwrap())).unwrap() > 0
}

/// Turns until it may sleep.
fn park(scheduler: &mut Scheduler) -> Parked {
    loop {
        while scheduler.turn(Instant::now()) > 0 {}
        match scheduler.park() {
            Parked::No => {}
            answer => return answer,
        }
    }
}

/// Runs on another thread, whose calls take the long way.
fn elsewhere<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// Serves in a loop with a poller until the runner is over.
fn run_with_poller(mut scheduler: Scheduler) {
    loop {
        scheduler.turn_for(Duration::from_millis(1));
        match scheduler.park() {
            Parked::No => {}
            Parked::Until(None) => assert!(is_readable(&scheduler, DEADLINE), "a wake was lost"),
            Parked::Until(Some(at)) => {
                is_readable(&scheduler, at.saturating_duration_since(Instant::now()));
            }
            Parked::Over => return,
        }
    }
}

#[test]
fn turn_for_ends_when_nothing_is_left_or_its_time_is_over() {
    let (_engine, mut scheduler, worker) = driven();
    assert_eq!(scheduler.turn_for(DEADLINE), 0);
    let mut calls = [1, 2, 3].map(|number| worker.push(number));
    assert_eq!(scheduler.turn_for(DEADLINE), 3);
    assert!(calls.iter_mut().all(|call| call.try_get().is_some()));
    // Once at least, and no more when its time is over.
    let many = [4, 5].map(|number| elsewhere(|| worker.push(number)));
    assert_eq!(scheduler.turn_for(Duration::ZERO), 2);
    drop(many);
}

#[test]
fn the_descriptor_is_readable_for_who_found_the_runner_parked_and_else_only_at_first() {
    let (_engine, mut scheduler, worker) = driven();
    assert!(is_readable(&scheduler, Duration::ZERO), "made readable");
    let again = scheduler.wake_fd().unwrap();
    assert_eq!(format!("{again:?}"), format!("{:?}", scheduler.wake_fd().unwrap()));

    assert_eq!(park(&mut scheduler), Parked::Until(None));
    assert!(!is_readable(&scheduler, Duration::ZERO), "drained");
    let mut first = elsewhere(|| worker.push(1));
    elsewhere(|| worker.tell().push(2)).unwrap();
    assert!(is_readable(&scheduler, Duration::ZERO), "rung for");
    assert_eq!(scheduler.turn(Instant::now()), 2);
    assert_eq!(first.try_get(), Some(Ok(1)));
    assert!(is_readable(&scheduler, Duration::ZERO), "until the next park");

    assert_eq!(park(&mut scheduler), Parked::Until(None));
    assert!(!is_readable(&scheduler, Duration::ZERO), "drained");
    assert_eq!(scheduler.turn(Instant::now()), 0);
    elsewhere(|| worker.tell().push(3)).unwrap();
    assert!(!is_readable(&scheduler, Duration::ZERO), "nobody slept");
    assert_eq!(scheduler.turn(Instant::now()), 1);
}

#[test]
fn park_says_no_while_there_is_something_to_do() {
    let (_engine, mut scheduler, worker) = driven();
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    // Announced already, so a turn comes first; and then it may be announced anew.
    assert_eq!(scheduler.park(), Parked::No);
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    let here = worker.push(1);
    assert_eq!(scheduler.park(), Parked::No, "a local call");
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    let there = elsewhere(|| worker.push(2));
    assert_eq!(scheduler.park(), Parked::No, "a call from elsewhere");
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    assert_eq!((outcome(here), outcome(there)), (Ok(1), Ok(2)));
}

#[test]
fn park_says_until_when_by_the_clock_that_turns_are_given() {
    struct Alarm(usize);
    #[active]
    impl Alarm {
        pub fn set(&mut self, cx: &mut Context<Self>, after: Duration) {
            cx.after(after, |alarm, _| alarm.0 += 1);
        }
        pub fn rung(&self) -> usize {
            self.0
        }
    }
    let (engine, mut scheduler, _worker) = driven();
    let alarm = engine.spawn("alarm", || Alarm(0)).on("loop").start().unwrap();
    let mut now = Instant::now();
    alarm.tell().set(Duration::from_secs(3600)).unwrap();
    while scheduler.turn(now) > 0 {}
    for _ in 0..100 {
        match scheduler.park() {
            Parked::Until(Some(at)) => now = at,
            Parked::Until(None) => break,
            answer => panic!("{answer:?}"),
        }
        while scheduler.turn(now) > 0 {}
    }
    let mut rung = alarm.rung();
    scheduler.turn(now);
    assert_eq!(rung.try_get(), Some(Ok(1)));
}

#[test]
fn an_always_hot_object_makes_sleeps_naps() {
    let (engine, mut scheduler, _worker) = driven();
    let hot = engine.spawn("hot", Worker::default).on("loop").always_hot().start().unwrap();
    let Parked::Until(Some(at)) = park(&mut scheduler) else { panic!("a nap was expected") };
    let nap = at.saturating_duration_since(Instant::now());
    assert!(nap <= Duration::from_millis(1), "{nap:?}");
    // It doesn't ring, and is served at the end of the nap.
    let mut call = elsewhere(|| hot.push(1));
    assert_eq!(scheduler.turn(Instant::now()), 1);
    assert_eq!(call.try_get(), Some(Ok(1)));
}

#[test]
fn a_loop_with_a_poller_misses_nothing() {
    const CALLS: u64 = 2_000;
    let (engine, mut scheduler, worker) = driven();
    let callers = [worker.clone(), worker].map(|worker| {
        thread::spawn(move || {
            let last = (0..CALLS).map(|number| outcome(worker.push(number)).unwrap()).max();
            last.unwrap()
        })
    });
    let handle = engine.handle();
    let director = thread::spawn(move || {
        let last = callers.map(|caller| caller.join().unwrap()).into_iter().max().unwrap();
        // A command to the runner, and then its end, wake it too.
        let late = handle.spawn("late", Worker::default).on("loop").start().unwrap();
        assert_eq!(outcome(late.push(1)), Ok(1));
        handle.stop();
        last
    });
    // Made only now: the callers are at work already.
    scheduler.turn(Instant::now());
    run_with_poller(scheduler);
    assert_eq!(director.join().unwrap() as u64, 2 * CALLS);
    engine.join();
}

#[test]
fn a_fan_out_wakes_the_poller_at_its_end() {
    let (_engine, mut scheduler, worker) = driven();
    scheduler.wake_fd().unwrap();
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    let was_readable = elsewhere(|| {
        fan_out(|| {
            worker.tell().push(1).unwrap();
            worker.queued()
        })
    });
    assert_eq!(was_readable, 1);
    assert!(is_readable(&scheduler, Duration::ZERO));
    assert_eq!(scheduler.turn(Instant::now()), 1);
}

/// Serves until the runner is over, with `park_for` alone; a caller must not wait for its limit.
fn run_without_poller(mut scheduler: Scheduler) {
    while !scheduler.is_over() {
        scheduler.turn_for(Duration::from_millis(1));
        scheduler.park_for(DEADLINE);
    }
}

#[test]
fn park_for_sleeps_until_somebody_rings_with_a_descriptor_or_without() {
    for has_descriptor in [false, true] {
        let (engine, scheduler, worker) = driven();
        if has_descriptor {
            scheduler.wake_fd().unwrap();
        }
        let handle = engine.handle();
        let caller = thread::spawn(move || {
            let began = Instant::now();
            for number in 0..200 {
                outcome(worker.push(number)).unwrap();
            }
            handle.stop();
            began.elapsed()
        });
        run_without_poller(scheduler);
        assert!(caller.join().unwrap() < DEADLINE, "woken by its limit");
        engine.join();
    }
}

#[test]
fn park_for_sleeps_for_its_limit_and_not_beyond_a_timer() {
    struct Ticker(std::sync::mpsc::Sender<()>);
    #[active]
    impl Ticker {
        pub fn tick_in(&mut self, cx: &mut Context<Self>, delay: Duration) {
            cx.after(delay, |ticker, _| ticker.0.send(()).unwrap());
        }
    }
    let (engine, mut scheduler, _worker) = driven();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(5) {
        scheduler.turn_for(Duration::ZERO);
        scheduler.park_for(Duration::from_millis(5));
    }
    let (fired, has_fired) = channel();
    let ticker = engine.spawn("ticker", || Ticker(fired)).on("loop").start().unwrap();
    ticker.tell().tick_in(Duration::from_millis(5)).unwrap();
    let began = Instant::now();
    scheduler.turn_for(Duration::ZERO);
    while has_fired.try_recv().is_err() {
        scheduler.park_for(DEADLINE);
        assert!(began.elapsed() < DEADLINE, "slept beyond its timer");
        scheduler.turn_for(Duration::ZERO);
    }
}

#[test]
fn a_stopped_invoker_is_over_once_its_objects_are_gone() {
    let (engine, mut scheduler, worker) = driven();
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    let call = elsewhere(|| worker.push(1));
    engine.stop();
    assert!(!scheduler.is_over(), "a call is left");
    assert_eq!(park(&mut scheduler), Parked::Over);
    assert!(scheduler.is_over() && !scheduler.park_for(DEADLINE));
    assert_eq!(outcome(call), Ok(1));
    drop(scheduler);
    assert!(engine.join_timeout(DEADLINE));
}

#[test]
fn a_scheduler_dropped_while_parked_ends_its_objects() {
    let (engine, mut scheduler, worker) = driven();
    scheduler.wake_fd().unwrap();
    assert_eq!(park(&mut scheduler), Parked::Until(None));
    let call = elsewhere(|| worker.push(1));
    drop(scheduler);
    assert_eq!(outcome(call), Ok(1));
    assert!(worker.is_stopped());
    engine.join();
}
