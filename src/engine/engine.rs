//! The engine: runners and objects, added and removed while it runs; and its end.

use crate::engine::error::{FindError, StartError};
use crate::engine::factory::Factory;
use crate::engine::registry::Registry;
use crate::engine::runner::{self, Runner};
use crate::engine::spawn::Spawn;
use crate::event::{Event, Hook};
use crate::machine::pin::Pinning;
use crate::mailbox::{ClonedKind, Mpsc};
use crate::object::active::Active;
use crate::object::control::{TypedControl, kind_name};
use crate::proxy::proxy::Proxy as _;
use crate::proxy::weak::Weak;
use crate::runner::environment;
use crate::runner::poll::Poll;
use crate::runner::remote::{self, Remote};
use crate::runner::scheduler::Scheduler;
use crate::runner::wait::{CALLER_WAIT, WaitStrategy};
use crate::sync::Arc;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

/// How long a dropped engine lets its objects finish before it aborts them.
pub const DROP_TIMEOUT: Duration = Duration::from_secs(5);

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
    registry: std::sync::Arc<Registry>,
}

/// The names of the runners that objects belong on, by the objects' names.
pub(crate) type Places = HashMap<String, String>;

/// Changes the runners before they start, adds some, and says where objects belong.
type Plan = Box<dyn FnOnce(&mut Vec<Runner>) -> Result<Places, StartError> + Send>;

/// The options of an engine; see [`Engine::builder`].
pub struct Builder {
    runners: Vec<Runner>,
    plan: Option<Plan>,
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
    pub fn start(mut self) -> Result<Engine, StartError> {
        let places = match self.plan.take() {
            Some(plan) => plan(&mut self.runners)?,
            None => Places::new(),
        };
        let registry = Registry::new(self.hook, self.drop_timeout, self.caller_wait, places);
        let handle = EngineHandle { registry: std::sync::Arc::new(registry) };
        let engine = Engine { handle, is_detached: false };
        // All at once, so that who shares a CPU with whom is said once.
        let mut started = Vec::new();
        for runner in self.runners {
            started.push(engine.handle.launch(runner)?);
        }
        drop(started);
        engine.handle.registry.settle_spinning();
        Ok(engine)
    }

    /// The last plan wins.
    #[cfg(feature = "profile")]
    pub(crate) fn plan(
        mut self,
        plan: impl FnOnce(&mut Vec<Runner>) -> Result<Places, StartError> + Send + 'static,
    ) -> Self {
        self.plan = Some(Box::new(plan));
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("runners", &self.runners)
            .field("has_plan", &self.plan.is_some())
            .field("drop_timeout", &self.drop_timeout)
            .field("caller_wait", &self.caller_wait)
            .finish_non_exhaustive()
    }
}

/// What senders have paid for a runner's attention, and how its waits ended; see
/// [`EngineHandle::wakeups`].
///
/// A request to an object that is hot is neither a ring nor a wake: its sender has not entered the
/// kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakeups {
    /// Requests and commands that found their object, or the runner's inbox, unattended.
    pub rings: usize,
    /// Those of them that found the runner asleep: one system call each.
    pub wakes: usize,
    /// Waits of the runner that ended with work before it slept.
    pub spin_hits: usize,
    /// Times that the runner slept. An invoker's loop counts neither.
    pub parks: usize,
}

