//! The engine: runners and objects, added and removed while it runs; and its end.

use crate::active::Active;
use crate::error::{StartError, caught};
use crate::object::Control;
use crate::runner::{self, Runner};
use crate::scheduler::Scheduler;
use crate::spawn::{Factory, Spawn};
use crate::station::{self, Station};
use crate::sync::Arc;
use crate::topology::{self, Pinning};
use crate::wait::{CALLER_WAIT, WaitStrategy};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a dropped engine lets its objects finish before it aborts them.
pub const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// What an engine reports. The default handler prints one line to stderr for each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Who burns CPU time while idle, and who would have but may not. Said when that changes.
    Spinning {
        /// Each spinning runner, with its CPU.
        spinning: Vec<(String, usize)>,
        /// Each pinned runner that parks although its strategy spins, with the reason.
        downgraded: Vec<(String, &'static str)>,
    },
    /// A runner that was to be pinned, with [`Pinning::Prefer`], runs unpinned.
    Unpinned {
        /// The runner's name.
        runner: String,
        /// Why.
        reason: String,
    },
    /// A servant panicked, and its object stops.
    Panicked {
        /// The object's name, or its type's.
        object: String,
        /// The method that panicked.
        method: &'static str,
        /// What the panic said.
        message: String,
        /// Whether a call was told; false for one-way requests.
        awaited: bool,
    },
    /// A factory failed after its `start` had returned, as it does when a servant spawns on
    /// another runner.
    FactoryFailed {
        /// The error's text.
        reason: String,
    },
    /// A servant's method did not return, so its thread was left behind.
    LeftBehind {
        /// The runner's name.
        runner: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spinning { spinning, downgraded } => {
                let who = spinning.iter().map(|(runner, cpu)| format!("{runner:?} on cpu {cpu}"));
                let who = who.collect::<Vec<_>>().join(", ");
                write!(f, "spinning (100 % CPU while busy-waiting, by design): ")?;
                f.write_str(if who.is_empty() { "nobody" } else { &who })?;
                for (runner, reason) in downgraded {
                    write!(f, "; {runner:?} parks at once: {reason}")?;
                }
                Ok(())
            }
            Self::Unpinned { runner, reason } => {
                write!(f, "runner {runner:?} is not pinned: {reason}")
            }
            Self::Panicked { object, method, message, .. } => {
                write!(f, "object {object:?} stops: its method {method} panicked: {message}")
            }
            Self::FactoryFailed { reason } => f.write_str(reason),
            Self::LeftBehind { runner } => {
                write!(f, "runner {runner:?} is left behind: a method there has not returned")
            }
        }
    }
}

type Hook = Box<dyn Fn(&Event) + Send + Sync>;

/// What all handles of one engine share.
pub(crate) struct Shared {
    registry: Mutex<Registry>,
    /// Signalled when a thread has ended.
    ended: Condvar,
    hook: Hook,
    drop_timeout: Duration,
    caller_wait: WaitStrategy,
}

#[derive(Default)]
struct Registry {
    stopping: bool,
    runners: Vec<Running>,
    objects: HashMap<u64, Registered>,
    names: HashMap<Box<str>, u64>,
    next_id: u64,
    said: Option<Spinners>,
}

/// Who spins on which CPU, and who parks for which reason although its strategy spins.
#[derive(Clone, Default, PartialEq, Eq)]
struct Spinners {
    spinning: Vec<(String, usize)>,
    downgraded: Vec<(String, &'static str)>,
}

struct Registered {
    control: std::sync::Arc<dyn Control>,
    name: Option<Box<str>>,
}

struct Running {
    station: Arc<Station>,
    cpus: Vec<usize>,
    spins: bool,
    /// Its strategy never sleeps, which nobody chooses without wanting it.
    insists: bool,
    is_pinned: bool,
    is_private: bool,
    is_invoker: bool,
    thread: Option<JoinHandle<()>>,
    has_ended: bool,
}

/// An engine and its end: dropping it stops every runner and object. See [`Handle`] for the rest.
///
/// Dropping waits for up to [`DROP_TIMEOUT`] (see [`Builder::drop_timeout`]) while everything
/// accepted is served, then aborts. On one of the engine's own runners it only signals.
///
/// [`Handle`]: EngineHandle
#[derive(Debug)]
pub struct Engine {
    handle: EngineHandle,
    is_detached: bool,
}

/// A handle on an engine, to clone and to send: adds runners and objects from anywhere, servants
/// included. It doesn't keep the engine running.
#[derive(Clone)]
pub struct EngineHandle {
    shared: std::sync::Arc<Shared>,
}

/// The options of an engine; see [`Engine::builder`].
pub struct Builder {
    runners: Vec<Runner>,
    hook: Hook,
    drop_timeout: Duration,
    caller_wait: WaitStrategy,
}

impl Builder {
    /// Adds a runner.
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runners.push(runner);
        self
    }

