//! Stopping an engine phase by phase.

mod common;

use common::{DEADLINE, NOT_STARTED, Stuck, Worker, one_runner, outcome, quiet, receive};
use mainspring::prelude::*;
use mainspring::{ExitReason, StartError};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// Tells when it has served its last request, before it leaves.
struct Stage {
    name: &'static str,
    tell: Sender<&'static str>,
}

#[active]
impl Stage {
    pub fn run(&mut self, job: Box<dyn FnOnce() -> u64 + Send>) -> u64 {
        job()
    }

    #[active(on_stop)]
    fn end(&self) {
        self.tell.send(self.name).unwrap();
    }
}

#[test]
fn phases_end_one_after_the_other_and_drain_into_later_ones() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let (tell, told) = channel();
    let stage = |name: &'static str, runner| {
        let tell = tell.clone();
        engine.spawn(name, move || Stage { name, tell }).on(runner)
    };
    let sink = stage("sink", "a").phase(255).start().unwrap();
    let _middle = [stage("middle", "a"), stage("middle too", "b")].map(|s| s.start().unwrap());
    let source = stage("source", "b").phase(0).start().unwrap();
    // Both still to be served when the shutdown begins.
    let (door, is_open) = channel();
    let (entered, has_entered) = channel();
    let stuck = source.run(Box::new(move || {
        entered.send(()).unwrap();
        is_open.recv().unwrap()
    }));
    receive(&has_entered);
    let to = sink.clone();
    let last = source.run(Box::new(move || {
        to.run(Box::new(|| 1)).detach();
        2
    }));
    let stopping = thread::spawn({
        let engine = engine.handle();
        move || engine.stop_in_phases(DEADLINE)
    });
    common::eventually("the first phase is closed", || source.is_stopped());
    assert!(!sink.is_stopped());
    let late = stage("late", "a").phase(0).start();
    assert!(matches!(late, Err(StartError::EngineStopped)));
    let in_time = stage("in time", "a").phase(9).start().unwrap();
    door.send(7).unwrap();
    assert_eq!((outcome(stuck), outcome(last)), (Ok(7), Ok(2)), "accepted, so served");
    assert!(stopping.join().unwrap());
    assert_eq!(in_time.wait_exit(DEADLINE).unwrap().reason, ExitReason::Stopped);
    let mut ended: Vec<_> = told.try_iter().collect();
    // Those of one phase end in any order.
    ended[2..4].sort_unstable();
    assert_eq!(ended, ["source", "in time", "middle", "middle too", "sink"]);
    assert!(engine.is_empty());
    engine.join();
}

#[test]
fn what_does_not_leave_in_time_is_aborted_and_the_next_phase_begins() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let slow = engine.spawn("slow", Worker::default).on("a").phase(1).start().unwrap();
    let next = engine.spawn("next", Worker::default).on("b").phase(2).start().unwrap();
    let stuck = Stuck::new(&slow);
    let behind = slow.push(1);
    assert!(!engine.stop_in_phases(Duration::from_millis(1)));
    assert_eq!(outcome(behind), Err(NOT_STARTED));
    assert_eq!(next.wait_exit(DEADLINE).unwrap().reason, ExitReason::Stopped);
    assert!(slow.exit().is_none(), "its method has not returned");
    let call = stuck.release();
    assert_eq!(outcome(call), Err(CallError::Stopped { started: true }));
    assert_eq!(slow.wait_exit(DEADLINE).unwrap().reason, ExitReason::Aborted);
    engine.join();
}

#[test]
fn on_one_of_its_own_runners_it_only_stops() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let handle = engine.handle();
    let stopped = worker.run(Box::new(move |_| u64::from(handle.stop_in_phases(DEADLINE))));
    assert_eq!(outcome(stopped), Ok(0));
    assert!(worker.wait_exit(DEADLINE).is_some());
    engine.join();
}

#[test]
fn an_engine_without_objects_has_no_phases() {
    let engine = one_runner();
    assert!(engine.stop_in_phases(Duration::ZERO));
    assert!(matches!(
        engine.spawn("late", Worker::default).start(),
        Err(StartError::EngineStopped)
    ));
    engine.join();
}

#[test]
fn a_fan_out_s_sleepers_are_woken_before_a_phase_is_waited_for() {
    let engine = one_runner();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert!(mainspring::fan_out(|| engine.stop_in_phases(DEADLINE)));
    assert!(worker.exit().is_some() || worker.wait_exit(DEADLINE).is_some());
    engine.join();
}
