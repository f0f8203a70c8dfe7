//! Objects that go on when calls that they have made have ended, without blocking their runner.

mod common;

use common::{Bomb, DEADLINE, Events, Stuck, Witness, Worker, WorkerProxy};
use common::{eventually, outcome, quiet, receive};
use mainspring::Reply;
use mainspring::prelude::*;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What a test hands to a servant, to run as its method, with its context.
type Job = Box<dyn FnOnce(&mut Doer, &mut Context<Doer>) + Send>;

/// Does as it is told, and keeps a list.
#[derive(Default)]
struct Doer {
    list: Vec<u64>,
    asked: Vec<Reply<u64>>,
    first: Option<Job>,
    last: Option<Job>,
}

#[active]
impl Doer {
    #[active(on_start)]
    fn start(&mut self, cx: &mut Context<Self>) {
        if let Some(job) = self.first.take() {
            job(self, cx);
        }
    }

    #[active(on_stop)]
    fn stop(&mut self, cx: &mut Context<Self>) {
        if let Some(job) = self.last.take() {
            job(self, cx);
        }
    }

    pub fn run(&mut self, job: Job, cx: &mut Context<Self>) {
        job(self, cx);
    }

    pub fn list(&self) -> Vec<u64> {
        self.list.clone()
    }

    pub fn waiting(&self, cx: &mut Context<Self>) -> usize {
        cx.waiting()
    }

    pub fn ask(&mut self, cx: &mut Context<Self>) -> Later<u64> {
        let (later, reply) = cx.later();
        self.asked.push(reply);
        later
    }

    #[active(guard = has_any)]
    pub fn when_any(&self) -> u64 {
        self.list[0]
    }
}

impl Doer {
    fn has_any(&self) -> bool {
        !self.list.is_empty()
    }

    /// Notes how a call ended.
    fn note(&mut self, outcome: Result<u64, CallError>) {
        self.list.push(outcome.unwrap_or(404));
    }
}

fn job(job: impl FnOnce(&mut Doer, &mut Context<Doer>) + Send + 'static) -> Job {
    Box::new(job)
}

/// Has a doer wait for calls, and note their outcomes.
fn waits_for(calls: impl IntoIterator<Item = Call<u64>>) -> Job {
    let calls: Vec<_> = calls.into_iter().collect();
    job(|_, cx| calls.into_iter().for_each(|call| cx.then(call, |me, _, n| me.note(n))))
}

/// A doer, a worker, and the turns of their runner.
fn by_hand() -> (Engine, Scheduler, DoerProxy, WorkerProxy) {
    let engine = quiet().start().unwrap();
    let scheduler = engine.invoker("loop").unwrap();
    let doer = engine.spawn("doer", Doer::default).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    (engine, scheduler, doer, worker)
}

/// Turns until nothing is left to do.
fn turn(scheduler: &mut Scheduler) -> usize {
    std::iter::from_fn(|| Some(scheduler.turn(Instant::now())).filter(|count| *count > 0)).sum()
}

fn now<R>(scheduler: &mut Scheduler, mut call: Call<R>) -> Result<R, CallError> {
    turn(scheduler);
    call.try_get().expect("it has ended")
}

fn number(worker: &WorkerProxy, number: u64) -> Call<u64> {
    worker.run(Box::new(move |_| number))
}

#[test]
fn an_object_goes_on_when_its_call_has_ended_and_serves_others_meanwhile() {
    for (doers, workers) in [("a", "a"), ("a", "b")] {
        let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
        let doer = engine.spawn("doer", Doer::default).on(doers).start().unwrap();
        let worker = engine.spawn("worker", Worker::default).on(workers).start().unwrap();
        let asked = doer.ask();
        let calls = [number(&worker, 7), asked];
        outcome(doer.run(waits_for(calls))).unwrap();
        eventually("it has gone on", || outcome(doer.list()) == Ok(vec![7]));
        assert_eq!(outcome(doer.waiting()), Ok(1), "for itself");
        outcome(doer.run(job(|me, _| me.asked.remove(0).send(8)))).unwrap();
        eventually("it has gone on", || outcome(doer.list()) == Ok(vec![7, 8]));
    }
}

