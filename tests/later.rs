//! Methods that answer after they have returned.

mod common;

use common::{DEADLINE, Events, NOT_STARTED, one_runner, outcome, quiet, receive};
use mainspring::prelude::*;
use mainspring::{Options, Reply, SendError};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Keeps what it is asked, until it is told.
#[derive(Default)]
struct Desk {
    waiting: Vec<Reply<u64>>,
    is_open: bool,
}

#[active]
impl Desk {
    pub fn ask(&mut self, cx: &mut Context<Self>) -> Later<u64> {
        let (later, reply) = cx.later();
        self.waiting.push(reply);
        later
    }

    /// Under a path, with a boxed argument behind a guard, for a generic result.
    #[active(boxed, guard = is_open)]
    pub fn ask_when_open(
        &mut self,
        double: u64,
        cx: &mut Context<Self>,
    ) -> mainspring::Later<Result<Vec<u64>, String>> {
        let (later, reply) = cx.later();
        reply.send(Ok(vec![double * 2]));
        later
    }

    fn is_open(&self, _: &u64) -> bool {
        self.is_open
    }

    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Answers the oldest; how many wait then.
    pub fn answer(&mut self, number: u64) -> usize {
        self.waiting.remove(0).send(number);
        self.waiting.len()
    }

    /// Drops the oldest.
    pub fn forget(&mut self) {
        self.waiting.remove(0);
    }

    /// Hands the oldest out.
    pub fn hand_out(&mut self, to: Sender<Reply<u64>>) {
        to.send(self.waiting.remove(0)).unwrap();
    }

    /// Of each that waits: whether it is awaited, and whether it was to be cancelled.
    pub fn wishes(&self) -> Vec<(bool, bool)> {
        self.waiting.iter().map(|reply| (reply.is_awaited(), reply.is_cancelled())).collect()
    }

    /// Doesn't take the reply.
    pub fn silent(&mut self, kept: bool, cx: &mut Context<Self>) -> Later<u64> {
        if kept {
            // Another call's.
            return Context::detached(cx.now(), |other: &mut Context<Self>| other.later().0);
        }
        panic!("before it took the reply")
    }

    pub fn taken_and_panicked(&mut self, cx: &mut Context<Self>) -> Later<u64> {
        let (_, reply) = cx.later::<u64>();
        self.waiting.push(reply);
        panic!("after it took the reply")
    }

    pub fn twice(&mut self, cx: &mut Context<Self>) -> Later<u64> {
        let (_, reply) = cx.later();
        self.waiting.push(reply);
        cx.later().0
    }

    pub fn of_another_type(&mut self, cx: &mut Context<Self>) -> Later<u64> {
        drop(cx.later::<String>());
        unreachable!()
    }

    pub fn not_late(&mut self, cx: &mut Context<Self>) -> u64 {
        drop(cx.later::<u64>());
        unreachable!()
    }

    pub fn deadline(&mut self, cx: &mut Context<Self>) -> Later<bool> {
        let has_deadline = cx.deadline().is_some();
        let (later, reply) = cx.later();
        assert!(!cx.is_cancelled(), "the call is the reply's from now on");
        reply.send(has_deadline);
        later
    }
}

fn desk() -> DeskProxy {
    mainspring::spawn(Desk::default()).unwrap()
}

#[test]
fn an_answer_comes_when_it_is_sent_and_others_are_served_meanwhile() {
    let desk = desk();
    let (mut first, second) = (desk.ask(), desk.ask());
    assert_eq!(outcome(desk.wishes()), Ok(vec![(true, false); 2]));
    assert!(first.try_get().is_none());
    assert_eq!(outcome(desk.answer(1)), Ok(1));
    assert_eq!(outcome(first), Ok(1));
    assert_eq!(outcome(desk.answer(2)), Ok(0));
    assert_eq!(outcome(second), Ok(2));
}

#[test]
fn late_methods_have_all_that_others_have() {
    let desk = desk();
    let waits = desk.ask_when_open(21);
    assert_eq!(outcome(desk.open()), Ok(()));
    assert_eq!(outcome(waits), Ok(Ok(vec![42])));
    let soon = || Options::new().timeout(DEADLINE);
    assert_eq!(outcome(desk.with(soon()).deadline()), Ok(true));
    assert_eq!(outcome(desk.deadline()), Ok(false));
    let late = desk.with(Options::new().deadline(Instant::now())).ask();
    assert_eq!(outcome(late), Err(CallError::Expired));
    assert_eq!(outcome(desk.wishes()), Ok(vec![]), "its method did not run");
    desk.tell().ask().unwrap();
    assert_eq!(outcome(desk.wishes()), Ok(vec![(false, false)]));
    assert_eq!(outcome(desk.answer(1)), Ok(0), "nobody gets it");
    Proxy::stop(&desk);
    assert!(matches!(desk.try_ask(), Err(SendError::Stopped(()))));
}

