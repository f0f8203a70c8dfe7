//! What follows a panic: stop, resume, restart with its delays.

mod common;
#[path = "common/frail.rs"]
mod frail;

use common::{DEADLINE, NOT_STARTED, outcome, receive};
use frail::*;
use mainspring::prelude::*;
use mainspring::{EngineHandle, Event, ExitReason, Recovery, Restart, WaitStrategy};
use std::sync::mpsc::channel;

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
        Frail::new(made, tell.clone(), never)
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
    assert_eq!(text(Recovery::Resumes), "object \"a\" continues: its method m panicked: b");
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
