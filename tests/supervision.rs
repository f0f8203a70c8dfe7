//! What follows a panic: stop, resume, restart with its delays, and objects that restart together.

mod common;

use common::{DEADLINE, Events, NOT_STARTED, outcome, receive};
use mainspring::prelude::*;
use mainspring::{EngineHandle, Event, ExitReason, Recovery, Restart, Supervisor, WaitStrategy};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Tells what happens to it, and fails on demand. Its state may not leave the thread.
struct Frail {
    made: usize,
    seen: Rc<Vec<u64>>,
    tell: Sender<(usize, &'static str)>,
    /// The servants that fail when they begin.
    fails_at_start: fn(usize) -> bool,
    limit: u64,
}

#[active]
impl Frail {
    /// Adds a number; all of them, in order, with the servant's number in front.
    pub fn add(&mut self, number: u64) -> (usize, Vec<u64>) {
        Rc::make_mut(&mut self.seen).push(number);
        (self.made, self.seen.to_vec())
    }

    pub fn fail(&mut self) {
        Rc::make_mut(&mut self.seen).push(666);
        panic!("as told");
    }

    /// Waits until the limit is raised.
    #[active(guard = is_below)]
    pub fn within(&mut self, number: u64) -> (usize, u64) {
        (self.made, number)
    }

    fn is_below(&self, number: &u64) -> bool {
        *number <= self.limit
    }

