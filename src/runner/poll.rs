//! What a runner polls for the user in each turn, beside its objects.

use crate::panics::drop_caught;
use crate::panics::panic_message;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the user gives: returns how much it did.
pub(crate) type PollHook = Box<dyn FnMut() -> usize + Send>;

/// Reports a hook's panic, by its message.
pub(crate) type OnPanic = Box<dyn FnOnce(Box<str>)>;

/// A runner's hook, on its thread; nothing if it has none, or if that has panicked.
#[derive(Default)]
pub(crate) struct Poll(Option<(PollHook, OnPanic)>);

impl Poll {
    pub(crate) fn new(hook: PollHook, on_panic: OnPanic) -> Self {
        Self(Some((hook, on_panic)))
    }

    pub(crate) fn has_hook(&self) -> bool {
        self.0.is_some()
    }

    /// Calls the hook, if there is one; returns how much it did. One that panics is never called
    /// again: what it polls may be half read.
    pub(crate) fn once(&mut self) -> usize {
        let Some((hook, _)) = &mut self.0 else { return 0 };
        match catch_unwind(AssertUnwindSafe(hook)) {
            Ok(work) => work,
            Err(payload) => {
                let message = panic_message(&*payload);
                drop_caught(payload);
                if let Some((hook, on_panic)) = self.0.take() {
                    on_panic(message);
                    drop_caught(hook);
                }
                0
            }
        }
    }
}

impl Drop for Poll {
    /// On the runner's thread, before that is said to have ended.
    fn drop(&mut self) {
        drop_caught(self.0.take());
    }
}
