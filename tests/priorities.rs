//! The rules of priorities: which request goes next, and that none is lost or starves. Turns are driven
//! by hand, so the order is exact.

mod common;

use common::{outcome, quiet};
use mainspring::mailbox::{Kind, Lanes, Mpsc, Spsc};
use mainspring::prelude::*;
use mainspring::{BATCH_MAX, Options, PASSED_MAX, Priority, SendError, WaitStrategy};
use std::thread;
use std::time::Instant;

/// A servant that keeps the order in which it was called.
#[derive(Default)]
struct Log(Vec<(char, u32)>);

#[active]
impl Log {
    pub fn normal(&mut self, number: u32) -> u32 {
        self.0.push(('n', number));
        number
    }

    #[active(priority = urgent)]
    pub fn urgent(&mut self, number: u32) -> u32 {
        self.0.push(('u', number));
        number
    }

    #[active(priority = bulk, oneway)]
    pub fn bulk(&mut self, number: u32) {
        self.0.push(('b', number));
    }

    #[active(priority = normal)]
    pub fn entries(&self) -> Vec<(char, u32)> {
        self.0.clone()
    }

    pub fn fail(&self) {
        panic!("as asked");
    }

    /// Calls itself through the proxy, at each priority.
    pub fn ask_itself(&self, log: LogProxy) {
        log.bulk(1).unwrap();
        log.tell().normal(2).unwrap();
        log.tell().urgent(3).unwrap();
    }
}

fn with(priority: Priority) -> Options {
    Options::new().priority(priority)
}

/// An engine whose only runner is this test.
struct Driven {
    scheduler: Scheduler,
    engine: Engine,
}

impl Driven {
    fn new() -> Self {
        let engine = quiet().start().unwrap();
        Self { scheduler: engine.invoker("loop").unwrap(), engine }
    }

    fn log(&self, capacity: usize) -> LogProxy {
        self.engine.spawn_unnamed(Log::default).capacity(capacity).start().unwrap()
    }

    fn turn(&mut self) -> usize {
        self.scheduler.turn(Instant::now())
    }

    fn serve_all(&mut self) {
        while self.turn() > 0 {}
    }

    fn entries<K: Kind>(&mut self, log: &LogProxy<K>) -> Vec<(char, u32)> {
        self.serve_all();
        let mut entries = log.entries();
        self.serve_all();
        entries.try_get().unwrap().unwrap()
    }
}

/// Runs `send` on another thread: this one's normal calls would take the way of a runner's own.
fn elsewhere<T: Send>(send: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(send).join().unwrap())
}

fn kinds() -> (Driven, LogProxy<Mpsc>, LogProxy<Spsc>, LogProxy<Lanes>) {
    let driven = Driven::new();
    let spawn = || driven.engine.spawn_unnamed(Log::default);
    let single = spawn().single_producer().start().unwrap();
    let (shared, lanes) = (spawn().start().unwrap(), spawn().lanes().start().unwrap());
    (driven, shared, single, lanes)
}

#[test]
fn a_higher_priority_goes_first_and_order_holds_within_one() {
    fn sends<K: Kind>(log: LogProxy<K>) -> LogProxy<K> {
        elsewhere(move || {
            for n in 0..3 {
                log.bulk(n).unwrap();
                log.tell().normal(n).unwrap();
                log.tell().urgent(n).unwrap();
            }
            log
        })
    }
    let expected = ['u', 'n', 'b'].map(|lane| [0, 1, 2].map(|n| (lane, n))).concat();
    let (mut driven, shared, single, lanes) = kinds();
    let (shared, single, lanes) = (sends(shared), sends(single), sends(lanes));
    assert_eq!((shared.queued(), single.queued(), lanes.queued()), (9, 9, 9));
    assert_eq!(driven.entries(&shared), expected);
    assert_eq!(driven.entries(&single), expected);
    assert_eq!(driven.entries(&lanes), expected);
    // Again, now that the runner has known the lanes for long, and has cooled everything.
    let later = Instant::now() + 2 * mainspring::COOL_AFTER;
    let cool = |driven: &mut Driven| {
        for turn in 1..20 {
            driven.scheduler.turn(later + turn * 2 * mainspring::COOL_AFTER);
        }
    };
    cool(&mut driven);
    let shared = sends(shared);
    assert_eq!(driven.entries(&shared)[9..], expected);
}

#[test]
fn a_call_s_option_wins_over_its_method_s_key() {
    let mut driven = Driven::new();
    let log = driven.log(16);
    elsewhere(|| {
        log.with(with(Priority::Bulk)).urgent(1).detach();
        log.with(with(Priority::Normal)).tell().urgent(2).unwrap();
        log.with(with(Priority::Urgent)).bulk(3).unwrap();
        log.with(with(Priority::Urgent)).try_normal(4).unwrap().detach();
        log.with(Options::new()).urgent(5).detach();
        log.with(Options::new()).tell().bulk(6).unwrap();
    });
    let expected = [('b', 3), ('n', 4), ('u', 5), ('u', 2), ('u', 1), ('b', 6)];
    assert_eq!(driven.entries(&log), expected);
}