    pub fn raise(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The same, for a request that panics as soon as it may run.
    #[active(guard = is_below)]
    pub fn fail_within(&mut self, number: u64) {
        panic!("{number}: as told");
    }

    pub fn tick(&mut self, cx: &mut Context<Self>, period: Duration) {
        cx.every(period, Missed::Skip, |me, _| {
            me.tell.send((me.made, "tick")).unwrap();
            assert!(me.limit != 13, "a bad tick");
        });
    }

    #[active(on_start)]
    fn begin(&mut self) {
        let _ = self.tell.send((self.made, "start"));
        assert!(!(self.fails_at_start)(self.made), "no start");
    }

    #[active(on_batch_end)]
    fn flush(&mut self) {
        let _ = self.tell.send((self.made, "batch end"));
    }

    #[active(on_stop)]
    fn end(&mut self) {
        let _ = self.tell.send((self.made, "stop"));
    }
}

impl Drop for Frail {
    fn drop(&mut self) {
        let _ = self.tell.send((self.made, "drop"));
    }
}

/// A factory of them that fails where it is told to, and what they tell.
fn frail(
    fails: fn(usize) -> bool,
    fails_at_start: fn(usize) -> bool,
) -> (impl FnMut() -> Result<Frail, String> + Send, Receiver<(usize, &'static str)>) {
    let (tell, told) = channel();
    let mut made = 0;
    let factory = move || {
        made += 1;
        if fails(made) {
            return Err(format!("no number {made}"));
        }
        let (seen, tell) = (Rc::default(), tell.clone());
        Ok(Frail { made, seen, tell, fails_at_start, limit: 10 })
    };
    (factory, told)
}

const fn never(_: usize) -> bool {
    false
}

const AT_ONCE: Restart = Restart::new().backoff(Duration::ZERO, Duration::ZERO);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An engine turned by hand, with a clock of its own.
struct Lab {
    events: Events,
    engine: Engine,
    scheduler: Scheduler,
    start: Instant,
}

impl Lab {
    fn new() -> Self {
        let events = Events::default();
        let engine = events.builder().start().unwrap();
        let scheduler = engine.invoker("loop").unwrap();
        Self { events, engine, scheduler, start: Instant::now() }
    }

    /// Turns at that time until nothing is left to do.
    fn turn(&mut self, at: Duration) {
        // An object that is idle is looked at once more when it may be cooled.
        for moment in 0..3 {
            let now = self.start + at + Duration::from_micros(100) * moment;
            while self.scheduler.turn(now) > 0 {}
        }
    }

    fn frail(&self, restart: Restart) -> (FrailProxy, Receiver<(usize, &'static str)>) {
        let (factory, told) = frail(never, never);
        let spawn = self.engine.spawn("frail", factory).on("loop").restart_on_panic(restart);
        (spawn.start().unwrap(), told)
    }

    /// What was said to follow each failure.
    fn recoveries(&self) -> Vec<Recovery> {
        let next = |event| match event {
            Event::Panicked { next, .. } | Event::RestartFailed { next, .. } => Some(next),
            _ => None,
        };
        self.events.all().into_iter().filter_map(next).collect()
    }

    fn restarts(&self) -> usize {
        let all = self.events.all();
        all.iter().filter(|event| matches!(event, Event::Restarted { .. })).count()
    }
}

/// From another thread, so through the mailbox.
fn far<R: Send>(send: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(send).join().unwrap())
}

fn is_panic<R>(outcome: Option<Result<R, CallError>>) -> bool {
    matches!(outcome, Some(Err(CallError::Panicked { .. })))
}

#[test]
fn a_restart_at_once_keeps_queue_and_order_and_rebuilds_the_state() {
    for is_far in [true, false] {
        let mut lab = Lab::new();
        let (frail, told) = lab.frail(AT_ONCE);
        let send = || {
            let first = frail.add(1);
            (first, frail.fail(), frail.add(2), frail.add(3))
        };
        let (mut first, mut failed, mut second, mut third) =
            if is_far { far(send) } else { send() };
        lab.turn(ms(0));
        assert_eq!(first.try_get(), Some(Ok((1, vec![1]))));
        assert!(is_panic(failed.try_get()), "told, and not repeated");
        assert_eq!(second.try_get(), Some(Ok((2, vec![2]))));
        assert_eq!(third.try_get(), Some(Ok((2, vec![2, 3]))));
        let told: Vec<_> = told.try_iter().collect();
        assert_eq!(told, [(1, "start"), (1, "drop"), (2, "start"), (2, "batch end")]);
        assert_eq!(lab.recoveries(), [Recovery::Restarts { after: ms(0) }]);
        assert_eq!(lab.restarts(), 1);
        assert!(!frail.is_stopped());
    }
}

#[test]
fn during_a_delay_nothing_is_served_polled_or_lost() {
    for is_far in [true, false] {
        let mut lab = Lab::new();
        let (frail, told) = lab.frail(Restart::new().backoff(ms(10), ms(100)));
        let fail = || frail.fail();
        let mut failed = if is_far { far(fail) } else { fail() };
        lab.turn(ms(0));
        assert!(is_panic(failed.try_get()));
        let wake = lab.scheduler.next_timer().expect("a timer ends the delay");
        assert!(wake <= lab.start + ms(11), "{:?}", wake - lab.start);
        assert_eq!(lab.scheduler.hot_len(), 0, "not polled");
        let rings = || lab.engine.wakeups("loop").unwrap().rings;
        let before = rings();
        let add = || [frail.add(1), frail.add(2)];
        let mut added = if is_far { far(add) } else { add() };
        assert_eq!(rings(), before, "whoever calls doesn't ring");
        lab.turn(ms(9));
        assert_eq!(lab.scheduler.hot_len(), 0);
        assert_eq!(added[0].try_get(), None);
        assert_eq!(told.try_iter().last(), Some((1, "drop")));
        lab.turn(ms(11));
        assert_eq!(added[0].try_get(), Some(Ok((2, vec![1]))));
        assert_eq!(added[1].try_get(), Some(Ok((2, vec![1, 2]))));
        // Hot, cold and rung for as before.
        lab.turn(ms(20));
        let mut call = far(|| frail.add(3));
        lab.turn(ms(30));
        assert_eq!(call.try_get(), Some(Ok((2, vec![1, 2, 3]))));
    }
}

#[test]
fn a_suspended_object_s_mailbox_fills_up_and_refuses_then() {
    let mut lab = Lab::new();
    let (factory, _told) = frail(never, never);
    let spawn = lab.engine.spawn("frail", factory).on("loop").capacity(2);
    let frail = spawn.restart_on_panic(Restart::new().backoff(ms(10), ms(10))).start().unwrap();
    frail.fail().detach();
    lab.turn(ms(0));
    let mut calls = far(|| [frail.add(1), frail.add(2), frail.add(3)]);
    assert_eq!(calls[2].try_get(), Some(Err(CallError::Full)));
    lab.turn(ms(20));
    assert_eq!(calls.map(|mut call| call.try_get().unwrap().is_ok()), [true, true, false]);
}

#[test]
fn delays_double_and_the_last_restart_is_followed_by_the_end() {
    let mut lab = Lab::new();
    let (frail, told) = lab.frail(Restart::new().times(3).backoff(ms(10), ms(30)));
    let mut at = ms(0);
    for delay in [10, 20, 30] {
        frail.fail().detach();
        lab.turn(at);
        assert_eq!(lab.recoveries().pop(), Some(Recovery::Restarts { after: ms(delay) }));
        at += ms(delay + 1);
        lab.turn(at);
    }
    assert_eq!(lab.restarts(), 3);
    let (mut failed, mut behind) = far(|| (frail.fail(), frail.add(1)));
    lab.turn(at);
    lab.turn(at + ms(1));
    assert!(is_panic(failed.try_get()));
    assert_eq!(behind.try_get(), Some(Err(NOT_STARTED)));
    assert_eq!(lab.recoveries().pop(), Some(Recovery::GivesUp));
    let exit = frail.exit().expect("it has ended");
    let failure = "its method fail panicked: as told".into();
    assert_eq!(exit.reason, ExitReason::RestartsExhausted { failure });
    assert!(lab.scheduler.is_empty() && lab.engine.is_empty());
    assert_eq!(told.try_iter().filter(|(_, what)| *what == "stop").count(), 0, "no on_stop");
}

#[test]
fn a_window_that_has_passed_gives_the_restarts_anew() {
    let mut lab = Lab::new();
    let (frail, _told) = lab.frail(Restart::new().times(1).within(ms(100)).backoff(ms(0), ms(0)));
    for at in [0, 100, 200] {
        frail.fail().detach();
        lab.turn(ms(at));
        assert!(!frail.is_stopped(), "at {at} ms");
    }
    frail.fail().detach();
    lab.turn(ms(250));
    assert!(frail.is_stopped());
}

#[test]
fn a_factory_or_on_start_that_fails_on_a_restart_is_another_failure() {
    for is_factory in [true, false] {
        let mut lab = Lab::new();
        let is_early = |made| (2..4).contains(&made);
        let (factory, told) =
            if is_factory { frail(is_early, never) } else { frail(never, is_early) };
        let spawn = lab.engine.spawn("frail", factory).on("loop");
        let frail = spawn.restart_on_panic(Restart::new().backoff(ms(0), ms(0))).start().unwrap();
        let (mut failed, mut kept) = far(|| (frail.fail(), frail.add(1)));
        lab.turn(ms(0));
        assert!(is_panic(failed.try_get()));
        assert_eq!(kept.try_get(), None, "what fails at once is not tried again at once");
        lab.turn(ms(10));
        lab.turn(ms(20));
        assert_eq!(kept.try_get(), Some(Ok((4, vec![1]))));
        let least = lab.recoveries()[1];
        assert!(matches!(least, Recovery::Restarts { after } if after > ms(0)), "{least:?}");
        assert_eq!((lab.recoveries().len(), lab.restarts()), (3, 1));
        drop(told);
    }
}

#[test]
fn a_factory_that_never_works_again_ends_the_object() {
    let mut lab = Lab::new();
    let (factory, _told) = frail(|made| made > 1, never);
    let spawn = lab.engine.spawn("frail", factory).on("loop");
    let frail =
        spawn.restart_on_panic(Restart::new().times(3).backoff(ms(1), ms(1))).start().unwrap();
    let mut kept = far(|| {
        frail.fail().detach();
        frail.add(1)
    });
    (0..10).for_each(|at| lab.turn(ms(10 * at)));
    assert_eq!(kept.try_get(), Some(Err(NOT_STARTED)));
    let failure = "its factory failed: no number 4".into();
    assert_eq!(frail.exit().unwrap().reason, ExitReason::RestartsExhausted { failure });
}

#[test]
fn a_factory_that_panics_on_a_restart_is_caught() {
    let mut lab = Lab::new();
    let mut made = 0;
    let (tell, _told) = channel();
    let factory = move || {
        made += 1;
        assert!(made != 2, "not the second");
        let (seen, tell) = (Rc::default(), tell.clone());
        Frail { made, seen, tell, fails_at_start: never, limit: 10 }
    };
    let frail =
        lab.engine.spawn("frail", factory).on("loop").restart_on_panic(AT_ONCE).start().unwrap();
    frail.fail().detach();
    lab.turn(ms(0));
    lab.turn(ms(10));
    let mut call = frail.add(1);
    lab.turn(ms(10));
    assert_eq!(call.try_get(), Some(Ok((3, vec![1]))));
}

#[test]
fn timers_and_a_first_on_start_that_panic_restart_too() {
    let mut lab = Lab::new();
    let (factory, told) = frail(never, |made| made == 1);
    let spawn = lab.engine.spawn("frail", factory).on("loop").restart_on_panic(AT_ONCE);
    let frail = spawn.start().unwrap();
    lab.turn(ms(0));
    frail.tick(ms(10)).detach();
    frail.raise(13).detach();
    lab.turn(ms(0));
    // Cold now, so the delay begins while the mailbox is cold.
    lab.turn(ms(11));
    assert!(told.try_iter().any(|told| told == (2, "tick")));
    let mut call = far(|| frail.add(1));
    lab.turn(ms(30));
    assert_eq!(call.try_get(), Some(Ok((3, vec![1]))));
    lab.turn(ms(100));
    assert!(!told.try_iter().any(|(_, what)| what == "tick"), "its timers went with it");
    assert_eq!(lab.scheduler.next_timer(), None);
}

#[test]
fn a_cold_object_suspended_by_its_timer_is_woken_served_and_stopped_as_others_are() {
    for is_stopped in [false, true] {
        let mut lab = Lab::new();
        let (frail, _told) = lab.frail(Restart::new().backoff(ms(1000), ms(1000)));
        frail.tick(ms(10)).detach();
        frail.raise(13).detach();
        lab.turn(ms(0));
        // Cools it: a runner that isn't driven by hand does that before it parks.
        lab.turn(ms(5));
        assert_eq!(lab.scheduler.hot_len(), 0);
        lab.turn(ms(11));
        let mut call = far(|| frail.add(1));
        lab.turn(ms(500));
        assert_eq!((call.try_get(), lab.scheduler.hot_len()), (None, 0));
        if is_stopped {
            frail.stop();
            lab.turn(ms(501));
        }
        lab.turn(ms(2000));
        assert_eq!(call.try_get(), Some(Ok((2, vec![1]))));
        assert_eq!(frail.exit().is_some(), is_stopped);
    }
}

#[test]
fn a_stop_does_not_wait_for_the_delay() {
    let ends: [fn(&FrailProxy, &EngineHandle); 3] = [
        |frail, _| frail.stop(),
        |_, engine| engine.stop(),
        |_, engine| engine.stop_runner("loop").unwrap(),
    ];
    for (end, is_far) in ends.iter().flat_map(|end| [(end, true), (end, false)]) {
        let mut lab = Lab::new();
        let (frail, told) = lab.frail(Restart::new().backoff(ms(1_000_000), ms(1_000_000)));
        let call = || {
            frail.fail().detach();
            frail.add(1)
        };
        let mut kept = if is_far { far(call) } else { call() };
        lab.turn(ms(0));
        assert_eq!((kept.try_get(), lab.scheduler.hot_len()), (None, 0));
        end(&frail, &lab.engine);
        lab.turn(ms(1));
        lab.turn(ms(2));
        assert_eq!(kept.try_get(), Some(Ok((2, vec![1]))), "what was accepted is served");
        assert_eq!(frail.exit().unwrap().reason, ExitReason::Stopped);
        assert_eq!(told.try_iter().filter(|told| *told == (2, "stop")).count(), 1);
    }
}

#[test]
fn an_abort_ends_what_waits_for_a_new_servant_and_the_object() {
    let mut lab = Lab::new();
    let (frail, told) = lab.frail(Restart::new().backoff(ms(1_000_000), ms(1_000_000)));
    let mut kept = far(|| {
        frail.fail().detach();
        frail.add(1)
    });
    lab.turn(ms(0));
    frail.abort();
    assert_eq!(kept.try_get(), Some(Err(NOT_STARTED)), "before any turn");
    lab.turn(ms(1));
    lab.turn(ms(2));
    assert_eq!(frail.exit().unwrap().reason, ExitReason::Aborted);
    assert_eq!(told.try_iter().map(|(made, _)| made).max(), Some(1), "no servant for that");
    assert_eq!(lab.scheduler.next_timer(), None);
}

#[test]
fn a_suspended_object_without_proxies_is_restarted_and_ends() {
    let mut lab = Lab::new();
    let (frail, told) = lab.frail(Restart::new().backoff(ms(10), ms(10)));
    let (tell, exits) = channel();
    frail.on_exit(move |exit| tell.send(exit).unwrap());
    let mut kept = far(|| {
        frail.fail().detach();
        frail.add(1)
    });
    lab.turn(ms(0));
    drop(frail);
    lab.turn(ms(20));
    lab.turn(ms(21));
    assert_eq!(kept.try_get(), Some(Ok((2, vec![1]))));
    assert_eq!(exits.try_recv().unwrap().reason, ExitReason::Deserted);
    assert!(told.try_iter().any(|told| told == (2, "stop")));
}

#[test]
fn a_panic_while_an_object_drains_restarts_it_without_delay_once_for_each() {
    let mut lab = Lab::new();
    let (frail, _told) = lab.frail(Restart::new().backoff(ms(1_000_000), ms(1_000_000)));
    let (mut failed, mut kept) = far(|| (frail.fail(), frail.add(1)));
    frail.stop();
    lab.turn(ms(0));
    lab.turn(ms(1));
    assert!(is_panic(failed.try_get()));
    assert_eq!(kept.try_get(), Some(Ok((2, vec![1]))));
    assert_eq!(frail.exit().unwrap().reason, ExitReason::Stopped);
    // A factory that fails then isn't waited for.
    let (factory, _told) = self::frail(|made| made > 1, never);
    let spawn = lab.engine.spawn("other", factory).on("loop").restart_on_panic(AT_ONCE);
    let other = spawn.start().unwrap();
    let mut kept = far(|| {
        other.fail().detach();
        other.add(1)
    });
    other.stop();
    lab.turn(ms(2));
    lab.turn(ms(3));
    assert_eq!(kept.try_get(), Some(Err(NOT_STARTED)));
    assert!(matches!(other.exit().unwrap().reason, ExitReason::RestartsExhausted { .. }));
}

#[test]
fn what_waits_for_its_guard_survives_a_restart_in_order_and_is_asked_again() {
    let mut lab = Lab::new();
    let (frail, _told) = lab.frail(Restart::new().backoff(ms(10), ms(10)));
    let (mut waits, mut fails, mut last) = far(|| {
        let waits = [frail.within(11), frail.within(12), frail.within(20)];
        (waits, frail.fail_within(15), frail.within(13))
    });
    lab.turn(ms(0));
    // Lets 11, 12 and then 15 go, which panics: 20 and 13 stay, in this order.
    frail.raise(15).detach();
    lab.turn(ms(1));
    assert_eq!(waits[0].try_get(), Some(Ok((1, 11))));
    assert_eq!(waits[1].try_get(), Some(Ok((1, 12))));
    assert!(is_panic(fails.try_get()));
    lab.turn(ms(20));
    assert_eq!((waits[2].try_get(), last.try_get()), (None, None), "the new limit is 10");
    frail.raise(30).detach();
    lab.turn(ms(21));
    assert_eq!(waits[2].try_get(), Some(Ok((2, 20))));
    assert_eq!(last.try_get(), Some(Ok((2, 13))));
}

#[test]
fn a_deadline_behind_a_guard_holds_across_a_restart() {
    let mut lab = Lab::new();
    let (frail, _told) = lab.frail(AT_ONCE);
    let late = mainspring::Options::new().deadline(lab.start + ms(50));
    let mut waits = far(|| frail.with(late).within(11));
    lab.turn(ms(0));
    frail.fail().detach();
    lab.turn(ms(1));
    assert_eq!(waits.try_get(), None);
    lab.turn(ms(51));
    assert_eq!(waits.try_get(), Some(Err(CallError::Expired)));
}

#[test]
fn a_servant_that_resumes_keeps_its_state_timers_and_guards() {
    let mut lab = Lab::new();
    let (factory, told) = frail(never, never);
    let frail = lab.engine.spawn("frail", factory).on("loop").resume_on_panic().start().unwrap();
    let (mut failed, mut after, mut waits) = far(|| (frail.fail(), frail.add(1), frail.within(13)));
    lab.turn(ms(0));
    assert!(is_panic(failed.try_get()));
    assert_eq!(after.try_get(), Some(Ok((1, vec![666, 1]))));
    frail.tick(ms(10)).detach();
    frail.raise(13).detach();
    lab.turn(ms(1));
    assert_eq!(waits.try_get(), Some(Ok((1, 13))));
    for at in [12, 23, 34] {
        lab.turn(ms(at));
        assert_eq!(told.try_iter().filter(|told| *told == (1, "tick")).count(), 1, "at {at} ms");
    }
    assert!(lab.recoveries().iter().all(|next| *next == Recovery::Resumes));
    assert_eq!((lab.recoveries().len(), lab.restarts()), (4, 0));
    frail.stop();
    lab.turn(ms(40));
    lab.turn(ms(41));
    assert_eq!(frail.exit().unwrap().reason, ExitReason::Stopped);
}

#[test]
fn without_a_policy_a_panic_stops_the_object_as_ever() {
    let mut lab = Lab::new();
    let (factory, _told) = frail(never, never);
    let frail = lab.engine.spawn("frail", factory).on("loop").start().unwrap();
    let mut kept = far(|| {
        frail.fail().detach();
        frail.add(1)
    });
    lab.turn(ms(0));
    lab.turn(ms(1));
    assert_eq!(kept.try_get(), Some(Err(NOT_STARTED)));
    let reason = ExitReason::Panicked { method: "fail", message: "as told".into() };
    assert_eq!(frail.exit().unwrap().reason, reason);
    assert_eq!(lab.recoveries(), [Recovery::Stops]);
}

#[test]
fn events_say_what_follows() {
    let text = |next| {
        let (object, message) = ("a".to_owned(), "b".to_owned());
        Event::Panicked { object, method: "m", message, awaited: false, next }.to_string()
    };
    assert_eq!(text(Recovery::Stops), "object \"a\" stops: its method m panicked: b");
    assert_eq!(text(Recovery::GivesUp), "object \"a\" stops for good: its method m panicked: b");
    let restarts = Recovery::Restarts { after: ms(10) };
    assert_eq!(text(restarts), "object \"a\" restarts in 10ms: its method m panicked: b");
    assert_eq!(text(Recovery::Resumes), "object \"a\" goes on: its method m panicked: b");
}

/// Members `a`, `b` and `c` of a supervisor, and which servant each has.
fn members(lab: &Lab, supervisor: &Supervisor) -> [FrailProxy; 3] {
    ["a", "b", "c"].map(|name| {
        let (factory, told) = frail(never, never);
        std::mem::forget(told);
        lab.engine.spawn(name, factory).on("loop").supervised_by(supervisor).start().unwrap()
    })
}

fn servants(lab: &mut Lab, members: &[FrailProxy; 3], at: Duration) -> [usize; 3] {
    let mut calls = [0, 1, 2].map(|member: usize| members[member].add(0));
    lab.turn(at);
    calls.each_mut().map(|call| call.try_get().expect("served").expect("with a result").0)
}

#[test]
fn a_supervisor_restarts_whom_its_strategy_says_with_their_queues() {
    type Strategy = fn(Restart) -> Supervisor;
    let strategies: [(Strategy, [usize; 3]); 3] = [
        (Supervisor::one_for_one, [1, 2, 1]),
        (Supervisor::one_for_all, [2, 2, 2]),
        (Supervisor::rest_for_one, [1, 2, 2]),
    ];
    for (strategy, expected) in strategies {
        for delay in [ms(0), ms(10)] {
            let mut lab = Lab::new();
            let supervisor = strategy(Restart::new().backoff(delay, delay));
            let members = members(&lab, &supervisor);
            lab.turn(ms(0));
            assert_eq!(supervisor.len(), 3);
            members[1].fail().detach();
            lab.turn(ms(1));
            // Meanwhile all accept.
            let mut calls =
                far(|| [0, 1, 2].map(|n: usize| [members[n].add(1), members[n].add(2)]));
            lab.turn(ms(20));
            let results = calls.each_mut().map(|pair| {
                pair[0].try_get().unwrap().unwrap();
                pair[1].try_get().unwrap().unwrap()
            });
            assert_eq!(results.clone().map(|(made, _)| made), expected, "{supervisor:?}");
            assert!(results.iter().all(|(_, seen)| *seen == [1, 2]), "{results:?}");
        }
    }
}

#[test]
fn a_supervisor_s_members_share_one_budget_and_end_together() {
    let mut lab = Lab::new();
    let supervisor = Supervisor::one_for_one(AT_ONCE.times(2));
    let members = members(&lab, &supervisor);
    lab.turn(ms(0));
    members[0].fail().detach();
    members[1].fail().detach();
    lab.turn(ms(1));
    assert_eq!(servants(&mut lab, &members, ms(2)), [2, 2, 1]);
    let (mut behind, mut other) = far(|| {
        members[2].fail().detach();
        (members[2].add(1), members[0].add(1))
    });
    lab.turn(ms(3));
    lab.turn(ms(4));
    assert_eq!(behind.try_get(), Some(Err(NOT_STARTED)));
    assert_eq!(other.try_get(), Some(Ok((2, vec![0, 1]))), "the others drain");
    let reasons = members.each_ref().map(|member| member.exit().unwrap().reason);
    assert_eq!(reasons[..2], [ExitReason::SupervisorGaveUp, ExitReason::SupervisorGaveUp]);
    assert!(matches!(reasons[2], ExitReason::RestartsExhausted { .. }));
    assert!(supervisor.is_empty(), "they are forgotten");
}

#[test]
fn members_that_fail_together_cost_one_restart_and_are_made_anew_once() {
    let mut lab = Lab::new();
    let supervisor = Supervisor::one_for_all(Restart::new().times(1).backoff(ms(10), ms(10)));
    let members = members(&lab, &supervisor);
    lab.turn(ms(0));
    // One turn runs all three before any order is heard.
    far(|| members.iter().for_each(|member| member.fail().detach()));
    lab.turn(ms(1));
    lab.turn(ms(20));
    assert_eq!(servants(&mut lab, &members, ms(21)), [2, 2, 2]);
    let after = ms(10);
    assert_eq!(lab.recoveries(), [Recovery::Restarts { after }; 3]);
    assert_eq!(lab.restarts(), 3);
}

#[test]
fn members_that_ended_or_stop_are_left_alone() {
    let mut lab = Lab::new();
    let supervisor = Supervisor::one_for_all(AT_ONCE);
    let members = members(&lab, &supervisor);
    lab.turn(ms(0));
    members[0].stop();
    lab.turn(ms(1));
    lab.turn(ms(2));
    assert_eq!((supervisor.len(), lab.engine.len()), (2, 2));
    // Closed, and with work left when the order comes.
    let mut draining = far(|| {
        members[2].fail().detach();
        members[1].add(1)
    });
    members[1].stop();
    lab.turn(ms(3));
    assert_eq!(draining.try_get(), Some(Ok((1, vec![1]))));
    let mut call = members[2].add(1);
    lab.turn(ms(4));
    assert_eq!(call.try_get(), Some(Ok((2, vec![1]))));
}

#[test]
fn members_on_many_threads_fail_at_once_and_every_call_ends() {
    const ROUNDS: u64 = 200;
    let engine = Engine::builder().on_event(|_| ());
    let engine = ["a", "b"].into_iter().fold(engine, |e, name| e.runner(Runner::named(name)));
    let engine = engine.start().unwrap();
    let supervisor = Supervisor::one_for_all(AT_ONCE.times(u32::MAX));
    let made = Arc::new(AtomicUsize::new(0));
    let members: Vec<_> = (0..4)
        .map(|n| {
            let (mut factory, told) = frail(never, never);
            let made = made.clone();
            let counted = move || {
                made.fetch_add(1, SeqCst);
                let _ = told.try_iter().count();
                factory()
            };
            let spawn = engine.spawn_unnamed(counted).on(if n % 2 == 0 { "a" } else { "b" });
            spawn.supervised_by(&supervisor).start().unwrap()
        })
        .collect();
    thread::scope(|scope| {
        for member in &members {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (add, fail) = (member.add(round), member.fail());
                    assert!(outcome(add).is_ok());
                    assert!(matches!(outcome(fail), Err(CallError::Panicked { .. })));
                }
            });
        }
    });
    assert!(made.load(SeqCst) > 4 + ROUNDS as usize);
    for member in &members {
        assert!(outcome(member.add(1)).is_ok());
    }
    engine.join();
}