#[test]
fn continuations_run_between_requests_in_the_order_of_the_calls_ends() {
    let (_engine, mut scheduler, doer, worker) = by_hand();
    let (first, second) = (doer.ask(), doer.ask());
    let failed = {
        Proxy::stop(&worker);
        number(&worker, 1)
    };
    let (seen, inside) = channel();
    doer.tell().run(waits_for([first, second])).unwrap();
    let failing = job(move |me, cx| {
        cx.then(failed, |me, _, n| me.note(n));
        seen.send(me.list.len()).unwrap();
    });
    doer.tell().run(failing).unwrap();
    let answers = job(|me, _| {
        me.asked.pop().unwrap().send(2);
        me.asked.pop().unwrap().send(1);
    });
    doer.tell().run(answers).unwrap();
    assert_eq!(now(&mut scheduler, doer.list()), Ok(vec![]), "not before the batch is over");
    assert_eq!(receive(&inside), 0, "nor at once, if the call has ended");
    assert_eq!(now(&mut scheduler, doer.list()), Ok(vec![404, 2, 1]));
    assert_eq!(now(&mut scheduler, doer.waiting()), Ok(0));
}

#[test]
fn turns_count_what_they_go_on_with_and_others_are_served_after_each_batch() {
    let (_engine, mut scheduler, doer, _worker) = by_hand();
    let calls: Vec<_> = (0..200).map(|_| doer.ask()).collect();
    let (called, listed, to_list) = (doer.ask(), channel(), doer.clone());
    let first = job(move |_, cx| {
        // Its call is made when the first of the 200 has ended.
        cx.then(called, move |_, _, _| listed.0.send(to_list.list()).unwrap());
    });
    doer.tell().run(first).unwrap();
    doer.tell().run(waits_for(calls)).unwrap();
    let answers = job(|me, _| {
        let first = me.asked.pop().unwrap();
        first.send(200);
        me.asked.drain(..).zip(0..).for_each(|(reply, number)| reply.send(number));
    });
    doer.tell().run(answers).unwrap();
    // Its requests came within the runner; so does the one that the first continuation makes.
    let turns: Vec<_> = (0..3).map(|_| scheduler.turn(Instant::now())).collect();
    assert_eq!(turns, [201 + 3, 201 + 1, 0]);
    let mut after_a_batch = receive(&listed.1);
    assert_eq!(after_a_batch.try_get(), Some(Ok((0..63).collect())));
    assert_eq!(now(&mut scheduler, doer.list()), Ok((0..200).collect()));
}

/// A asks B, which asks A back, and only then answers: no one blocks.
#[test]
fn objects_call_each_other_while_they_wait_for_each_other() {
    struct Ping {
        pong: Option<PongProxy>,
        depth: u64,
    }
    #[active]
    impl Ping {
        pub fn meet(&mut self, pong: PongProxy) {
            self.pong = Some(pong);
        }

        /// The sum of 1 to `n`, each by asking the other one.
        pub fn sum(&mut self, n: u64, cx: &mut Context<Self>) -> Later<u64> {
            let (later, reply) = cx.later();
            self.depth += 1;
            match &self.pong {
                Some(pong) if n > 0 => cx.then(pong.sum(n - 1), move |_, _, below| {
                    reply.send(below.unwrap() + n);
                }),
                _ => reply.send(0),
            }
            later
        }

        pub fn depth(&self) -> u64 {
            self.depth
        }
    }
    struct Pong(PingProxy);
    #[active]
    impl Pong {
        pub fn sum(&mut self, n: u64, cx: &mut Context<Self>) -> Later<u64> {
            let (later, reply) = cx.later();
            if n == 0 {
                reply.send(0);
                return later;
            }
            // And a word to the one that waits.
            self.0.tell().sum(0).unwrap();
            cx.then(self.0.sum(n - 1), move |_, _, below| reply.send(below.unwrap() + n));
            later
        }
    }
    for (pings, pongs) in [("a", "a"), ("a", "b")] {
        let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
        let ping = engine.spawn("ping", || Ping { pong: None, depth: 0 }).on(pings);
        let ping = ping.start().unwrap();
        let other = ping.clone();
        let pong = engine.spawn("pong", move || Pong(other)).on(pongs).start().unwrap();
        outcome(ping.meet(pong)).unwrap();
        assert_eq!(outcome(ping.sum(100)), Ok(5050));
        assert_eq!(outcome(ping.depth()), Ok(51 + 50));
        engine.stop();
        assert!(engine.join_timeout(DEADLINE), "they hold each other's proxies");
    }
}

