//! A simulation's world: runners without threads, clients, and a clock that advances when nothing else
//! happens.

use super::choices::Choices;
use super::clients::{Client, Sleepers};
use super::faults::Faults;
use super::runners::SimulatedRunner;
use super::stuck::Stuck;
use super::trace::{Happening, Trace};
use crate::engine::launch::Launch;
use crate::engine::registry::Registry;
use crate::engine::runner::Runner;
use crate::runner::environment::{self, Environment};
use crate::runner::owner;
use crate::runner::remote::Remote;
use crate::runner::task::{Identity, ObjectStatus};
use crate::sync::Arc;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::thread::panicking;
use std::time::{Duration, Instant};

/// See the module.
pub(super) struct SimulatedWorld {
    pub(super) seed: Option<u64>,
    began: Instant,
    choices: RefCell<Choices>,
    trace: RefCell<Trace>,
    pub(super) faults: Cell<Faults>,
    /// Objects that panic next, by name, and how often.
    pub(super) doomed: RefCell<BTreeMap<String, usize>>,
    /// Objects that serve nothing until then.
    pub(super) stalled: RefCell<BTreeMap<Rc<str>, Instant>>,
    pub(super) runners: RefCell<Vec<Rc<SimulatedRunner>>>,
    clients: RefCell<Vec<Rc<Client>>>,
    sleepers: Arc<Sleepers>,
    engines: RefCell<Vec<std::sync::Weak<Registry>>>,
    /// The runner whose turn it is.
    turning: RefCell<Option<Arc<Remote>>>,
    /// How many waits are nested: each is inside a turn that runs during the one before.
    depth: Cell<usize>,
    /// The message of a wait that would never end, in case a servant has caught its panic.
    failed_wait: RefCell<Option<String>>,
    /// How much has happened: a runner that nobody would wake looks again when something has.
    happened: Cell<u64>,
    names: RefCell<Names>,
}

/// How objects are called, by their names or types, and their numbers.
type Names = BTreeMap<Box<str>, BTreeMap<Option<usize>, Rc<str>>>;

/// Why a simulation has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// What was waited for has happened.
    Over,
    /// The time is up.
    TimeUp,
    /// Nothing is left to do; before the time, if there is one.
    Idle,
}

/// Who may be next.
pub(super) enum Next {
    Runner(Rc<SimulatedRunner>),
    Client(Rc<Client>),
}

/// How long a turn takes at most, in steps of this.
const TURN_STEPS: u64 = 16;
const TURN_STEP: Duration = Duration::from_nanos(250);

