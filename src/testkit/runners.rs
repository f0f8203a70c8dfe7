//! A runner without a thread.

use super::faulty_task::Watched;
use super::world::Stage;
use crate::engine::engine::EngineHandle;
use crate::engine::runner::{Runner, is_at_end};
use crate::runner::environment;
use crate::runner::poll::{self, Poll};
use crate::runner::remote::Station;
use crate::runner::scheduler::{Rest, Scheduler};
use crate::runner::task::Standing;
use crate::sync::Arc;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// See the module.
pub(super) struct Simulated {
    pub(super) name: Rc<str>,
    pub(super) station: Arc<Station>,
    /// `None` during a turn, and at the end.
    inner: RefCell<Option<Inner>>,
    is_private: bool,
    state: Cell<State>,
    /// Its CPU was taken away until then.
    held: Cell<Option<Instant>>,
}

struct Inner {
    scheduler: Scheduler,
    poll: Option<Poll>,
}

#[derive(Clone, Copy)]
enum State {
    Awake,
    /// It would sleep, at most until then: whoever has something for it rings.
    Asleep(Option<Instant>),
    /// It has found nothing when so much had happened, and what it polls can't ring: it looks when
    /// something else has happened, or at that time.
    Polling(u64, Option<Instant>),
    Ended,
}

/// What a turn came to.
#[derive(Default)]
pub(super) struct Done {
    /// What it did that is no request.
    pub(super) beside: usize,
    pub(super) has_ended: bool,
}

impl Simulated {
    /// On the runner's behalf: the calling thread owns its station.
    pub(super) fn new(
        mut runner: Runner,
        station: Arc<Station>,
        engine: EngineHandle,
        stage: Rc<Stage>,
    ) -> Self {
        let mut scheduler = Scheduler::new(station.clone(), runner.wait.never_parks());
        scheduler.set_live(true);
        scheduler.watch(move |task| Box::new(Watched { task, stage: stage.clone() }));
        scheduler.on_end({
            let (shared, station) = (engine.shared().clone(), station.clone());
            move || shared.has_ended(&station)
        });
        let poll = runner.poll.take().map(|hook| Poll::new(hook, runner.name.clone(), engine));
        Self {
            name: runner.name.into(),
            station,
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
            State::Asleep(until) => !self.station.ready().is_parked() || is_due(until),
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
            State::Asleep(until) if self.station.ready().is_parked() => until,
            State::Polling(seen, until) if seen == happened => until,
            State::Ended => None,
            // Only its CPU is missing.
            State::Awake | State::Asleep(_) | State::Polling(..) => self.held.get(),
        };
        wakes.max(self.held.get().filter(|_| wakes.is_some()))
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        let inner = self.inner.borrow();
        inner.iter().flat_map(|inner| inner.scheduler.standings()).collect()
    }

    /// One turn, as a thread's loop has it; the calling thread owns the station.
    pub(super) fn turn(&self, stage: &Stage) -> Done {
        let Some(mut inner) = self.inner.take() else { return Done::default() };
        let scheduler = &mut inner.scheduler;
        scheduler.vary(|bound| stage.below(bound as u64) as usize);
        let before = stage.happened();
        let mut done = scheduler.turn(environment::now());
        done += poll::once(&mut inner.poll);
        // Requests were told of.
        let beside = if stage.happened() == before { done } else { 0 };
        self.state.set(State::Awake);
        if done == 0 {
            let rest = inner.scheduler.rest();
            if is_at_end(&mut inner.scheduler, &self.station, self.is_private) {
                self.state.set(State::Ended);
                drop(inner);
                return Done { beside, has_ended: true };
            }
            self.state.set(self.waits(rest, &inner, stage));
        }
        self.inner.replace(Some(inner));
        Done { beside, has_ended: false }
    }

    /// How it waits after a turn that has found nothing.
    fn waits(&self, rest: Rest, Inner { scheduler, poll }: &Inner, stage: &Stage) -> State {
        let timer = scheduler.next_timer();
        match rest {
            Rest::Cold if poll.is_none() => match self.station.ready().announce_sleep() {
                true => State::Asleep(timer),
                false => State::Awake,
            },
            // What disturbs may be stalled, and then there is nothing to do before that ends.
            Rest::Disturbed => match stage.stalls_end() {
                None => State::Awake,
                end => State::Polling(stage.happened(), timer.into_iter().chain(end).min()),
            },
            Rest::Cold | Rest::Polled => State::Polling(stage.happened(), timer),
        }
    }

    /// Ends it: what its objects have accepted is served.
    pub(super) fn end(&self) {
        self.state.set(State::Ended);
        drop(self.inner.take());
    }
}
