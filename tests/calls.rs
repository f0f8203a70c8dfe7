//! What a caller can do with a call: wait, await, observe, cancel, join.

mod common;

use common::*;
use mainspring::prelude::*;
use mainspring::{CallSet, Executed, SendError, join_all, select};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

const MOMENT: Duration = Duration::from_millis(2);

fn worker() -> WorkerProxy {
    mainspring::spawn(Worker::default()).unwrap()
}

#[test]
fn a_timed_out_wait_leaves_the_call_pending_and_usable() {
    let worker = worker();
    let stuck = Stuck::new(&worker);
    let mut call = worker.push(1);
    assert_eq!(call.get_timeout(MOMENT), Err(WaitError::TimedOut));
    assert_eq!(call.get_timeout(Duration::ZERO), Err(WaitError::TimedOut));
    assert_eq!(call.get_deadline(Instant::now()), Err(WaitError::TimedOut));
    assert!(!call.is_ready() && call.try_get().is_none());
    drop(stuck.release());
    assert_eq!(call.get_timeout(Duration::MAX), Ok(1));
    assert_eq!(call.try_get(), Some(Err(CallError::Taken)));
    assert_eq!(call.get_timeout(MOMENT), Err(WaitError::Ended(CallError::Taken)));
}

#[test]
fn a_dropped_or_detached_call_runs_all_the_same() {
    let worker = worker();
    drop(worker.push(1));
    worker.push(2).detach();
    let mut waited = worker.push(3);
    let _ = waited.get_timeout(Duration::ZERO);
    drop(waited);
    assert_eq!(worker.list().get(), Ok(vec![1, 2, 3]));
}

#[test]
fn a_result_that_nobody_takes_is_dropped_once() {
    let (dropped, drops) = channel();
    let giver = mainspring::spawn(Giver(dropped)).unwrap();
    for number in 0..100 {
        let call = giver.give(number);
        match number % 4 {
            0 => drop(call),
            1 => drop(outcome(call)),
            2 => eventually("it is ready", || call.is_ready()),
            _ => call.on_complete(|_| {}),
        }
    }
    drop(giver);
    let mut numbers: Vec<_> = (0..100).map(|_| receive(&drops)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert!(drops.recv_timeout(DEADLINE).is_err(), "the servant's sender is the last");
}

#[test]
fn results_whose_destructors_panic_use_no_reply_cells_up() {
    struct Thrower;
    #[active]
    impl Thrower {
        pub fn throw(&self) -> Bomb {
            Bomb
        }
    }
    let unwinds = |run: &mut dyn FnMut()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
    };
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = engine.spawn("thrower", || Thrower).on("loop").calls_max(1);
    let thrower = spawn.resume_on_panic().start().unwrap();
    let mut turn = || while scheduler.turn(Instant::now()) > 0 {};
    for _ in 0..1000 {
        thrower.throw().detach();
        turn();
        let mut call = Some(thrower.throw());
        turn();
        assert!(call.as_ref().unwrap().is_ready(), "there was a cell for it");
        assert!(unwinds(&mut || drop(call.take())), "its caller drops it");
    }
    let mut call = thrower.throw();
    turn();
    call.try_get().unwrap().map(std::mem::forget).unwrap();
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_uses_no_reply_cell_up() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            std::panic::panic_any(MEANT);
        }
    }
    const MEANT: &str = "a waker's end";
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = engine.spawn("worker", Worker::default).on("loop").calls_max(1);
    let worker = spawn.start().unwrap();
    for _ in 0..100 {
        let waker = Waker::from(Arc::new(Bad));
        let mut call = worker.push(1);
        assert!(pin!(&mut call).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(call);
        while scheduler.turn(Instant::now()) > 0 {}
        assert_ne!(worker.push(1).try_get(), Some(Err(CallError::Full)), "there was a cell for it");
        while scheduler.turn(Instant::now()) > 0 {}
    }
}

