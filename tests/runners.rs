//! Where runners run, and how they wait.

mod common;

use common::*;
use mainspring::prelude::*;
use mainspring::{Event, Pinning, StartError, WaitStrategy, allowed_cpus};
use std::sync::mpsc::channel;
use std::time::Duration;

const STRATEGIES: [WaitStrategy; 5] = [
    WaitStrategy::Spin,
    WaitStrategy::SpinThenYield { spin: Duration::from_micros(20) },
    WaitStrategy::Backoff { sleep_max: Duration::from_micros(500) },
    WaitStrategy::SpinThenPark { spin: Duration::from_micros(20) },
    WaitStrategy::Park,
];

fn mask_of(worker: &WorkerProxy) -> Vec<usize> {
    let (sent, mask) = channel();
    let sends = worker.run(Box::new(move |_| {
        sent.send(allowed_cpus()).unwrap();
        0
    }));
    assert_eq!(outcome(sends), Ok(0));
    receive(&mask)
}

#[test]
fn a_pinned_runner_runs_on_its_cpu_and_nothing_else_is_bound() {
    let cpus = allowed_cpus();
    for pinning in [Pinning::Require, Pinning::Prefer] {
        for cpu in cpus.iter().copied().take(4) {
            let runner = Runner::named("a").cpu(cpu).pinning(pinning);
            let engine = quiet().runner(runner).runner(Runner::named("b")).start().unwrap();
            let spawn = |on| engine.spawn(on, Worker::default).on(on).start().unwrap();
            assert_eq!(mask_of(&spawn("a")), [cpu]);
            assert_eq!(mask_of(&spawn("b")), cpus);
            assert_eq!(allowed_cpus(), cpus);
        }
    }
    let runner = Runner::named("set").cpus(cpus.iter().copied()).pinning(Pinning::Require);
    let engine = quiet().runner(runner).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert_eq!(mask_of(&worker), cpus);
}

#[test]
fn a_runner_added_by_a_pinned_one_does_not_inherit_its_cpu() {
    let cpus = allowed_cpus();
    let runner = Runner::named("a").cpu(cpus[0]).pinning(Pinning::Require);
    let engine = quiet().runner(runner).start().unwrap();
    let parent = engine.spawn("parent", Worker::default).start().unwrap();
    let handle = engine.handle();
    let adds = parent.run(Box::new(move |_| {
        handle.add_runner(Runner::named("b")).unwrap();
        0
    }));
    assert_eq!(outcome(adds), Ok(0));
    let child = engine.spawn("child", Worker::default).on("b").start().unwrap();
    assert_eq!(mask_of(&child), cpus);
}

#[test]
fn a_cpu_that_is_not_there_is_an_error_that_lists_the_others() {
    let engine = quiet().start().unwrap();
    for pinning in [Pinning::Require, Pinning::Prefer] {
        for cpu in [5000, usize::MAX] {
            let runner = Runner::named("a").cpu(cpu).pinning(pinning);
            let error = engine.add_runner(runner).unwrap_err();
            let StartError::Pin(pin) = &error else { panic!("{error}") };
            assert_eq!((pin.runner.as_str(), pin.wanted.as_slice()), ("a", &[cpu][..]));
            assert_eq!(pin.allowed, allowed_cpus());
            assert!(error.to_string().contains(&cpu.to_string()), "{error}");
        }
    }
    engine.add_runner(Runner::named("a").cpu(5000).pinning(Pinning::Off)).unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert_eq!(mask_of(&worker), allowed_cpus());
}

