//! The rules of calls in transit: room, order, faults, and calls within a runner.

mod common;

use common::*;
use mainspring::mailbox::{ClonedKind, Kind, Lanes, Spsc};
use mainspring::prelude::*;
use mainspring::{Reply, Scheduler, SendError};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

/// Runs `send` on another thread: this one's calls would take the way of a runner's own.
fn elsewhere<T: Send + 'static>(send: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(send).join().unwrap()
}

/// Fills a mailbox from another thread than the runner's, by calls and one-way requests.
fn fill<K: Kind>(worker: &WorkerProxy<K>, capacity: usize) {
    assert_eq!(worker.capacity(), capacity);
    for n in 0..capacity as u64 {
        match n % 2 {
            0 => worker.tell().push(n).unwrap(),
            _ => worker.push(n).detach(),
        }
    }
    assert!(matches!(worker.tell().push(9), Err(SendError::Full(9))));
    assert!(matches!(worker.try_push(9), Err(SendError::Full(9))));
    assert_eq!(worker.push(9).get(), Err(CallError::Full));
}

#[test]
fn a_mailbox_holds_exactly_its_capacity() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    for capacity in [1, 2, 3, 7, 1000] {
        let spawn = || engine.spawn_unnamed(Worker::default).capacity(capacity);
        let shared = spawn().start().unwrap();
        let single = spawn().single_producer().start().unwrap();
        let lanes = spawn().lanes().start().unwrap();
        let (shared, single, lanes) = elsewhere(move || {
            fill(&shared, capacity);
            fill(&single, capacity);
            // Each producer has all of it.
            let other = lanes.clone();
            fill(&lanes, capacity);
            fill(&other, capacity);
            assert_eq!((shared.queued(), single.queued()), (capacity, capacity));
            assert_eq!(lanes.queued(), 2 * capacity);
            (shared, single, [lanes, other])
        });
        while scheduler.turn(Instant::now()) > 0 {}
        elsewhere(move || {
            shared.tell().push(1).unwrap();
            single.tell().push(1).unwrap();
            lanes.iter().for_each(|lane| lane.tell().push(1).unwrap());
        });
    }
}

#[test]
fn reply_cells_are_limited_too() {
    let engine = one_runner();
    let spawn = || engine.spawn_unnamed(Worker::default);
    for calls in [1, 2, 3, 15, 16, 17, 65] {
        let worker = spawn().calls_max(calls).start().unwrap();
        // Ended or not, each is a call that was not taken yet.
        let pending: Vec<_> = (0..1000).map_while(|n| worker.try_push(n).ok()).collect();
        assert_eq!(pending.len(), calls);
        assert!(matches!(worker.try_push(9), Err(SendError::Full(9))));
        worker.tell().push(1).unwrap();
        drop(pending);
        eventually("cells are free again", || worker.try_push(2).is_ok());
    }
    let worker = spawn().calls_max(3).lanes().start().unwrap();
    let pending = [(); 3].map(|()| worker.clone().push(1));
    assert_eq!(worker.push(4).get(), Err(CallError::Full), "the fourth, of whichever producer");
    pending.into_iter().for_each(|call| assert!(call.get().is_ok()));
}

