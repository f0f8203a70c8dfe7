//! Objects are found by name and type, and may live without proxies.

mod common;

use common::*;
use mainspring::mailbox::{Lanes, Mpsc};
use mainspring::prelude::*;
use mainspring::{FindError, StartError};
use std::sync::mpsc::channel;

/// Served by something else.
struct Other;

#[active]
impl Other {
    pub fn nothing(&self) {}
}

#[test]
fn an_object_is_found_by_name_and_type() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let _other = engine.spawn("other", || Other).start().unwrap();
    assert_eq!(outcome(worker.push(1)), Ok(1));
    let found = engine.handle().find::<Worker>("worker").unwrap();
    assert_eq!(outcome(found.push(2)), Ok(2));
    assert_eq!(found.name(), Some("worker"));
    // What was found is a proxy like any other: it keeps the object.
    drop(worker);
    assert_eq!(outcome(found.list()), Ok(vec![1, 2]));
    drop(found);
    eventually("it has gone", || engine.len() == 1);
    let error = engine.find::<Worker>("worker").unwrap_err();
    assert!(matches!(error, FindError::Unknown { .. }), "{error:?}");
    engine.join();
}

#[test]
fn objects_with_lanes_are_found_by_their_kind() {
    let engine = one_runner();
    let _lanes = engine.spawn("lanes", Worker::default).lanes().start().unwrap();
    let found = engine.find_in::<Worker, Lanes>("lanes").unwrap();
    assert_eq!(outcome(found.push(1)), Ok(1));
    let error = engine.find::<Worker>("lanes").unwrap_err().to_string();
    assert_eq!(
        error,
        "object \"lanes\" has a mailbox of the kind Lanes, not Mpsc: look it up with find_in::<_, Lanes>"
    );
    engine.join();
}

#[test]
fn what_cannot_be_found_is_an_error_that_names_it_and_the_way_out() {
    let engine = one_runner();
    let none = engine.find::<Worker>("worker").unwrap_err();
    assert!(none.to_string().ends_with("nor any other that has a name"), "{none}");
    let others = ["workers", "w0rker", "ledger", "audit", "feed", "clock"];
    let others = others.map(|name| engine.spawn(name, || Other).start().unwrap());
    let _single = engine.spawn("single", Worker::default).single_producer().start().unwrap();
    let Err(FindError::Unknown { name, similar }) = engine.find::<Worker>("worker") else {
        panic!("there is no worker");
    };
    assert_eq!((name.as_str(), similar.len()), ("worker", 5));
    assert_eq!(similar[..2], ["w0rker", "workers"], "the most similar first");
    let error = engine.find::<Worker>("ledger").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("names::Other") && text.contains("common::Worker"), "{text}");
    assert!(matches!(error, FindError::OtherType { name, .. } if name == "ledger"));
    let error = engine.find::<Worker>("single").unwrap_err();
    assert!(matches!(error, FindError::OtherKind { found: "Spsc", wanted: "Mpsc", .. }));
    assert!(error.to_string().contains("without single_producer"), "{error}");
    drop(others);
    engine.join();
}

#[test]
fn an_object_that_ends_is_not_found() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    Proxy::stop(&worker);
    let error = engine.find::<Worker>("worker").unwrap_err();
    assert_eq!(error, FindError::Ending { name: "worker".into() });
    assert_eq!(outcome(stuck.release()), Ok(7));
    eventually("it has gone", || engine.is_empty());
    // Without its last proxy too.
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    drop(worker);
    let error = engine.find::<Worker>("worker").unwrap_err();
    assert_eq!(error, FindError::Ending { name: "worker".into() });
    stuck.release().detach();
    engine.join();
}

#[test]
fn a_name_leads_to_its_object_after_others_have_come_and_gone() {
    let engine = one_runner();
    let mut workers = Vec::new();
    for round in 0..5_u64 {
        for n in 0..20 {
            let name = format!("{round}/{n}");
            let worker = engine.spawn(name, Worker::default).start().unwrap();
            assert_eq!(outcome(worker.push(round * 100 + n)), Ok(1));
            workers.push((round, n, worker));
        }
        // Ids are given again to those who come later.
        workers.retain(|(_, n, _)| n % 3 == 0);
        eventually("some have gone", || engine.len() == workers.len());
        for (round, n, worker) in &workers {
            let found = engine.find::<Worker>(&format!("{round}/{n}")).unwrap();
            assert_eq!(outcome(found.list()), Ok(vec![round * 100 + n]));
            assert_eq!(found.name(), worker.name());
        }
    }
    engine.join();
}

#[test]
fn an_object_kept_alive_needs_no_proxy_and_is_found_again() {
    let engine = one_runner();
    engine.spawn("worker", Worker::default).keep_alive().start().unwrap();
    engine.spawn("lanes", Worker::default).keep_alive().lanes().start().unwrap();
    let (done, is_done) = channel();
    for n in 1..=3 {
        let worker = engine.find::<Worker>("worker").unwrap();
        let done = done.clone();
        worker.push(n).on_complete(move |outcome| done.send(outcome).unwrap());
        drop(worker);
        assert_eq!(receive(&is_done), Ok(n as usize));
        let lanes = engine.find_in::<Worker, Lanes>("lanes").unwrap();
        assert_eq!(outcome(lanes.push(n)), Ok(n as usize));
    }
    assert_eq!(engine.len(), 2);
    let worker = engine.find::<Worker>("worker").unwrap();
    let weak = worker.downgrade();
    Proxy::stop(&worker);
    eventually("the worker has gone", || engine.len() == 1);
    drop(worker);
    eventually("the engine has given its proxy up", || weak.upgrade().is_none());
    // The engine's end is the other's.
    engine.join();
}

#[test]
fn what_is_kept_alive_ends_with_a_panic_an_abort_and_its_engine() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).keep_alive().start().unwrap();
    let weak = worker.downgrade();
    worker.fail("x".into()).get().unwrap_err();
    drop(worker);
    eventually("it has gone", || engine.is_empty() && weak.is_gone());
    let worker = engine.spawn("worker", Worker::default).keep_alive().start().unwrap();
    let weak = worker.downgrade();
    worker.abort();
    drop(worker);
    eventually("it has gone", || engine.is_empty() && weak.is_gone());
    let own = engine.spawn("own", Worker::default).keep_alive().on_own_runner().start().unwrap();
    let weak = own.downgrade();
    drop(own);
    assert!(!weak.is_gone());
    engine.join();
    assert!(weak.is_gone());
}

#[test]
fn a_failed_factory_leaves_nothing_kept() {
    let engine = one_runner();
    let failing = || Err::<Worker, _>("no");
    let failed = engine.spawn("worker", failing).keep_alive().start();
    assert!(matches!(failed, Err(StartError::Factory { .. })));
    assert!(engine.is_empty());
    engine.spawn("worker", Worker::default).keep_alive().start().unwrap();
    assert!(engine.find_in::<Worker, Mpsc>("worker").is_ok());
    engine.join();
}

#[test]
fn a_single_producer_s_object_cannot_be_kept_alive() {
    let engine = one_runner();
    let refused = engine.spawn("worker", Worker::default).keep_alive().single_producer().start();
    let error = refused.unwrap_err();
    assert!(matches!(&error, StartError::KeepAlive { object } if object == "worker"));
    assert!(error.to_string().contains("leave keep_alive or single_producer out"), "{error}");
    assert!(engine.is_empty(), "nothing is left of it");
    engine.join();
}