    /// Handles what the engine reports, on the thread where it happens. Default: a line on stderr.
    pub fn on_event(mut self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hook = Box::new(hook);
        self
    }

    /// How long dropping the engine lets objects finish. Default: [`DROP_TIMEOUT`].
    pub fn drop_timeout(mut self, timeout: Duration) -> Self {
        self.drop_timeout = timeout;
        self
    }

    /// How threads wait in [`Call::get`](crate::Call::get) and its relatives. Default: spin for
    /// [`CALLER_SPIN_DEFAULT`](crate::CALLER_SPIN_DEFAULT), then park.
    ///
    /// They spin only where the engine's spinning runners leave an allowed CPU; else they park at
    /// once. A spinning caller burns its CPU until the reply comes.
    pub fn caller_wait(mut self, strategy: WaitStrategy) -> Self {
        self.caller_wait = strategy;
        self
    }

    /// Starts the engine, and its runners' threads.
    ///
    /// # Errors
    /// The first runner that doesn't start; those before it are stopped.
    pub fn start(self) -> Result<Engine, StartError> {
        let shared = Shared {
            registry: Mutex::default(),
            ended: Condvar::new(),
            hook: self.hook,
            drop_timeout: self.drop_timeout,
            caller_wait: self.caller_wait,
        };
        let handle = EngineHandle { shared: std::sync::Arc::new(shared) };
        let engine = Engine { handle, is_detached: false };
        // All at once, so that who shares a CPU with whom is said once.
        let mut started = Vec::new();
        for runner in self.runners {
            started.push(engine.handle.launch(runner)?);
        }
        drop(started);
        engine.handle.settle_spinning();
        Ok(engine)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("runners", &self.runners)
            .field("drop_timeout", &self.drop_timeout)
            .field("caller_wait", &self.caller_wait)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Begins an engine.
    pub fn builder() -> Builder {
        Builder {
            runners: Vec::new(),
            hook: Box::new(|event| eprintln!("mainspring: {event}")),
            drop_timeout: DROP_TIMEOUT,
            caller_wait: CALLER_WAIT,
        }
    }

    /// A handle to clone and to send.
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// Stops, waits until everything accepted was served and every thread has ended.
    ///
    /// # Blocking
    /// For as long as that takes; a servant's method that never returns blocks it for ever. On one
    /// of the engine's own threads it only stops: it would wait for itself.
    /// [`join_timeout`](EngineHandle::join_timeout) doesn't.
    pub fn join(self) {
        self.stop();
        self.join_by(None);
    }

    /// Gives the engine up without ending it: its objects live until their last proxies are gone,
    /// its private runners as long as those, its other runners as long as the process.
    pub fn detach(mut self) {
        self.is_detached = true;
    }
}

impl Deref for Engine {
    type Target = EngineHandle;

    fn deref(&self) -> &EngineHandle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.is_detached {
            return;
        }
        self.stop();
        if self.is_on_own_runner() {
            return;
        }
        if !self.stop_within(self.shared.drop_timeout) {
            for runner in self.handle.still_running() {
                self.shared.tell(&Event::LeftBehind { runner });
            }
        }
    }
}

/// How long an aborted engine's threads get to end: each may have one method to return from.
const ABORT_GRACE: Duration = Duration::from_millis(250);

impl EngineHandle {
    /// Adds a runner and starts its thread.
    ///
    /// # Errors
    /// A name given twice, a CPU that isn't allowed, a thread that doesn't start.
    /// # Blocking
    /// Until the thread has pinned itself and run its start hook.
    pub fn add_runner(&self, runner: Runner) -> Result<(), StartError> {
        self.launch(runner)?;
        self.settle_spinning();
        Ok(())
    }

    /// Adds a runner without a thread: the caller repeats its turns.
    ///
    /// # Errors
    /// A name given twice, or an engine that has stopped.
    pub fn invoker(&self, name: impl Into<String>) -> Result<Scheduler, StartError> {
        let runner = Runner::named(name).pinning(Pinning::Off);
        let station = self.enter(&runner)?;
        self.shared.with_runner(&station, |runner| runner.is_invoker = true);
        let mut scheduler = Scheduler::new(station.clone(), false);
        let shared = self.shared.clone();
        scheduler.on_end(move || shared.has_ended(&station));
        Ok(scheduler)
    }

