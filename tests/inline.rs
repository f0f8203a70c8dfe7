//! Objects that run where they are called, and calls without an object: for tests and mocks.

mod common;

use common::{DEADLINE, Witness, Worker, WorkerCalls, one_runner};
use mainspring::prelude::*;
use mainspring::{Call, CallSet, Inline};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// A servant that isn't `Send`, and notes what becomes of it.
struct Account {
    cents: i64,
    notes: Rc<RefCell<Vec<&'static str>>>,
}

#[active]
impl Account {
    pub fn deposit(&mut self, cents: i64) -> i64 {
        self.cents += cents;
        self.cents
    }

    #[active(guard = covers)]
    pub fn withdraw(&mut self, cents: i64) -> i64 {
        self.cents -= cents;
        self.cents
    }

    #[active(oneway)]
    pub fn empty(&mut self) {
        self.cents = 0;
    }

    pub fn fail(&mut self) {
        std::panic::panic_any("as asked")
    }

    /// Notes three times, a second apart.
    pub fn remind(&mut self, cx: &mut Context<Self>) {
        for (name, seconds) in [("third", 3), ("first", 1), ("second", 2)] {
            cx.after(Duration::from_secs(seconds), move |account, _| account.note(name));
        }
    }

    #[active(on_start)]
    fn open(&mut self) {
        self.note("opened");
    }

    #[active(on_stop)]
    fn close(&mut self) {
        self.note("closed");
    }

    fn covers(&self, cents: &i64) -> bool {
        self.cents >= *cents
    }

    fn note(&self, what: &'static str) {
        self.notes.borrow_mut().push(what);
    }
}

type Notes = Rc<RefCell<Vec<&'static str>>>;

fn account() -> (Inline<Account>, Notes) {
    let notes = Notes::default();
    (Inline::new(Account { cents: 0, notes: notes.clone() }), notes)
}

/// What is to be tested.
fn save(account: &impl AccountCalls) -> Result<i64, CallError> {
    account.empty().map_err(|_| CallError::Full)?;
    account.deposit(1).get()?;
    account.deposit(2).get()
}

/// A mock: made by hand.
struct Broken;

impl AccountCalls for Broken {
    fn deposit(&self, _: i64) -> Call<i64> {
        Call::ready(Err(CallError::Full))
    }

    fn withdraw(&self, cents: i64) -> Call<i64> {
        Call::ready(Ok(-cents))
    }

    fn empty(&self) -> Result<(), SendError<()>> {
        Ok(())
    }

    fn fail(&self) -> Call<()> {
        Call::ready(Ok(()))
    }

    fn remind(&self) -> Call<()> {
        Call::ready(Ok(()))
    }
}

#[test]
fn the_same_code_runs_with_a_proxy_inline_and_with_a_mock() {
    let engine = one_runner();
    let make = || Account { cents: 7, notes: Notes::default() };
    let proxy = engine.spawn("account", make).start().unwrap();
    let (inline, _) = account();
    assert_eq!(save(&proxy), Ok(3));
    assert_eq!(save(&inline), Ok(3));
    assert_eq!(save(&Broken), Err(CallError::Full));
    let all: [&dyn AccountCalls; 3] = [&proxy, &inline, &Broken];
    assert_eq!(all.map(|account| account.withdraw(1).get()), [Ok(2), Ok(2), Ok(-1)]);
    let alone = engine.spawn("alone", make).single_producer().start().unwrap();
    assert_eq!(save(&alone), Ok(3));
    engine.join();
}

