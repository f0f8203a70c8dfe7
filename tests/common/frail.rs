//! A servant that fails on demand, and an engine turned by hand: for what follows failures.

#![allow(dead_code)] // each test crate uses a part

use crate::common::Events;
use mainspring::prelude::*;
use mainspring::{Event, Recovery, Restart};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Tells what happens to it, and fails on demand. Its state may not leave the thread.
pub struct Frail {
    made: usize,
    seen: Rc<Vec<u64>>,
    tell: Sender<(usize, &'static str)>,
    /// The servants that fail when they begin.
    fails_at_start: fn(usize) -> bool,
    limit: u64,
}

#[active]
impl Frail {
    /// Adds a number; all of them, in order, with the servant's number in front.
    pub fn add(&mut self, number: u64) -> (usize, Vec<u64>) {
        Rc::make_mut(&mut self.seen).push(number);
        (self.made, self.seen.to_vec())
    }

    pub fn fail(&mut self) {
        Rc::make_mut(&mut self.seen).push(666);
        panic!("as told");
    }

    /// Waits until the limit is raised.
    #[active(guard = is_below)]
    pub fn within(&mut self, number: u64) -> (usize, u64) {
        (self.made, number)
    }

    fn is_below(&self, number: &u64) -> bool {
        *number <= self.limit
    }

    pub fn raise(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// The same, for a request that panics as soon as it may run.
    #[active(guard = is_below)]
    pub fn fail_within(&mut self, number: u64) {
        panic!("{number}: as told");
    }

    pub fn tick(&mut self, cx: &mut Context<Self>, period: Duration) {
        cx.every(period, Missed::Skip, |me, _| {
            me.tell.send((me.made, "tick")).unwrap();
            assert!(me.limit != 13, "a bad tick");
        });
    }

    #[active(on_start)]
    fn begin(&mut self) {
        let _ = self.tell.send((self.made, "start"));
        assert!(!(self.fails_at_start)(self.made), "no start");
    }

    #[active(on_batch_end)]
    fn flush(&mut self) {
        let _ = self.tell.send((self.made, "batch end"));
    }

    #[active(on_stop)]
    fn end(&mut self) {
        let _ = self.tell.send((self.made, "stop"));
    }
}

impl Frail {
    /// The servant of that number.
    pub fn new(
        made: usize,
        tell: Sender<(usize, &'static str)>,
        fails_at_start: fn(usize) -> bool,
    ) -> Self {
        Self { made, seen: Rc::default(), tell, fails_at_start, limit: 10 }
    }
}

impl Drop for Frail {
    fn drop(&mut self) {
        let _ = self.tell.send((self.made, "drop"));
    }
}

/// A factory of them that fails where it is told to, and what they tell.
pub fn frail(
    fails: fn(usize) -> bool,
    fails_at_start: fn(usize) -> bool,
) -> (impl FnMut() -> Result<Frail, String> + Send, Receiver<(usize, &'static str)>) {
    let (tell, told) = channel();
    let mut made = 0;
    let factory = move || {
        made += 1;
        if fails(made) {
            return Err(format!("no number {made}"));
        }
        Ok(Frail::new(made, tell.clone(), fails_at_start))
    };
    (factory, told)
}

pub const fn never(_: usize) -> bool {
    false
}

pub const AT_ONCE: Restart = Restart::new().backoff(Duration::ZERO, Duration::ZERO);

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An engine turned by hand, with a clock of its own.
pub struct Lab {
    pub events: Events,
    pub engine: Engine,
    pub scheduler: Scheduler,
    pub start: Instant,
}

impl Lab {
    pub fn new() -> Self {
        let events = Events::default();
        let engine = events.builder().start().unwrap();
        let scheduler = engine.invoker("loop").unwrap();
        Self { events, engine, scheduler, start: Instant::now() }
    }

    /// Turns at that time until nothing is left to do.
    pub fn turn(&mut self, at: Duration) {
        // An object that is idle is looked at once more when it may be cooled.
        for moment in 0..3 {
            let now = self.start + at + Duration::from_micros(100) * moment;
            while self.scheduler.turn(now) > 0 {}
        }
    }

    pub fn frail(&self, restart: Restart) -> (FrailProxy, Receiver<(usize, &'static str)>) {
        let (factory, told) = frail(never, never);
        let spawn = self.engine.spawn("frail", factory).on("loop").restart_on_panic(restart);
        (spawn.start().unwrap(), told)
    }

    /// What was said to follow each failure.
    pub fn recoveries(&self) -> Vec<Recovery> {
        let next = |event| match event {
            Event::Panicked { next, .. } | Event::RestartFailed { next, .. } => Some(next),
            _ => None,
        };
        self.events.all().into_iter().filter_map(next).collect()
    }

    pub fn restarts(&self) -> usize {
        let all = self.events.all();
        all.iter().filter(|event| matches!(event, Event::Restarted { .. })).count()
    }
}

/// From another thread, so through the mailbox.
pub fn far<R: Send>(send: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(send).join().unwrap())
}

pub fn is_panic<R>(outcome: Option<Result<R, CallError>>) -> bool {
    matches!(outcome, Some(Err(CallError::Panicked { .. })))
}
