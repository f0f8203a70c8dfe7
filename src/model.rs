//! The internal protocols, for the two model checkers alone: thin wrappers, so that the shipped source
//! is what runs.

use crate::engine::engine::Engine;
use crate::mailbox::sealed::Producer as _;
use crate::mailbox::{Heat, Kind, sealed};
use crate::object::active::Active;
use crate::object::control::{ObjectControl, TypedControl};
use crate::object::exit::{Exit, ExitNotifier, ExitReason};
use crate::object::failure::policy::{FailurePolicy, OnFailure, RestartBudget};
use crate::object::failure::restart::{Budget, Restart};
use crate::object::failure::supervisor::{Membership, Supervisor};
use crate::object::object::Object;
use crate::object::overflow::MailboxPolicy;
use crate::object::shared::Shared;
use crate::proxy::handle::Handle;
use crate::proxy::proxy::Proxy;
use crate::proxy::topic::{Sent, Subscription, Topic};
use crate::reply::call::Call;
use crate::reply::cell::{Cell, reply_bytes};
use crate::reply::pool::{OwnedPool, Pool};
use crate::reply::reply::Reply;
use crate::runner::park::Parker;
use crate::runner::ready::{Link, ReadySet};
use crate::runner::remote::{CONTROL, Remote};
use crate::runner::scheduler::{COOL_AFTER, ParkDecision, Scheduler};
use crate::runner::task::RestartOrder;
use crate::runner::task::{self, Cooling, Progress, Task, Turn};
use crate::runner::timer_wheel::TimerWheel;
use crate::sync::{Arc, yield_now};
use std::any::TypeId;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The reply cells of an object.
pub struct Cells {
    pool: OwnedPool,
    remote: Arc<Remote>,
    calls_max: u32,
}

impl Cells {
    /// A pool for small outcomes.
    pub fn new() -> Self {
        Self::at_most(8)
    }

    /// The same, for that many calls at a time.
    pub fn at_most(calls_max: u32) -> Self {
        let remote = Arc::new(Remote::new("model"));
        Self { pool: OwnedPool::unmade(), remote, calls_max }
    }

    fn pool(&self) -> &Pool {
        self.pool.get().unwrap_or_else(|| self.pool.make(0, self.calls_max, &self.remote))
    }

    /// Both ends of one call.
    pub fn call<R>(&self) -> (Call<R>, Reply<R>) {
        self.try_call().expect("a model has few calls at a time")
    }

