//! Objects with mailboxes of each kind, and objects that are always hot: they end like any other.

mod common;

use common::*;
use mainspring::mailbox::{Kind, Lanes, Mpsc, Spsc};
use mainspring::prelude::*;
use mainspring::{COOL_AFTER, EngineHandle, Executed, Reply, StartError, WaitStrategy};
use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

/// Makes a worker of this kind.
trait Made: Kind {
    fn make(engine: &EngineHandle, is_hot: bool, on: &str) -> WorkerProxy<Self>;
}

macro_rules! made {
    ($($kind:ident $(by $method:ident)?),*) => {$(
        impl Made for $kind {
            fn make(engine: &EngineHandle, is_hot: bool, on: &str) -> WorkerProxy<Self> {
                let spawn = engine.spawn_unnamed(Worker::default).on(on)$(.$method())?;
                if is_hot { spawn.always_hot() } else { spawn }.start().unwrap()
            }
        }
    )*};
}

made!(Mpsc, Spsc by single_producer, Lanes by lanes);

/// Runs `property` for each kind: on a runner that parks, and always hot on runners that never do,
/// alone on a CPU or not.
macro_rules! for_each_kind {
    ($property:ident) => {
        for engine in [one_runner(), spinning(1), spinning(2)] {
            let is_hot = engine.runners() != ["a"];
            $property::<Mpsc>(&engine, is_hot);
            $property::<Spsc>(&engine, is_hot);
            $property::<Lanes>(&engine, is_hot);
            engine.join();
        }
    };
}

/// An engine whose runners never park. More than one on a CPU may not spin either: they nap.
fn spinning(runners: usize) -> Engine {
    let cpus = mainspring::allowed_cpus();
    let runner = |name| Runner::named(name).cpu(cpus[cpus.len() - 1]).wait(WaitStrategy::Spin);
    let names = ["spins", "spins too"].into_iter().take(runners);
    names.fold(quiet(), |builder, name| builder.runner(runner(name))).start().unwrap()
}

fn make<K: Made>(engine: &Engine, is_hot: bool) -> WorkerProxy<K> {
    K::make(engine, is_hot, if is_hot { "spins" } else { "a" })
}

/// Gets a worker into a method, where it stays until the door's other end is gone.
fn hold<K: Kind>(worker: &WorkerProxy<K>) -> (Call<u64>, Sender<()>) {
    let (door, is_open) = channel::<()>();
    let (entered, has_entered) = channel();
    let call = worker.run(Box::new(move |_| {
        entered.send(()).unwrap();
        let _ = is_open.recv();
        7
    }));
    receive(&has_entered);
    (call, door)
}

fn calls_tells_and_batches_are_served<K: Made>(engine: &Engine, is_hot: bool) {
    let worker = make::<K>(engine, is_hot);
    for n in 0..100 {
        assert_eq!(outcome(worker.push(n)), Ok(4 * n as usize + 1));
        worker.tell().push(n).unwrap();
        let push = |number| WorkerRequest::Push { number, reply: Reply::none() };
        let mut batch = [n, n].into_iter().map(push);
        assert_eq!(worker.handle().tell_batch(&mut batch).unwrap(), 2);
    }
    let list = outcome(worker.list()).unwrap();
    assert!(list.into_iter().eq((0..100).flat_map(|n| [n; 4])), "in the order sent");
}

#[test]
fn every_kind_serves() {
    for_each_kind!(calls_tells_and_batches_are_served);
}

fn a_stop_drains<K: Made>(engine: &Engine, is_hot: bool) {
    let worker = make::<K>(engine, is_hot);
    let (held, door) = hold(&worker);
    let queued: Vec<_> = (1..=5).map(|n| worker.push(n)).collect();
    let list = worker.list();
    Proxy::stop(&worker);
    assert_eq!(outcome(worker.push(6)), Err(NOT_STARTED));
    assert!(worker.is_stopped() && worker.tell().push(6).is_err());
    drop(door);
    assert_eq!(outcome(held), Ok(7));
    let counts: Vec<_> = queued.into_iter().map(|call| outcome(call).unwrap()).collect();
    assert_eq!(counts, [1, 2, 3, 4, 5]);
    assert_eq!(outcome(list), Ok(vec![1, 2, 3, 4, 5]));
    eventually("the object has gone", || engine.is_empty());
    assert_eq!(worker.refused(), 2);
}