#[test]
fn guards_are_asked_again_when_a_continuation_has_run() {
    let (_engine, mut scheduler, doer, worker) = by_hand();
    let mut waits = doer.when_any();
    turn(&mut scheduler);
    assert!(waits.try_get().is_none());
    doer.tell().run(waits_for([number(&worker, 5)])).unwrap();
    assert_eq!(now(&mut scheduler, waits), Ok(5));
}

#[test]
fn a_stopped_object_ends_when_it_has_gone_on_with_everything() {
    for forget in [Proxy::stop as fn(&DoerProxy), |_| ()] {
        let (_engine, mut scheduler, doer, worker) = by_hand();
        let (ended, ends) = channel();
        let (asked, more) = (doer.ask(), worker.clone());
        // What it goes on with makes a further call, and waits for it.
        let chain = job(|_, cx| {
            cx.then(asked, move |me, cx, n| {
                me.note(n);
                cx.then(number(&more, 2), move |me, _, n| {
                    me.note(n);
                    ended.send(me.list.clone()).unwrap();
                });
            });
        });
        doer.tell().run(chain).unwrap();
        let (to, from) = channel();
        doer.tell().run(job(move |me, _| to.send(me.asked.remove(0)).unwrap())).unwrap();
        turn(&mut scheduler);
        let reply = receive(&from);
        forget(&doer);
        let control = doer.clone();
        drop(doer);
        let control = Some(control).filter(Proxy::is_stopped);
        // Long after it would have been let go.
        for seconds in 1..10 {
            scheduler.turn(Instant::now() + Duration::from_secs(seconds));
        }
        assert_eq!(scheduler.len(), 2);
        assert!(scheduler.hot_len() <= 2);
        drop(control);
        reply.send(1);
        turn(&mut scheduler);
        assert_eq!(receive(&ends), [1, 2]);
        for seconds in 10..20 {
            scheduler.turn(Instant::now() + Duration::from_secs(seconds));
        }
        assert_eq!(scheduler.len(), 1, "the worker");
    }
}

/// An object on a runner of its own, that waits for a call which doesn't end; what tells of its
/// continuation's drop, and of the servant's.
fn waiting() -> (Engine, DoerProxy, Stuck, Receiver<u64>) {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let doer = engine.spawn("doer", Doer::default).on("a").start().unwrap();
    let worker = mainspring::spawn(Worker::default()).unwrap();
    let stuck = Stuck::new(&worker);
    let (asked, behind) = (doer.ask(), number(&worker, 1));
    let (dropped, drops) = channel();
    let wait = job(move |_, cx| {
        let witnesses = [Witness(dropped.clone(), 1), Witness(dropped, 1)];
        let [own, other] = witnesses;
        cx.then(asked, move |_, _, _| drop(own));
        cx.then(behind, move |_, _, _| drop(other));
    });
    outcome(doer.run(wait)).unwrap();
    (engine, doer, stuck, drops)
}