impl SimulatedWorld {
    pub(super) fn new(seed: Option<u64>, choices: Choices) -> Self {
        Self {
            seed,
            began: Instant::now(),
            choices: RefCell::new(choices),
            trace: RefCell::default(),
            faults: Cell::default(),
            doomed: RefCell::default(),
            stalled: RefCell::default(),
            runners: RefCell::default(),
            clients: RefCell::default(),
            sleepers: Arc::default(),
            engines: RefCell::default(),
            turning: RefCell::default(),
            depth: Cell::new(0),
            failed_wait: RefCell::default(),
            happened: Cell::new(0),
            names: RefCell::default(),
        }
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    pub(super) fn elapsed(&self) -> Duration {
        environment::now().saturating_duration_since(self.began)
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        self.choices.borrow_mut().below(bound)
    }

    pub(super) fn chance(&self, per_million: u32) -> bool {
        self.choices.borrow_mut().chance(per_million)
    }

    pub(super) fn choices(&self) -> Vec<u64> {
        self.choices.borrow().made().to_vec()
    }

    pub(super) fn trace(&self) -> Trace {
        self.trace.borrow().clone()
    }

    pub(super) fn note(&self, what: Happening) {
        self.happened.set(self.happened.get() + 1);
        self.trace.borrow_mut().note(self.elapsed(), what);
    }

    pub(super) fn happened(&self) -> u64 {
        self.happened.get()
    }

    pub(super) fn engines(&self) -> Vec<std::sync::Arc<Registry>> {
        self.engines.borrow().iter().filter_map(std::sync::Weak::upgrade).collect()
    }

    /// Notes that the object has served so many, the last by this method.
    pub(super) fn served(&self, object: Identity<'_>, method: &'static str, count: usize) {
        let object = self.name_of(object);
        self.note(Happening::Served { object, method, count });
    }

    /// The object's name; its type's with a number if it has none.
    pub(super) fn name_of(&self, object: Identity<'_>) -> Rc<str> {
        let mut names = self.names.borrow_mut();
        let (name, number) = match object {
            Identity::Named(name) => (name, None),
            Identity::Unnamed(servant, number) => (servant, Some(number)),
        };
        if let Some(known) = names.get(name).and_then(|numbers| numbers.get(&number)) {
            return known.clone();
        }
        let shown: Rc<str> = number.map_or(name.into(), |number| format!("{name}#{number}").into());
        names.entry(name.into()).or_default().insert(number, shown.clone());
        shown
    }

    // --- who is there ---

    pub(super) fn add_client(&self, client: Rc<Client>) {
        self.clients.borrow_mut().push(client);
    }

    pub(super) fn sleepers(&self) -> &Arc<Sleepers> {
        &self.sleepers
    }

    pub(super) fn unfinished_clients(&self) -> Vec<Rc<str>> {
        let clients = self.clients.borrow();
        clients.iter().filter(|one| !one.is_finished()).map(|one| one.name.clone()).collect()
    }

    /// What each object that lives has left to do.
    pub(super) fn statuses(&self) -> Vec<ObjectStatus> {
        let runners = self.runners.borrow();
        runners.iter().flat_map(|runner| runner.statuses()).collect()
    }

    /// What to say of a wait that would never end.
    pub(super) fn stuck(&self) -> Stuck {
        Stuck { statuses: self.statuses(), trace: self.trace() }
    }

    fn may_be_next(&self) -> Vec<Next> {
        let now = environment::now();
        let (runners, clients) = (self.runners.borrow(), self.clients.borrow());
        let runners = runners.iter().filter(|one| one.is_ready(now, self.happened.get()));
        let runners = runners.map(|runner| Next::Runner(runner.clone()));
        let clients = clients.iter().filter(|client| self.clients_go_on() && client.is_ready());
        runners.chain(clients.map(|client| Next::Client(client.clone()))).collect()
    }

    /// Whether it is the test itself that waits. What waits inside another's turn must end before that turn
    /// does; a runner's waits all have limits, but a client might wait for that very runner.
    fn clients_go_on(&self) -> bool {
        self.depth.get() <= 1
    }

    /// The first moment at which somebody has something to do again.
    fn next_moment(&self) -> Option<Instant> {
        let runners = self.runners.borrow();
        let runners = runners.iter().filter_map(|runner| runner.wakes_at(self.happened.get()));
        runners.chain(self.sleepers.next().filter(|_| self.clients_go_on())).min()
    }

    // --- steps ---

    /// Runs one step of a runner or client that is chosen among those that are ready; `false` if none is.
    pub(super) fn step(self: &Rc<Self>) -> bool {
        self.sleepers.wake(environment::now());
        let mut next = self.may_be_next();
        if next.is_empty() {
            return false;
        }
        let next = next.swap_remove(self.below(next.len() as u64) as usize);
        self.go_wrong(&next);
        match next {
            Next::Runner(runner) if runner.is_held(environment::now()) => {}
            Next::Runner(runner) => self.turn(&runner),
            Next::Client(client) => self.poll(&client),
        }
        let cost = TURN_STEP * (1 + self.below(TURN_STEPS) as u32);
        environment::set_now(later(environment::now(), cost));
        true
    }

    /// Runs until `is_over`, or that time. When nothing is left to do, time advances to what is next, unless
    /// `stands_still`.
    ///
    /// # Panics
    /// If some wait would never end.
    pub(super) fn run(
        self: &Rc<Self>,
        deadline: Option<Instant>,
        stands_still: bool,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Pause {
        struct Depth<'a>(&'a Cell<usize>);
        impl Drop for Depth<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        self.depth.set(self.depth.get() + 1);
        let _depth = Depth(&self.depth);
        // The caller may have done something since the last time.
        self.happened.set(self.happened.get() + 1);
        loop {
            if is_over() {
                return Pause::Over;
            }
            if deadline.is_some_and(|deadline| environment::now() >= deadline) {
                return Pause::TimeUp;
            }
            if self.step() {
                if self.depth.get() == 1
                    && !panicking()
                    && let Some(stuck) = self.failed_wait.take()
                {
                    panic!("{stuck}");
                }
                continue;
            }
            let next = self.next_moment().filter(|_| !stands_still);
            match (next, deadline) {
                (Some(at), None) => self.wait_until(self.maybe_late(at)),
                (Some(at), Some(deadline)) if at <= deadline => {
                    self.wait_until(self.maybe_late(at))
                }
                (_, Some(deadline)) if !stands_still => {
                    self.wait_until(deadline);
                    // That may be what is waited for.
                    return if is_over() { Pause::Over } else { Pause::TimeUp };
                }
                _ => return Pause::Idle,
            }
        }
    }

    fn wait_until(&self, at: Instant) {
        if at > environment::now() {
            environment::set_now(at);
            self.note(Happening::Waited);
        }
    }

    /// Makes the calling thread that runner's, or nobody's. Returns whose it was.
    fn pass_to(&self, next: Option<Arc<Remote>>) -> (Option<Arc<Remote>>, bool) {
        let was_runner = owner::set_runner(next.is_some());
        if let Some(next) = &next {
            next.own();
        }
        let last = self.turning.replace(next);
        (last, was_runner)
    }

    /// Runs something on this thread as that runner, or as no runner. If this is in the middle of another
    /// runner's turn, that one waits.
    pub(super) fn run_as<R>(&self, who: Option<&Arc<Remote>>, run: impl FnOnce() -> R) -> R {
        /// Also when a scenario unwinds through a client.
        struct Back<'a>(&'a SimulatedWorld, Option<Arc<Remote>>, bool);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                if let Some(remote) = self.0.turning.take() {
                    remote.disown();
                }
                self.0.pass_to(self.1.take());
                owner::set_runner(self.2);
            }
        }
        if let Some(remote) = &*self.turning.borrow() {
            remote.disown();
        }
        let (last, was_runner) = self.pass_to(who.cloned());
        let _back = Back(self, last, was_runner);
        run()
    }

    fn turn(self: &Rc<Self>, runner: &SimulatedRunner) {
        let done = self.run_as(Some(&runner.remote), || runner.turn(self));
        if done.beside > 0 {
            self.note(Happening::Did { runner: runner.name.clone(), count: done.beside });
        }
        if done.has_ended {
            self.note(Happening::Ended(runner.name.clone()));
        }
    }

    fn poll(self: &Rc<Self>, client: &Client) {
        self.note(Happening::WentOn(client.name.clone()));
        self.run_as(None, || client.poll());
        if client.is_finished() {
            self.note(Happening::Finished(client.name.clone()));
        }
    }

    /// Ends what is there.
    pub(super) fn end(self: &Rc<Self>) {
        // Their futures may hold proxies and calls, whose destructors may use the world.
        while let Some(client) = { self.clients.borrow_mut().pop() } {
            self.run_as(None, || client.give_up());
        }
        while let Some(runner) = { self.runners.borrow_mut().pop() } {
            self.run_as(Some(&runner.remote), || runner.end());
        }
    }
}