impl Engine {
    /// Begins an engine.
    pub fn builder() -> Builder {
        Builder {
            runners: Vec::new(),
            plan: None,
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
        self.registry.join_by(None);
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
        if self.registry.is_on_own_runner() {
            return;
        }
        if !self.stop_within(self.registry.drop_timeout()) {
            for runner in self.runners() {
                self.registry.tell(&Event::LeftBehind { runner });
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
        self.registry.settle_spinning();
        Ok(())
    }

    /// Adds a runner without a thread: the caller repeats its turns, and sleeps between them as
    /// described at [`Scheduler`], under "Your own loop".
    ///
    /// # Errors
    /// A name given twice, or an engine that has stopped.
    pub fn invoker(&self, name: impl Into<String>) -> Result<Scheduler, StartError> {
        let runner = Runner::named(name).pinning(Pinning::Off);
        let remote = self.registry.enter(&runner, true)?;
        let mut scheduler = Scheduler::new(remote.clone(), false);
        let registry = self.registry.clone();
        scheduler.on_end(move || registry.runner_ended(&remote));
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

    /// A proxy of the object of that name, whose servant is an `S`.
    ///
    /// ```
    /// use mainspring::FindError;
    /// use mainspring::prelude::*;
    ///
    /// struct Account(i64);
    /// #[active]
    /// impl Account {
    ///     pub fn deposit(&mut self, cents: i64) -> i64 { self.0 += cents; self.0 }
    /// }
    ///
    /// let engine = Engine::builder().runner(Runner::named("a")).start()?;
    /// engine.spawn("savings", || Account(5)).keep_alive().start()?;
    /// let savings = engine.find::<Account>("savings")?;
    /// assert_eq!(savings.deposit(2).get()?, 7);
    /// let error = engine.find::<Account>("saving").unwrap_err();
    /// assert_eq!(error.to_string(), r#"no object named "saving" is alive; there are ["savings"]"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// There is none of that name; its servant is another type; its mailbox is of another kind (see
    /// [`find_in`](Self::find_in)); it is ending.
    /// # Blocking
    /// For the registry's lock, which nobody holds for long. Keep the proxy rather than look it up
    /// for each call.
    pub fn find<S: Active>(&self, name: &str) -> Result<S::Proxy<Mpsc>, FindError> {
        self.find_in::<S, Mpsc>(name)
    }

    /// As [`find`](Self::find), for a mailbox of that kind.
    ///
    /// # Errors
    /// As there.
    pub fn find_in<S: Active, K: ClonedKind>(&self, name: &str) -> Result<S::Proxy<K>, FindError> {
        let named = || name.to_owned();
        let unknown = |similar| FindError::Unknown { name: named(), similar };
        let control = self.registry.find(name).map_err(unknown)?;
        let (servant, kind) = control.types();
        if !control.is_served_by(TypeId::of::<S>()) {
            let wanted = std::any::type_name::<S>();
            return Err(FindError::OtherType { name: named(), wanted, found: servant });
        }
        let control: std::sync::Arc<dyn Any + Send + Sync> = control;
        let Ok(control) = control.downcast::<TypedControl<S, K>>() else {
            let wanted = kind_name::<K>();
            return Err(FindError::OtherKind { name: named(), wanted, found: kind });
        };
        match Weak::<S, K>::of(&control.0).upgrade() {
            Some(proxy) if !proxy.is_stopped() => Ok(proxy),
            _ => Err(FindError::Ending { name: named() }),
        }
    }

    /// The names of the runners that have not ended.
    pub fn runners(&self) -> Vec<String> {
        self.registry.runners()
    }

    /// How often a runner was rung for, and how often it had to be woken for that, since its start.
    ///
    /// # Errors
    /// There is no runner of that name.
    pub fn wakeups(&self, runner: &str) -> Result<Wakeups, StartError> {
        let remote = self.registry.remote(runner)?;
        let (rings, wakes) = remote.ready().counts();
        let (spin_hits, parks) = remote.waits();
        Ok(Wakeups { rings, wakes, spin_hits, parks })
    }

    /// Who has sent how much to whom, and how long serving took, since the engine's start; of the
    /// runners that have not ended. In builds with the feature `traffic`, which is for recording: there each
    /// request takes a lock.
    ///
    /// ```
    /// use mainspring::prelude::*;
    ///
    /// struct Echo;
    /// #[active]
    /// impl Echo {
    ///     pub fn echo(&self, number: u64) -> u64 { number }
    /// }
    ///
    /// let engine = Engine::builder().runner(Runner::named("a")).start()?;
    /// let echo = engine.spawn("echo", || Echo).start()?;
    /// echo.echo(1).get()?;
    /// let traffic = engine.traffic();
    /// assert_eq!(traffic.edges[0].to, "echo");
    /// println!("{traffic}"); // a graph that `mainspring tune` reads
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "traffic")]
    pub fn traffic(&self) -> crate::Traffic {
        let mut all = crate::Traffic::default();
        let names = self.registry.runners();
        let remotes = names.iter().filter_map(|name| self.registry.remote(name).ok());
        remotes.for_each(|remote| remote.traffic().add_to(&mut all));
        all
    }

    /// How many objects are alive.
    pub fn len(&self) -> usize {
        self.registry.objects()
    }

    /// Whether no object is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stops: admission ends at once, everything accepted is served, then the runners end.
    /// Returns at once. Idempotent.
    pub fn stop(&self) {
        self.registry.stop();
    }

    /// Stops one runner: its objects drain, then its thread ends.
    ///
    /// # Errors
    /// There is no runner of that name.
    pub fn stop_runner(&self, name: &str) -> Result<(), StartError> {
        self.registry.remote(name).map(|remote| remote.stop())
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

    /// Stops the objects phase by phase, lower ones first, then the engine; `true` if each object ended
    /// by itself in time. See [`Spawn::phase`](crate::Spawn::phase).
    ///
    /// Each phase gets the whole limit: its objects are stopped, serve what they have accepted, and leave.
    /// Those that haven't left by then are aborted, and get a quarter of a second to return from their
    /// methods, before the next phase begins. So while a phase drains, the objects of later ones still
    /// serve what it sends them; meanwhile no object can be added to it, nor to those before. When this
    /// returns the engine is stopped as by [`stop`](Self::stop): no object can be added, and threads may
    /// still be ending.
    ///
    /// # Blocking
    /// For as long as the limits say. On one of the engine's own runners it only stops, all phases at
    /// once, and returns `false`: it would wait for itself.
    pub fn stop_in_phases(&self, limit: Duration) -> bool {
        let mut in_time = !self.registry.is_on_own_runner();
        let mut from = in_time.then_some(0);
        while let Some(phase) = from.and_then(|from| self.registry.next_phase(from)) {
            if !self.registry.stop_phase_by(phase, environment::now().checked_add(limit)) {
                in_time = false;
                // As in `abort`: not under the lock.
                self.registry.controls_of(phase).iter().for_each(|control| control.abort());
                self.registry.stop_phase_by(phase, environment::now().checked_add(ABORT_GRACE));
            }
            from = phase.checked_add(1);
        }
        self.stop();
        in_time
    }

    /// Ends every call that isn't done, at once, and stops: methods that run go on to their end.
    pub fn abort(&self) {
        // Stopped first, so that nothing is spawned in between. Ending calls runs their observers,
        // which may well ask the engine something: not under its lock.
        self.stop();
        self.registry.controls().iter().for_each(|control| control.abort());
    }

    /// Waits until every thread has ended, after a stop; `false` when time was up first.
    ///
    /// On one of the engine's own runners it returns `false` at once: it would wait for itself.
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.registry.join_by(environment::now().checked_add(limit))
    }

    pub(crate) fn registry(&self) -> &std::sync::Arc<Registry> {
        &self.registry
    }

    /// Starts a runner's thread and waits until it is ready.
    pub(crate) fn launch(&self, mut runner: Runner) -> Result<Arc<Remote>, StartError> {
        runner.check()?;
        let remote = self.registry.enter(&runner, false)?;
        if let Some(world) = environment::simulated() {
            world.launch(runner, remote.clone(), self.clone());
            return Ok(remote);
        }
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let (registry, engine) = (self.registry.clone(), self.clone());
        let name = runner.name.clone();
        let spawned = runner.thread().spawn({
            let remote = remote.clone();
            move || {
                remote::become_runner();
                let mut scheduler = Scheduler::new(remote.clone(), runner.wait.never_parks());
                scheduler.on_end({
                    let (registry, remote) = (registry.clone(), remote.clone());
                    move || registry.runner_ended(&remote)
                });
                let prepared = runner.prepare();
                let is_prepared = prepared.is_ok();
                if ready.send(prepared).is_ok() && is_prepared {
                    let poll = runner.poll.take().map(|hook| Poll::new(hook, runner.name, engine));
                    runner::run(&mut scheduler, runner.wait, runner.is_private, poll);
                }
            }
        });
        let thread = spawned.map_err(|source| {
            self.registry.forget(&remote);
            StartError::Thread { runner: name.clone(), source }
        })?;
        self.registry.keep(&remote, thread);
        let gone = StartError::RunnerStopped { name: name.clone() };
        match is_ready.recv().unwrap_or(Err(gone)) {
            Ok(None) => {}
            Err(error) => {
                // The thread is about to end; the name is free when this returns.
                self.registry.forget(&remote);
                return Err(error);
            }
            Ok(Some(error)) => {
                self.registry.mark_unpinned(&remote);
                self.registry.tell(&Event::Unpinned { runner: name, reason: error.to_string() });
            }
        }
        Ok(remote)
    }
}

impl fmt::Debug for EngineHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("runners", &self.runners())
            .field("objects", &self.len())
            .field("stopping", &self.registry.is_stopping())
            .finish()
    }
}