#[test]
fn an_abort_drops_what_an_object_waits_for_whatever_it_does_just_then() {
    // Asleep, and open or closed before.
    for stops_before in [false, true] {
        let (engine, doer, stuck, drops) = waiting();
        if stops_before {
            Proxy::stop(&doer);
            assert!(!engine.join_timeout(Duration::from_millis(20)), "it waits");
        }
        doer.abort();
        assert_eq!(receive(&drops) + receive(&drops), 2);
        engine.stop();
        assert!(engine.join_timeout(DEADLINE));
        drop(stuck.release());
    }
    let (engine, _doer, stuck, drops) = waiting();
    engine.stop_within(Duration::from_millis(1));
    assert_eq!(receive(&drops) + receive(&drops), 2);
    assert!(engine.join_timeout(DEADLINE));
    drop(stuck.release());
}

#[test]
fn a_dropped_scheduler_does_not_wait_for_what_may_never_end() {
    let (_engine, mut scheduler, doer, worker) = by_hand();
    let (dropped, drops) = channel();
    let (asked, called) = (doer.ask(), number(&worker, 1));
    let witness = Witness(dropped.clone(), 2);
    let wait = job(move |_, cx| {
        cx.then(asked, move |_, _, _| drop(witness));
        cx.then(called, move |_, _, n| dropped.send(n.unwrap()).unwrap());
    });
    doer.tell().run(wait).unwrap();
    assert_eq!(scheduler.turn(Instant::now()), 3, "and nothing was gone on with");
    drop(scheduler);
    assert_eq!((receive(&drops), receive(&drops)), (1, 2), "what can be is");
}

#[test]
fn a_panic_drops_what_an_object_waits_for() {
    let events = Events::default();
    let engine = events.builder().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let doer = engine.spawn("doer", Doer::default).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let (dropped, drops) = channel();
    let (asked, called) = (doer.ask(), number(&worker, 1));
    let wait = job(move |_, cx| {
        let witness = Witness(dropped, 1);
        cx.then(asked, move |_, _, _| drop(witness));
        cx.then(called, |_, _, _| panic!("gone wrong"));
    });
    doer.tell().run(wait).unwrap();
    turn(&mut scheduler);
    assert_eq!(receive(&drops), 1);
    let panics = events.panics();
    assert_eq!(panics.len(), 1);
    assert_eq!((panics[0].1, panics[0].2.as_str()), ("a continuation", "gone wrong"));
    scheduler.turn(Instant::now() + Duration::from_secs(1));
    scheduler.turn(Instant::now() + Duration::from_secs(2));
    assert_eq!(scheduler.len(), 1);
}

#[test]
fn answers_that_a_dropped_continuation_owes_end_as_stopped() {
    let panics = |doer: &DoerProxy| {
        doer.tell().run(job(|_, _| panic!("gone wrong"))).unwrap();
    };
    for end in [Proxy::abort as fn(&DoerProxy), panics] {
        let (_engine, mut scheduler, doer, _worker) = by_hand();
        let (asked, owed) = (doer.ask(), doer.ask());
        let owes = job(|me, cx| {
            let reply = me.asked.pop().unwrap();
            cx.then(asked, move |_, _, n| reply.send(n.unwrap()));
        });
        doer.tell().run(owes).unwrap();
        turn(&mut scheduler);
        end(&doer);
        assert_eq!(now(&mut scheduler, owed), Err(CallError::Stopped { started: true }));
    }
}

#[test]
fn a_continuation_dropped_unrun_may_panic_in_its_drop() {
    let (_engine, mut scheduler, doer, _worker) = by_hand();
    let asked = doer.ask();
    let bomb = Bomb;
    doer.tell().run(job(move |_, cx| cx.then(asked, move |_, _, _| drop(bomb)))).unwrap();
    turn(&mut scheduler);
    doer.abort();
    for seconds in 1..5 {
        scheduler.turn(Instant::now() + Duration::from_secs(seconds));
    }
    assert_eq!(scheduler.len(), 1);
}