/// Three threads send through proxies of their own; each one's requests must run in its order.
fn three_send_in_order<K: ClonedKind>(worker: WorkerProxy<K>) {
    const COUNT: u64 = 20_000;
    let senders: Vec<_> = (0..3_u64)
        .map(|sender| {
            let worker = worker.clone();
            thread::spawn(move || {
                for n in 0..COUNT {
                    // Calls and one-way requests are one stream.
                    while match n % 2 {
                        0 => worker.tell().push(sender << 32 | n).is_err(),
                        _ => worker.try_push(sender << 32 | n).is_err(),
                    } {
                        thread::yield_now();
                    }
                }
                // Behind its own: with lanes that says nothing of the others'.
                let last = std::iter::repeat_with(|| worker.try_push(sender << 32 | COUNT));
                outcome(last.flatten().next().expect("room comes")).unwrap();
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let list = outcome(worker.list()).unwrap();
    for sender in 0..3 {
        let of_sender = list.iter().filter(|number| **number >> 32 == sender);
        assert!(of_sender.map(|number| number & 0xFFFF_FFFF).eq(0..=COUNT), "sender {sender}");
    }
}

#[test]
fn one_thread_s_requests_run_in_the_order_sent() {
    let engine = one_runner();
    let spawn = || engine.spawn_unnamed(Worker::default).capacity(64);
    three_send_in_order(spawn().start().unwrap());
    three_send_in_order(spawn().lanes().start().unwrap());
}

/// From the runner's own thread and from another, by turns, each after the other's.
fn two_threads_by_turns<K: Kind>(scheduler: &mut Scheduler, worker: WorkerProxy<K>) {
    let mut worker = Some(worker);
    for n in (0..10).step_by(2) {
        let sent = worker.take().unwrap();
        let sent = elsewhere(move || {
            sent.tell().push(n).unwrap();
            sent
        });
        sent.tell().push(n + 1).unwrap();
        worker = Some(sent);
    }
    while scheduler.turn(Instant::now()) > 0 {}
    let mut list = worker.unwrap().list();
    scheduler.turn(Instant::now());
    assert_eq!(list.try_get().unwrap().unwrap(), (0..10).collect::<Vec<_>>());
}

#[test]
fn what_was_sent_before_is_served_before_whichever_thread_sent_it() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = || engine.spawn_unnamed(Worker::default);
    two_threads_by_turns(&mut scheduler, spawn().start().unwrap());
    two_threads_by_turns(&mut scheduler, spawn().single_producer().start().unwrap());
}

/// An object that goes on calling itself, and others, must not keep the mailbox waiting.
#[test]
fn calls_within_a_runner_take_their_turn_with_the_mailbox() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let worker = engine.spawn_unnamed(Worker::default).capacity(1000).start().unwrap();
    let far = worker.clone();
    elsewhere(move || (0..500).for_each(|n| far.tell().push(n).unwrap()));
    (500..1000).for_each(|n| worker.tell().push(n).unwrap());
    let far = worker.clone();
    elsewhere(move || (1000..1500).for_each(|n| far.tell().push(n).unwrap()));
    while scheduler.turn(Instant::now()) > 0 {}
    let mut list = worker.list();
    scheduler.turn(Instant::now());
    assert_eq!(list.try_get().unwrap().unwrap(), (0..1500).collect::<Vec<_>>());
}

/// Eight one-way requests.
fn batch() -> impl ExactSizeIterator<Item = WorkerRequest> {
    (0..8_u32).map(|n| WorkerRequest::Push { number: n.into(), reply: Reply::none() })
}

/// Sends a batch to a mailbox of five, and the rest of it once more.
fn overfill<K: Kind>(worker: &WorkerProxy<K>) {
    let mut batch = batch();
    assert_eq!(worker.handle().tell_batch(&mut batch).unwrap(), 5);
    assert_eq!(batch.len(), 3);
    let refused = worker.handle().tell_batch(&mut batch).unwrap_err();
    assert!(refused.is_full() && refused.into_inner().is_empty());
    assert_eq!(batch.len(), 3, "what was refused is still there");
}

#[test]
fn a_batch_sends_what_there_is_room_for_and_leaves_the_rest() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = || engine.spawn_unnamed(Worker::default).capacity(5);
    let shared = spawn().start().unwrap();
    let single = spawn().single_producer().start().unwrap();
    let lanes = spawn().lanes().start().unwrap();
    let (shared, single, lanes) = elsewhere(move || {
        overfill(&shared);
        overfill(&single);
        overfill(&lanes);
        (shared, single, lanes)
    });
    while scheduler.turn(Instant::now()) > 0 {}
    let mut lists = [shared.list(), single.list(), lanes.list()];
    while scheduler.turn(Instant::now()) > 0 {}
    for list in &mut lists {
        assert_eq!(list.try_get(), Some(Ok(vec![0, 1, 2, 3, 4])));
    }
    // On the runner's own thread they go another way.
    overfill(&shared);
    overfill(&single);
    overfill(&lanes);
    refuses_after_a_stop(shared);
    refuses_after_a_stop(single);
    refuses_after_a_stop(lanes);
}

/// Neither here nor elsewhere is a batch accepted after a stop.
fn refuses_after_a_stop<K: Kind>(worker: WorkerProxy<K>) {
    Proxy::stop(&worker);
    let refused = worker.handle().tell_batch(&mut batch()).unwrap_err();
    assert!(matches!(refused, SendError::Stopped(_)));
    let refused = elsewhere(move || worker.handle().tell_batch(&mut batch()).unwrap_err());
    assert!(matches!(refused, SendError::Stopped(_)));
}

#[test]
fn a_single_producer_s_proxy_can_be_sent() {
    let engine = one_runner();
    let worker: WorkerProxy<Spsc> =
        engine.spawn("w", Worker::default).single_producer().start().unwrap();
    assert_eq!(worker.push(1).get(), Ok(1));
    let worker = elsewhere(move || {
        assert_eq!(worker.push(2).get(), Ok(2));
        worker
    });
    assert_eq!(worker.list().get(), Ok(vec![1, 2]));
}

#[test]
fn a_proxy_of_lanes_can_be_sent_and_cloned() {
    let engine = one_runner();
    let worker: WorkerProxy<Lanes> = engine.spawn("w", Worker::default).lanes().start().unwrap();
    assert_eq!(worker.push(1).get(), Ok(1));
    let (sent, kept) = (worker.clone(), worker);
    let back = elsewhere(move || {
        assert_eq!(sent.push(2).get(), Ok(2));
        sent.clone()
    });
    assert_eq!(kept.push(3).get(), Ok(3));
    drop(kept);
    assert_eq!(back.list().get(), Ok(vec![1, 2, 3]));
    drop(back);
    eventually("the last proxy's drop ends it", || engine.is_empty());
}

#[test]
fn a_panic_ends_its_own_call_and_stops_its_object_only() {
    let events = Events::default();
    let engine = events.builder().runner(Runner::named("a")).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let other = engine.spawn("other", Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let before = worker.push(1);
    let failing = worker.fail("out of paper".into());
    let behind = worker.push(2);
    let (dropped, drops) = channel();
    worker.tell().take(Box::new(Witness(dropped, 1))).unwrap();
    drop(stuck.release());
    assert_eq!(outcome(before), Ok(1));
    let error = outcome(failing).unwrap_err();
    assert_eq!(error, CallError::Panicked { method: "fail", message: "out of paper".into() });
    assert_eq!(error.executed(), mainspring::Executed::Maybe);
    assert_eq!(outcome(behind), Err(NOT_STARTED));
    assert_eq!(receive(&drops), 1, "the arguments of what is dropped are dropped");
    assert_eq!(outcome(worker.push(3)), Err(NOT_STARTED));
    assert!(worker.is_stopped());
    assert_eq!(outcome(other.push(1)), Ok(1));
    assert_eq!(events.panics(), [("worker".into(), "fail", "out of paper".into(), true)]);
    eventually("the object has gone", || engine.len() == 1);
}

#[test]
fn a_panic_that_nobody_waits_for_is_reported() {
    let events = Events::default();
    let engine = events.builder().runner(Runner::named("a")).start().unwrap();
    let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
    worker.tell().fail("alone".into()).unwrap();
    eventually("the object has gone", || engine.is_empty());
    assert_eq!(events.panics(), [("Worker".into(), "fail", "alone".into(), false)]);
}

/// A servant that panics when it is dropped.
struct Fragile {
    _bomb: Bomb,
}

#[active]
impl Fragile {
    pub fn number(&self) -> u64 {
        5
    }

    pub fn bomb(&self) -> Bomb {
        Bomb
    }
}

/// Neither a reply cell nor the servant is lost with a result whose destructor panics.
#[test]
fn a_result_that_panics_when_it_is_dropped_costs_nothing_but_itself() {
    const CALLS_MAX: usize = 4;
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let mut turn = || while scheduler.turn(Instant::now()) > 0 {};
    let fragile = engine.spawn_unnamed(|| Fragile { _bomb: Bomb }).calls_max(CALLS_MAX);
    let fragile = fragile.start().unwrap();
    for _ in 0..3 * CALLS_MAX {
        // By the runner.
        fragile.bomb().detach();
        turn();
        // By the caller, whose own panic it is.
        let call = fragile.bomb();
        turn();
        assert!(call.is_ready());
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(call))).unwrap_err();
    }
    let mut number = fragile.number();
    turn();
    assert_eq!(number.try_get(), Some(Ok(5)));
}

