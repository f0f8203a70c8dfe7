//! Starting a runner's thread.

use crate::engine::error::StartError;
use crate::engine::handle::EngineHandle;
use crate::engine::runner::{self, Runner};
use crate::event::Event;
use crate::runner::environment;
use crate::runner::poll::Poll;
use crate::runner::remote::{self, Remote};
use crate::runner::scheduler::Scheduler;
use crate::sync::Arc;

impl EngineHandle {
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
