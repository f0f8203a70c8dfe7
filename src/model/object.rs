//! Objects, and the runners that a model drives itself.

use crate::engine::engine::Engine;
use crate::mailbox::Heat;
use crate::mailbox::Kind;
use crate::mailbox::sealed;
use crate::mailbox::sealed::Producer as _;
use crate::object::active::Active;
use crate::object::control::TypedControl;
use crate::object::failure::policy::FailurePolicy;
use crate::object::failure::policy::OnFailure;
use crate::object::failure::policy::RestartBudget;
use crate::object::failure::restart::Budget;
use crate::object::failure::restart::Restart;
use crate::object::object::Object;
use crate::object::overflow::MailboxPolicy;
use crate::object::shared::Shared;
use crate::proxy::handle::Handle;
use crate::proxy::proxy::Proxy;
use crate::runner::remote::CONTROL;
use crate::runner::remote::Remote;
use crate::runner::scheduler::COOL_AFTER;
use crate::runner::scheduler::ParkDecision;
use crate::runner::scheduler::Scheduler;
use crate::runner::task::Cooling;
use crate::runner::task::Progress;
use crate::runner::task::Task;
use crate::runner::task::Turn;
use crate::runner::task::{self};
use crate::runner::timer_wheel::TimerWheel;
use crate::sync::Arc;
use crate::sync::yield_now;
use std::time::Duration;
use std::time::Instant;

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
/// time is its own: it advances by what makes an idle object cold, and to the next timer when all sleep.
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
