//! Who is told that a call has ended: a thread, a task, a set of calls, or an observer.

use crate::panics::caught;
use crate::reply::completions::CompletionEntry;
use crate::reply::error::CallError;
use crate::reply::error::Outcome;
use crate::runner::park::Parker;
use crate::sync::Arc;
use std::mem::{self, MaybeUninit};
use std::task::Waker;

/// Who is told that a call has ended.
pub(crate) enum Waiter {
    Thread(Arc<Parker>),
    Task(Waker),
    CompletionEntry(CompletionEntry),
    Observer(Observer),
}

impl Waiter {
    pub(crate) fn wake(self) {
        match self {
            Self::Thread(parker) => parker.unpark(),
            Self::Task(waker) => waker.wake(),
            Self::CompletionEntry(member) => member.complete(),
            Self::Observer(_) => debug_assert!(false, "an observer is run, not woken"),
        }
    }
}

/// The largest closure that [`Call::on_complete`](crate::Call::on_complete) takes, in bytes.
pub const OBSERVER_BYTES_MAX: usize = 40;

/// A closure stored in the cell, with its type known to `run` alone.
pub(crate) struct Observer {
    /// Reads the closure out and calls it with the outcome, which it reads out of the cell.
    run: unsafe fn(closure: *mut u8, outcome: Result<*mut u8, CallError>),
    closure: MaybeUninit<[u64; OBSERVER_BYTES_MAX / 8]>,
}

impl Observer {
    pub(crate) fn new<R, F: FnOnce(Outcome<R>) + Send>(observe: F) -> Self {
        const {
            assert!(
                mem::size_of::<F>() <= OBSERVER_BYTES_MAX && mem::align_of::<F>() <= 8,
                "the closure given to on_complete captures more than 40 bytes: box what it captures"
            );
        }
        let mut closure = MaybeUninit::<[u64; OBSERVER_BYTES_MAX / 8]>::uninit();
        // SAFETY: the assertion above says that it fits, in size and alignment.
        unsafe { closure.as_mut_ptr().cast::<F>().write(observe) };
        Self { run: run_observer::<R, F>, closure }
    }

    /// # Safety
    /// `outcome` points to an outcome of the type this observer was made for, read only here.
    pub(crate) unsafe fn run(mut self, outcome: Result<*mut u8, CallError>) {
        let closure = self.closure.as_mut_ptr().cast::<u8>();
        // SAFETY: `self` is consumed, so the closure is read once; the caller vouches for the rest.
        unsafe { (self.run)(closure, outcome) };
    }
}

/// # Safety
/// As [`Observer::run`]; `closure` holds an `F`.
unsafe fn run_observer<R, F: FnOnce(Outcome<R>)>(
    closure: *mut u8,
    outcome: Result<*mut u8, CallError>,
) {
    // SAFETY: the caller's promise.
    let observe = unsafe { closure.cast::<F>().read() };
    let outcome = match outcome {
        // SAFETY: the caller's promise.
        Ok(at) => unsafe { at.cast::<Outcome<R>>().read() },
        Err(error) => Err(error),
    };
    // A panic of the observer belongs to no call: this one has ended.
    caught(|| observe(outcome));
}
