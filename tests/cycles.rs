//! Engines started and stopped over and over under load: no call is lost, and nothing stays behind.

#![allow(unsafe_code)] // an allocator that counts

mod common;

use common::*;
use mainspring::mailbox::{Kind, Lanes, Spsc};
use mainspring::prelude::*;
use mainspring::{CallError, Executed};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Allocations that were not freed yet.
static LIVE: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: passes everything on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(1, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(1, SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

const CYCLES: usize = 10_000;
/// What is made once: thread-locals, the channels' blocks, the tests' own.
const WARM_UP: usize = 100;
/// Requests of each kind that the test's thread sends to each object in a cycle.
const LOAD: u64 = 4;
/// Requests of each kind that the other thread tries to send while the engine is stopped.
const RUSH: u64 = 32;
/// Each fifth cycle goes without the other thread: coprime to the four ways to end, so each way has
/// cycles of both sorts.
const ALONE: usize = 5;

/// An argument that is counted while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Box<Self> {
        alive.fetch_add(1, SeqCst);
        Box::new(Self(alive.clone()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// How calls ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ends {
    done: usize,
    stopped: usize,
}

impl Ends {
    fn add<R>(&mut self, outcome: Result<R, CallError>) {
        match outcome {
            Ok(_) => self.done += 1,
            Err(error @ CallError::Stopped { started }) => {
                assert_eq!(error.executed() == Executed::Maybe, started);
                self.stopped += 1;
            }
            Err(error) => panic!("neither done nor stopped: {error:?}"),
        }
    }
}

/// Sends calls and one-way requests; the calls are returned pending.
fn load<K: Kind>(worker: &WorkerProxy<K>, alive: &Arc<AtomicUsize>) -> Vec<Call<usize>> {
    let mut calls = Vec::new();
    for number in 0..LOAD {
        calls.push(worker.push(number));
        worker.tell().take(Counted::new(alive)).unwrap();
    }
    calls
}

/// What the other thread is given: a proxy of each kind that it can have, and the counter of its
/// arguments.
type Rush = (WorkerProxy, WorkerProxy<Lanes>, Arc<AtomicUsize>);

/// Calls and tells until it is refused; every call must end.
fn rush(work: &Receiver<Rush>, ended: &SyncSender<Ends>) {
    sleep_once();
    while let Ok((worker, lane, alive)) = work.recv() {
        let mut calls = Vec::new();
        let (mut shared, mut own) = (true, true);
        for number in 0..RUSH {
            shared = shared && send(&worker, number, &alive, &mut calls);
            own = own && send(&lane, number, &alive, &mut calls);
        }
        // Before the report: whoever reads it counts what is left.
        drop((worker, lane, alive));
        let mut ends = Ends::default();
        calls.into_iter().for_each(|call| ends.add(outcome(call)));
        ended.send(ends).unwrap();
    }
}

/// One call and one one-way request; `false` once it is refused.
fn send<K: Kind>(
    worker: &WorkerProxy<K>,
    number: u64,
    alive: &Arc<AtomicUsize>,
    calls: &mut Vec<Call<usize>>,
) -> bool {
    let Ok(call) = worker.try_push(number) else { return false };
    calls.push(call);
    worker.tell().take(Counted::new(alive)).is_ok()
}

/// Makes the token that a thread is woken by, which it keeps: a caller's first sleep does, and in
/// the cycles that may come late, or never.
fn sleep_once() {
    let engine = one_runner();
    let worker = engine.spawn_unnamed(Worker::default).start().unwrap();
    let stuck = Stuck::new(&worker);
    let mut late = worker.push(0);
    assert_eq!(late.get_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    drop(stuck.release());
}

/// The ways in which an engine ends. The last of them may leave requests unserved.
fn end(engine: Engine, way: usize) {
    match way % 4 {
        0 => engine.join(),
        1 => assert!(engine.stop_within(DEADLINE)),
        2 => drop(engine),
        _ => {
            engine.abort();
            assert!(engine.join_timeout(DEADLINE));
        }
    }
}

/// One engine with five objects, from its start to its end; returns how its own calls ended.
fn cycle(number: usize, rusher: &SyncSender<Rush>, rushed: &Receiver<Ends>) -> Ends {
    let alive = Arc::new(AtomicUsize::new(0));
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let spawn = || engine.spawn_unnamed(Worker::default);
    let workers = [(); 3].map(|()| spawn().start().unwrap());
    let single: WorkerProxy<Spsc> = spawn().single_producer().start().unwrap();
    let lane: WorkerProxy<Lanes> = spawn().lanes().start().unwrap();
    let is_alone = number.is_multiple_of(ALONE);
    if !is_alone {
        rusher.send((workers[0].clone(), lane.clone(), alive.clone())).unwrap();
    }
    let mut calls: Vec<_> = workers.iter().flat_map(|worker| load(worker, &alive)).collect();
    calls.extend(load(&single, &alive));
    calls.extend(load(&lane, &alive));
    calls.extend(load(&lane.clone(), &alive));
    let sent = calls.len();
    end(engine, number);
    let mut ends = Ends::default();
    calls.into_iter().for_each(|call| ends.add(outcome(call)));
    assert_eq!(ends.done + ends.stopped, sent);
    if number % 4 != 3 {
        assert_eq!(ends.stopped, 0, "what was accepted before a stop is served");
    }
    if !is_alone {
        rushed.recv_timeout(DEADLINE).expect("every call of the other thread ends");
    }
    // The proxies, and so the mailboxes, are still there: the runner took everything out.
    assert_eq!(alive.load(SeqCst), 0, "arguments that were neither served nor dropped");
    ends
}

/// How many threads this process has, where the system tells.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

// One test, so that no other's allocations and threads are counted.
#[test]
fn ten_thousand_start_stop_cycles_lose_no_call_and_leak_nothing() {
    // These, and the other one below. Looked up first, as ended threads are listed for a moment.
    let running = threads().map(|count| count + 1);
    let (rusher, work) = sync_channel(1);
    let (ended, rushed) = sync_channel(1);
    sleep_once();
    let rushing = thread::spawn(move || rush(&work, &ended));
    (0..WARM_UP).for_each(|number| _ = cycle(number, &rusher, &rushed));
    // The first wait in a channel allocates, and until now none may have been needed.
    assert!(rushed.recv_timeout(Duration::from_millis(1)).is_err());
    let live = LIVE.load(SeqCst);
    let stopped: usize = (0..CYCLES).map(|number| cycle(number, &rusher, &rushed).stopped).sum();
    assert!(stopped > 0, "no abort found anything queued, so nothing was shown");
    // The kernel takes a thread off the list a moment after it was joined.
    eventually("all threads have gone", || threads() == running);
    // Exactly as many: the threads of all cycles were joined, and the other thread had let go of
    // everything when it reported.
    assert_eq!(LIVE.load(SeqCst), live, "allocations left by {CYCLES} cycles");
    drop(rusher);
    rushing.join().unwrap();
}
