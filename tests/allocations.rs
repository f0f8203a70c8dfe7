//! In a steady state neither calls nor one-way requests allocate, on any thread.

#![allow(unsafe_code)] // an allocator that counts

use mainspring::mailbox::{Kind, Lanes, Spsc};
use mainspring::prelude::*;
use mainspring::{CALLS_MIN, CallSet, Options, Priority};
use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::task::{self, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Allocations of all threads since the start.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: passes everything on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

const WARM_UP: u64 = 2_000;
const COUNT: u64 = 10_000;

/// Runs `operation` often enough, and counts what it allocates after a warm-up.
fn allocations(mut operation: impl FnMut()) -> u64 {
    (0..WARM_UP).for_each(|_| operation());
    let before = ALLOCATIONS.load(SeqCst);
    (0..COUNT).for_each(|_| operation());
    ALLOCATIONS.load(SeqCst) - before
}

/// Adds, itself or by asking a neighbour on the same runner.
struct Adder {
    total: u64,
    neighbour: Option<AdderProxy>,
}

#[active]
impl Adder {
    pub fn add(&mut self, number: u64) -> u64 {
        self.total += number;
        self.total
    }

    /// A result that doesn't fit into the line of the reply cell's state.
    pub fn large(&self) -> [u64; 32] {
        [self.total; 32]
    }

    /// Returns when the door's other end is gone.
    pub fn hold(&self, door: Receiver<()>) {
        let _ = door.recv();
    }

    #[active(priority = urgent)]
    pub fn urgent(&mut self) -> u64 {
        self.total
    }

    #[active(guard = has_changed)]
    pub fn guarded(&mut self) {
        self.total += 1;
    }

    /// Sets a timer, moves it, and takes it back.
    pub fn set_timers(&self, cx: &mut Context<Self>) -> bool {
        let timer = cx.after(Duration::from_secs(1), |adder, _| adder.total = 0);
        cx.rearm(timer, Duration::from_secs(2)) && cx.cancel_timer(timer)
    }

    /// Goes on when its neighbour has answered, and answers then.
    pub fn ask_later(&self, number: u64, cx: &mut Context<Self>) -> Later<u64> {
        let (later, reply) = cx.later();
        if let Some(neighbour) = &self.neighbour {
            cx.then(neighbour.add(number), |adder, _, sum| adder.total = sum.unwrap_or(0));
            neighbour.add(number).on_complete(move |sum| reply.send(sum.unwrap_or(0)));
        }
        later
    }

    /// Waits for more calls than the other ways do, and has two neighbours turned to at a time.
    pub fn ask_many(&self, cx: &mut Context<Self>, other: AdderProxy) {
        let _ = other.tell().add(1);
        if let Some(neighbour) = &self.neighbour {
            (0..64).for_each(|n| cx.then(neighbour.add(n), |_, _, _| ()));
        }
    }

    pub fn ask(&self, number: u64) {
        if let Some(neighbour) = &self.neighbour {
            // Refused only if a batch of 64 asks met a neighbour that had not had its turn.
            let _ = neighbour.tell().add(number);
            neighbour.add(number).on_complete(drop);
        }
    }
}

impl Adder {
    fn has_changed(&self) -> bool {
        self.total > 0
    }
}

/// A deadline that nothing misses.
fn soon() -> Options {
    Options::new().timeout(Duration::from_secs(3600))
}

fn at(priority: Priority) -> Options {
    Options::new().priority(priority)
}

/// A waker without an executor, made once.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F, context: &mut task::Context<'_>) -> F::Output {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Reply cells come in chunks, as they are needed at the same time: here, as many as can be.
fn make_all_cells<K: Kind>(adder: &AdderProxy<K>) {
    let mut pending = Vec::new();
    while pending.len() < CALLS_MIN {
        pending.extend(adder.try_add(1));
    }
}

/// Lets a flood pass: whoever comes next finds room.
fn settled<K: Kind>(adder: &AdderProxy<K>, allocations: u64) -> u64 {
    while adder.queued() > 0 {
        thread::yield_now();
    }
    allocations
}

fn ways_to_call<K: Kind>(adder: &AdderProxy<K>, other: &AdderProxy) -> Vec<(&'static str, u64)> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = task::Context::from_waker(&waker);
    let mut set = CallSet::new();
    let observed = Arc::new(AtomicU64::new(0));
    let seen = || observed.load(SeqCst);
    make_all_cells(adder);
    settled(adder, 0);
    // What a runner and an object keep of calls that are under way grows to as many as there are at a
    // time: here, more than come later.
    assert!(adder.ask_many(other.clone()).get().is_ok());
    // A thread's first sleep makes the token that it is woken by.
    let (door, is_open) = channel();
    let mut held = adder.hold(is_open);
    assert_eq!(held.get_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    drop(door);
    vec![
        ("tell", settled(adder, allocations(|| while adder.tell().add(1).is_err() {}))),
        ("with a deadline", allocations(|| assert!(adder.with(soon()).add(1).get().is_ok()))),
        ("urgent", allocations(|| assert!(adder.with(at(Priority::Urgent)).add(1).get().is_ok()))),
        (
            "bulk",
            settled(
                adder,
                allocations(|| while adder.with(at(Priority::Bulk)).tell().add(1).is_err() {}),
            ),
        ),
        ("by a key", allocations(|| assert!(adder.urgent().get().is_ok()))),
        ("guarded", allocations(|| assert!(adder.guarded().get().is_ok()))),
        ("timers", allocations(|| assert_eq!(adder.set_timers().get(), Ok(true)))),
        ("get", allocations(|| assert!(adder.add(1).get().is_ok()))),
        ("large", allocations(|| assert!(adder.large().get().is_ok()))),
        ("map", allocations(|| assert!(adder.add(1).map(|sum| sum + 1).get().is_ok()))),
        (
            "get_timeout",
            allocations(|| assert!(adder.add(1).get_timeout(Duration::from_secs(60)).is_ok())),
        ),
        (
            "try_get",
            allocations(|| {
                let mut call = adder.add(1);
                while call.try_get().is_none() {
                    thread::yield_now();
                }
            }),
        ),
        ("await", allocations(|| assert!(block_on(adder.add(1), &mut context).is_ok()))),
        (
            "on_complete",
            allocations(|| {
                let (before, observed) = (seen(), observed.clone());
                adder.add(1).on_complete(move |_| _ = observed.fetch_add(1, SeqCst));
                while seen() == before {
                    thread::yield_now();
                }
            }),
        ),
        (
            "detach",
            settled(
                adder,
                allocations(|| {
                    while adder.try_add(1).map(Call::detach).is_err() {
                        thread::yield_now();
                    }
                }),
            ),
        ),
        (
            "a set",
            allocations(|| {
                (0..3).for_each(|n| _ = set.insert(adder.add(n)));
                while let Some((_, outcome)) = set.next() {
                    assert!(outcome.is_ok());
                }
            }),
        ),
        (
            "an awaited set",
            allocations(|| {
                (0..3).for_each(|n| _ = set.insert(adder.add(n)));
                while let Some((_, outcome)) = block_on(set.next_async(), &mut context) {
                    assert!(outcome.is_ok());
                }
            }),
        ),
        ("answered later", allocations(|| assert!(adder.ask_later(1).get().is_ok()))),
        ("within the runner", allocations(|| assert!(adder.ask(1).get().is_ok()))),
    ]
}

// One test, so that no other's allocations are counted.
#[test]
fn a_steady_state_allocates_nothing() {
    let builder = Engine::builder().on_event(|_| ());
    let engine = builder.runner(Runner::named("a")).start().unwrap();
    let neighbour = || Adder { total: 0, neighbour: None };
    let neighbour = engine.spawn("neighbour", neighbour).start().unwrap();
    make_all_cells(&neighbour);
    let adder = move || {
        let neighbour = neighbour.clone();
        move || Adder { total: 0, neighbour: Some(neighbour) }
    };
    let other = engine.spawn("other", || Adder { total: 0, neighbour: None }).start().unwrap();
    let shared = engine.spawn("shared", adder()).start().unwrap();
    let single: AdderProxy<Spsc> =
        engine.spawn("single", adder()).single_producer().start().unwrap();
    let lanes: AdderProxy<Lanes> = engine.spawn("lanes", adder()).lanes().start().unwrap();
    let topic = Topic::<u64>::new();
    let _subscriptions =
        [&shared, &shared].map(|adder| topic.subscribe(adder, |adder, n| adder.tell().add(*n)));
    let mut publisher = topic.publisher();
    // The first publication that wakes a runner makes the list of those to wake.
    let wakes = || engine.wakeups("a").unwrap().wakes;
    let before = wakes();
    while wakes() == before {
        publisher.publish(&1);
        settled(&shared, 0);
        thread::yield_now();
    }
    let weak = shared.downgrade();
    let kinds = [
        ("mpsc", ways_to_call(&shared, &other)),
        ("spsc", ways_to_call(&single, &other)),
        ("lanes", ways_to_call(&lanes, &other)),
        // The first makes a lane, which the others take over; its slots come with the first request.
        ("clones", vec![("clone", allocations(|| while lanes.clone().tell().add(1).is_err() {}))]),
        ("topics", vec![("publish", allocations(|| while publisher.publish(&1).missed > 0 {}))]),
        ("weak", vec![("upgrade", allocations(|| assert!(weak.upgrade().is_some())))]),
    ];
    for (kind, ways) in kinds {
        let allocating: Vec<_> = ways.into_iter().filter(|(_, count)| *count > 0).collect();
        assert!(allocating.is_empty(), "{kind}: {allocating:?} in {COUNT} operations");
    }
}
