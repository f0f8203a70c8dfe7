//! The rules of timers. Time is the test's own: turns are driven by hand.

mod common;

use common::quiet;
use mainspring::mailbox::Mpsc;
use mainspring::prelude::*;
use mainspring::{Engine, Event};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// More than one tick.
const MOMENT: Duration = Duration::from_millis(1);

type Set = Box<dyn FnOnce(&mut Context<'_, Clock>) + Send>;

/// Notes when its timers fire, in moments since the start.
struct Clock {
    start: Instant,
    fired: Vec<(char, u128)>,
}

#[active]
impl Clock {
    pub fn set(&mut self, cx: &mut Context<Self>, set: Set) -> usize {
        set(cx);
        cx.timers()
    }

    pub fn fired(&mut self) -> Vec<(char, u128)> {
        std::mem::take(&mut self.fired)
    }
}

impl Clock {
    fn note(&mut self, name: char, cx: &Context<'_, Self>) {
        let since = cx.now() - self.start;
        self.fired.push((name, since.as_nanos() / MOMENT.as_nanos()));
    }
}

/// An engine whose only runner is this test.
struct Driven {
    scheduler: Scheduler,
    clock: ClockProxy<Mpsc>,
    start: Instant,
    _engine: Engine,
}

impl Driven {
    fn new() -> Self {
        Self::on(quiet().start().unwrap())
    }

    fn on(engine: Engine) -> Self {
        let scheduler = engine.invoker("loop").unwrap();
        let start = Instant::now();
        let clock = engine.spawn("clock", move || Clock { start, fired: Vec::new() });
        let clock = clock.on("loop").start().unwrap();
        Self { scheduler, clock, start, _engine: engine }
    }

    fn at(&self, moments: u32) -> Instant {
        self.start + MOMENT * moments
    }

    /// Turns half a moment after that time: what was to come then is due, ticks and all.
    fn run(&mut self, moments: u32) {
        let now = self.at(moments) + MOMENT / 2;
        while self.scheduler.turn(now) > 0 {}
    }

    /// How many timers there are after `set` at that time.
    fn set(
        &mut self,
        moments: u32,
        set: impl FnOnce(&mut Context<'_, Clock>) + Send + 'static,
    ) -> usize {
        let mut timers = self.clock.set(Box::new(set));
        let now = self.at(moments);
        while self.scheduler.turn(now) > 0 {}
        timers.try_get().unwrap().unwrap()
    }

    /// What fired on the way there, moment by moment.
    fn fired(&mut self, moments: std::ops::RangeInclusive<u32>) -> Vec<(char, u128)> {
        let last = *moments.end();
        moments.for_each(|moment| self.run(moment));
        let mut fired = self.clock.fired();
        self.run(last);
        fired.try_get().unwrap().unwrap()
    }
}

#[test]
fn a_timer_fires_once_at_its_time() {
    let mut driven = Driven::new();
    let timers = driven.set(0, |cx| {
        cx.after(MOMENT * 3, |clock, cx| clock.note('c', cx));
        cx.after(MOMENT, |clock, cx| clock.note('a', cx));
        cx.after(Duration::ZERO, |clock, cx| clock.note('0', cx));
        cx.after(Duration::MAX, |clock, cx| clock.note('!', cx));
    });
    assert_eq!(timers, 4);
    assert_eq!(driven.fired(0..=2), [('0', 0), ('a', 1)]);
    assert_eq!(driven.fired(3..=9), [('c', 3)]);
    assert_eq!(driven.set(9, |_| ()), 1, "the one that never comes");
}

#[test]
fn a_periodic_timer_keeps_to_its_times() {
    let mut driven = Driven::new();
    driven.set(0, |cx| {
        cx.every(MOMENT * 2, Missed::Skip, |clock, cx| clock.note('s', cx));
        cx.every(MOMENT * 2, Missed::CatchUp, |clock, cx| clock.note('c', cx));
    });
    assert_eq!(driven.fired(0..=4), [('s', 2), ('c', 2), ('s', 4), ('c', 4)]);
    // 6, 8 and 10 have passed at 11.
    let mut late = driven.fired(11..=11);
    late.sort_unstable();
    assert_eq!(late, [('c', 11), ('c', 11), ('c', 11), ('s', 11)]);
    let mut next = driven.fired(12..=13);
    next.sort_unstable();
    assert_eq!(next, [('c', 12), ('s', 12)], "neither has drifted");
}

#[test]
fn timers_can_be_cancelled_and_moved() {
    let mut driven = Driven::new();
    let (tell, told) = channel();
    driven.set(0, move |cx| {
        let cancelled = cx.after(MOMENT, |clock, cx| clock.note('x', cx));
        let moved = cx.after(MOMENT, |clock, cx| clock.note('m', cx));
        let every = cx.every(MOMENT * 2, Missed::Skip, |clock, cx| clock.note('e', cx));
        assert!(cx.cancel_timer(cancelled) && !cx.cancel_timer(cancelled));
        assert!(!cx.rearm(cancelled, MOMENT));
        assert!(cx.rearm(moved, MOMENT * 3));
        tell.send((moved, every)).unwrap();
    });
    let (moved, every) = told.try_recv().unwrap();
    assert_eq!(driven.fired(0..=3), [('e', 2), ('m', 3)]);
    driven.set(3, move |cx| {
        assert!(!cx.cancel_timer(moved) && !cx.rearm(moved, MOMENT), "it has fired");
        assert!(cx.rearm(every, MOMENT * 4), "at 7, then each 2");
    });
    assert_eq!(driven.fired(4..=9), [('e', 7), ('e', 9)]);
}

#[test]
fn a_timer_may_set_and_cancel_timers() {
    let mut driven = Driven::new();
    driven.set(0, |cx| {
        cx.after(MOMENT, |clock, cx| {
            clock.note('a', cx);
            cx.after(MOMENT, |clock, cx| clock.note('b', cx));
        });
        let mut left = 2;
        let id = std::rc::Rc::new(std::cell::Cell::new(None));
        let own = id.clone();
        id.set(Some(cx.every(MOMENT, Missed::Skip, move |clock, cx| {
            clock.note('e', cx);
            left -= 1;
            if left == 0 {
                assert!(cx.cancel_timer(own.get().unwrap()), "itself");
            }
        })));
    });
    let mut fired = driven.fired(0..=9);
    fired.sort_unstable();
    assert_eq!(fired, [('a', 1), ('b', 3), ('e', 1), ('e', 2)]);
    assert_eq!(driven.set(9, |_| ()), 0);
}

#[test]
fn timers_end_with_their_object() {
    let mut driven = Driven::new();
    driven.set(0, |cx| {
        cx.after(MOMENT * 9, |_, _| panic!("it has ended"));
    });
    let ended = driven.clock.clone();
    ended.stop();
    (0..3).for_each(|moment| driven.run(moment));
    assert_eq!(driven.scheduler.next_timer(), None);
    // Another object in its place hears nothing of them.
    let start = driven.start;
    let next = driven._engine.spawn("next", move || Clock { start, fired: Vec::new() });
    driven.clock = next.on("loop").start().unwrap();
    assert_eq!(driven.fired(3..=12), []);
}

#[test]
fn a_timer_does_not_keep_its_object() {
    let Driven { mut scheduler, clock, start, _engine } = Driven::new();
    let set: Set = Box::new(|cx| {
        cx.after(MOMENT, |_, _| ());
    });
    clock.tell().set(set).unwrap();
    drop(clock);
    while scheduler.turn(start) > 0 {}
    scheduler.turn(start + Duration::from_secs(1));
    assert!(scheduler.is_empty());
}

#[test]
fn a_timer_s_panic_is_its_servant_s() {
    let (tell, told) = channel();
    let engine = Engine::builder().on_event(move |event| {
        if let Event::Panicked { method, message, .. } = event {
            tell.send((*method, message.to_string())).unwrap();
        }
    });
    let mut driven = Driven::on(engine.start().unwrap());
    driven.set(0, |cx| {
        cx.after(MOMENT, |_, _| panic!("too late"));
    });
    driven.run(1);
    assert_eq!(told.try_recv().unwrap(), ("a timer", "too late".to_owned()));
    assert!(driven.clock.is_stopped());
}

#[test]
fn the_scheduler_says_when_to_turn_next() {
    let mut driven = Driven::new();
    assert_eq!(driven.scheduler.next_timer(), None);
    driven.set(0, |cx| {
        cx.after(MOMENT * 2, |_, _| ());
    });
    let next = driven.scheduler.next_timer().unwrap();
    assert!(driven.start < next && next <= driven.at(3));
    driven.run(3);
    assert_eq!(driven.scheduler.next_timer(), None);
}

#[test]
fn a_sleeping_runner_wakes_for_its_timers() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let clock = engine.spawn("clock", || Clock { start: Instant::now(), fired: Vec::new() });
    let clock = clock.on("a").start().unwrap();
    let (tell, told) = channel();
    let set: Set = Box::new(move |cx| {
        let mut left = 3;
        cx.every(MOMENT * 20, Missed::Skip, move |_, cx| {
            left -= 1;
            if left == 0 {
                tell.send(cx.now()).unwrap();
            }
        });
    });
    let before = Instant::now();
    clock.tell().set(set).unwrap();
    let third = told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(third - before >= MOMENT * 59, "{:?}", third - before);
}

#[test]
fn a_context_for_tests_needs_no_engine() {
    let start = Instant::now();
    let mut clock = Clock { start, fired: Vec::new() };
    let set: Set = Box::new(|cx| {
        cx.after(MOMENT, |_, _| ());
    });
    assert_eq!(Context::detached(start, |cx| clock.set(cx, set)), 1);
}