#[test]
fn none_starves_and_a_turn_serves_no_more_than_a_batch() {
    let mut driven = Driven::new();
    let log = driven.log(1000);
    elsewhere(|| {
        for n in 0..1000 {
            log.tell().urgent(n).unwrap();
        }
        for n in 0..10 {
            log.tell().normal(n).unwrap();
            log.bulk(n).unwrap();
        }
    });
    let mut served = 0;
    loop {
        match driven.turn() {
            0 => break,
            count => assert!(count <= BATCH_MAX),
        }
        served += 1;
    }
    assert!(served >= 1020 / BATCH_MAX);
    let entries = driven.entries(&log);
    for lane in ['n', 'b'] {
        let places: Vec<_> = (0..entries.len()).filter(|at| entries[*at].0 == lane).collect();
        assert_eq!(places.len(), 10);
        assert!(places[0] <= PASSED_MAX, "{places:?}");
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] <= PASSED_MAX + 1), "{places:?}");
        assert!(places[9] < 200, "they went between: {places:?}");
    }
    for lane in ['u', 'n', 'b'] {
        let numbers: Vec<_> = entries.iter().filter(|entry| entry.0 == lane).collect();
        assert!(numbers.is_sorted(), "in order within {lane}");
    }
}

#[test]
fn each_lane_has_its_own_capacity_and_is_allocated_when_first_used() {
    let mut driven = Driven::new();
    let spawn = driven.engine.spawn_unnamed(Log::default).capacity(3);
    let spawn = spawn.priority_capacity(Priority::Urgent, 1);
    let log = spawn.priority_capacity(Priority::Bulk, 2).start().unwrap();
    elsewhere(|| {
        log.tell().urgent(0).unwrap();
        assert!(matches!(log.tell().urgent(9), Err(SendError::Full(9))));
        assert!(matches!(log.try_urgent(9), Err(SendError::Full(9))));
        assert_eq!(log.urgent(9).get(), Err(CallError::Full));
        (0..2).for_each(|n| log.bulk(n).unwrap());
        assert!(matches!(log.bulk(9), Err(SendError::Full(9))));
        (0..3).for_each(|n| log.tell().normal(n).unwrap());
        assert!(matches!(log.tell().normal(9), Err(SendError::Full(9))));
    });
    assert_eq!((log.capacity(), log.queued(), log.refused()), (3, 6, 5));
    assert_eq!(driven.entries(&log).len(), 6);
    // The default is the object's.
    let log = driven.log(2);
    (0..2).for_each(|n| log.bulk(n).unwrap());
    assert!(matches!(log.bulk(9), Err(SendError::Full(9))));
    for wrong in [0, usize::MAX] {
        let spawn = driven.engine.spawn_unnamed(Log::default);
        let error = spawn.priority_capacity(Priority::Bulk, wrong).start().unwrap_err();
        assert!(error.to_string().contains(&wrong.to_string()), "{error}");
    }
}

#[test]
fn calls_within_a_runner_have_priorities_too() {
    let mut driven = Driven::new();
    let log = driven.log(16);
    log.tell().normal(0).unwrap();
    log.ask_itself(log.clone()).detach();
    log.tell().normal(1).unwrap();
    let entries = driven.entries(&log);
    // It learns of its lanes, which it has just made itself, in the runner's next turn.
    assert_eq!(entries, [('n', 0), ('n', 1), ('n', 2), ('u', 3), ('b', 1)]);
    log.ask_itself(log.clone()).detach();
    log.tell().normal(4).unwrap();
    assert_eq!(driven.entries(&log)[5..], [('u', 3), ('n', 4), ('n', 2), ('b', 1)]);
    log.bulk(5).unwrap();
    log.tell().normal(6).unwrap();
    log.tell().urgent(7).unwrap();
    assert_eq!(driven.entries(&log)[9..], [('u', 7), ('n', 6), ('b', 5)]);
}

