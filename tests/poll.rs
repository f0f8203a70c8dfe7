//! Hooks that a runner polls in each turn.

mod common;

use common::{Events, Worker, WorkerProxy, eventually, one_runner, quiet, receive};
use mainspring::prelude::*;
use mainspring::{Event, StartError, WaitStrategy};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

const BACKOFF: WaitStrategy = WaitStrategy::Backoff { sleep_max: Duration::from_millis(1) };

#[test]
fn a_hook_runs_on_its_runner_s_thread_and_feeds_its_objects() {
    for wait in [WaitStrategy::Spin, WaitStrategy::SpinThenYield { spin: Duration::ZERO }, BACKOFF]
    {
        let place = Arc::new(OnceLock::<WorkerProxy>::new());
        let (line, input) = channel();
        let hook = {
            let place = place.clone();
            move || {
                let Some(worker) = place.get() else { return 0 };
                let Ok(number) = input.try_recv() else { return 0 };
                assert_eq!(std::thread::current().name(), Some("net"));
                worker.tell().push(number).unwrap();
                1
            }
        };
        let engine = quiet().runner(Runner::named("net").wait(wait).poll(hook)).start().unwrap();
        let worker = engine.spawn("worker", Worker::default).on("net").start().unwrap();
        let worker = place.get_or_init(|| worker);
        for number in 0..100 {
            line.send(number).unwrap();
        }
        eventually("all were told", || worker.list().get().unwrap().len() == 100);
        assert_eq!(worker.list().get(), Ok((0..100).collect()));
        engine.join();
    }
}

#[test]
fn a_runner_with_a_hook_must_not_park() {
    for wait in [WaitStrategy::default(), WaitStrategy::Park] {
        let engine = one_runner();
        let error = engine.add_runner(Runner::named("net").wait(wait).poll(|| 0)).unwrap_err();
        assert!(matches!(&error, StartError::PollParks { runner, .. } if runner == "net"));
        let text = error.to_string();
        let parts = ["\"net\"", wait.name(), "parks", "WaitStrategy::Spin"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        // The name is free.
        engine.add_runner(Runner::named("net")).unwrap();
    }
}

#[test]
fn a_hook_s_panic_is_reported_and_ends_it_alone() {
    let events = Events::default();
    let (calls, dropped) = (Arc::new(Mutex::new(0)), Arc::new(()));
    let hook = {
        let (calls, dropped) = (calls.clone(), dropped.clone());
        move || {
            let _kept = &dropped;
            *calls.lock().unwrap() += 1;
            std::panic::panic_any("no such queue")
        }
    };
    let net = Runner::named("net").wait(BACKOFF).poll(hook);
    let engine = events.builder().runner(net).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    eventually("the hook is dropped", || Arc::strong_count(&dropped) == 1);
    // Its runner goes on.
    assert_eq!(worker.push(1).get(), Ok(1));
    assert_eq!(Arc::strong_count(&calls), 1);
    assert_eq!(*calls.lock().unwrap(), 1);
    let polled = |event: &Event| match event {
        Event::PollPanicked { runner, message } => Some((runner.clone(), message.clone())),
        _ => None,
    };
    eventually("it is reported", || events.all().iter().any(|event| polled(event).is_some()));
    let said: Vec<_> = events.all().iter().filter_map(polled).collect();
    assert_eq!(said, [("net".into(), "no such queue".into())]);
    engine.join();
}

#[test]
fn a_hook_ends_with_its_runner_and_before_that_is_said() {
    let (gone, is_gone) = channel();
    let witness = common::Witness(gone, 7);
    let hook = move || {
        let _kept = &witness;
        0
    };
    let engine = quiet().start().unwrap();
    let net = Runner::named("net").wait(BACKOFF).poll(hook);
    let worker = engine.spawn("worker", Worker::default).on_private_runner(net).start().unwrap();
    assert_eq!(worker.push(1).get(), Ok(1));
    assert!(is_gone.try_recv().is_err());
    // Its last object ends it, although the hook would go on.
    drop(worker);
    assert_eq!(receive(&is_gone), 7);
    engine.join();
}

#[test]
fn a_hook_that_always_finds_something_keeps_neither_objects_nor_runners() {
    let engine = quiet().start().unwrap();
    let net = |name| Runner::named(name).wait(BACKOFF).poll(|| 1);
    let own = engine.spawn("own", Worker::default).on_private_runner(net("private"));
    let own = own.start().unwrap();
    engine.add_runner(net("shared")).unwrap();
    let shared = engine.spawn("shared", Worker::default).on("shared").start().unwrap();
    let calls = [own.push(1), shared.push(1)];
    drop(own);
    eventually("the private runner has ended", || engine.runners() == ["shared"]);
    engine.stop();
    assert!(engine.join_timeout(common::DEADLINE));
    assert_eq!(calls.map(common::outcome), [Ok(1), Ok(1)]);
}
