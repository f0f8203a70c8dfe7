//! How engines, runners and objects begin and end.

mod common;

use common::*;
use mainspring::prelude::*;
use mainspring::{EngineHandle, Event, Executed, SendError, StartError};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn stop_serves_everything_accepted_in_order_and_refuses_the_rest() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let queued: Vec<_> = (1..=5).map(|n| worker.push(n)).collect();
    let list = worker.list();
    Proxy::stop(&worker);
    assert!(worker.is_stopped());
    assert_eq!(outcome(worker.push(6)), Err(NOT_STARTED));
    assert!(matches!(worker.tell().push(6), Err(SendError::Stopped(6))));
    assert_eq!(outcome(stuck.release()), Ok(7));
    let counts: Vec<_> = queued.into_iter().map(|call| outcome(call).unwrap()).collect();
    assert_eq!(counts, [1, 2, 3, 4, 5]);
    assert_eq!(outcome(list), Ok(vec![1, 2, 3, 4, 5]));
    eventually("the object has gone", || engine.is_empty());
    assert_eq!(worker.refused(), 2);
}

#[test]
fn stop_ends_an_object_that_was_never_called_and_one_that_sleeps() {
    let engine = one_runner();
    let (dropped, drops) = channel();
    for (number, is_used) in [(1, false), (2, true)] {
        let witness = Witness(dropped.clone(), number);
        let worker = engine.spawn("worker", move || {
            let _moved = &witness;
            Holder(witness)
        });
        let holder = worker.start().unwrap();
        if is_used {
            assert_eq!(holder.number().get(), Ok(2));
        }
        Proxy::stop(&holder);
        assert_eq!(receive(&drops), number);
        eventually("the object has gone", || engine.is_empty());
    }
}

/// A servant that is seen going.
struct Holder(Witness);

#[active]
impl Holder {
    pub fn number(&self) -> u64 {
        self.0.1
    }
}

#[test]
fn abort_ends_running_and_queued_calls_at_once_while_the_servant_is_stuck() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let queued = worker.push(1);
    let (observed, seen) = channel();
    worker.push(2).on_complete(move |outcome| observed.send(outcome).unwrap());
    worker.abort();
    assert_eq!(seen.try_recv(), Ok(Err(NOT_STARTED)), "the aborter runs the observer");
    let error = outcome(queued).unwrap_err();
    assert_eq!((error.clone(), error.executed()), (NOT_STARTED, Executed::No));
    let error = outcome(stuck.release()).unwrap_err();
    assert_eq!(error, CallError::Stopped { started: true });
    assert_eq!(error.executed(), Executed::Maybe);
    assert_eq!(outcome(worker.push(3)), Err(NOT_STARTED));
    engine.join();
}

#[test]
fn aborting_the_engine_aborts_every_object() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let spawn = |name, on| engine.spawn(name, Worker::default).on(on).start().unwrap();
    let workers = [spawn("1", "a"), spawn("2", "b")];
    let stuck = workers.each_ref().map(Stuck::new);
    let queued = workers.each_ref().map(|worker| worker.push(1));
    engine.abort();
    queued.into_iter().for_each(|call| assert_eq!(outcome(call), Err(NOT_STARTED)));
    assert!(!engine.join_timeout(Duration::from_millis(1)), "both are stuck");
    for stuck in stuck {
        assert_eq!(outcome(stuck.release()), Err(CallError::Stopped { started: true }));
    }
    assert!(engine.join_timeout(DEADLINE));
}

#[test]
fn nothing_is_spawned_while_an_engine_aborts() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let (handle, (sent, spawned)) = (engine.handle(), channel());
    // The observer runs in the middle of the abort.
    worker.push(1).on_complete(move |_| {
        let late = handle.spawn_unnamed(Worker::default).start();
        sent.send(late.map(drop)).unwrap();
    });
    engine.abort();
    assert!(matches!(receive(&spawned), Err(StartError::EngineStopped)));
    drop(stuck.release());
}

#[test]
fn join_timeout_says_whether_everything_has_ended() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    engine.stop();
    assert!(!engine.join_timeout(Duration::from_millis(5)));
    let call = stuck.release();
    assert!(engine.join_timeout(DEADLINE));
    assert!(engine.join_timeout(Duration::MAX), "the longest wait is one without a limit");
    assert_eq!(call.get(), Ok(7));
    assert!(engine.runners().is_empty());
}

