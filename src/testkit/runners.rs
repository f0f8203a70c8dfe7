//! A runner without a thread.

use super::faulty_task::FaultyTask;
use super::world::SimulatedWorld;
use crate::engine::launch::take_poll;
use crate::engine::registry::Registry;
use crate::engine::runner::Runner;
use crate::runner::drive::is_at_end;
use crate::runner::environment;
use crate::runner::poll::Poll;
use crate::runner::remote::Remote;
use crate::runner::scheduler::{ParkDecision, Scheduler};
use crate::runner::task::ObjectStatus;
use crate::sync::Arc;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// See the module.
pub(super) struct SimulatedRunner {
    pub(super) name: Rc<str>,
    pub(super) remote: Arc<Remote>,
    /// `None` during a turn, and at the end.
    inner: RefCell<Option<Inner>>,
    is_private: bool,
    state: Cell<State>,
    /// Its CPU was taken away until then.
    held: Cell<Option<Instant>>,
}

struct Inner {
    scheduler: Scheduler,
    poll: Poll,
}

#[derive(Clone, Copy)]
enum State {
    Awake,
    /// It would sleep, at most until then: whoever has something for it wakes it.
    Asleep(Option<Instant>),
    /// It found nothing when so much had happened, and nobody wakes it for what it polls: it looks again
    /// when more has happened, or at that time.
    Polling(u64, Option<Instant>),
    Ended,
}

/// The result of a turn.
#[derive(Default)]
pub(super) struct Done {
    /// How much it did besides requests.
    pub(super) beside: usize,
    pub(super) has_ended: bool,
}

impl SimulatedRunner {
    /// To be called as the runner.
    pub(super) fn new(
        mut runner: Runner,
        remote: Arc<Remote>,
        registry: &std::sync::Arc<Registry>,
        world: Rc<SimulatedWorld>,
    ) -> Self {
        let mut scheduler = Scheduler::new(remote.clone(), runner.wait.never_parks());
        scheduler.set_live(true);
        scheduler.watch(move |task| Box::new(FaultyTask { task, world: world.clone() }));
        scheduler.on_end({
            let (registry, remote) = (registry.clone(), remote.clone());
            move || registry.runner_ended(&remote)
        });
        let poll = take_poll(&mut runner, registry);
        Self {
            name: runner.name.into(),
            remote,
            inner: RefCell::new(Some(Inner { scheduler, poll })),
            is_private: runner.is_private,
            state: Cell::new(State::Awake),
            held: Cell::new(None),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state.get(), State::Ended)
    }

    pub(super) fn hold(&self, until: Instant) {
        self.held.set(self.held.get().max(Some(until)));
    }

    pub(super) fn is_held(&self, now: Instant) -> bool {
        self.held.get().is_some_and(|until| until > now)
    }

    /// Whether it has something to do, or may have.
    pub(super) fn is_ready(&self, now: Instant, happened: u64) -> bool {
        let is_due = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let is_turning = || self.inner.borrow().is_none();
        let has_any = match self.state.get() {
            State::Awake => true,
            State::Asleep(until) => !self.remote.ready().is_parked() || is_due(until),
            State::Polling(seen, until) => seen != happened || is_due(until),
            State::Ended => false,
        };
        has_any && !self.is_held(now) && !is_turning()
    }

    /// When it has something to do, if nothing happens before.
    pub(super) fn wakes_at(&self, happened: u64) -> Option<Instant> {
        if self.inner.borrow().is_none() {
            return None;
        }
        let wakes = match self.state.get() {
            State::Asleep(until) if self.remote.ready().is_parked() => until,
            State::Polling(seen, until) if seen == happened => until,
            State::Ended => None,
            // It only lacks its CPU.
            State::Awake | State::Asleep(_) | State::Polling(..) => self.held.get(),
        };
        wakes.max(self.held.get().filter(|_| wakes.is_some()))
    }

    pub(super) fn statuses(&self) -> Vec<ObjectStatus> {
        let inner = self.inner.borrow();
        inner.iter().flat_map(|inner| inner.scheduler.statuses()).collect()
    }

    /// One turn, as in a thread's loop; the calling thread owns the runner.
    pub(super) fn turn(&self, world: &SimulatedWorld) -> Done {
        let Some(mut inner) = self.inner.take() else { return Done::default() };
        let scheduler = &mut inner.scheduler;
        scheduler.vary(|bound| world.below(bound as u64) as usize);
        let before = world.happened();
        let mut done = scheduler.turn(environment::now());
        done += inner.poll.once();
        // Served requests are in the trace already.
        let beside = if world.happened() == before { done } else { 0 };
        self.state.set(State::Awake);
        if done == 0 {
            let prepare_to_park = inner.scheduler.prepare_to_park();
            if is_at_end(&mut inner.scheduler, &self.remote, self.is_private) {
                self.state.set(State::Ended);
                drop(inner);
                return Done { beside, has_ended: true };
            }
            self.state.set(self.waits(prepare_to_park, &inner, world));
        }
        self.inner.replace(Some(inner));
        Done { beside, has_ended: false }
    }

    /// How it waits after a turn that found nothing.
    fn waits(
        &self,
        prepare_to_park: ParkDecision,
        Inner { scheduler, poll }: &Inner,
        world: &SimulatedWorld,
    ) -> State {
        let timer = scheduler.next_timer();
        match prepare_to_park {
            ParkDecision::Cold if !poll.has_hook() => match self.remote.ready().announce_sleep() {
                true => State::Asleep(timer),
                false => State::Awake,
            },
            // What disturbs may be a stalled object; then there is nothing to do before the stall ends.
            ParkDecision::Disturbed => match world.stalls_end() {
                None => State::Awake,
                end => State::Polling(world.happened(), timer.into_iter().chain(end).min()),
            },
            ParkDecision::Cold | ParkDecision::Polled => State::Polling(world.happened(), timer),
        }
    }

    /// Ends it; its objects serve what they have accepted.
    pub(super) fn end(&self) {
        self.state.set(State::Ended);
        drop(self.inner.take());
    }
}
