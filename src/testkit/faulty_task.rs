//! An object as a simulation wraps it: the simulation may stall it or make it fail, and notes what it has
//! served.

use super::world::SimulatedWorld;
use crate::runner::owner::OwnerToken;
use crate::runner::remote::Remote;
use crate::runner::task::{
    Cooling, Identity, ObjectStatus, Progress, RestartOrder, Task, Turn, WakeSource,
};
use std::rc::Rc;

/// What an object may do in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Serve,
    /// Serve nothing.
    Stall,
    /// Fail in the next request's method.
    Fail,
}

/// See the module.
pub(super) struct FaultyTask {
    pub(super) task: Box<dyn Task>,
    pub(super) world: Rc<SimulatedWorld>,
}

impl FaultyTask {
    /// Its turn, if the simulation admits it; returns how many requests it served.
    fn admitted(
        &mut self,
        turn: &mut Turn,
        run: impl FnOnce(&mut dyn Task, &mut Turn) -> usize,
    ) -> usize {
        let admission = self.world.admits(self.task.identity());
        let served = match admission {
            Admission::Serve => run(&mut *self.task, turn),
            Admission::Stall => 0,
            Admission::Fail => self.task.fail(turn),
        };
        if admission != Admission::Serve {
            // The runner was told of local calls, and has not served them.
            self.task.call_again();
        }
        if served > 0 {
            self.world.served(self.task.identity(), self.task.last_method(), served);
        }
        served
    }
}

impl Task for FaultyTask {
    fn turn(&mut self, remote: &Remote, turn: &mut Turn) -> Progress {
        // It is polled while it is hot; a decision is made only when it has requests.
        if self.task.requests() == 0 {
            return self.task.turn(remote, turn);
        }
        Progress::of(self.admitted(turn, |task, turn| match task.turn(remote, turn) {
            Progress::Worked(served) => served,
            Progress::Idle => 0,
        }))
    }

    fn turn_local(&mut self, owner: OwnerToken<'_>, turn: &mut Turn) -> usize {
        self.admitted(turn, |task, turn| task.turn_local(owner, turn))
    }

    fn fire(&mut self, timer: u32, turn: &mut Turn) {
        self.task.fire(timer, turn);
    }

    fn run_continuations(&mut self, turn: &mut Turn) -> usize {
        self.task.run_continuations(turn)
    }

    fn goes_on(&self) -> bool {
        self.task.goes_on()
    }

    fn give_up(&mut self) {
        self.task.give_up();
    }

    fn start(&mut self, turn: &mut Turn) {
        self.task.start(turn);
    }

    fn finish(&mut self, turn: &mut Turn) {
        self.task.finish(turn);
    }

    fn clear_wake(&mut self, token: WakeSource) {
        self.task.clear_wake(token);
    }

    fn cool(&mut self) -> Cooling {
        self.task.cool()
    }

    fn keep(&mut self) -> Cooling {
        self.task.keep()
    }

    fn try_finish(&mut self) -> bool {
        self.task.try_finish()
    }

    fn stop(&self) {
        self.task.stop();
    }

    fn is_stopped(&self) -> bool {
        self.task.is_stopped()
    }

    fn restart(&mut self, shared: usize, order: RestartOrder, turn: &mut Turn) -> bool {
        self.task.restart(shared, order, turn)
    }

    fn status(&self) -> ObjectStatus {
        self.task.status()
    }

    fn identity(&self) -> Identity<'_> {
        self.task.identity()
    }

    fn last_method(&self) -> &'static str {
        self.task.last_method()
    }

    fn fail(&mut self, turn: &mut Turn) -> usize {
        self.task.fail(turn)
    }

    fn requests(&self) -> usize {
        self.task.requests()
    }

    fn call_again(&self) {
        self.task.call_again();
    }

    fn set_key(&mut self, key: usize) {
        self.task.set_key(key);
    }
}
