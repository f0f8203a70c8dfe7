//! Weak proxies and guests: they know an object, call it, and never decide how long it lives.

mod common;

use common::*;
use mainspring::mailbox::{ClonedKind, Guest, Lanes, Mpsc};
use mainspring::prelude::*;
use mainspring::{EngineHandle, SendError};
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;

/// Makes a worker of this kind.
trait Made: ClonedKind {
    fn make(engine: &EngineHandle) -> WorkerProxy<Self>;
}

impl Made for Mpsc {
    fn make(engine: &EngineHandle) -> WorkerProxy {
        engine.spawn("worker", Worker::default).start().unwrap()
    }
}

impl Made for Lanes {
    fn make(engine: &EngineHandle) -> WorkerProxy<Lanes> {
        engine.spawn("worker", Worker::default).lanes().start().unwrap()
    }
}

/// Runs `property` for each kind that has weak proxies.
macro_rules! for_each_kind {
    ($property:ident) => {
        let engine = one_runner();
        $property::<Mpsc>(&engine);
        $property::<Lanes>(&engine);
        engine.join();
    };
}

fn upgrades_while_a_proxy_is_left<K: Made>(engine: &Engine) {
    let worker = K::make(engine);
    let weak = worker.downgrade();
    assert_eq!((weak.name(), weak.is_gone()), (Some("worker"), false));
    let upgraded = weak.upgrade().expect("there is a proxy");
    assert_eq!(outcome(upgraded.push(1)), Ok(1));
    drop(worker);
    // The upgraded one keeps it as any other does.
    let again = weak.clone().upgrade().expect("there is a proxy still");
    assert_eq!(outcome(again.push(2)), Ok(2));
    drop((upgraded, again));
    assert!(weak.is_gone() && weak.upgrade().is_none());
    eventually("the object has gone", || engine.is_empty());
    assert!(weak.upgrade().is_none(), "for ever");
    assert!(format!("{weak:?}").contains(r#"name: Some("worker"), gone: true"#));
}

#[test]
fn a_weak_proxy_upgrades_while_a_proxy_is_left_and_never_after() {
    for_each_kind!(upgrades_while_a_proxy_is_left);
}

fn keeps_nothing_open<K: Made>(engine: &Engine) {
    let (dropped, drops) = channel();
    let worker = K::make(engine);
    let weaks: Vec<_> = (0..3).map(|_| worker.downgrade()).collect();
    let accepted = worker.take(Box::new(Witness(dropped, 7)));
    drop(worker);
    assert_eq!(receive(&drops), 7, "what was accepted is served");
    assert_eq!(outcome(accepted), Ok(()));
    eventually("the object has gone", || engine.is_empty());
    drop(weaks);
}

#[test]
fn weak_proxies_keep_no_object() {
    for_each_kind!(keeps_nothing_open);
}

fn of_a_stopped_object<K: Made>(engine: &Engine) {
    let worker = K::make(engine);
    let weak = worker.downgrade();
    Proxy::stop(&worker);
    let upgraded = weak.upgrade().expect("there is a proxy, though the object ends");
    assert!(upgraded.is_stopped());
    assert!(matches!(upgraded.tell().push(1), Err(SendError::Stopped(1))));
    eventually("the object has gone", || engine.is_empty());
    assert!(weak.upgrade().is_some());
    drop((worker, upgraded));
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_weak_proxy_of_a_stopped_object_gives_one_whose_calls_are_refused() {
    for_each_kind!(of_a_stopped_object);
}

/// Of each upgrade that meets the last drop: a proxy whose request is served, or none.
fn meets_the_last_drop<K: Made>(engine: &Engine) {
    for _ in 0..200 {
        let worker = K::make(engine);
        let weak = worker.downgrade();
        let start = Barrier::new(3);
        thread::scope(|scope| {
            let upgrade = || {
                start.wait();
                let upgraded = weak.upgrade()?;
                Some(upgraded.push(1))
            };
            let others = [scope.spawn(upgrade), scope.spawn(upgrade)];
            start.wait();
            drop(worker);
            for other in others {
                if let Some(call) = other.join().unwrap() {
                    assert!(outcome(call).is_ok(), "it was the object's while it was called");
                }
            }
        });
        assert!(weak.upgrade().is_none());
        eventually("the object has gone", || engine.is_empty());
    }
}

#[test]
fn an_upgrade_beside_the_last_drop_gives_a_proxy_that_works_or_none() {
    for_each_kind!(meets_the_last_drop);
}

#[test]
fn weak_proxies_are_sent_and_shared_also_in_requests_of_their_own_object() {
    fn is_sent_and_shared<T: Send + Sync + Clone>(_: &T) {}
    let engine = one_runner();
    let knot = engine.spawn_unnamed(Knot::default).start().unwrap();
    is_sent_and_shared(&knot.downgrade());
    assert_eq!(outcome(knot.tie(knot.downgrade())), Ok(()));
    assert_eq!(outcome(knot.is_tied()), Ok(true));
    drop(knot);
    eventually("it doesn't keep itself", || engine.is_empty());
    let lanes = Lanes::make(&engine);
    is_sent_and_shared(&lanes.downgrade());
    engine.join();
}

/// Knows itself, weakly.
#[derive(Default)]
struct Knot(Option<Weak<Knot>>);

#[active]
impl Knot {
    pub fn tie(&mut self, itself: Weak<Knot>) {
        self.0 = Some(itself);
    }

    /// Whether it can call itself.
    pub fn is_tied(&self) -> bool {
        self.0.as_ref().and_then(Weak::upgrade).is_some()
    }
}

#[test]
fn a_guest_calls_and_does_not_keep() {
    let engine = one_runner();
    let worker = Mpsc::make(&engine);
    let guest: WorkerProxy<Guest> = worker.downgrade().guest();
    let second = guest.clone();
    assert_eq!(outcome(guest.push(1)), Ok(1));
    assert_eq!(second.tell().push(2), Ok(()));
    assert_eq!(outcome(guest.list()), Ok(vec![1, 2]));
    let other = guest.downgrade();
    assert!(other.upgrade().is_some() && other.guest().capacity() == worker.capacity());
    drop(worker);
    assert!(guest.is_stopped() && other.upgrade().is_none());
    assert!(matches!(guest.tell().push(3), Err(SendError::Stopped(3))));
    assert_eq!(outcome(second.push(3)), Err(NOT_STARTED));
    assert_eq!(guest.refused(), 2);
    eventually("the object has gone", || engine.is_empty());
    engine.join();
}

#[test]
fn what_a_guest_sends_beside_the_last_drop_is_served_or_refused() {
    let engine = one_runner();
    for _ in 0..200 {
        let worker = Mpsc::make(&engine);
        let guest = worker.downgrade().guest();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            let calling = scope.spawn(|| {
                start.wait();
                (0..20).map(|n| guest.try_push(n)).collect::<Vec<_>>()
            });
            start.wait();
            drop(worker);
            let calls = calling.join().unwrap();
            let accepted = calls.into_iter().take_while(Result::is_ok).flatten();
            accepted.for_each(|call| assert!(outcome(call).is_ok()));
        });
        eventually("the object has gone", || engine.is_empty());
    }
    engine.join();
}

#[test]
fn a_guest_s_panicking_object_ends_like_any_other() {
    let events = Events::default();
    let engine = events.builder().runner(Runner::named("a")).start().unwrap();
    let worker = Mpsc::make(&engine);
    let guest = worker.downgrade().guest();
    assert!(matches!(outcome(guest.fail("x".into())), Err(CallError::Panicked { .. })));
    assert_eq!(outcome(guest.push(1)), Err(NOT_STARTED));
    drop(worker);
    engine.join();
    assert_eq!(events.panics().len(), 1);
}
