//! The internal protocols, for the model checker alone: thin wrappers, so that the shipped source
//! is what runs.

use crate::active::Active;
use crate::call::Call;
use crate::cell::Cell;
use crate::control::Controller;
use crate::desk::Desk;
use crate::engine::Engine;
use crate::full::Policy;
use crate::mailbox::sealed::Producer as _;
use crate::mailbox::{Heat, Kind, sealed};
use crate::object::Object;
use crate::park::Parker;
use crate::pool::{OwnedPool, Pool};
use crate::proxy::{Handle, Proxy};
use crate::ready::{Link, ReadySet};
use crate::reply::Reply;
use crate::station::Station;
use crate::sync::{Arc, yield_now};
use crate::task::{Cooling, Progress, Task, Token as RunnerToken, Turn};
use crate::wheel::Wheel;
use std::time::Instant;

/// The reply cells of an object.
pub struct Cells {
    pool: OwnedPool,
    station: Arc<Station>,
}

impl Cells {
    /// A pool for small outcomes.
    pub fn new() -> Self {
        Self { pool: OwnedPool::unmade(), station: Arc::new(Station::new("model")) }
    }

    fn pool(&self) -> &Pool {
        self.pool.get().unwrap_or_else(|| self.pool.make(0, 8, &self.station))
    }

    /// Both ends of one call.
    pub fn call<R>(&self) -> (Call<R>, Reply<R>) {
        let cell = self.pool().take().expect("a model has few calls at a time");
        (Call::pending(cell), Reply::to(cell))
    }

    /// Both ends of one call that may start before that time.
    pub fn timed_call<R>(&self, deadline: Instant) -> (Call<R>, Reply<R>) {
        let cell = self.pool().take().expect("a model has few calls at a time");
        Cell::set_deadline(cell, deadline);
        (Call::pending(cell), Reply::to(cell))
    }

    /// Ends every call that isn't done, as an abort does.
    pub fn end_all(&self) {
        self.pool().end_all();
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}

/// The ready set of a runner.
pub struct Ready(ReadySet);

/// An object's link, kept alive by whoever may push it.
#[derive(Clone)]
pub struct Node(Arc<Link>);

impl Node {
    /// A link with this key.
    pub fn new(key: usize) -> Self {
        Self(Arc::new(Link::new(key)))
    }
}

impl Ready {
    /// An empty set, its runner awake.
    pub fn new() -> Self {
        Self(ReadySet::new())
    }

    /// Pushes a link that is not in the set.
    pub fn push(&self, node: &Node) -> Option<bool> {
        // SAFETY: models push a node once per taking, and keep it until their end.
        let asleep = unsafe { self.0.push(&*node.0) };
        if asleep == Some(true) {
            self.0.unpark();
        }
        asleep
    }

    /// Takes everything.
    pub fn take(&self) -> Vec<usize> {
        let mut keys = Vec::new();
        self.0.take(|key| keys.push(key));
        keys
    }

    /// Sleeps until something is pushed.
    pub fn park(&self) -> bool {
        self.0.park(None)
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

/// One thread's token.
#[derive(Default)]
pub struct Token(Parker);

impl Token {
    /// Takes the token, sleeping until it is there.
    pub fn park(&self) {
        self.0.park(None);
    }

    /// Leaves the token.
    pub fn unpark(&self) {
        self.0.unpark();
    }
}

/// An object and its place on a runner, without the runner's thread: a model turns to it.
///
/// The station has no owner, so every thread of the model is a foreign one. A scheduler would own
/// it, and threads are told apart by an address that all threads of a model share.
pub struct Running {
    task: Box<dyn Task>,
    station: Arc<Station>,
}

/// What a runner went through on its way to the object's end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// Requests that were served, or dropped because the object had been aborted.
    pub requests: usize,
    /// How often it was cooled.
    pub coolings: usize,
    /// Whether it slept.
    pub slept: bool,
    /// How often it was rung for.
    pub tokens: usize,
}

/// Makes an object as `Spawn::start` does, on a station of its own.
pub fn spawn<S: Active, K: Kind>(servant: S, capacity: usize) -> (S::Proxy<K>, Running) {
    let station = Arc::new(Station::new("model"));
    let policy = Policy::new(capacity);
    let desk = Desk::new(station.clone(), None, S::REPLY_BYTES, capacity, policy);
    let ends = <K as sealed::Kind>::mailbox::<S::Request, _>(capacity, Heat::Varies, desk);
    let (producer, consumer) = ends.expect("a model's capacity is possible");
    let ring = producer.ring().clone();
    let engine = Engine::builder().start().expect("an engine without runners starts");
    let control = std::sync::Arc::new(Controller::<S, K>(ring.clone()));
    let registration = engine.shared().register(control).expect("it is open");
    engine.detach();
    let mut object = Object::<S, K>::new(servant, consumer, ring, Heat::Varies, registration);
    object.set_key(0);
    let proxy = S::Proxy::<K>::from_handle(Handle::new(producer));
    (proxy, Running { task: Box::new(object), station })
}

impl Running {
    /// Turns to the object until it is over: what a scheduler does with one object and no time.
    pub fn run(mut self) -> Course {
        let mut course = Course::default();
        let now = Instant::now();
        let mut turn = Turn { now, wheel: Wheel::new(now), batch: 1, is_live: false };
        loop {
            if let Progress::Worked(requests) = self.task.turn(&self.station, &mut turn) {
                course.requests += requests;
                continue;
            }
            match self.task.cool() {
                Cooling::Over => return course,
                // Lets the others in: nothing else could change what this loop sees.
                Cooling::Hot | Cooling::Polled => yield_now(),
                Cooling::Cold => {
                    course.coolings += 1;
                    course.slept |= self.station.ready().park(None);
                    let Self { task, station } = &mut self;
                    station.ready().take(|key| {
                        course.tokens += 1;
                        task.take_token(RunnerToken::split(key).0);
                    });
                }
            }
        }
    }
}
