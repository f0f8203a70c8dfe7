//! Threads with a place of their own, which end with a `Error` if they panic.

use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// A thread that was started.
pub struct Thread<'scope, R>(ScopedJoinHandle<'scope, Option<R>>);

/// Starts a thread that pins itself, if there is a choice, and goes to work.
///
/// If it panics it lets go of what it holds, so the others notice; nobody has to join it.
pub fn start<'scope, 'lab: 'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    lab: &'lab Lab,
    cpu: Option<usize>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> Result<Thread<'scope, R>, Error> {
    let guarded = move || {
        if let Some(cpu) = cpu {
            lab.pin(cpu);
        }
        // The work is not looked at again after a panic.
        catch_unwind(AssertUnwindSafe(work)).ok()
    };
    Builder::new().spawn_scoped(scope, guarded).map(Thread).map_err(Error::Thread)
}

impl<R> Thread<'_, R> {
    /// Waits until it has done its work.
    pub fn join(self) -> Result<R, Error> {
        self.0.join().ok().flatten().ok_or(Error::Stopped)
    }
}