#[test]
fn panics_in_destructors_do_not_take_the_runner_along() {
    let events = Events::default();
    let engine = events.builder().runner(Runner::named("a")).start().unwrap();
    let fragile = || engine.spawn_unnamed(|| Fragile { _bomb: Bomb }).start().unwrap();
    // The servant's.
    assert_eq!(fragile().number().get(), Ok(5));
    fragile().abort();
    // The arguments', in the method.
    let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
    let error = outcome(worker.take(Box::new(Bomb))).unwrap_err();
    assert_eq!(error, CallError::Panicked { method: "take", message: "dropped a bomb".into() });
    // The arguments', in what is dropped because the object was aborted, or its servant never made.
    let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let queued = worker.take(Box::new(Bomb));
    worker.tell().take(Box::new(Bomb)).unwrap();
    worker.abort();
    drop(stuck.release());
    assert_eq!(outcome(queued), Err(NOT_STARTED));
    let parent = engine.spawn_unnamed(Worker::default).on_own_runner().start().unwrap();
    let handle = engine.handle();
    let spawned = parent.run(Box::new(move |_| {
        let stuck = Stuck::new(&handle.spawn_unnamed(Worker::default).on("a").start().unwrap());
        let late = handle.spawn_unnamed(|| Err::<Worker, _>("no")).on("a").start().unwrap();
        late.tell().take(Box::new(Bomb)).unwrap();
        drop(stuck.release());
        0
    }));
    assert_eq!(outcome(spawned), Ok(0));
    // The result's, of a call that was dropped.
    let fragile = fragile();
    let stuck = Stuck::new(&engine.spawn_unnamed(Worker::default).start().unwrap());
    fragile.bomb().detach();
    drop(fragile);
    drop(stuck.release());
    // The panic's own.
    let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
    let error = outcome(worker.run(Box::new(|_| std::panic::panic_any(Bomb)))).unwrap_err();
    assert!(matches!(error, CallError::Panicked { method: "run", .. }), "{error}");
    // The runner has survived all of it.
    let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
    assert_eq!(outcome(worker.push(1)), Ok(1));
    drop(worker);
    drop(parent);
    eventually("all objects have gone", || engine.is_empty());
    eventually("the private runner has ended, and only that", || engine.runners() == ["a"]);
}