#[test]
fn stop_within_aborts_what_is_not_done_in_time() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let queued = worker.push(1);
    assert!(!engine.stop_within(Duration::from_millis(5)));
    assert_eq!(queued.get(), Err(NOT_STARTED));
    drop(stuck.release());
    assert!(engine.stop_within(DEADLINE));
}

#[test]
fn a_dropped_engine_serves_what_it_accepted_and_ends_its_threads() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let queued = worker.push(1);
    let handle = engine.handle();
    let running = stuck.release();
    drop(engine);
    assert!(handle.runners().is_empty() && handle.is_empty());
    assert_eq!((running.get(), queued.get()), (Ok(7), Ok(1)));
    assert_eq!(worker.push(2).get(), Err(NOT_STARTED));
}

#[test]
fn a_dropped_engine_leaves_a_stuck_thread_behind_and_says_so() {
    let events = Events::default();
    let builder = events.builder().drop_timeout(Duration::from_millis(5));
    let engine = builder.runner(Runner::named("a")).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let handle = engine.handle();
    drop(engine);
    let left = |event: &Event| matches!(event, Event::LeftBehind { runner } if runner == "a");
    assert_eq!(events.all().iter().filter(|event| left(event)).count(), 1);
    assert_eq!(outcome(stuck.release()), Err(CallError::Stopped { started: true }));
    assert!(handle.join_timeout(DEADLINE));
}

#[test]
fn an_engine_dropped_on_its_own_runner_only_signals() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let (handle, stuck) = (engine.handle(), Stuck::new(&worker));
    let dropper = worker.run(Box::new(move |_| {
        assert!(!engine.join_timeout(DEADLINE), "it would wait for itself");
        drop(engine);
        8
    }));
    let queued = worker.push(1);
    drop(stuck.release());
    assert_eq!((outcome(dropper), outcome(queued)), (Ok(8), Ok(1)));
    assert!(handle.join_timeout(DEADLINE));
}

#[test]
fn the_last_proxy_dropped_ends_the_object_after_its_calls() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let other = worker.clone();
    let queued = worker.push(1);
    drop(worker);
    let last = other.push(2);
    drop(other);
    drop(stuck.release());
    assert_eq!((outcome(queued), outcome(last)), (Ok(1), Ok(2)));
    eventually("the object has gone", || engine.is_empty());
    assert_eq!(engine.runners(), ["a"]);
}

#[test]
fn runners_come_and_go_while_the_engine_runs() {
    let engine = quiet().start().unwrap();
    let refused = engine.spawn("worker", Worker::default).start().unwrap_err();
    assert!(matches!(refused, StartError::NoRunner), "{refused}");
    engine.add_runner(Runner::named("a")).unwrap();
    engine.add_runner(Runner::named("b")).unwrap();
    let worker = engine.spawn("worker", Worker::default).on("b").start().unwrap();
    let stuck = Stuck::new(&worker);
    let queued = worker.push(1);
    engine.stop_runner("b").unwrap();
    drop(stuck.release());
    assert_eq!(outcome(queued), Ok(1));
    eventually("the runner has ended", || engine.runners() == ["a"]);
    assert_eq!(worker.push(2).get(), Err(NOT_STARTED));
    engine.add_runner(Runner::named("b")).unwrap();
    let worker = engine.spawn("worker", Worker::default).on("b").start().unwrap();
    assert_eq!(worker.push(3).get(), Ok(1));
}

#[test]
fn a_name_is_free_again_after_a_runner_that_did_not_start() {
    let engine = quiet().start().unwrap();
    for _ in 0..100 {
        let error = engine.add_runner(Runner::named("a").fifo_priority(1000)).unwrap_err();
        assert!(matches!(error, StartError::Option { .. }), "{error}");
        assert!(error.to_string().contains("fifo_priority(1000)"), "{error}");
    }
    let hook = Runner::named("a").on_start(|| panic!("in the start hook"));
    engine.add_runner(hook).unwrap_err();
    engine.add_runner(Runner::named("a")).unwrap();
    assert_eq!(engine.runners(), ["a"]);
}