#[test]
fn a_stop_drains_every_kind() {
    for_each_kind!(a_stop_drains);
}

fn an_abort_ends_calls<K: Made>(engine: &Engine, is_hot: bool) {
    let worker = make::<K>(engine, is_hot);
    let (held, door) = hold(&worker);
    let mut queued = worker.push(1);
    let (dropped, drops) = channel();
    worker.tell().take(Box::new(Witness(dropped, 1))).unwrap();
    worker.abort();
    assert_eq!(queued.try_get(), Some(Err(NOT_STARTED)), "before the method returns");
    assert_eq!(outcome(worker.push(2)), Err(NOT_STARTED));
    drop(door);
    let error = outcome(held).unwrap_err();
    assert_eq!(error, CallError::Stopped { started: true });
    assert_eq!(error.executed(), Executed::Maybe);
    assert_eq!(receive(&drops), 1, "the arguments are dropped on the runner");
    eventually("the object has gone", || engine.is_empty());
}

#[test]
fn an_abort_ends_the_calls_of_every_kind() {
    for_each_kind!(an_abort_ends_calls);
}

fn the_last_proxy_dropped_ends_it<K: Made>(engine: &Engine, is_hot: bool) {
    let worker = make::<K>(engine, is_hot);
    let (held, door) = hold(&worker);
    let queued = worker.push(1);
    drop(worker);
    drop(door);
    assert_eq!((outcome(held), outcome(queued)), (Ok(7), Ok(1)));
    eventually("the object has gone", || engine.is_empty());
}

#[test]
fn the_last_proxy_dropped_ends_objects_of_every_kind() {
    for_each_kind!(the_last_proxy_dropped_ends_it);
}

/// Calls until it is refused; returns how each accepted call ended, in the order made.
fn call_until_stopped<K: Kind>(
    worker: WorkerProxy<K>,
    begun: Sender<()>,
) -> Vec<Result<usize, CallError>> {
    // Few enough that they are never what it is refused for.
    const PENDING_MAX: usize = 100;
    let (mut pending, mut outcomes) = (VecDeque::new(), Vec::new());
    loop {
        match worker.try_push(1) {
            Ok(call) => pending.push_back(call),
            Err(error) => {
                assert!(!error.is_full());
                break;
            }
        }
        if pending.len() == PENDING_MAX {
            outcomes.extend(pending.pop_front().map(outcome));
        }
        let _ = begun.send(());
    }
    outcomes.extend(pending.into_iter().map(outcome));
    outcomes
}

fn calls_race_the_end<K: Made>(is_hot: bool, aborts: bool) {
    const ROUNDS: usize = 50;
    for round in 0..ROUNDS {
        let engine = if is_hot { spinning(1) } else { one_runner() };
        let worker = make::<K>(&engine, is_hot);
        let (begun, has_begun) = channel();
        let caller = thread::spawn(move || call_until_stopped(worker, begun));
        if round % 4 > 0 {
            receive(&has_begun);
        }
        if aborts {
            engine.abort()
        } else {
            engine.stop()
        }
        let outcomes = caller.join().unwrap();
        let done = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
        assert!(outcomes[..done].iter().cloned().eq((1..=done).map(Ok)));
        assert!(aborts || done == outcomes.len(), "a stop serves what was accepted");
        let has_stopped = |outcome: &_| matches!(outcome, Err(CallError::Stopped { .. }));
        assert!(outcomes[done..].iter().all(has_stopped));
        assert!(engine.join_timeout(DEADLINE));
    }
}

#[test]
fn every_call_accepted_beside_a_stop_is_served() {
    for is_hot in [false, true] {
        calls_race_the_end::<Mpsc>(is_hot, false);
        calls_race_the_end::<Spsc>(is_hot, false);
        calls_race_the_end::<Lanes>(is_hot, false);
    }
}