/// A servant whose results are seen going.
struct Giver(std::sync::mpsc::Sender<u64>);

#[active]
impl Giver {
    pub fn give(&self, number: u64) -> Witness {
        Witness(self.0.clone(), number)
    }
}

#[test]
fn cancel_wins_before_the_start_and_is_too_late_after_it() {
    let worker = worker();
    let mut stuck = Stuck::new(&worker);
    assert!(!stuck.call.cancel(), "it has started");
    let mut queued = worker.push(1);
    let _ = queued.get_timeout(MOMENT);
    assert!(queued.cancel(), "also after a wait that timed out");
    assert!(!queued.cancel(), "once");
    assert!(queued.is_ready());
    let error = queued.get().unwrap_err();
    assert_eq!((error.clone(), error.executed()), (CallError::Cancelled, Executed::No));
    let mut last = worker.push(2);
    assert_eq!(outcome(stuck.release()), Ok(7));
    eventually("the last has ended", || last.is_ready());
    assert!(!last.cancel(), "it has ended");
    assert_eq!(last.get(), Ok(1), "the cancelled one did not run");
}

#[test]
fn a_cancelled_call_s_arguments_are_dropped_on_the_runner() {
    let worker = worker();
    let (dropped, drops) = channel();
    let stuck = Stuck::new(&worker);
    let mut call = worker.take(Box::new(Witness(dropped, 1)));
    assert!(call.cancel());
    assert!(drops.try_recv().is_err(), "the request still lies in the mailbox");
    drop(stuck.release());
    assert_eq!(receive(&drops), 1);
}

#[test]
fn waiting_on_a_runner_without_a_limit_is_refused() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let spawn = |name, on| engine.spawn(name, Worker::default).on(on).start().unwrap();
    let (here, same, other) = (spawn("here", "a"), spawn("same", "a"), spawn("other", "b"));
    let (same_seen, other_seen) = (same.clone(), other.clone());
    let refusals = here.run(Box::new(move |_| {
        assert_eq!(same.push(1).get(), Err(CallError::WouldDeadlock));
        assert_eq!(same.push(2).map(|n| n + 1).get(), Err(CallError::WouldDeadlock));
        let mut call = same.push(3);
        assert_eq!(call.get_timeout(DEADLINE), Err(WaitError::WouldDeadlock));
        assert!(call.try_get().is_none(), "still pending");
        let mut set = CallSet::new();
        set.insert(same.push(4));
        assert_eq!(set.next_timeout(MOMENT), None);
        assert_eq!(set.next(), Some((0, Err(CallError::WouldDeadlock))));
        // On another runner it may end, so a limited wait is allowed.
        let stuck = Stuck::new(&other);
        let mut call = other.push(1);
        assert_eq!(call.get_timeout(MOMENT), Err(WaitError::TimedOut));
        assert_eq!(call.get(), Err(CallError::WouldDeadlock));
        drop(stuck.release());
        let mut call = other.push(2);
        assert_eq!(call.get_timeout(DEADLINE), Ok(2));
        11
    }));
    assert_eq!(outcome(refusals), Ok(11));
    assert_eq!(same_seen.list().get(), Ok(vec![1, 2, 3, 4]), "refused waits, not calls");
    assert_eq!(other_seen.list().get(), Ok(vec![1, 2]));
}

#[test]
fn a_set_on_an_invoker_s_thread_refuses_to_wait_for_itself() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    let mut set = CallSet::new();
    set.insert(worker.push(1));
    set.insert(worker.push(2));
    assert_eq!(set.next(), Some((0, Err(CallError::WouldDeadlock))));
    scheduler.turn(Instant::now());
    assert_eq!(set.next(), Some((1, Ok(2))));
    assert_eq!(set.next(), None);
}

