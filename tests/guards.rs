//! The rules of guards: what can't run yet waits, in order, and nothing is lost.

mod common;

use common::{outcome, quiet};
use mainspring::prelude::*;
use mainspring::{Event, Executed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// A bounded buffer: taking waits for something, putting for room.
struct Buffer {
    items: Vec<u32>,
    room: usize,
}

#[active]
impl Buffer {
    #[active(guard = has_room)]
    pub fn put(&mut self, item: u32) {
        self.items.push(item);
    }

    #[active(guard = has_item)]
    pub fn take(&mut self) -> u32 {
        self.items.remove(0)
    }

    /// Takes that very item.
    #[active(guard = has_that, boxed)]
    pub fn take_that(&mut self, item: u32, panics: bool) -> u32 {
        assert!(!panics);
        self.items.retain(|other| *other != item);
        item
    }

    #[active(guard = has_room_for_all, oneway)]
    pub fn put_all(&mut self, items: Vec<u32>) {
        self.items.extend(items);
    }

    pub fn set_room(&mut self, room: usize) {
        self.room = room;
    }

    pub fn timers(&self, cx: &mut Context<Self>) -> usize {
        cx.timers()
    }

    pub fn open_later(&mut self, cx: &mut Context<Self>) {
        cx.after(Duration::from_secs(1), |buffer, _| buffer.room = 1);
    }

    fn has_room(&self, _: &u32) -> bool {
        self.items.len() < self.room
    }

    fn has_item(&self) -> bool {
        !self.items.is_empty()
    }

    fn has_that(&self, item: &u32, panics: &bool) -> bool {
        assert!(!*panics, "asked too much");
        self.items.contains(item)
    }

    fn has_room_for_all(&self, items: &[u32]) -> bool {
        self.items.len() + items.len() <= self.room
    }
}

/// A buffer with so much room, on an engine whose only runner is this test.
struct Driven {
    scheduler: Scheduler,
    buffer: BufferProxy,
    start: Instant,
    _engine: Engine,
}

impl Driven {
    fn new(room: usize, capacity: usize) -> Self {
        Self::on(quiet().start().unwrap(), room, capacity)
    }

    fn on(engine: Engine, room: usize, capacity: usize) -> Self {
        let scheduler = engine.invoker("loop").unwrap();
        let buffer = engine.spawn("buffer", move || Buffer { items: Vec::new(), room });
        let buffer = buffer.on("loop").capacity(capacity).start().unwrap();
        Self { scheduler, buffer, start: Instant::now(), _engine: engine }
    }

    fn turn(&mut self) {
        self.turn_at(Duration::ZERO);
    }

    fn turn_at(&mut self, since: Duration) {
        while self.scheduler.turn(self.start + since) > 0 {}
    }
}

#[test]
fn what_cannot_run_waits_in_order_until_it_can() {
    let mut driven = Driven::new(1, 16);
    let buffer = driven.buffer.clone();
    let mut takes: Vec<_> = (0..3).map(|_| buffer.take()).collect();
    let mut puts: Vec<_> = (1..=5).map(|item| buffer.put(item)).collect();
    driven.turn();
    let taken: Vec<_> = takes.iter_mut().map(|take| take.try_get().unwrap().unwrap()).collect();
    assert_eq!(taken, [1, 2, 3], "the oldest first, as each put opens a take");
    let ended = puts.iter_mut().filter_map(Call::try_get).count();
    assert_eq!(ended, 4, "the fifth waits for room");
    let (mut fourth, mut fifth) = (buffer.take(), buffer.take());
    driven.turn();
    assert_eq!((fourth.try_get(), fifth.try_get()), (Some(Ok(4)), Some(Ok(5))));
    assert_eq!(puts[4].try_get(), Some(Ok(())));
}

#[test]
fn any_number_of_producers_and_consumers_meet() {
    const EACH: u32 = 5_000;
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let buffer = engine.spawn("buffer", || Buffer { items: Vec::new(), room: 3 });
    let buffer = buffer.on("a").capacity(64).start().unwrap();
    let producers = (0..2).map(|producer| {
        let buffer = buffer.clone();
        thread::spawn(move || {
            (0..EACH).for_each(|n| outcome(buffer.put(producer * EACH + n)).unwrap());
            Vec::new()
        })
    });
    let consumers = (0..2).map(|_| {
        let buffer = buffer.clone();
        thread::spawn(move || (0..EACH).map(|_| outcome(buffer.take()).unwrap()).collect())
    });
    let threads: Vec<_> = producers.chain(consumers).collect();
    let mut items: Vec<u32> = threads.into_iter().flat_map(|one| one.join().unwrap()).collect();
    items.sort_unstable();
    assert!(items.into_iter().eq(0..2 * EACH), "each once");
}

#[test]
fn a_full_list_of_deferred_requests_drops_the_next_unexecuted() {
    let mut driven = Driven::new(0, 2);
    let buffer = driven.buffer.clone();
    let mut calls = Vec::new();
    for item in 1..=3 {
        calls.push(buffer.put(item));
        driven.turn();
    }
    assert_eq!(calls[2].try_get(), Some(Err(CallError::Shed)));
    assert_eq!((CallError::Shed.executed(), buffer.shed()), (Executed::No, 1));
    assert!(!calls[0].is_ready() && !calls[1].is_ready());
    let mut opened = buffer.set_room(9);
    driven.turn();
    assert_eq!(opened.try_get(), Some(Ok(())));
    assert!(calls[0].is_ready() && calls[1].is_ready(), "what may run goes on being served");
}

#[test]
fn timers_and_deadlines_have_guards_asked_again() {
    let mut driven = Driven::new(0, 16);
    let buffer = driven.buffer.clone();
    let mut opening = buffer.open_later();
    let mut put = buffer.put(1);
    let half = driven.start + Duration::from_millis(500);
    let mut expiring = buffer.with(Options::new().deadline(half)).put(2);
    driven.turn();
    assert_eq!(opening.try_get(), Some(Ok(())));
    driven.turn_at(Duration::from_millis(501));
    assert_eq!(expiring.try_get(), Some(Err(CallError::Expired)), "at its deadline");
    assert!(!put.is_ready());
    driven.turn_at(Duration::from_millis(502));
    let mut many: Vec<_> = (0..5_u64)
        .map(|n| Options::new().deadline(driven.start + Duration::from_millis(900 - 50 * n)))
        .map(|options| buffer.with(options).put(3))
        .collect();
    let mut timers = buffer.timers();
    driven.turn_at(Duration::from_millis(600));
    assert_eq!(timers.try_get(), Some(Ok(2)), "one for all deadlines, and the opening");
    driven.turn_at(Duration::from_millis(801));
    let ended: Vec<_> = many.iter_mut().map(|call| call.try_get().is_some()).collect();
    assert_eq!(ended, [false, false, true, true, true]);
    driven.turn_at(Duration::from_millis(851));
    driven.turn_at(Duration::from_millis(901));
    assert!(many.iter().all(Call::is_ready));
    driven.turn_at(Duration::from_millis(1001));
    assert_eq!(put.try_get(), Some(Ok(())));
}

#[test]
fn deferred_calls_can_be_cancelled_and_end_with_their_object() {
    let mut driven = Driven::new(0, 16);
    let buffer = driven.buffer.clone();
    let (mut cancelled, mut stopped) = (buffer.put(1), buffer.put(2));
    let dropped = buffer.put(3);
    driven.turn();
    assert!(cancelled.cancel());
    drop(dropped);
    buffer.stop();
    for millis in 0..3 {
        driven.turn_at(Duration::from_millis(millis));
    }
    assert_eq!(cancelled.try_get(), Some(Err(CallError::Cancelled)));
    assert_eq!(stopped.try_get(), Some(Err(CallError::Stopped { started: false })));
    let mut driven = Driven::new(0, 16);
    let mut aborted = driven.buffer.put(1);
    driven.turn();
    driven.buffer.abort();
    assert_eq!(aborted.try_get(), Some(Err(CallError::Stopped { started: false })));
}

#[test]
fn guards_work_for_boxed_and_one_way_methods() {
    let mut driven = Driven::new(2, 16);
    let buffer = driven.buffer.clone();
    let mut that = buffer.take_that(7, false);
    buffer.put_all(vec![6, 7, 8]).unwrap();
    driven.turn();
    assert!(!that.is_ready());
    let mut opened = buffer.set_room(3);
    driven.turn();
    assert_eq!(opened.try_get(), Some(Ok(())));
    assert_eq!(that.try_get(), Some(Ok(7)));
}

#[test]
fn a_guard_s_panic_is_its_method_s() {
    let (tell, told) = channel();
    let engine = Engine::builder().on_event(move |event| {
        if let Event::Panicked { method, awaited, .. } = event {
            tell.send((*method, *awaited)).unwrap();
        }
    });
    let mut driven = Driven::on(engine.start().unwrap(), 1, 16);
    let buffer = driven.buffer.clone();
    let mut waiting = buffer.take();
    let mut panicking = buffer.take_that(7, true);
    driven.turn();
    let message = "asked too much".into();
    let expected = CallError::Panicked { method: "take_that", message };
    assert_eq!(panicking.try_get(), Some(Err(expected)));
    assert_eq!(told.try_recv(), Ok(("take_that", true)));
    for millis in 0..3 {
        driven.turn_at(Duration::from_millis(millis));
    }
    assert_eq!(waiting.try_get(), Some(Err(CallError::Stopped { started: false })));
}
