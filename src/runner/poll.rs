//! What a runner polls for the user in each turn, beside its objects.

use crate::engine::handle::EngineHandle;
use crate::event::Event;
use crate::panics::drop_caught;
use crate::panics::panic_message;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the user gives: returns how much it did.
pub(crate) type PollHook = Box<dyn FnMut() -> usize + Send>;

/// A hook on its runner's thread.
pub(crate) struct Poll {
    /// `None` only while it is dropped.
    hook: Option<PollHook>,
    runner: String,
    engine: EngineHandle,
}

impl Poll {
    pub(crate) fn new(hook: PollHook, runner: String, engine: EngineHandle) -> Self {
        Self { hook: Some(hook), runner, engine }
    }
}

/// Calls the hook, if there is one; returns how much it did. One that panics is never called again:
/// what it polls may be half read.
pub(crate) fn once(poll: &mut Option<Poll>) -> usize {
    let Some(hook) = poll.as_mut().and_then(|poll| poll.hook.as_mut()) else { return 0 };
    match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(work) => work,
        Err(payload) => {
            let message = panic_message(&*payload).into();
            drop_caught(payload);
            if let Some(poll) = poll.take() {
                let runner = poll.runner.clone();
                poll.engine.registry().tell(&Event::PollPanicked { runner, message });
            }
            0
        }
    }
}

impl Drop for Poll {
    /// On the runner's thread, before that is said to have ended.
    fn drop(&mut self) {
        drop_caught(self.hook.take());
    }
}