    /// Both ends of one call, unless there are too many.
    pub fn try_call<R>(&self) -> Option<(Call<R>, Reply<R>)> {
        const { assert!(reply_bytes::<R>() == 0, "its outcome is small") };
        let cell = self.pool().take()?;
        Some((Call::pending(cell), Reply::to(cell)))
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

    /// Sleeps until a timer is due, as a runner does that has any: time is always up first.
    pub fn park_until_due(&self) -> bool {
        self.0.park(Some(Duration::ZERO))
    }

    /// Makes the descriptor that a poller sleeps on.
    pub fn make_wake_fd(&self) {
        // The stand-in has none to give out.
        let _ = self.0.wake_fd();
    }

    /// Announces a sleep in a poller; `false` if something is there.
    pub fn announce_sleep(&self) -> bool {
        self.0.announce_sleep()
    }

    /// Sleeps in a poller that has nothing else to wait for.
    pub fn poll(&self) {
        self.0.wake_fd.wait(None);
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

/// Subscribes what is no object: a model asks who was reached.
pub fn subscribe<M: ?Sized + 'static>(
    topic: &Topic<M>,
    deliver: impl Fn(&M) + Send + Sync + 'static,
) -> Subscription {
    topic.enter(move |message| {
        deliver(message);
        Sent::Delivered
    })
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
/// The runner has no owner, so every thread of the model is a foreign one. A scheduler would own
/// it, and threads are told apart by an address that all threads of a model share.
pub struct ModelRunner {
    task: Box<dyn Task>,
    remote: Arc<Remote>,
}

// SAFETY: nothing of it has run before `run`, which takes it whole: so it was nowhere else. Its servant
// may be sent, as the functions demand that make it.
unsafe impl Send for ModelRunner {}

/// What a runner went through on its way to the object's end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outline {
    /// Requests that were served, or dropped because the object had been aborted.
    pub requests: usize,
    /// How many calls it went on with that had ended.
    pub went_on: usize,
    /// How often it was told of these.
    pub links: usize,
    /// How often it was cooled.
    pub coolings: usize,
    /// How often it was left alone without a servant.
    pub suspensions: usize,
    /// Whether it slept.
    pub slept: bool,
    /// How often it was rung for.
    pub tokens: usize,
}

/// Makes an object as `Spawn::start` does, on a runner of its own.
pub fn spawn<S: Active + Send, K: Kind>(servant: S, capacity: usize) -> (S::Proxy<K>, ModelRunner) {
    spawn_with(servant, capacity, OnFailure::Stop)
}

/// The same, for one that restarts after a delay that doesn't end.
pub fn spawn_restarting<S: Active + Send, K: Kind>(
    mut factory: impl FnMut() -> S + Send + 'static,
    capacity: usize,
) -> (S::Proxy<K>, ModelRunner) {
    let servant = factory();
    let restart = Restart::new().backoff(Duration::from_secs(3600), Duration::MAX);
    let by = RestartBudget::Alone(Budget::new(restart));
    let make = Box::new(move || Ok(factory()));
    spawn_with(servant, capacity, OnFailure::Restart { make, by })
}

fn spawn_with<S: Active + Send, K: Kind>(
    servant: S,
    capacity: usize,
    remedy: OnFailure<S>,
) -> (S::Proxy<K>, ModelRunner) {
    let remote = Arc::new(Remote::new("model"));
    let policy = MailboxPolicy::new(capacity);
    let shared = Shared::new(remote.clone(), None, S::REPLY_BYTES, capacity, policy);
    let ends = <K as sealed::Kind>::mailbox::<S::Request, _>(capacity, Heat::Varies, shared);
    let (producer, consumer) = ends.expect("a model's capacity is possible");
    let ring = producer.ring().clone();
    let engine = Engine::builder().on_event(|_| ()).start();
    let engine = engine.expect("an engine without runners starts");
    let control = std::sync::Arc::new(TypedControl::<S, K>(ring.clone()));
    let registration = engine.registry().register(control, 0).expect("it is open");
    engine.detach();
    let failure_policy = Some(Box::new(FailurePolicy::new(remedy)));
    let mut object =
        Object::<S, K>::new(servant, consumer, ring, Heat::Varies, failure_policy, registration);
    object.set_key(0);
    let proxy = S::Proxy::<K>::from_handle(Handle::new(producer));
    (proxy, ModelRunner { task: Box::new(object), remote })
}

impl ModelRunner {
    /// Turns to the object until it is over: what a scheduler does with one object and no time.
    pub fn run(mut self) -> Outline {
        let mut outline = Outline::default();
        let now = Instant::now();
        let mut turn = Turn { now, wheel: TimerWheel::new(now), batch: 1, is_live: false };
        loop {
            if let Progress::Worked(requests) = self.task.turn(&self.remote, &mut turn) {
                outline.requests += requests;
                continue;
            }
            match self.task.cool() {
                Cooling::Over => {
                    self.task.finish(&mut turn);
                    drop(self.task);
                    // As a runner does that ends: no link of the object is on its way, and none comes
                    // later. An aborter may send its command all the same.
                    while !self.remote.ready().close() {
                        let own = |key| assert_eq!(key, CONTROL, "of an object that is over");
                        self.remote.ready().take(own);
                        self.remote.acknowledge();
                    }
                    return outline;
                }
                // Lets the others in: nothing else could change what this loop sees.
                Cooling::Hot | Cooling::Polled => yield_now(),
                Cooling::Cold => {
                    outline.coolings += 1;
                    outline.slept |= self.remote.ready().park(None);
                    self.acknowledge(&mut outline);
                    // More than one, so that it asks for another when it has had what it was told of.
                    turn.batch = 2;
                    while self.task.goes_on() {
                        outline.went_on += self.task.run_continuations(&mut turn);
                    }
                    turn.batch = 1;
                }
                Cooling::Suspended => {
                    outline.suspensions += 1;
                    outline.slept |= self.remote.ready().park(None);
                    self.acknowledge(&mut outline);
                }
            }
        }
    }

    fn acknowledge(&mut self, outline: &mut Outline) {
        let Self { task, remote } = self;
        let mut heard = false;
        remote.ready().take(|key| match key {
            CONTROL => heard = true,
            key => {
                let (token, _) = task::WakeSource::split(key);
                outline.tokens += 1;
                outline.links += usize::from(token == task::WakeSource::Ended);
                task.clear_wake(token);
            }
        });
        if heard {
            remote.acknowledge();
            // An abort's: to look at the object, as this loop does.
            while remote.next_command().is_some() {}
        }
    }
}

/// Repeats a scheduler's turns until it has ended, and sleeps in between, as a runner's thread does. Its
/// time is its own: it goes on by what makes an idle object cold, and to the next timer when all sleep.
/// Returns how often it slept until somebody woke it.
pub fn drive(scheduler: &mut Scheduler) -> usize {
    let remote = scheduler.remote().clone();
    // By time, which a model has none of: they park at once.
    remote.set_spin(false, false);
    let mut now = scheduler.now();
    let mut sleeps = 0;
    while !scheduler.end() {
        let work = scheduler.turn(now);
        now += COOL_AFTER;
        if work > 0 {
            continue;
        }
        match scheduler.prepare_to_park() {
            ParkDecision::Disturbed | ParkDecision::Polled => yield_now(),
            // The last object may just have gone.
            ParkDecision::Cold if remote.is_stopping() && scheduler.is_empty() => {}
            ParkDecision::Cold => match scheduler.next_timer() {
                None => sleeps += usize::from(remote.ready().park(None)),
                Some(at) => {
                    remote.ready().park(Some(Duration::ZERO));
                    now = now.max(at);
                }
            },
        }
    }
    sleeps
}

/// A supervisor's member without an object: its servant fails, and obeys, when the model says so.
pub struct Supervised {
    member: Membership,
    orders: std::sync::Arc<Orders>,
}

/// What others have told a member. A plain list: an object's are commands of its runner's.
#[derive(Default)]
struct Orders(Mutex<Vec<RestartOrder>>);

impl ObjectControl for Orders {
    fn stop(&self) {
        unreachable!("there are restarts enough");
    }

    fn abort(&self) {}

    fn exhaust(&self) -> usize {
        0
    }

    fn restart(&self, order: RestartOrder) {
        self.0.lock().expect("nothing panics under it").push(order);
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn is_served_by(&self, _: TypeId) -> bool {
        false
    }

    fn types(&self) -> (&'static str, &'static str) {
        ("model", "model")
    }
}

impl Supervised {
    /// Joins the supervisor's members.
    pub fn by(supervisor: &Supervisor) -> Self {
        let orders = std::sync::Arc::<Orders>::default();
        Self { member: supervisor.join(orders.clone()), orders }
    }

    /// Its servant fails; whether it gets another.
    pub fn fail(&mut self) -> bool {
        self.member.failed(Instant::now()).is_some()
    }

    /// Obeys the orders that have come; returns how many servants it got.
    pub fn apply_orders(&mut self) -> usize {
        let orders = std::mem::take(&mut *self.orders.0.lock().expect("as above"));
        orders.into_iter().filter(|order| self.member.apply(*order)).count()
    }
}

/// An object's end, and who is told of it.
pub struct Ending(ExitNotifier);

impl Ending {
    /// The end of an object that lives.
    pub fn new() -> Self {
        Self(ExitNotifier::unwatched())
    }

    /// Runs `monitor` once it has come.
    pub fn watch(&self, monitor: impl FnOnce() + Send + 'static) {
        self.0.watch(Box::new(|_| monitor()));
    }

    /// It comes.
    pub fn notify(&self) {
        self.0.notify(Exit { object: "model".into(), reason: ExitReason::Stopped });
    }

    /// Whether it has come.
    pub fn has_come(&self) -> bool {
        self.0.end().is_some()
    }

    /// Sleeps until it has come.
    pub fn wait(&self) {
        // Not the thread's own: all threads of a model share one.
        let exit = self.0.wait_until(None, &Arc::new(Parker::default()));
        assert!(exit.is_some(), "there was no limit");
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self::new()
    }
}
