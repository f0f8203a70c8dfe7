//! The options of an engine, and its start.

use crate::engine::engine::Engine;
use crate::engine::error::StartError;
use crate::engine::handle::EngineHandle;
use crate::engine::registry::{Places, Registry};
use crate::engine::runner::Runner;
use crate::event::{Event, Hook};
use crate::runner::wait::{CALLER_WAIT, WaitStrategy};
use std::fmt;
use std::time::Duration;

/// How long a dropped engine lets its objects finish before it aborts them.
pub const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of an engine; see [`Engine::builder`].
pub struct Builder {
    runners: Vec<Runner>,
    plan: Option<Plan>,
    hook: Hook,
    drop_timeout: Duration,
    caller_wait: WaitStrategy,
}

/// Changes the runners before they start, adds some, and says where objects belong.
type Plan = Box<dyn FnOnce(&mut Vec<Runner>) -> Result<Places, StartError> + Send>;

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
}

impl Builder {
    /// Adds a runner.
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runners.push(runner);
        self
    }

    /// Sets the hook for the engine's events. It runs on the thread where the event happens. Default:
    /// a line on stderr.
    pub fn on_event(mut self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hook = Box::new(hook);
        self
    }

    /// How long dropping the engine lets objects finish. Default: [`DROP_TIMEOUT`].
    pub fn drop_timeout(mut self, timeout: Duration) -> Self {
        self.drop_timeout = timeout;
        self
    }

    /// How threads wait in [`Call::get`](crate::Call::get) and similar methods. Default: spin for
    /// [`CALLER_SPIN_DEFAULT`](crate::CALLER_SPIN_DEFAULT), then park.
    ///
    /// A caller spins only if the engine's spinning runners leave a CPU for it; otherwise it parks at
    /// once. A spinning caller occupies its CPU until the reply arrives.
    pub fn caller_wait(mut self, strategy: WaitStrategy) -> Self {
        self.caller_wait = strategy;
        self
    }

    /// Starts the engine, and its runners' threads.
    ///
    /// # Errors
    /// The error of the first runner that doesn't start. The runners before it are stopped.
    pub fn start(mut self) -> Result<Engine, StartError> {
        let places = match self.plan.take() {
            Some(plan) => plan(&mut self.runners)?,
            None => Places::new(),
        };
        let registry = Registry::new(self.hook, self.drop_timeout, self.caller_wait, places);
        let handle = EngineHandle { registry: std::sync::Arc::new(registry) };
        let engine = Engine::new(handle);
        // All at once, so that who shares a CPU with whom is said once.
        let mut started = Vec::new();
        for runner in self.runners {
            started.push(engine.launch(runner)?);
        }
        drop(started);
        engine.registry().settle_spinning();
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