#[test]
fn names_are_unique_while_in_use() {
    let engine = one_runner();
    let error = engine.add_runner(Runner::named("a")).unwrap_err();
    assert!(matches!(&error, StartError::DuplicateRunner { name } if name == "a"), "{error}");
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert_eq!((worker.name(), worker.capacity()), (Some("worker"), 256));
    let error = engine.spawn("worker", Worker::default).start().unwrap_err();
    assert!(matches!(&error, StartError::DuplicateObject { name } if name == "worker"), "{error}");
    drop(worker);
    eventually("the object has gone", || engine.is_empty());
    engine.spawn("worker", Worker::default).start().unwrap();
    let unnamed = [(); 2].map(|()| engine.spawn_unnamed(Worker::default).start().unwrap());
    assert_eq!(unnamed.each_ref().map(|worker| worker.name()), [None, None]);
}

#[test]
fn wrong_options_are_errors_that_name_the_value_and_the_choice() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let error = engine.spawn("worker", Worker::default).on("c").start().unwrap_err();
    let StartError::UnknownRunner { name, known } = &error else { panic!("{error}") };
    assert_eq!((name.as_str(), known.as_slice()), ("c", &["a".into(), "b".into()][..]));
    let error = engine.stop_runner("c").unwrap_err();
    assert!(matches!(error, StartError::UnknownRunner { .. }), "{error}");
    for capacity in [0, usize::MAX] {
        let spawn = engine.spawn("worker", Worker::default).capacity(capacity);
        let error = spawn.start().unwrap_err();
        assert!(matches!(error, StartError::Capacity(_)), "{error}");
        assert!(error.to_string().contains(&capacity.to_string()), "{error}");
    }
    let error = engine.spawn("own", Worker::default).capacity(0).on_own_runner().start();
    assert!(matches!(error, Err(StartError::Capacity(_))));
    eventually("the object's own runner has ended", || engine.runners() == ["a", "b"]);
}

#[test]
fn a_stopped_engine_starts_nothing() {
    let engine = one_runner();
    engine.stop();
    engine.stop();
    let errors = [
        engine.spawn("worker", Worker::default).start().unwrap_err(),
        engine.spawn("worker", Worker::default).on("a").start().unwrap_err(),
        engine.spawn("worker", Worker::default).on_own_runner().start().unwrap_err(),
        engine.add_runner(Runner::named("b")).unwrap_err(),
        engine.invoker("c").unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StartError::EngineStopped), "{error}");
    }
}

#[test]
fn a_factory_s_failure_comes_back_and_frees_the_name() {
    let engine = one_runner();
    let error = engine.spawn("worker", || Err::<Worker, _>("no licence")).start().unwrap_err();
    let StartError::Factory { object, message } = &error else { panic!("{error}") };
    assert_eq!((object.as_str(), message.as_str()), ("worker", "no licence"));
    let panics = || -> Worker { panic!("no luck") };
    let error = engine.spawn("worker", panics).start().unwrap_err();
    let StartError::FactoryPanicked { object, message } = &error else { panic!("{error}") };
    assert_eq!((object.as_str(), message.as_str()), ("worker", "no luck"));
    let own = engine.spawn("worker", || Err::<Worker, _>("no licence")).on_own_runner().start();
    assert!(matches!(own, Err(StartError::Factory { .. })));
    eventually("the object's own runner has ended", || engine.runners() == ["a"]);
    let worker = engine.spawn("worker", || Ok::<_, String>(Worker::default())).start().unwrap();
    assert_eq!(worker.push(1).get(), Ok(1));
}

/// A servant that no other thread may touch.
struct Local(Rc<u64>);

#[active]
impl Local {
    pub fn read(&self) -> u64 {
        *self.0
    }
}

#[test]
fn a_servant_made_on_its_thread_need_not_be_send() {
    let engine = one_runner();
    let local = engine.spawn("local", || Local(Rc::new(9))).start().unwrap();
    assert_eq!(local.read().get(), Ok(9));
}