#[test]
fn calls_are_awaited_on_any_executor() {
    let worker = worker();
    let sum = pollster::block_on(async {
        let first = worker.push(1).await?;
        let second = worker.push(2).map(|count| count * 10).await?;
        Ok::<_, CallError>(first + second)
    });
    assert_eq!(sum, Ok(21));
    let stuck = Stuck::new(&worker);
    let queued = worker.push(3);
    let waiter = thread::spawn(|| pollster::block_on(queued));
    worker.abort();
    assert_eq!(waiter.join().unwrap(), Err(NOT_STARTED), "an abort wakes the task");
    drop(stuck.release());
    assert_eq!(pollster::block_on(worker.push(4)), Err(NOT_STARTED));
}

/// A waker that counts, and may panic.
struct Counting(AtomicUsize, bool);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        assert!(!self.1, "in the waker");
    }
}

#[test]
fn the_last_waker_polled_with_is_woken_once() {
    let worker = worker();
    let stuck = Stuck::new(&worker);
    let wakers = [false, false].map(|panics| Arc::new(Counting(AtomicUsize::new(0), panics)));
    let mut call = pin!(worker.push(1));
    for waker in &wakers {
        let waker = Waker::from(waker.clone());
        assert_eq!(call.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
    }
    drop(stuck.release());
    eventually("the waker is woken", || wakers[1].0.load(SeqCst) == 1);
    assert_eq!(wakers[0].0.load(SeqCst), 0);
    assert_eq!(Arc::strong_count(&wakers[0]), 1, "a waker that was replaced is dropped");
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
}

#[test]
fn a_panicking_waker_or_observer_harms_nobody() {
    let worker = worker();
    let stuck = Stuck::new(&worker);
    let waker = Waker::from(Arc::new(Counting(AtomicUsize::new(0), true)));
    let mut call = pin!(worker.push(1));
    assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    worker.push(2).on_complete(|_| panic!("in the observer"));
    worker.push(3).on_complete(|_| std::panic::panic_any(Bomb));
    let last = worker.push(4);
    drop(stuck.release());
    assert_eq!(outcome(last), Ok(4));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(call.as_mut().poll(&mut context), Poll::Ready(Ok(1)));
    assert_eq!(outcome(worker.push(5)), Ok(5));
}

#[test]
fn an_observer_runs_where_the_call_ends_or_here_if_it_has_ended() {
    let worker = worker();
    let here = thread::current().id();
    let (sent, seen) = channel::<(ThreadId, Result<usize, CallError>)>();
    let stuck = Stuck::new(&worker);
    let observer = sent.clone();
    worker.push(1).on_complete(move |outcome| {
        observer.send((thread::current().id(), outcome)).unwrap();
    });
    assert!(seen.try_recv().is_err(), "not before it has ended");
    drop(stuck.release());
    let (there, outcome) = receive(&seen);
    assert!(there != here && outcome == Ok(1));
    let call = worker.push(2);
    eventually("the call has ended", || call.is_ready());
    let observer = sent.clone();
    call.on_complete(move |outcome| {
        observer.send((thread::current().id(), outcome)).unwrap();
    });
    assert_eq!(seen.try_recv().unwrap(), (here, Ok(2)), "at once");
    Proxy::stop(&worker);
    worker.push(3).on_complete(move |outcome| {
        sent.send((thread::current().id(), outcome)).unwrap();
    });
    assert_eq!(seen.try_recv().unwrap(), (here, Err(NOT_STARTED)), "a refusal too");
}

#[test]
fn an_observer_replaces_a_wait_that_timed_out() {
    let worker = worker();
    let stuck = Stuck::new(&worker);
    let mut call = worker.push(1);
    assert_eq!(call.get_timeout(MOMENT), Err(WaitError::TimedOut));
    let (sent, seen) = channel();
    call.on_complete(move |outcome| sent.send(outcome).unwrap());
    drop(stuck.release());
    assert_eq!(receive(&seen), Ok(1));
}

#[test]
fn map_changes_the_result_and_not_the_errors() {
    let worker = worker();
    assert_eq!(worker.push(1).map(|count| format!("{count}")).get(), Ok("1".into()));
    let stuck = Stuck::new(&worker);
    let mut mapped = worker.push(2).map(|count| count + 100);
    assert_eq!(mapped.get_timeout(MOMENT), Err(WaitError::TimedOut));
    assert_eq!(mapped.try_get(), None);
    drop(stuck.release());
    assert_eq!(mapped.get_timeout(DEADLINE), Ok(102));
    assert_eq!(mapped.try_get(), Some(Err(CallError::Taken)));
    Proxy::stop(&worker);
    assert_eq!(
        worker.push(3).map(|_| panic!("nothing to change")).get(),
        Err::<(), _>(NOT_STARTED)
    );
}

#[test]
fn a_set_yields_calls_in_the_order_they_end() {
    let workers = [worker(), worker(), worker()];
    let stuck = workers.each_ref().map(Stuck::new);
    let mut set = CallSet::new();
    let keys = workers.each_ref().map(|worker| set.insert(worker.push(1)));
    assert_eq!((keys, set.len()), ([0, 1, 2], 3));
    assert!(set.try_next().is_none());
    assert_eq!(set.next_timeout(MOMENT), None);
    let [first, second, third] = stuck;
    for (stuck, key) in [(third, 2), (first, 0)] {
        drop(stuck.release());
        assert_eq!(set.next_timeout(DEADLINE), Some((key, Ok(1))));
    }
    let ended = worker().push(5);
    eventually("the call has ended", || ended.is_ready());
    assert_eq!(set.insert(ended), 3);
    assert_eq!(set.try_next(), Some((3, Ok(1))), "also one that had ended before");
    drop(second.release());
    assert_eq!(set.next(), Some((1, Ok(1))));
    assert_eq!((set.next(), set.is_empty()), (None, true));
}

#[test]
fn a_set_joins_in_the_order_of_insertion() {
    let (worker, other) = (worker(), worker());
    let stuck = Stuck::new(&worker);
    let mut set = CallSet::default();
    set.insert(worker.push(1));
    set.insert(other.push(1));
    set.insert(worker.push(2));
    assert_eq!(set.next_timeout(DEADLINE), Some((1, Ok(1))));
    drop(stuck.release());
    assert_eq!(set.join(), [Ok(1), Ok(2)], "without those taken before");
}

#[test]
fn sets_can_be_sent() {
    fn sent<T: Send>() {}
    sent::<CallSet<Worker>>();
    sent::<mainspring::JoinAll<Worker>>();
    sent::<mainspring::Select<Worker>>();
}

#[test]
fn a_set_can_be_awaited_collected_and_extended() {
    let workers = [worker(), worker()];
    let stuck = workers.each_ref().map(Stuck::new);
    let mut set: CallSet<usize> = workers.iter().map(|worker| worker.push(1)).collect();
    set.extend(workers.iter().map(|worker| worker.push(2)));
    let waker = Waker::noop();
    let poll = |set: &mut CallSet<usize>| set.poll_next(&mut Context::from_waker(waker));
    assert!(poll(&mut set).is_pending());
    let [first, second] = stuck;
    drop(second.release());
    assert_eq!(pollster::block_on(set.next_async()), Some((1, Ok(1))));
    assert_eq!(pollster::block_on(set.next_async()), Some((3, Ok(2))));
    drop(first.release());
    assert_eq!(pollster::block_on(set.next_async()), Some((0, Ok(1))));
    assert_eq!(set.next(), Some((2, Ok(2))), "waited for in both ways");
    assert_eq!(poll(&mut set), Poll::Ready(None));
}

#[test]
fn the_last_waker_of_a_set_is_woken_and_its_panic_harms_nobody() {
    struct Flag(AtomicUsize, bool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
            assert!(!self.1, "a waker's panic");
        }
    }
    let worker = worker();
    let stuck = Stuck::new(&worker);
    let mut set = CallSet::from_iter([worker.push(1)]);
    let flags = [false, true].map(|panics| Arc::new(Flag(AtomicUsize::new(0), panics)));
    for flag in &flags {
        let waker = Waker::from(flag.clone());
        assert!(set.poll_next(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(stuck.release());
    assert_eq!(set.next_timeout(DEADLINE), Some((0, Ok(1))));
    assert_eq!(outcome(worker.list()), Ok(vec![1]));
    assert_eq!(flags.map(|flag| flag.0.load(SeqCst)), [0, 1]);
}

#[test]
fn join_all_waits_for_all_and_select_for_the_first() {
    let (worker, other) = (worker(), worker());
    let stuck = Stuck::new(&worker);
    let both = || [worker.push(1), other.push(1)];
    let (place, first, rest) = pollster::block_on(select(both())).unwrap();
    assert_eq!((place, first, rest.len()), (1, Ok(1), 1));
    let (place, first, mut rest) = select(both()).get().unwrap();
    assert_eq!((place, first), (1, Ok(2)));
    let (all, awaited, dropped) = (join_all(both()), join_all(both()), join_all(both()));
    drop(dropped);
    drop(stuck.release());
    assert_eq!(rest.next(), Some((0, Ok(2))), "by its place");
    assert_eq!(all.get(), [Ok(3), Ok(3)]);
    assert_eq!(pollster::block_on(awaited), [Ok(4), Ok(4)]);
    assert_eq!(outcome(worker.list()).unwrap().len(), 5, "those of the dropped one ran too");
    assert!(select::<u64>([]).get().is_none() && join_all::<u64>([]).get().is_empty());
    assert_eq!(pollster::block_on(join_all::<u64>([])), []);
}

#[test]
fn all_of_several_and_the_first_are_not_waited_for_on_a_runner() {
    let (here, other) = (worker(), worker());
    let seen = other.clone();
    let refused = here.run(Box::new(move |_| {
        let stuck = Stuck::new(&other);
        let all = join_all([other.push(1), other.push(2)]).get();
        assert_eq!(all, [Err(CallError::WouldDeadlock), Err(CallError::WouldDeadlock)]);
        let (place, first, rest) = select([other.push(3), other.push(4)]).get().unwrap();
        assert_eq!((place, first, rest.len()), (0, Err(CallError::WouldDeadlock), 1));
        drop(stuck.release());
        1
    }));
    assert_eq!(outcome(refused), Ok(1));
    assert_eq!(outcome(seen.list()), Ok(vec![1, 2, 3, 4]));
}

#[test]
fn a_dropped_set_detaches_its_calls() {
    let worker = worker();
    let stuck = Stuck::new(&worker);
    let mut set = CallSet::new();
    (1..=3).for_each(|n| _ = set.insert(worker.push(n)));
    drop(set);
    drop(stuck.release());
    assert_eq!(outcome(worker.list()), Ok(vec![1, 2, 3]));
}

#[test]
fn refused_calls_are_full_or_stopped_and_give_everything_back() {
    let engine = one_runner();
    let spawn = engine.spawn("worker", Worker::default).capacity(1);
    let worker = spawn.start().unwrap();
    let stuck = Stuck::new(&worker);
    // The slot of a request is given back when its method has returned, so this one is full.
    let error = worker.push(2).get().unwrap_err();
    assert_eq!((error.clone(), error.executed()), (CallError::Full, Executed::No));
    let value: Box<dyn std::any::Any + Send> = Box::new("mine");
    let value = worker.try_take(value).unwrap_err().into_inner();
    assert_eq!(value.downcast_ref(), Some(&"mine"));
    let value = worker.tell().take(value).unwrap_err();
    assert!(value.is_full() && value.into_inner().is::<&str>());
    assert_eq!(worker.refused(), 3);
    drop(stuck.release());
    Proxy::stop(&worker);
    assert!(matches!(worker.try_push(3), Err(SendError::Stopped(3))));
    assert_eq!(worker.refused(), 4);
}
