//! The rules of calls with options. Time is the test's own where turns are driven by hand.

mod common;

use common::{outcome, quiet};
use mainspring::prelude::*;
use mainspring::{Executed, Options, SendError};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Default)]
struct Desk {
    served: Vec<u32>,
}

#[active]
impl Desk {
    pub fn serve(&mut self, number: u32) -> u32 {
        self.served.push(number);
        number
    }

    pub fn served(&self) -> Vec<u32> {
        self.served.clone()
    }

    pub fn deadline(&self, cx: &mut Context<Self>) -> Option<Instant> {
        cx.deadline()
    }

    /// A result that lies behind the cell, not in it.
    pub fn large(&self) -> [u64; 32] {
        [7; 32]
    }

    /// Says that it has begun, and returns when it is no longer wanted, or told to.
    pub fn work(&self, cx: &mut Context<Self>, begun: Sender<()>, done: Receiver<()>) -> bool {
        begun.send(()).unwrap();
        while !cx.is_cancelled() {
            if done.try_recv().is_ok() {
                return false;
            }
            thread::yield_now();
        }
        true
    }

    #[active(oneway)]
    pub fn note(&mut self, cx: &mut Context<Self>, number: u32) {
        assert_eq!(cx.deadline(), None);
        assert!(!cx.is_cancelled());
        self.served.push(number);
    }
}

#[test]
fn an_expired_call_is_skipped_when_its_turn_comes() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let desk = engine.spawn_unnamed(Desk::default).start().unwrap();
    let now = Instant::now() + HOUR;
    let mut in_time = desk.with(Options::new().deadline(now + Duration::from_nanos(1))).serve(1);
    let mut late = desk.with(Options::new().deadline(now)).serve(2);
    let mut large = desk.with(Options::new().deadline(now)).large();
    let mut plain = desk.with(Options::new()).serve(3);
    assert!(late.try_get().is_none(), "it ends in its turn");
    while scheduler.turn(now) > 0 {}
    assert_eq!(in_time.try_get(), Some(Ok(1)));
    assert_eq!(late.try_get(), Some(Err(CallError::Expired)));
    assert_eq!(large.try_get(), Some(Err(CallError::Expired)));
    assert_eq!(plain.try_get(), Some(Ok(3)));
    let mut served = desk.served();
    scheduler.turn(now);
    assert_eq!(served.try_get(), Some(Ok(vec![1, 3])));
    assert_eq!(CallError::Expired.executed(), Executed::No);
}

#[test]
fn the_servant_sees_the_deadline_of_the_call_it_serves() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let desk = engine.spawn_unnamed(Desk::default).start().unwrap();
    let at = Instant::now() + HOUR;
    assert_eq!(outcome(desk.with(Options::new().deadline(at)).deadline()), Ok(Some(at)));
    assert_eq!(outcome(desk.deadline()), Ok(None), "not the one before");
    assert_eq!(outcome(desk.with(Options::new().deadline(at)).large()), Ok([7; 32]));
    desk.note(1).unwrap();
    assert_eq!(outcome(desk.with(Options::new().timeout(HOUR)).served()), Ok(vec![1]));
    assert_eq!(outcome(desk.with(Options::new().timeout(Duration::MAX)).deadline()), Ok(None));
}

#[test]
fn a_method_that_runs_learns_that_it_is_no_longer_wanted() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let desk = engine.spawn_unnamed(Desk::default).start().unwrap();
    let work = |proxy: &DeskProxy| {
        let (begun, has_begun) = channel();
        let (tell, done) = channel();
        let call = proxy.work(begun, done);
        has_begun.recv().unwrap();
        (call, tell)
    };
    let (mut call, tell) = work(&desk);
    assert!(!call.cancel(), "it has started");
    assert_eq!(outcome(call), Ok(true));
    drop(tell);
    let (call, tell) = work(&desk);
    tell.send(()).unwrap();
    assert_eq!(outcome(call), Ok(false), "the wish was the other call's");
}

#[test]
fn a_call_with_a_deadline_can_be_cancelled_and_aborted() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let desk = engine.spawn_unnamed(Desk::default).start().unwrap();
    let past = Options::new().deadline(Instant::now());
    let mut cancelled = desk.with(past).serve(1);
    assert!(cancelled.cancel());
    let mut aborted = desk.with(past).serve(2);
    let dropped = desk.with(past).serve(3);
    drop(dropped);
    desk.abort();
    let later = Instant::now() + HOUR;
    while scheduler.turn(later) > 0 {}
    assert_eq!(cancelled.try_get(), Some(Err(CallError::Cancelled)));
    assert_eq!(aborted.try_get(), Some(Err(CallError::Stopped { started: false })));
}

#[test]
fn a_refused_call_with_options_gives_its_arguments_back() {
    let engine = quiet().start().unwrap();
    let _scheduler = engine.invoker("loop").unwrap();
    let desk = engine.spawn_unnamed(Desk::default).capacity(1).start().unwrap();
    let soon = Options::new().timeout(HOUR);
    let _first = desk.with(soon).serve(1);
    assert!(matches!(desk.with(soon).try_serve(2), Err(SendError::Full(2))));
    desk.stop();
    assert!(matches!(desk.with(soon).try_serve(3), Err(SendError::Stopped(3))));
}