    /// Begins an object; `factory` makes its servant, on the runner's thread.
    ///
    /// The factory returns the servant, or a `Result` with it. See [`Spawn`] for the options.
    pub fn spawn<S: Active, M, F: Factory<S, M>>(
        &self,
        name: impl Into<String>,
        factory: F,
    ) -> Spawn<S, M, F> {
        Spawn::new(self.clone(), Some(name.into()), factory)
    }

    /// Begins an object without a name.
    pub fn spawn_unnamed<S: Active, M, F: Factory<S, M>>(&self, factory: F) -> Spawn<S, M, F> {
        Spawn::new(self.clone(), None, factory)
    }

    /// The names of the runners that have not ended.
    pub fn runners(&self) -> Vec<String> {
        let registry = self.shared.lock();
        registry.runners.iter().filter(|r| !r.has_ended).map(|r| r.station.name().into()).collect()
    }

    /// How many objects are alive.
    pub fn len(&self) -> usize {
        self.shared.lock().objects.len()
    }

    /// Whether no object is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stops: admission ends at once, everything accepted is served, then the runners end.
    /// Returns at once. Idempotent.
    pub fn stop(&self) {
        let mut registry = self.shared.lock();
        registry.stopping = true;
        for object in registry.objects.values() {
            object.control.stop();
        }
        for runner in &registry.runners {
            runner.station.stop();
        }
    }

    /// Stops one runner: its objects drain, then its thread ends.
    ///
    /// # Errors
    /// There is no runner of that name.
    pub fn stop_runner(&self, name: &str) -> Result<(), StartError> {
        self.station(name).map(|station| station.stop())
    }

    /// Stops, waits for up to `limit`, then aborts what is left; whether everything has ended.
    ///
    /// # Blocking
    /// For `limit`, and a quarter of a second more after an abort.
    pub fn stop_within(&self, limit: Duration) -> bool {
        self.stop();
        if self.join_timeout(limit) {
            return true;
        }
        self.abort();
        self.join_timeout(ABORT_GRACE)
    }

    /// Ends every call that isn't done, at once, and stops: methods that run go on to their end.
    pub fn abort(&self) {
        // Ending calls runs their observers, which may well ask the engine something: not under
        // its lock.
        let controls: Vec<_> = self.shared.lock().controls();
        controls.iter().for_each(|control| control.abort());
        self.stop();
    }