#[test]
fn guards_hooks_panics_and_stops_are_those_of_an_object() {
    let (account, notes) = account();
    assert_eq!(*notes.borrow(), ["opened"]);
    let mut withdrawn = account.withdraw(5);
    assert_eq!(withdrawn.get_timeout(DEADLINE), Err(WaitError::WouldDeadlock));
    assert_eq!(account.deposit(9).get(), Ok(9));
    assert_eq!(withdrawn.try_get(), Some(Ok(4)));
    let late = account.withdraw(100);
    account.proxy().stop();
    account.turn();
    assert_eq!(late.get(), Err(CallError::Stopped { started: false }));
    assert_eq!(*notes.borrow(), ["opened", "closed"]);
    assert_eq!(account.empty(), Err(SendError::Stopped(())));
    assert_eq!(account.deposit(1).get(), Err(common::NOT_STARTED));

    let (account, notes) = self::account();
    let error = account.fail().get().unwrap_err();
    assert_eq!(error, CallError::Panicked { method: "fail", message: "as asked".into() });
    drop(account);
    assert_eq!(*notes.borrow(), ["opened"], "nothing is run after a panic");
}

#[test]
fn a_dropped_one_ends_its_object() {
    let (account, notes) = account();
    let clone = account.proxy().clone();
    drop(account);
    assert_eq!(*notes.borrow(), ["opened", "closed"]);
    assert!(clone.is_stopped());
    assert_eq!(clone.deposit(1).get(), Err(common::NOT_STARTED));
}

#[test]
fn time_passes_only_when_it_is_advanced_and_timers_fire_in_order() {
    let (account, notes) = account();
    let start = account.now();
    account.remind().get().unwrap();
    notes.borrow_mut().clear();
    account.advance(Duration::from_millis(1500));
    assert_eq!(*notes.borrow(), ["first"]);
    account.advance(Duration::from_secs(3600));
    assert_eq!(*notes.borrow(), ["first", "second", "third"]);
    assert_eq!(account.now() - start, Duration::from_millis(3_601_500));
    account.advance(Duration::MAX);
    assert_eq!(account.now() - start, Duration::from_millis(3_601_500), "beyond the clock");
}

#[test]
fn deadlines_are_compared_with_that_time() {
    let (account, _) = account();
    let deadline = account.now() + Duration::from_secs(1);
    let in_time = account.proxy().with(Options::new().deadline(deadline)).deposit(1);
    account.turn();
    account.advance(Duration::from_secs(1));
    let late = account.proxy().with(Options::new().deadline(deadline)).deposit(1);
    account.turn();
    assert_eq!((in_time.get(), late.get()), (Ok(1), Err(CallError::Expired)));
}

#[test]
fn what_others_send_is_served_at_the_next_turn() {
    let (account, _) = account();
    let proxy = account.proxy().clone();
    let mut theirs = thread::spawn(move || proxy.deposit(1)).join().unwrap();
    assert_eq!(theirs.try_get(), None);
    assert_eq!(account.turn(), 1);
    assert_eq!(theirs.try_get(), Some(Ok(1)));
    assert_eq!(account.turn(), 0);
}

/// Calls another object, and itself without end.
struct Chatter {
    worker: common::WorkerProxy,
    this: Option<ChatterProxy>,
    said: u64,
}

#[active]
impl Chatter {
    pub fn say(&mut self, number: u64) {
        let answer = self.worker.push(number);
        answer.on_complete(|outcome| assert_eq!(outcome, Ok(1)));
    }

    pub fn know(&mut self, this: ChatterProxy) {
        self.this = Some(this);
    }

    pub fn go_on(&mut self) -> u64 {
        self.said += 1;
        if let Some(this) = &self.this {
            this.tell().go_on().unwrap();
        }
        self.said
    }
}

#[test]
fn objects_beside_it_are_served_with_it_and_none_can_hang_it() {
    let worker = Inline::new(Worker::default());
    let chatter = Chatter { worker: worker.proxy().clone(), this: None, said: 0 };
    let chatter = worker.engine().spawn("chatter", || chatter).start().unwrap();
    chatter.tell().say(4).unwrap();
    worker.turn();
    assert_eq!(worker.list().get(), Ok(vec![4]));
    chatter.tell().know(chatter.clone()).unwrap();
    let mut said = chatter.go_on();
    assert!(worker.turn() >= 1000);
    assert_eq!(said.try_get(), Some(Ok(1)));
}

