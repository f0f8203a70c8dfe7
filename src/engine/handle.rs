//! What anyone may ask of an engine: runners and objects, added and found while it runs.

use crate::engine::error::{FindError, StartError};
use crate::engine::factory::Factory;
use crate::engine::registry::Registry;
use crate::engine::runner::Runner;
use crate::engine::spawn::Spawn;
use crate::machine::pin::Pinning;
use crate::mailbox::{ClonedKind, Mpsc};
use crate::object::active::Active;
use crate::object::control::{TypedControl, kind_name};
use crate::proxy::proxy::Proxy as _;
use crate::proxy::weak::Weak;
use crate::runner::scheduler::Scheduler;
use std::any::{Any, TypeId};
use std::fmt;

/// A handle to an engine, which can be cloned and sent. It adds runners and objects from anywhere,
/// servants included. It doesn't keep the engine running.
#[derive(Clone)]
pub struct EngineHandle {
    pub(super) registry: std::sync::Arc<Registry>,
}

/// How often senders had to get a runner's attention, and how the runner's waits ended; see
/// [`EngineHandle::wakeups`].
///
/// A request to a hot object counts as neither a ring nor a wake: its sender doesn't enter the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wakeups {
    /// Requests and commands that found their object cold, or the runner's inbox unattended.
    pub rings: usize,
    /// Those of them that found the runner asleep: one system call each.
    pub wakes: usize,
    /// Waits of the runner that ended with work before it slept.
    pub spin_hits: usize,
    /// Times that the runner slept. An invoker's loop counts neither.
    pub parks: usize,
}

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

    /// Adds a runner without a thread. The caller runs its turns, and sleeps between them as described
    /// at [`Scheduler`] under "Your own loop".
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

    /// Returns a proxy of the object with this name, whose servant is an `S`.
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
    /// No object has this name; its servant has another type; its mailbox is of another kind (see
    /// [`find_in`](Self::find_in)); or it is ending.
    /// # Blocking
    /// Takes the registry's lock, which is never held for long. Keep the proxy instead of looking it up
    /// for each call.
    pub fn find<S: Active>(&self, name: &str) -> Result<S::Proxy<Mpsc>, FindError> {
        self.find_in::<S, Mpsc>(name)
    }

    /// Like [`find`](Self::find), for a mailbox of the kind `K`.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
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

    /// How often senders rang for a runner since it started, and how often that had to wake it.
    ///
    /// # Errors
    /// There is no runner of that name.
    pub fn wakeups(&self, runner: &str) -> Result<Wakeups, StartError> {
        let remote = self.registry.remote(runner)?;
        let (rings, wakes) = remote.ready().counts();
        let (spin_hits, parks) = remote.waits();
        Ok(Wakeups { rings, wakes, spin_hits, parks })
    }

    /// Who has sent how much to whom, and how long serving took, since the engine started. Covers the
    /// runners that have not ended. Needs the feature `traffic`, which is for recording: it makes each
    /// request take a lock.
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

    pub(crate) fn registry(&self) -> &std::sync::Arc<Registry> {
        &self.registry
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