#[test]
fn what_waits_at_the_start_is_gone_on_with_and_at_the_stop_is_not() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let (dropped, drops) = channel();
    let (called, gone) = (number(&worker, 1), number(&worker, 2));
    let pending = mainspring::spawn(Worker::default()).unwrap();
    let stuck = Stuck::new(&pending);
    let behind = number(&pending, 3);
    let first = waits_for([called]);
    let witnesses = [Witness(dropped.clone(), 2), Witness(dropped, 3)];
    let last = job(move |_, cx| {
        let [two, three] = witnesses;
        cx.then(gone, move |me, _, n| (me.note(n), drop(two)).0);
        cx.then(behind, move |me, _, n| (me.note(n), drop(three)).0);
        assert_eq!(cx.waiting(), 2);
    });
    let made = move || Doer { first: Some(first), last: Some(last), ..Doer::default() };
    let doer = engine.spawn("doer", made).start().unwrap();
    assert_eq!(now(&mut scheduler, doer.list()), Ok(vec![]));
    assert_eq!(now(&mut scheduler, doer.list()), Ok(vec![1]));
    drop(doer);
    for seconds in 1..5 {
        scheduler.turn(Instant::now() + Duration::from_secs(seconds));
    }
    assert_eq!(scheduler.len(), 1);
    assert_eq!((receive(&drops), receive(&drops)), (2, 3));
    drop(stuck.release());
}

#[test]
fn a_detached_context_keeps_what_waits_and_drops_it() {
    let worker = mainspring::spawn(Worker::default()).unwrap();
    let (dropped, drops) = channel();
    let witness = Witness(dropped, 1);
    Context::<Doer>::detached(Instant::now(), |cx| {
        cx.then(number(&worker, 1), move |_, _, _| drop(witness));
        assert_eq!(cx.waiting(), 1);
    });
    assert_eq!(receive(&drops), 1);
}

#[test]
fn continuations_are_not_lost_while_runners_sleep_and_calls_end_at_once() {
    const ROUNDS: u64 = 2_000;
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let doer = engine.spawn("doer", Doer::default).on("a").start().unwrap();
    let workers: Vec<_> = (0..3).map(|_| mainspring::spawn(Worker::default()).unwrap()).collect();
    let mut sum = 0;
    for round in 0..ROUNDS {
        let calls: Vec<_> = workers.iter().map(|worker| number(worker, round)).collect();
        sum += round * calls.len() as u64;
        let (to, from) = channel();
        let count = calls.len();
        let wait = job(move |_, cx| {
            for call in calls {
                let to = to.clone();
                cx.then(call, move |_, _, n| to.send(n.unwrap()).unwrap());
            }
        });
        doer.tell().run(wait).unwrap();
        for _ in 0..count {
            sum -= receive(&from);
        }
    }
    assert_eq!((sum, outcome(doer.waiting())), (0, Ok(0)));
}

#[test]
fn outcomes_are_delivered_to_another_object_as_requests() {
    #[derive(Default)]
    struct Ledger(Vec<Result<u64, CallError>>);
    #[active]
    impl Ledger {
        pub fn record(&mut self, answer: Result<u64, CallError>) {
            self.0.push(answer);
        }

        pub fn answers(&self) -> Vec<Result<u64, CallError>> {
            self.0.clone()
        }
    }
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let ledger = engine.spawn("ledger", Ledger::default).capacity(2).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let deliver = |call: Call<u64>| {
        call.on_complete_in(ledger.clone(), |ledger, answer| ledger.tell().record(answer));
    };
    deliver(number(&worker, 1));
    let mut cancelled = number(&worker, 2);
    assert!(cancelled.cancel());
    deliver(cancelled);
    let expected = vec![Err(CallError::Cancelled), Ok(1)];
    turn(&mut scheduler);
    assert_eq!(now(&mut scheduler, ledger.answers()), Ok(expected));
    assert_eq!(ledger.refused(), 0);
    // Three at once are one too many.
    (3..6).for_each(|n| deliver(number(&worker, n)));
    turn(&mut scheduler);
    assert_eq!(now(&mut scheduler, ledger.answers()).unwrap().len(), 4);
    assert_eq!(ledger.refused(), 1);
}