#[test]
fn a_runner_that_never_parks_does_not_keep_a_suspended_object_hot() {
    let engine = common::quiet().start().unwrap();
    let wait = WaitStrategy::SpinThenYield { spin: ms(0) };
    engine.add_runner(Runner::named("a").wait(wait)).unwrap();
    let (factory, told) = frail(never, never);
    let spawn = engine.spawn("frail", factory).on("a").always_hot();
    let frail = spawn.restart_on_panic(Restart::new().backoff(ms(1), ms(1_000_000)));
    let frail = frail.start().unwrap();
    frail.fail().detach();
    while receive(&told) != (2, "start") {}
    assert_eq!(outcome(frail.add(1)), Ok((2, vec![1])));
    let own = frail.clone();
    drop(engine.spawn("caller", || Caller { frail: own }).on("a").start().unwrap().call());
    frail.stop();
    assert_eq!(frail.wait_exit(DEADLINE).unwrap().reason, ExitReason::Stopped);
}

/// Calls from the same runner.
struct Caller {
    frail: FrailProxy,
}

#[active]
impl Caller {
    pub fn call(&self) {
        self.frail.fail().detach();
        self.frail.add(1).detach();
    }
}

#[test]
fn a_sleeping_runner_wakes_for_a_restart_and_for_a_stop_in_a_delay() {
    let engine = common::one_runner();
    let (factory, told) = frail(never, never);
    let restart = Restart::new().backoff(ms(5), ms(5));
    let frail = engine.spawn("frail", factory).restart_on_panic(restart).start().unwrap();
    frail.fail().detach();
    while receive(&told) != (2, "start") {}
    let (factory, told) = self::frail(never, never);
    let restart = Restart::new().backoff(ms(1_000_000), ms(1_000_000));
    let frail = engine.spawn("slow", factory).restart_on_panic(restart).start().unwrap();
    frail.fail().detach();
    while receive(&told) != (1, "drop") {}
    let kept = frail.add(1);
    frail.stop();
    assert_eq!(outcome(kept), Ok((2, vec![1])));
    let exit = frail.wait_exit(DEADLINE).expect("it ends");
    assert_eq!(exit.reason, ExitReason::Stopped);
}