#[test]
fn runners_that_share_a_cpu_do_not_spin_and_the_engine_says_so() {
    let events = Events::default();
    let cpu = allowed_cpus()[0];
    let runner = |name| Runner::named(name).cpu(cpu).wait(WaitStrategy::Spin);
    let engine = events.builder().runner(runner("a")).runner(runner("b")).start().unwrap();
    let said = events.all();
    let [event @ Event::Spinning { spinning, downgraded }] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert!(spinning.is_empty(), "{event}");
    assert_eq!(downgraded.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    assert!(downgraded.iter().all(|(_, reason)| event.to_string().contains(reason)), "{event}");
    let worker = engine.spawn("worker", Worker::default).on("b").start().unwrap();
    assert_eq!(outcome(worker.push(1)), Ok(1));
}

#[test]
fn options_that_the_kernel_refuses_are_named() {
    let engine = quiet().start().unwrap();
    let error = engine.add_runner(Runner::named("a").fifo_priority(-1)).unwrap_err();
    let StartError::Option { runner, option, .. } = &error else { panic!("{error}") };
    assert_eq!((runner.as_str(), option.as_str()), ("a", "fifo_priority(-1)"));
}

#[test]
fn thread_options_are_in_force() {
    let (sent, names) = channel();
    let hook = move || sent.send(std::thread::current().name().map(String::from)).unwrap();
    let runner = Runner::named("a").thread_name("mine").nice(5).stack_bytes(1 << 20).on_start(hook);
    let engine = quiet().runner(runner).start().unwrap();
    assert_eq!(names.try_recv(), Ok(Some("mine".into())), "start waits for the hook");
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert_eq!(outcome(worker.push(1)), Ok(1));
}

#[test]
fn every_strategy_serves_pinned_or_not() {
    let cpus = allowed_cpus();
    for strategy in STRATEGIES {
        for pinning in [Pinning::Prefer, Pinning::Off] {
            // The last CPU, so as not to share one with the other tests' runners.
            let runner = Runner::named(strategy.name()).cpu(cpus[cpus.len() - 1]);
            let runner = runner.pinning(pinning).wait(strategy);
            let engine = quiet().runner(runner).start().unwrap();
            let worker = engine.spawn("worker", Worker::default).start().unwrap();
            for n in 1..=200 {
                assert_eq!(outcome(worker.push(n)), Ok(n as usize), "{strategy:?}");
            }
            engine.join();
        }
    }
}

#[test]
fn more_objects_than_a_spinning_runner_polls_are_all_heard() {
    for strategy in STRATEGIES {
        let engine = quiet().runner(Runner::named("a").wait(strategy)).start().unwrap();
        let spawn = |_| engine.spawn_unnamed(Worker::default).start().unwrap();
        let workers: Vec<_> = (0..30).map(spawn).collect();
        for round in 1..=20 {
            for worker in &workers {
                assert_eq!(outcome(worker.push(0)), Ok(round), "{strategy:?}");
            }
        }
    }
}

/// Whether a thread of this process sleeps in the kernel.
#[cfg(target_os = "linux")]
fn sleeps(thread: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'))
}

#[cfg(target_os = "linux")]
#[test]
fn a_runner_that_sleeps_is_woken_by_calls_tells_batches_and_stops() {
    use mainspring::Reply;
    let can_sleep = |strategy: &WaitStrategy| {
        !matches!(strategy, WaitStrategy::Spin | WaitStrategy::SpinThenYield { .. })
    };
    for strategy in STRATEGIES.into_iter().filter(can_sleep) {
        let (sent, ids) = channel();
        let hook = move || sent.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        let runner = Runner::named("a").wait(strategy).on_start(hook);
        let engine = quiet().runner(runner).start().unwrap();
        let id = receive(&ids);
        let asleep = || eventually("the runner sleeps", || sleeps(id));
        let worker = engine.spawn("worker", Worker::default).start().unwrap();
        let single = engine.spawn("single", Worker::default).single_producer().start().unwrap();
        for round in 1..=50 {
            asleep();
            assert_eq!(outcome(worker.push(0)), Ok(2 * round - 1), "{strategy:?}");
            asleep();
            assert_eq!(outcome(single.push(0)), Ok(3 * round - 2), "{strategy:?}");
            asleep();
            worker.tell().push(0).unwrap();
            asleep();
            let push = |number| WorkerRequest::Push { number, reply: Reply::none() };
            assert_eq!(single.handle().tell_batch(&mut [0, 0].into_iter().map(push)).unwrap(), 2);
            eventually("the batch is served", || single.queued() == 0);
        }
        asleep();
        Proxy::stop(&worker);
        eventually("it has gone", || engine.len() == 1);
        asleep();
        engine.stop();
        assert!(engine.join_timeout(DEADLINE), "{strategy:?}");
    }
}

#[test]
fn callers_wait_by_every_strategy_and_within_their_limits() {
    for strategy in STRATEGIES {
        let engine = quiet().runner(Runner::named("a")).caller_wait(strategy).start().unwrap();
        let worker = engine.spawn("worker", Worker::default).start().unwrap();
        for n in 1..=200 {
            assert_eq!(worker.push(n).get(), Ok(n as usize), "{strategy:?}");
        }
        let stuck = Stuck::new(&worker);
        let mut late = worker.push(0);
        let limit = Duration::from_millis(2);
        assert_eq!(late.get_timeout(limit), Err(WaitError::TimedOut), "{strategy:?}");
        drop(stuck.release());
        assert_eq!(outcome(late), Ok(201), "{strategy:?}");
    }
}

#[test]
fn a_thread_that_cannot_be_made_is_an_error() {
    let engine = quiet().start().unwrap();
    let error = engine.add_runner(Runner::named("a").stack_bytes(1 << 60)).unwrap_err();
    let StartError::Thread { runner, .. } = &error else { panic!("{error}") };
    assert_eq!(runner, "a");
    assert!(engine.runners().is_empty());
    engine.add_runner(Runner::named("a")).unwrap();
}