    /// Waits until every thread has ended, after a stop; `false` when time was up first.
    ///
    /// On one of the engine's own runners it returns `false` at once: it would wait for itself.
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.join_by(Instant::now().checked_add(limit))
    }

    fn join_by(&self, deadline: Option<Instant>) -> bool {
        if self.is_on_own_runner() {
            return false;
        }
        let mut registry = self.shared.lock();
        while registry.runners.iter().any(|runner| !runner.has_ended) {
            let Some(deadline) = deadline else {
                registry = self.shared.ended.wait(registry).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.ended.wait_timeout(registry, left);
            registry = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let threads = registry.take_ended();
        drop(registry);
        join_all(threads);
        true
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.shared.tell(event);
    }

    fn is_on_own_runner(&self) -> bool {
        self.shared.lock().runners.iter().any(|r| r.station.is_mine())
    }

    fn still_running(&self) -> Vec<String> {
        let registry = self.shared.lock();
        let alive = registry.runners.iter().filter(|runner| !runner.has_ended);
        alive.map(|runner| runner.station.name().into()).collect()
    }

    /// Starts a runner's thread and waits until it is ready.
    pub(crate) fn launch(&self, mut runner: Runner) -> Result<Arc<Station>, StartError> {
        let station = self.enter(&runner)?;
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let (shared, name) = (self.shared.clone(), runner.name.clone());
        let spawned = runner.thread().spawn({
            let station = station.clone();
            move || {
                station::become_runner();
                let mut scheduler = Scheduler::new(station.clone(), runner.wait.never_parks());
                scheduler.on_end({
                    let (shared, station) = (shared.clone(), station.clone());
                    move || shared.has_ended(&station)
                });
                let prepared = runner.prepare();
                let is_prepared = prepared.is_ok();
                if ready.send(prepared).is_ok() && is_prepared {
                    runner::run(&mut scheduler, runner.wait, runner.is_private);
                }
            }
        });
        let thread = spawned.map_err(|source| {
            self.shared.forget(&station);
            StartError::Thread { runner: name.clone(), source }
        })?;
        self.shared.keep(&station, thread);
        let gone = StartError::RunnerStopped { name: name.clone() };
        match is_ready.recv().unwrap_or(Err(gone)) {
            Ok(None) => {}
            Err(error) => {
                // The thread is about to end; the name is free when this returns.
                self.shared.forget(&station);
                return Err(error);
            }
            Ok(Some(error)) => {
                self.shared.unpinned(&station);
                self.shared.tell(&Event::Unpinned { runner: name, reason: error.to_string() });
            }
        }
        Ok(station)
    }

    /// Checks a runner's options and enters it into the registry.
    fn enter(&self, runner: &Runner) -> Result<Arc<Station>, StartError> {
        let cpus = runner.pinned_to();
        if !cpus.is_empty() {
            topology::check(&runner.name, cpus, &topology::process_cpus())?;
        }
        let mut registry = self.shared.lock();
        registry.check_open()?;
        let ended = registry.take_ended();
        let taken = |running: &Running| running.station.name() == runner.name;
        if registry.runners.iter().any(taken) {
            return Err(StartError::DuplicateRunner { name: runner.name.clone() });
        }
        let station =
            Arc::new(Station::new(&runner.name).with_caller_wait(self.shared.caller_wait));
        registry.runners.push(Running {
            station: station.clone(),
            cpus: cpus.into(),
            spins: runner.wait.spins(),
            insists: runner.wait.never_parks(),
            is_pinned: !cpus.is_empty(),
            is_private: runner.is_private,
            is_invoker: false,
            thread: None,
            has_ended: false,
        });
        drop(registry);
        join_all(ended);
        Ok(station)
    }

    /// Decides who may spin, and says so when that has changed.
    pub(crate) fn settle_spinning(&self) {
        let event = {
            let mut registry = self.shared.lock();
            let said = registry.settle_spinning();
            if registry.said.as_ref().unwrap_or(&Spinners::default()) == &said {
                return;
            }
            registry.said = Some(said.clone());
            Event::Spinning { spinning: said.spinning, downgraded: said.downgraded }
        };
        self.shared.tell(&event);
    }

    /// The runner of that name.
    pub(crate) fn station(&self, name: &str) -> Result<Arc<Station>, StartError> {
        let registry = self.shared.lock();
        registry.check_open()?;
        let mut running = registry.runners.iter().filter(|runner| !runner.has_ended);
        match running.find(|runner| runner.station.name() == name) {
            Some(runner) => Ok(runner.station.clone()),
            None => Err(StartError::UnknownRunner { name: name.into(), known: registry.known() }),
        }
    }

    /// The shared runners take turns.
    pub(crate) fn any_station(&self) -> Result<Arc<Station>, StartError> {
        let registry = self.shared.lock();
        registry.check_open()?;
        // An invoker takes turns when its thread likes: only that thread puts objects there unasked.
        let open = |runner: &&Running| {
            let takes = !runner.is_invoker || runner.station.is_mine();
            takes && !runner.is_private && !runner.has_ended
        };
        let open: Vec<_> = registry.runners.iter().filter(open).collect();
        let turn = registry.next_id as usize;
        let runner = open.get(turn % open.len().max(1)).ok_or(StartError::NoRunner)?;
        Ok(runner.station.clone())
    }

    /// Enters an object; it leaves when the registration is dropped.
    pub(crate) fn register(
        &self,
        name: Option<&str>,
        control: std::sync::Arc<dyn Control>,
    ) -> Result<Registration, StartError> {
        let mut registry = self.shared.lock();
        registry.check_open()?;
        let id = registry.next_id;
        if let Some(name) = name {
            if registry.names.contains_key(name) {
                return Err(StartError::DuplicateObject { name: name.into() });
            }
            registry.names.insert(name.into(), id);
        }
        registry.next_id += 1;
        let name = name.map(Into::into);
        registry.objects.insert(id, Registered { control, name });
        Ok(Registration { shared: self.shared.clone(), id })
    }
}

impl fmt::Debug for EngineHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = self.shared.lock();
        f.debug_struct("Engine")
            .field("runners", &registry.known())
            .field("objects", &registry.objects.len())
            .field("stopping", &registry.stopping)
            .finish()
    }
}