#[test]
fn every_call_accepted_beside_an_abort_ends() {
    for is_hot in [false, true] {
        calls_race_the_end::<Mpsc>(is_hot, true);
        calls_race_the_end::<Spsc>(is_hot, true);
        calls_race_the_end::<Lanes>(is_hot, true);
    }
}

#[test]
fn an_object_on_a_runner_that_parks_cannot_be_always_hot() {
    let engine = one_runner();
    let error = engine.spawn("worker", Worker::default).always_hot().start().unwrap_err();
    let StartError::AlwaysHot { object, runner } = &error else { panic!("{error}") };
    assert_eq!((object.as_str(), runner.as_str()), ("worker", "a"));
    let message = error.to_string();
    for part in ["\"worker\"", "\"a\"", "parks", "WaitStrategy::Spin", "SpinThenYield", "Backoff"] {
        assert!(message.contains(part), "{message}");
    }
    let own = engine.spawn_unnamed(Worker::default).always_hot().lanes().on_own_runner().start();
    let error = own.unwrap_err();
    assert!(error.to_string().contains("\"Worker\""), "{error}");
    eventually("the object's own runner has ended", || engine.runners() == ["a"]);
    engine.spawn("worker", Worker::default).start().expect("the name is free");
}

#[test]
fn an_always_hot_object_s_private_runner_ends_with_it() {
    let engine = quiet().start().unwrap();
    let cpus = mainspring::allowed_cpus();
    for strategy in [WaitStrategy::Spin, WaitStrategy::Backoff { sleep_max: COOL_AFTER }] {
        for pinned in [false, true] {
            let runner = Runner::named("own").wait(strategy);
            let runner = if pinned { runner.cpu(cpus[cpus.len() - 1]) } else { runner };
            let spawn = engine.spawn_unnamed(Worker::default).single_producer().always_hot();
            let worker = spawn.on_private_runner(runner).start().unwrap();
            assert_eq!(outcome(worker.push(1)), Ok(1));
            drop(worker);
            eventually("the runner has ended", || engine.runners().is_empty());
        }
    }
}

#[test]
fn an_invoker_polls_always_hot_objects_and_cools_others() {
    const OBJECTS: usize = 20;
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let begin = Instant::now();
    // Longer and longer idle.
    let mut turns = 0;
    let mut idle = |scheduler: &mut mainspring::Scheduler| {
        turns += 1;
        scheduler.turn(begin + turns * 2 * COOL_AFTER)
    };
    let hot: Vec<_> = (0..OBJECTS)
        .map(|number| {
            let spawn = engine.spawn_unnamed(Worker::default).always_hot();
            match number % 2 {
                0 => Ok(spawn.single_producer().start().unwrap()),
                _ => Err(spawn.lanes().start().unwrap()),
            }
        })
        .collect();
    let cold = engine.spawn_unnamed(Worker::default).lanes().start().unwrap();
    (0..3).for_each(|_| assert_eq!(idle(&mut scheduler), 0));
    assert_eq!((scheduler.len(), scheduler.hot_len()), (OBJECTS + 1, OBJECTS));
    // From another thread: here the calls would take the way of the runner's own.
    let (hot, cold, calls) = thread::spawn(move || {
        let call = |worker: &Result<WorkerProxy<Spsc>, WorkerProxy<Lanes>>| match worker {
            Ok(worker) => worker.push(1),
            Err(worker) => worker.push(1),
        };
        let calls: Vec<_> = hot.iter().map(call).chain([cold.push(1)]).collect();
        (hot, cold, calls)
    })
    .join()
    .unwrap();
    assert_eq!(idle(&mut scheduler), OBJECTS + 1);
    calls.into_iter().for_each(|mut call| assert_eq!(call.try_get(), Some(Ok(1))));
    (0..3).for_each(|_| assert_eq!(idle(&mut scheduler), 0));
    assert_eq!(scheduler.hot_len(), OBJECTS);
    // A stop and a last proxy dropped are found by polling.
    for worker in hot {
        match worker {
            Ok(worker) => Proxy::stop(&worker),
            Err(worker) => drop(worker),
        }
    }
    drop(cold);
    (0..3).for_each(|_| assert_eq!(idle(&mut scheduler), 0));
    assert!(scheduler.is_empty() && engine.is_empty());
}