#[test]
fn an_answer_may_be_sent_from_another_thread_and_after_the_object_s_end() {
    let desk = desk();
    let (to, from) = channel();
    let call = desk.ask();
    desk.tell().hand_out(to.clone()).unwrap();
    let reply = receive(&from);
    let answering = std::thread::spawn(move || reply.send(5));
    assert_eq!(outcome(call), Ok(5));
    answering.join().unwrap();
    let call = desk.ask();
    desk.tell().hand_out(to).unwrap();
    let reply = receive(&from);
    drop(desk);
    reply.send(6);
    assert_eq!(outcome(call), Ok(6));
}

#[test]
fn a_forgotten_answer_ends_its_call() {
    let desk = desk();
    let call = desk.ask();
    desk.tell().forget().unwrap();
    assert_eq!(outcome(call), Err(CallError::Dropped));
    assert_eq!(outcome(desk.silent(true)), Err(CallError::Dropped), "never taken");
    desk.tell().silent(true).unwrap();
    let call = desk.ask();
    Proxy::stop(&desk);
    assert_eq!(outcome(call), Err(CallError::Stopped { started: true }), "it was the object's end");
}

#[test]
fn an_abort_ends_calls_that_are_answered_later() {
    let desk = desk();
    let (to, from) = channel();
    let (kept, given) = (desk.ask(), desk.ask());
    desk.tell().hand_out(to).unwrap();
    let reply = receive(&from);
    desk.abort();
    for call in [kept, given] {
        assert_eq!(outcome(call), Err(CallError::Stopped { started: true }));
    }
    reply.send(1);
}

#[test]
fn a_cancel_comes_too_late_and_the_servant_learns_of_it() {
    let desk = desk();
    let mut call = desk.ask();
    assert_eq!(outcome(desk.wishes()), Ok(vec![(true, false)]));
    assert!(!call.cancel());
    assert_eq!(outcome(desk.wishes()), Ok(vec![(true, true)]));
    drop(call);
    assert_eq!(outcome(desk.wishes()), Ok(vec![(false, true)]));
    assert_eq!(outcome(desk.answer(1)), Ok(0));
}

#[test]
fn a_panic_ends_the_call_unless_its_reply_was_taken() {
    let events = Events::default();
    let engine = events.builder().runner(Runner::named("a")).start().unwrap();
    let spawn = || engine.spawn_unnamed(Desk::default).start().unwrap();
    let panicked = |method, message: &str| CallError::Panicked { method, message: message.into() };
    let before = outcome(spawn().silent(false));
    assert_eq!(before, Err(panicked("silent", "before it took the reply")));
    let object = spawn();
    let (waiting, after) = (object.ask(), object.taken_and_panicked());
    for call in [waiting, after] {
        assert_eq!(outcome(call), Err(CallError::Stopped { started: true }));
    }
    assert_eq!(outcome(object.wishes()), Err(NOT_STARTED));
    object.tell().silent(false).unwrap_err();
    let awaited: Vec<_> = events.panics().iter().map(|panic| panic.3).collect();
    assert_eq!(awaited, [true, false]);
}

#[test]
fn a_wrong_use_is_the_servant_s_panic_and_says_what_to_do() {
    let engine = one_runner();
    let spawn = || engine.spawn_unnamed(Desk::default).start().unwrap();
    let message = |call: Call<u64>| match outcome(call) {
        Err(CallError::Panicked { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(outcome(spawn().twice()), Err(CallError::Stopped { started: true }), "it was taken");
    let another = message(spawn().of_another_type());
    assert!(another.contains("doesn't return `Later<alloc::string::String>`"), "{another}");
    let never = message(spawn().not_late());
    assert!(never.contains("works once in each call of a method that returns"), "{never}");
}

#[test]
fn a_late_method_can_be_called_directly_in_tests() {
    let mut desk = Desk::default();
    Context::detached(Instant::now(), |cx| {
        let _ = desk.ask(cx);
    });
    assert_eq!((desk.waiting.len(), desk.waiting[0].is_awaited()), (1, false));
    desk.answer(1);
}

/// Driven by hand: nothing of it takes a thread.
#[test]
fn a_late_answer_wakes_nobody_who_does_not_wait() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let desk = engine.spawn("desk", Desk::default).start().unwrap();
    let mut call = desk.ask();
    let now = Instant::now();
    assert_eq!(scheduler.turn(now), 1);
    assert!(call.try_get().is_none());
    assert_eq!(call.get_timeout(Duration::ZERO), Err(WaitError::WouldDeadlock));
    let answered = desk.answer(9);
    assert_eq!(scheduler.turn(now), 1);
    assert_eq!((call.try_get(), answered.get()), (Some(Ok(9)), Ok(0)));
}