#[test]
fn an_object_s_own_runner_ends_with_it() {
    let engine = quiet().start().unwrap();
    let worker = engine.spawn("worker", Worker::default).on_own_runner().start().unwrap();
    let other = engine.spawn("other", Worker::default).on_own_runner().start().unwrap();
    let stuck = Stuck::new(&worker);
    assert_eq!(other.push(1).get(), Ok(1), "nobody else is held up");
    assert_eq!(engine.runners().len(), 2);
    drop(worker);
    drop(stuck.release());
    eventually("the runner has ended", || engine.runners().len() == 1);
    Proxy::stop(&other);
    eventually("the runner has ended", || engine.runners().is_empty());
}

#[test]
fn servants_spawn_on_their_own_runner_on_others_and_on_new_ones() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let parent = engine.spawn("parent", Worker::default).on("a").start().unwrap();
    let (sent, children) = channel();
    let handle = engine.handle();
    parent
        .run(Box::new(move |_| {
            let same = handle.spawn("same", Worker::default).on("a").start().unwrap();
            let other = handle.spawn("other", Worker::default).on("b").start().unwrap();
            let own = handle.spawn("own", Worker::default).on_own_runner().start().unwrap();
            let first = [same.push(1), other.push(1), own.push(1)];
            sent.send((first, [same, other, own])).unwrap();
            0
        }))
        .get()
        .unwrap();
    let (first, children) = receive(&children);
    first.into_iter().for_each(|call| assert_eq!(outcome(call), Ok(1)));
    children.iter().for_each(|child| assert_eq!(child.push(2).get(), Ok(2)));
}

#[test]
fn a_factory_that_fails_after_its_start_had_returned_is_reported() {
    let events = Events::default();
    let builder = events.builder().runner(Runner::named("a")).runner(Runner::named("b"));
    let engine = builder.start().unwrap();
    let parent = engine.spawn("parent", Worker::default).on("a").start().unwrap();
    let failures = || {
        let failed = |event: &Event| matches!(event, Event::FactoryFailed { .. });
        events.all().into_iter().filter(failed).count()
    };
    for round in 0..100 {
        let handle = engine.handle();
        let (sent, calls) = channel();
        let spawn = parent.run(Box::new(move |_| {
            let fails = || Err::<Worker, _>("no licence");
            let other = handle.spawn_unnamed(fails).on("b").start().unwrap();
            let own = handle.spawn_unnamed(fails).on_own_runner().start().unwrap();
            sent.send([other.push(1), own.push(1)]).unwrap();
            0
        }));
        assert_eq!(outcome(spawn), Ok(0));
        receive(&calls).into_iter().for_each(|call| assert_eq!(outcome(call), Err(NOT_STARTED)));
        eventually("both were reported", || failures() == 2 * (round + 1));
    }
    eventually("the runners have ended", || engine.runners() == ["a", "b"]);
}

#[test]
fn the_one_liner_s_thread_ends_with_the_last_proxy() {
    let (dropped, drops) = channel();
    let holder = mainspring::spawn(Holder(Witness(dropped, 3))).unwrap();
    let other = holder.clone();
    drop(holder);
    assert_eq!(other.number().get(), Ok(3));
    drop(other);
    assert_eq!(receive(&drops), 3);
}

/// Adds an object to its own runner, and has another thread ring for that runner, in one method.
struct Founder {
    engine: EngineHandle,
}

#[active]
impl Founder {
    pub fn found(&self) {
        let child = self.engine.spawn_unnamed(Worker::default).on("loop").start().unwrap();
        // Before the runner looks at what it has left itself.
        thread::scope(|scope| {
            scope.spawn(|| self.engine.stop());
        });
        drop(child);
    }
}

#[test]
fn a_runner_that_is_rung_for_while_it_takes_its_own_objects_in_is_rung_for_once() {
    let (tell, told) = channel();
    // What this is about would go on for ever.
    thread::spawn(move || {
        let engine = quiet().start().unwrap();
        let mut scheduler = engine.invoker("loop").unwrap();
        let handle = engine.handle();
        let founder = engine.spawn("founder", move || Founder { engine: handle });
        let founder = founder.on("loop").start().unwrap();
        scheduler.turn(Instant::now());
        let mut founded = founder.found();
        scheduler.turn(Instant::now());
        assert_eq!(founded.try_get(), Some(Ok(())));
        engine.stop();
        drop(scheduler);
        tell.send(engine.is_empty()).unwrap();
    });
    assert!(receive(&told), "its objects have ended");
}
