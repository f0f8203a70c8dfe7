//! Rules that meet: restarts with lanes, with calls that are waited for, with answers that are owed.

mod common;

use common::*;
use mainspring::prelude::*;
use mainspring::{ExitReason, Parked, Restart};
use std::time::{Duration, Instant};

struct Clerk {
    served: Vec<u32>,
    helper: Option<WorkerProxy>,
}

#[active]
impl Clerk {
    pub fn fail(&self) {
        std::panic::panic_any("as it was told to");
    }

    pub fn serve(&mut self, number: u32) -> Vec<u32> {
        self.served.push(number);
        self.served.clone()
    }

    #[active(priority = urgent)]
    pub fn hurry(&mut self, number: u32) -> Vec<u32> {
        self.serve(number)
    }

    /// Answers when its helper has.
    pub fn ask(&mut self, cx: &mut Context<Self>) -> Later<usize> {
        let (later, reply) = cx.later();
        if let Some(helper) = &self.helper {
            cx.then(helper.push(1), move |_, _, outcome| {
                if let Ok(length) = outcome {
                    reply.send(length);
                }
            });
        }
        later
    }

    /// Fails in a second, in a timer.
    pub fn fail_later(&mut self, cx: &mut Context<Self>) {
        cx.after(Duration::from_secs(1), |_, _| std::panic::panic_any("as it was told to"));
    }

    pub fn waiting(&self, cx: &mut Context<Self>) -> usize {
        cx.waiting()
    }
}

/// Two loops by hand, each with an object: one that restarts after a second, and its helper.
struct Lab {
    now: Instant,
    desk: Scheduler,
    back: Scheduler,
    clerk: ClerkProxy,
    engine: Engine,
}

impl Lab {
    fn new() -> Self {
        let engine = quiet().start().unwrap();
        let desk = engine.invoker("desk").unwrap();
        let back = engine.invoker("back").unwrap();
        let helper = engine.spawn("helper", Worker::default).on("back").start().unwrap();
        let (second, now) = (Duration::from_secs(1), Instant::now());
        let make = move || Clerk { served: Vec::new(), helper: Some(helper.clone()) };
        let clerk = engine.spawn("clerk", make).on("desk");
        let clerk = clerk.restart_on_panic(Restart::new().backoff(second, second));
        Self { now, desk, back, clerk: clerk.start().unwrap(), engine }
    }

    /// Turns the clerk's loop until it rests; returns how much that was.
    fn turn(&mut self) -> usize {
        let Self { desk, now, .. } = self;
        std::iter::repeat_with(|| desk.turn(*now)).take_while(|work| *work > 0).sum()
    }

    fn turn_back(&mut self) {
        while self.back.turn(self.now) > 0 {}
    }
}

/// Sends from another thread: this one's calls would take the way of a runner's own.
fn elsewhere<T: Send>(send: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(send).join().unwrap())
}

#[test]
fn a_suspended_object_serves_no_lane_and_lets_its_runner_sleep() {
    let mut lab = Lab::new();
    let clerk = &lab.clerk;
    let (failed, mut normal, mut urgent) =
        elsewhere(|| (clerk.fail(), clerk.serve(1), clerk.hurry(2)));
    lab.turn();
    // The urgent one went first; the panic came next.
    assert_eq!(urgent.try_get().unwrap().unwrap(), [2]);
    assert!(matches!(outcome(failed), Err(CallError::Panicked { .. })));
    let clerk = &lab.clerk;
    let mut late = elsewhere(|| clerk.hurry(3));
    let mut behind = elsewhere(|| clerk.with(Options::new().priority(Priority::Bulk)).serve(4));
    lab.turn();
    assert!(normal.try_get().is_none() && late.try_get().is_none(), "nobody is there to serve");
    // Within the clock that turns are given: the restart's time, not at once.
    let mut parked = lab.desk.park();
    for _ in 0..3 {
        if parked != Parked::No {
            break;
        }
        lab.turn();
        parked = lab.desk.park();
    }
    let Parked::Until(Some(until)) = parked else {
        panic!("it can sleep until the restart: {parked:?}")
    };
    assert!(until > lab.now);
    lab.now += Duration::from_secs(2);
    lab.turn();
    assert_eq!(late.try_get().unwrap().unwrap(), [3], "by a new servant, the urgent one first");
    assert_eq!(normal.try_get().unwrap().unwrap(), [3, 1]);
    assert_eq!(behind.try_get().unwrap().unwrap(), [3, 1, 4]);
}

