//! Starting a runner's thread, or what stands in for threads where the calling thread simulates.

use crate::engine::error::StartError;
use crate::engine::handle::EngineHandle;
use crate::engine::registry::Registry;
use crate::engine::runner::Runner;
use crate::event::Event;
use crate::runner::drive;
use crate::runner::environment;
use crate::runner::owner;
use crate::runner::poll::Poll;
use crate::runner::remote::Remote;
use crate::runner::scheduler::Scheduler;
use crate::sync::Arc;
use std::cell::RefCell;
use std::rc::Rc;

/// What stands in for threads.
pub(crate) trait Launch {
    /// Takes in a runner that would otherwise get a thread.
    fn launch(
        self: Rc<Self>,
        runner: Runner,
        remote: Arc<Remote>,
        registry: std::sync::Arc<Registry>,
    );
}

thread_local! {
    static LAUNCHER: RefCell<Option<Rc<dyn Launch>>> = const { RefCell::new(None) };
}

/// What takes in the runners that the calling thread starts, if they get no threads.
fn launcher() -> Option<Rc<dyn Launch>> {
    if environment::is_simulated() { LAUNCHER.with_borrow(Option::clone) } else { None }
}

/// Sets it; for a thread that begins to simulate, or no longer does.
pub(crate) fn set_launcher(launcher: Option<Rc<dyn Launch>>) {
    LAUNCHER.set(launcher);
}

impl EngineHandle {
    /// Starts a runner's thread and waits until it is ready.
    pub(crate) fn launch(&self, mut runner: Runner) -> Result<Arc<Remote>, StartError> {
        runner.check()?;
        let remote = self.registry.enter(&runner, false)?;
        if let Some(launcher) = launcher() {
            launcher.launch(runner, remote.clone(), self.registry.clone());
            return Ok(remote);
        }
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let registry = self.registry.clone();
        let name = runner.name.clone();
        let spawned = runner.thread().spawn({
            let remote = remote.clone();
            move || {
                owner::become_runner();
                let mut scheduler = Scheduler::new(remote.clone(), runner.wait.never_parks());
                scheduler.on_end({
                    let (registry, remote) = (registry.clone(), remote.clone());
                    move || registry.runner_ended(&remote)
                });
                let prepared = runner.prepare();
                let is_prepared = prepared.is_ok();
                if ready.send(prepared).is_ok() && is_prepared {
                    let poll = take_poll(&mut runner, &registry);
                    drive::run(&mut scheduler, runner.wait, runner.is_private, poll);
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

/// Takes the runner's hook, whose panic the engine reports.
pub(crate) fn take_poll(runner: &mut Runner, registry: &std::sync::Arc<Registry>) -> Poll {
    let Some(hook) = runner.poll.take() else { return Poll::default() };
    let (runner, registry) = (runner.name.clone(), registry.clone());
    let on_panic = move |message: Box<str>| {
        registry.tell(&Event::PollPanicked { runner, message: message.into() });
    };
    Poll::new(hook, Box::new(on_panic))
}