#[test]
fn a_stop_serves_every_lane_and_closes_it() {
    let (mut driven, shared, single, lanes) = kinds();
    fn stop<K: Kind>(log: LogProxy<K>) -> Vec<Call<u32>> {
        elsewhere(move || {
            let accepted =
                vec![log.normal(1), log.urgent(2), log.with(with(Priority::Bulk)).normal(3)];
            Proxy::stop(&log);
            assert!(matches!(log.tell().normal(9), Err(SendError::Stopped(9))));
            assert!(matches!(log.tell().urgent(9), Err(SendError::Stopped(9))));
            assert!(matches!(log.bulk(9), Err(SendError::Stopped(9))));
            accepted
        })
    }
    let calls = [stop(shared), stop(single), stop(lanes)];
    driven.serve_all();
    for mut calls in calls {
        let ends: Vec<_> = calls.iter_mut().map(|call| call.try_get().unwrap()).collect();
        assert_eq!(ends, [Ok(1), Ok(2), Ok(3)]);
    }
    let never_used = driven.log(4);
    Proxy::stop(&never_used);
    assert!(matches!(never_used.try_urgent(9), Err(SendError::Stopped(9))));
    let Driven { mut scheduler, engine } = driven;
    let later = Instant::now() + 100 * mainspring::COOL_AFTER;
    (0..10).for_each(|turn| _ = scheduler.turn(later + turn * 2 * mainspring::COOL_AFTER));
    assert!(engine.is_empty(), "objects that have ended are gone, with lanes or without");
}

#[test]
fn an_abort_ends_the_calls_of_every_lane_at_once() {
    let driven = Driven::new();
    let log = driven.log(4);
    let bulk = log.with(with(Priority::Bulk));
    let mut calls = [log.normal(1), log.urgent(2), bulk.normal(3)];
    log.abort();
    for call in &mut calls {
        assert_eq!(call.try_get(), Some(Err(CallError::Stopped { started: false })));
    }
    assert_eq!(log.urgent(4).get(), Err(CallError::Stopped { started: false }));
}

#[test]
fn a_panic_ends_what_waits_in_every_lane() {
    let mut driven = Driven::new();
    let log = driven.log(4);
    let mut failing = log.with(with(Priority::Urgent)).fail();
    let bulk = log.with(with(Priority::Bulk));
    let mut calls = [log.normal(1), log.urgent(2), bulk.normal(3)];
    driven.serve_all();
    assert!(matches!(failing.try_get(), Some(Err(CallError::Panicked { method: "fail", .. }))));
    for call in &mut calls {
        assert_eq!(call.try_get(), Some(Err(CallError::Stopped { started: false })));
    }
    assert!(matches!(log.bulk(9), Err(SendError::Stopped(9))));
}

#[test]
fn a_sleeping_runner_wakes_for_every_lane() {
    let engine = quiet().runner(Runner::named("a").wait(WaitStrategy::Park)).start().unwrap();
    let log = engine.spawn_unnamed(Log::default).start().unwrap();
    for n in 0..2_000 {
        let priority = [Priority::Urgent, Priority::Bulk, Priority::Normal][n as usize % 3];
        assert_eq!(outcome(log.with(with(priority)).normal(n)), Ok(n));
    }
}

#[test]
fn many_threads_of_all_priorities_lose_nothing_beside_a_stop() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    for round in 0..200_u32 {
        let log = engine.spawn_unnamed(Log::default).capacity(8).start().unwrap();
        let sending = [Priority::Urgent, Priority::Normal, Priority::Bulk].map(|priority| {
            let log = log.clone();
            thread::spawn(move || {
                let calls = (0..20).map(|n| log.with(with(priority)).try_normal(n));
                calls.filter_map(Result::ok).collect::<Vec<_>>()
            })
        });
        if round % 2 == 0 {
            Proxy::stop(&log)
        } else {
            log.abort()
        }
        for call in sending.into_iter().flat_map(|thread| thread.join().unwrap()) {
            match outcome(call) {
                Ok(_) => {}
                Err(CallError::Stopped { .. }) if round % 2 == 1 => {}
                Err(error) => panic!("{error:?} in round {round}"),
            }
        }
    }
}

#[test]
fn the_last_proxy_dropped_ends_every_lane() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let log = engine.spawn_unnamed(Log::default).start().unwrap();
    let bulk = log.with(with(Priority::Bulk)).normal(2);
    let urgent = log.urgent(1);
    drop(log);
    assert_eq!((outcome(urgent), outcome(bulk)), (Ok(1), Ok(2)));
    common::eventually("the object has gone", || engine.is_empty());
}

#[test]
fn what_is_sent_before_the_object_is_on_its_runner_is_served() {
    let driven = Driven::new();
    let Driven { mut scheduler, engine } = driven;
    let on_runner = engine.spawn_unnamed(Log::default).start().unwrap();
    // Made on this very thread, so it is taken in with the next turn; another object has its place.
    let newborn = engine.spawn_unnamed(Log::default).start().unwrap();
    newborn.bulk(1).unwrap();
    newborn.tell().urgent(2).unwrap();
    let mut entries = newborn.with(with(Priority::Bulk)).entries();
    while scheduler.turn(Instant::now()) > 0 {}
    assert_eq!(entries.try_get(), Some(Ok(vec![('u', 2), ('b', 1)])));
    assert_eq!(on_runner.queued(), 0);
}