impl Registry {
    fn check_open(&self) -> Result<(), StartError> {
        if self.stopping { Err(StartError::EngineStopped) } else { Ok(()) }
    }

    fn controls(&self) -> Vec<std::sync::Arc<dyn Control>> {
        self.objects.values().map(|object| object.control.clone()).collect()
    }

    fn known(&self) -> Vec<String> {
        let open = self.runners.iter().filter(|runner| !runner.has_ended && !runner.is_private);
        open.map(|runner| runner.station.name().into()).collect()
    }

    /// Takes the runners that have ended off the list; their threads are the caller's to join.
    fn take_ended(&mut self) -> Vec<JoinHandle<()>> {
        let (ended, running) =
            std::mem::take(&mut self.runners).into_iter().partition(|r| r.has_ended);
        self.runners = running;
        let ended: Vec<Running> = ended;
        ended.into_iter().filter_map(|runner| runner.thread).collect()
    }

    fn settle_spinning(&mut self) -> Spinners {
        let Spinners { mut spinning, mut downgraded } = Spinners::default();
        let cpus = topology::process_cpus().len();
        let has_quota = topology::has_small_quota();
        let running = || self.runners.iter().filter(|runner| !runner.has_ended);
        let wants = |runner: &&Running| runner.spins && (runner.is_pinned || runner.insists);
        for runner in running().filter(wants) {
            let shares = |other: &Running| other.cpus.iter().any(|cpu| runner.cpus.contains(cpu));
            let reason = match () {
                () if !runner.is_pinned => Some("it is not pinned"),
                () if cpus == 1 => Some("this process has one CPU"),
                () if has_quota => Some("a CPU quota is in force"),
                () if runner.cpus.len() > 1 => Some("it is not pinned to one CPU"),
                () if running().filter(|other| shares(other)).count() > 1 => {
                    Some("it shares its CPU with another runner")
                }
                () => None,
            };
            let name = runner.station.name().to_owned();
            match reason {
                None => spinning.push((name, runner.cpus[0])),
                Some(reason) => downgraded.push((name, reason)),
            }
        }
        let callers_may = cpus > 1 && !has_quota && spinning.len() < cpus;
        for runner in &self.runners {
            let may_spin = spinning.iter().any(|(name, _)| name == runner.station.name());
            runner.station.set_spin(may_spin, callers_may);
        }
        Spinners { spinning, downgraded }
    }
}

impl Shared {
    /// A panic elsewhere leaves the registry whole: nothing in it is half-done under the lock.
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, event: &Event) {
        // The hook's own panic has nobody left to tell.
        caught(|| (self.hook)(event));
    }

    fn with_runner(&self, station: &Arc<Station>, change: impl FnOnce(&mut Running)) {
        let mut registry = self.lock();
        let mut runners = registry.runners.iter_mut();
        if let Some(runner) = runners.find(|runner| Arc::ptr_eq(&runner.station, station)) {
            change(runner);
        }
    }

    fn keep(&self, station: &Arc<Station>, thread: JoinHandle<()>) {
        self.with_runner(station, |runner| runner.thread = Some(thread));
    }

    fn unpinned(&self, station: &Arc<Station>) {
        self.with_runner(station, |runner| runner.is_pinned = false);
    }

    fn has_ended(&self, station: &Arc<Station>) {
        self.with_runner(station, |runner| runner.has_ended = true);
        // Its CPU may be another's alone now. Not said: at the end of an engine it is no news.
        let mut registry = self.lock();
        registry.said = Some(registry.settle_spinning());
        drop(registry);
        self.ended.notify_all();
    }

    /// Takes a runner off the list that didn't start, after its thread.
    fn forget(&self, station: &Arc<Station>) {
        let mut thread = None;
        self.with_runner(station, |runner| thread = runner.thread.take());
        join_all(thread);
        self.lock().runners.retain(|runner| !Arc::ptr_eq(&runner.station, station));
    }
}

/// An object's place in the registry: given up when the object has ended.
pub(crate) struct Registration {
    shared: std::sync::Arc<Shared>,
    id: u64,
}

impl Registration {
    pub(crate) fn tell(&self, event: Event) {
        self.shared.tell(&event);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut registry = self.shared.lock();
        let Some(object) = registry.objects.remove(&self.id) else { return };
        if let Some(name) = &object.name {
            registry.names.remove(name);
        }
        drop(registry);
        drop(object);
    }
}

fn join_all(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        // A runner's thread has caught every panic of the user's; one of ours was printed.
        let _ = thread.join();
    }
}