#[test]
fn calls_from_inside_a_method_are_served_after_it() {
    /// Has an inline object of its own, and calls itself through a slot.
    struct Nested {
        slot: Rc<RefCell<Option<Inline<Nested>>>>,
        depth: u32,
    }
    #[active]
    impl Nested {
        pub fn descend(&mut self) -> u32 {
            self.depth += 1;
            if self.depth < 3 {
                let slot = self.slot.clone();
                let again = slot.borrow().as_ref().unwrap().descend();
                assert!(!again.is_ready());
            }
            self.depth
        }
        pub fn depth(&self) -> u32 {
            self.depth
        }
    }
    let slot = Rc::new(RefCell::new(None));
    *slot.borrow_mut() = Some(Inline::new(Nested { slot: slot.clone(), depth: 0 }));
    let nested = slot.borrow();
    let nested = nested.as_ref().unwrap();
    assert_eq!(nested.descend().get(), Ok(1));
    assert_eq!(nested.depth().get(), Ok(3));
}

#[test]
fn a_made_call_is_waited_for_awaited_observed_and_joined_like_any_other() {
    assert_eq!(Call::ready(Ok(1)).get(), Ok(1));
    assert_eq!(pollster::block_on(Call::ready(Ok(2))), Ok(2));
    assert_eq!(Call::ready(Ok(3)).map(|number| number + 1).get(), Ok(4));
    let (tell, told) = channel();
    Call::ready(Ok(5)).on_complete(move |outcome| tell.send(outcome).unwrap());
    assert_eq!(told.recv(), Ok(Ok(5)));
    // Larger than what lies in the cell's first line, and aligned.
    #[derive(Debug, PartialEq)]
    #[repr(align(64))]
    struct Large([u64; 100]);
    assert_eq!(Call::ready(Ok(Large([6; 100]))).get(), Ok(Large([6; 100])));
    let mut calls = CallSet::new();
    let (pending, reply) = Call::with_reply();
    calls.insert(pending);
    calls.insert(Call::ready(Ok(7)));
    calls.insert(Call::ready(Err(CallError::Cancelled)));
    reply.send(8);
    assert_eq!(calls.join(), [Ok(8), Ok(7), Err(CallError::Cancelled)]);
}

#[test]
fn a_made_call_drops_its_outcome_once() {
    let (dropped, drops) = channel();
    drop(Call::ready(Ok(Witness(dropped.clone(), 1))));
    assert_eq!(drops.try_iter().collect::<Vec<_>>(), [1]);
    drop(Call::ready(Ok(Witness(dropped.clone(), 2))).get());
    assert_eq!(drops.try_iter().collect::<Vec<_>>(), [2]);
    let (call, reply) = Call::with_reply();
    drop(call);
    assert!(!reply.is_awaited());
    reply.send(Witness(dropped.clone(), 3));
    assert_eq!(drops.try_iter().collect::<Vec<_>>(), [3]);
    let (mut call, reply) = Call::with_reply();
    assert!(call.cancel());
    reply.send(Witness(dropped, 4));
    assert_eq!(call.try_get().map(|outcome| outcome.err()), Some(Some(CallError::Cancelled)));
    assert_eq!(drops.try_iter().collect::<Vec<_>>(), [4]);
}

#[test]
fn a_pending_call_can_be_answered_on_another_thread_and_dropped_first_on_either_side() {
    let (call, reply) = Call::with_reply();
    let answering = thread::spawn(move || reply.send(1));
    assert_eq!(call.get(), Ok(1));
    answering.join().unwrap();
    for _ in 0..100 {
        let (call, reply) = Call::<Box<u64>>::with_reply();
        let answering = thread::spawn(move || reply.send(Box::new(1)));
        drop(call);
        answering.join().unwrap();
    }
    let (mut call, reply) = Call::<u64>::with_reply();
    assert_eq!(call.get_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    drop(reply);
    assert_eq!(call.get(), Err(CallError::Dropped));
}
