//! What several tests share: a servant that does as it is told, and deadlines.

#![allow(dead_code)] // each test crate uses a part

use mainspring::prelude::*;
use mainspring::{Builder, Event};
use std::any::Any;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Long enough for a machine that does ten other things; never waited for when all is well.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What a test hands to a servant, to run as its method.
pub type Job = Box<dyn FnOnce(&mut Vec<u64>) -> u64 + Send>;

/// A servant with a list, which also runs what it is given.
#[derive(Debug, Default)]
pub struct Worker {
    list: Vec<u64>,
}

#[active]
impl Worker {
    /// Adds a number, and returns how many there are.
    pub fn push(&mut self, number: u64) -> usize {
        self.list.push(number);
        self.list.len()
    }

    /// The numbers, in the order they came.
    pub fn list(&self) -> Vec<u64> {
        self.list.clone()
    }

    /// Runs `job` as a method.
    pub fn run(&mut self, job: Job) -> u64 {
        job(&mut self.list)
    }

    /// Panics.
    pub fn fail(&self, message: String) -> u64 {
        std::panic::panic_any(message)
    }

    /// Holds a value for as long as the request lives, and drops it in the method.
    pub fn take(&self, value: Box<dyn Any + Send>) {
        drop(value);
    }
}

/// An engine that reports to nobody.
pub fn quiet() -> Builder {
    Engine::builder().on_event(|_| ())
}

/// An engine with one unpinned runner named `a`.
pub fn one_runner() -> Engine {
    quiet().runner(Runner::named("a")).start().unwrap()
}

/// What an engine has reported so far.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    pub fn builder(&self) -> Builder {
        let events = self.clone();
        Engine::builder().on_event(move |event| events.0.lock().unwrap().push(event.clone()))
    }

    pub fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// The panics: object, method, message, awaited.
    pub fn panics(&self) -> Vec<(String, &'static str, String, bool)> {
        let panic = |event| match event {
            Event::Panicked { object, method, message, awaited, .. } => {
                Some((object, method, message, awaited))
            }
            _ => None,
        };
        self.all().into_iter().filter_map(panic).collect()
    }
}

/// A worker that is inside a method until [`release`](Stuck::release).
pub struct Stuck {
    pub call: Call<u64>,
    door: Sender<()>,
}

impl Stuck {
    /// Returns when the method has begun.
    pub fn new(worker: &WorkerProxy) -> Self {
        let (door, is_open) = channel();
        let (entered, has_entered) = channel();
        let call = worker.run(Box::new(move |_| {
            entered.send(()).unwrap();
            // The test may have failed, and dropped its end.
            let _ = is_open.recv();
            7
        }));
        receive(&has_entered);
        Self { call, door }
    }

    /// Lets the method return 7.
    pub fn release(self) -> Call<u64> {
        self.door.send(()).unwrap();
        self.call
    }
}

/// Tells when it is dropped.
pub struct Witness(pub Sender<u64>, pub u64);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

/// Panics when it is dropped.
pub struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped a bomb");
    }
}

/// The next value, or a failed test.
pub fn receive<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(DEADLINE).expect("nothing came before the deadline")
}

/// Gets a call's outcome, or fails the test.
pub fn outcome<R>(mut call: Call<R>) -> Result<R, CallError> {
    match call.get_timeout(DEADLINE) {
        Ok(result) => Ok(result),
        Err(WaitError::Ended(error)) => Err(error),
        Err(error) => panic!("the call did not end: {error}"),
    }
}

/// Returns once `condition` holds; for what leaves no event to wait for.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::yield_now();
    }
}

/// How a call ends whose object stopped before its method began.
pub const NOT_STARTED: CallError = CallError::Stopped { started: false };