#[test]
fn a_restart_forgets_what_the_old_servant_waited_for() {
    let mut lab = Lab::new();
    let (mut asked, failed) = (lab.clerk.ask(), lab.clerk.fail());
    lab.turn();
    assert!(matches!(outcome(failed), Err(CallError::Panicked { .. })));
    assert_eq!(asked.try_get(), Some(Err(CallError::Dropped)), "nobody will answer it");
    // The helper's answer comes to nobody, and harms nobody.
    lab.turn_back();
    lab.turn();
    lab.now += Duration::from_secs(2);
    lab.turn();
    let mut waiting = lab.clerk.waiting();
    let mut again = lab.clerk.ask();
    lab.turn();
    lab.turn_back();
    lab.turn();
    assert_eq!(waiting.try_get(), Some(Ok(0)));
    assert_eq!(again.try_get(), Some(Ok(2)), "the new servant's own question");
}

#[test]
fn a_stop_in_a_delay_serves_every_lane_and_ends() {
    let mut lab = Lab::new();
    let clerk = &lab.clerk;
    let failed = elsewhere(|| clerk.fail());
    lab.turn();
    assert!(matches!(outcome(failed), Err(CallError::Panicked { .. })));
    let clerk = &lab.clerk;
    let (normal, urgent) = elsewhere(|| (clerk.serve(1), clerk.hurry(2)));
    lab.clerk.stop();
    for _ in 0..4 {
        lab.turn();
        lab.desk.park();
    }
    assert_eq!(outcome(urgent).unwrap(), [2]);
    assert_eq!(outcome(normal).unwrap(), [2, 1]);
    assert_eq!(lab.clerk.exit().map(|exit| exit.reason), Some(ExitReason::Stopped));
    assert_eq!(lab.engine.len(), 1, "the helper");
}

#[test]
fn an_abort_ends_what_is_owed_waited_for_and_queued_in_every_lane() {
    let mut lab = Lab::new();
    let asked = lab.clerk.ask();
    lab.turn();
    let clerk = &lab.clerk;
    let (normal, urgent) = elsewhere(|| (clerk.serve(1), clerk.hurry(2)));
    lab.clerk.abort();
    assert_eq!(outcome(normal), Err(NOT_STARTED));
    assert_eq!(outcome(urgent), Err(NOT_STARTED));
    assert_eq!(outcome(asked), Err(CallError::Stopped { started: true }));
    for _ in 0..4 {
        lab.turn();
        lab.desk.park();
    }
    assert_eq!(lab.clerk.exit().map(|exit| exit.reason), Some(ExitReason::Aborted));
    lab.turn_back();
}

/// The object stays behind its stop for a call alone; its failing timer lets go of that call.
#[test]
fn a_stopped_object_that_fails_while_it_waits_for_a_call_ends() {
    for restarts in [true, false] {
        let mut lab = Lab::new();
        if !restarts {
            let helper = lab.engine.find::<Worker>("helper").unwrap();
            let make = move || Clerk { served: Vec::new(), helper: Some(helper.clone()) };
            lab.clerk = lab.engine.spawn("plain clerk", make).on("desk").start().unwrap();
        }
        let (asked, armed) = (lab.clerk.ask(), lab.clerk.fail_later());
        lab.turn();
        assert_eq!(outcome(armed), Ok(()));
        lab.clerk.stop();
        for _ in 0..4 {
            lab.turn();
            lab.desk.park();
        }
        assert_eq!(lab.clerk.exit(), None, "it waits for its helper");
        lab.now += Duration::from_secs(2);
        for _ in 0..4 {
            lab.turn();
            lab.desk.park();
        }
        assert!(lab.clerk.exit().is_some(), "restarts: {restarts}");
        assert!(outcome(asked).is_err());
        lab.turn_back();
    }
}