impl Environment for SimulatedWorld {
    /// # Panics
    /// If what is waited for never happens.
    fn wait(self: Rc<Self>, deadline: Option<Instant>, is_over: &mut dyn FnMut() -> bool) {
        if self.run(deadline, false, is_over) == Pause::Idle && !panicking() {
            let stuck = self.stuck().to_string();
            if self.depth.get() > 0 {
                self.failed_wait.replace(Some(stuck.clone()));
            }
            panic!("{stuck}");
        }
    }
}

impl Launch for SimulatedWorld {
    fn launch(
        self: Rc<Self>,
        mut runner: Runner,
        remote: Arc<Remote>,
        registry: std::sync::Arc<Registry>,
    ) {
        let engine = std::sync::Arc::downgrade(&registry);
        if !self.engines.borrow().iter().any(|known| known.ptr_eq(&engine)) {
            self.engines.borrow_mut().push(engine);
        }
        let on_start = runner.on_start.take();
        let simulated = self.run_as(Some(&remote), || {
            if let Some(hook) = on_start {
                hook();
            }
            SimulatedRunner::new(runner, remote.clone(), &registry, self.clone())
        });
        self.note(Happening::Began(simulated.name.clone()));
        self.runners.borrow_mut().push(Rc::new(simulated));
    }
}

/// At the end of the clock's range: as late as it goes.
pub(super) fn later(now: Instant, by: Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}