#[test]
fn objects_of_one_runner_call_each_other_and_themselves_without_waiting() {
    let engine = one_runner();
    let spawn = |name| engine.spawn(name, Worker::default).start().unwrap();
    let (here, there) = (spawn("here"), spawn("there"));
    let (me, sent) = (here.clone(), there.clone());
    let (answer, answers) = channel();
    here.run(Box::new(move |list| {
        sent.push(1).detach();
        sent.tell().push(2).unwrap();
        me.tell().push(10).unwrap();
        me.push(11).on_complete(move |outcome| answer.send(outcome).unwrap());
        assert!(list.is_empty(), "one at a time: the calls to itself come after this one");
        0
    }))
    .get()
    .unwrap();
    assert_eq!(receive(&answers), Ok(2));
    assert_eq!(here.list().get(), Ok(vec![10, 11]));
    assert_eq!(there.list().get(), Ok(vec![1, 2]));
}

#[test]
fn calls_within_a_runner_are_bounded_and_stop_with_the_object() {
    let engine = one_runner();
    let spawn = |name| engine.spawn(name, Worker::default).capacity(3).start().unwrap();
    let (here, there) = (spawn("here"), spawn("there"));
    let target = there.clone();
    let calls = here.run(Box::new(move |_| {
        for n in 0..3 {
            target.tell().push(n).unwrap();
        }
        assert!(matches!(target.tell().push(3), Err(SendError::Full(3))));
        assert!(matches!(target.push(4).try_get(), Some(Err(CallError::Full))));
        Proxy::stop(&target);
        assert!(matches!(target.tell().push(5), Err(SendError::Stopped(5))));
        target.refused()
    }));
    assert_eq!(outcome(calls), Ok(3));
    drop(here);
    drop(there);
    eventually("both have gone", || engine.is_empty());
}

#[test]
fn what_was_accepted_within_a_runner_is_served_after_a_stop_and_ended_by_an_abort() {
    let engine = one_runner();
    let here = engine.spawn("here", Worker::default).start().unwrap();
    for aborts in [false, true] {
        let there = engine.spawn("there", Worker::default).start().unwrap();
        let (sent, calls) = channel();
        let run = here.run(Box::new(move |_| {
            let call = there.push(1);
            if aborts {
                there.abort()
            } else {
                Proxy::stop(&there)
            }
            sent.send(call).unwrap();
            0
        }));
        assert_eq!(outcome(run), Ok(0));
        let expected = if aborts { Err(NOT_STARTED) } else { Ok(1) };
        assert_eq!(outcome(receive(&calls)), expected);
        eventually("the name is free", || engine.len() == 1);
    }
}

#[test]
fn a_ping_pong_within_a_runner_never_blocks_it() {
    let engine = one_runner();
    let spawn = |name| engine.spawn(name, Worker::default).start().unwrap();
    let (ping, pong) = (spawn("ping"), spawn("pong"));
    let (done, is_done) = channel();
    fn bounce(to: WorkerProxy, back: WorkerProxy, left: u64, done: std::sync::mpsc::Sender<u64>) {
        let next = (to.clone(), back);
        to.tell()
            .run(Box::new(move |list| {
                list.push(left);
                match left {
                    0 => done.send(list.len() as u64).unwrap(),
                    _ => bounce(next.1, next.0, left - 1, done),
                }
                0
            }))
            .map_err(|_| "refused")
            .unwrap();
    }
    bounce(ping.clone(), pong.clone(), 10_000, done);
    assert_eq!(receive(&is_done), 5001);
    assert_eq!(outcome(pong.list()).map(|list| list.len()), Ok(5000));
}

/// Fills a neighbour's mailbox, and calls itself to go on when there is room again.
struct Pusher {
    neighbour: WorkerProxy,
    me: Option<PusherProxy>,
    left: u64,
}

#[active]
impl Pusher {
    #[active(oneway)]
    pub fn begin(&mut self, me: PusherProxy) {
        self.me = Some(me);
        self.go_on();
    }

    #[active(oneway)]
    pub fn go_on(&mut self) {
        while self.left > 0 && self.neighbour.tell().push(self.left).is_ok() {
            self.left -= 1;
        }
        match &self.me {
            Some(me) if self.left > 0 => me.go_on().unwrap(),
            _ => self.me = None,
        }
    }
}

#[test]
fn an_object_that_calls_itself_leaves_its_neighbours_their_turns() {
    const COUNT: u64 = 10_000;
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let worker = engine.spawn("worker", Worker::default).capacity(100).start().unwrap();
    let neighbour = worker.clone();
    let pusher = move || Pusher { neighbour, me: None, left: COUNT };
    let pusher = engine.spawn("pusher", pusher).start().unwrap();
    pusher.begin(pusher.clone()).unwrap();
    // Each round of the two moves at least one batch; without turns it would be thousands.
    let turns = (0..COUNT).take_while(|_| scheduler.turn(Instant::now()) > 0).count();
    assert!(turns < 100, "{turns} turns");
    let mut list = worker.list();
    while scheduler.turn(Instant::now()) > 0 {}
    assert_eq!(list.try_get().unwrap().unwrap().len() as u64, COUNT);
}
