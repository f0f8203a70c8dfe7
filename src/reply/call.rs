//! The caller's handle of one request: wait, await, observe, cancel.

mod map;
mod wait;

pub use map::Map;

use crate::reply::cell::{CANCELLED, Cell, STARTED};
use crate::reply::error::{CallError, Outcome};
use crate::reply::pool::lone_cell;
use crate::reply::reply::Reply;
use crate::reply::waiter::{Observer, Waiter};
use crate::runner::remote::Remote;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// The caller's handle of one request: it yields the method's result.
///
/// Wait for the result ([`get`](Self::get), [`get_timeout`](Self::get_timeout)), poll for it
/// ([`try_get`](Self::try_get)), `.await` the call on any executor, or register an observer
/// ([`on_complete`](Self::on_complete)). Dropping the handle detaches the call: the method still runs.
#[must_use = "a dropped call still runs, but nobody learns how it ended: use `tell()` or `detach()`"]
pub struct Call<R> {
    cell: NonNull<Cell>,
    state: State,
    outcome: PhantomData<R>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The caller has its share of the cell, and has left no waiter.
    Pending,
    /// A waiter was left in the cell.
    Waiting,
    /// From here on the caller has no cell. The state says why.
    Full,
    WouldDeadlock,
    Shed,
    Stopped,
    Cancelled,
    Taken,
}

// SAFETY: the caller's share in a cell can be used from any thread; what it yields is an `R`.
unsafe impl<R: Send> Send for Call<R> {}
impl<R> Unpin for Call<R> {}

impl<R> Call<R> {
    pub(crate) fn pending(cell: NonNull<Cell>) -> Self {
        Self { cell, state: State::Pending, outcome: PhantomData }
    }

    /// Creates a call that has already ended, for tests and mocks that have no object.
    ///
    /// Allocates a reply cell of its own.
    ///
    /// ```
    /// use mainspring::{Call, CallError};
    ///
    /// assert_eq!(Call::ready(Ok(42)).get(), Ok(42));
    /// let mut refused = Call::<u64>::ready(Err(CallError::Full));
    /// assert_eq!(refused.try_get(), Some(Err(CallError::Full)));
    /// ```
    pub fn ready(outcome: Outcome<R>) -> Self {
        let cell = lone_cell::<R>();
        Cell::complete(cell, outcome);
        Self::pending(cell)
    }

    /// Creates a pending call together with its [`Reply`], for tests and mocks that answer later, too late
    /// or never.
    ///
    /// Allocates a reply cell of its own. [`get`](Self::get) blocks until the reply is sent or dropped.
    ///
    /// ```
    /// use mainspring::{Call, CallError};
    ///
    /// let (mut call, reply) = Call::with_reply();
    /// assert_eq!(call.try_get(), None);
    /// reply.send(42);
    /// assert_eq!(call.try_get(), Some(Ok(42)));
    ///
    /// let (call, reply) = Call::<u64>::with_reply();
    /// drop(reply);
    /// assert_eq!(call.get(), Err(CallError::Dropped));
    /// ```
    pub fn with_reply() -> (Self, Reply<R>) {
        let cell = lone_cell::<R>();
        (Self::pending(cell), Reply::to(cell))
    }

    pub(crate) fn failed(error: CallError) -> Self {
        let state = match error {
            CallError::Full => State::Full,
            CallError::SendWouldDeadlock => State::WouldDeadlock,
            CallError::Shed => State::Shed,
            _ => State::Stopped,
        };
        Self { cell: NonNull::dangling(), state, outcome: PhantomData }
    }

    fn has_cell(&self) -> bool {
        matches!(self.state, State::Pending | State::Waiting)
    }

    /// Whether the call has ended, so that [`try_get`](Self::try_get) would return its outcome.
    #[inline]
    pub fn is_ready(&self) -> bool {
        !self.has_cell() || Cell::is_ready(self.cell)
    }

    /// Takes the outcome if the call has ended; `None` while it is pending.
    ///
    /// # Errors
    /// Why the call ended without a result; [`CallError::Taken`] if the outcome was taken before.
    #[inline]
    pub fn try_get(&mut self) -> Option<Outcome<R>> {
        let registered = match self.state {
            State::Pending => false,
            State::Waiting => true,
            _ => return Some(Err(self.take_failure())),
        };
        // SAFETY: if this gives up the share, the state is `Taken` from here on.
        let outcome = unsafe { Cell::poll::<R>(self.cell, registered) }?;
        self.state = State::Taken;
        Some(outcome)
    }

    fn take_failure(&mut self) -> CallError {
        match mem::replace(&mut self.state, State::Taken) {
            State::Full => CallError::Full,
            State::WouldDeadlock => CallError::SendWouldDeadlock,
            State::Shed => CallError::Shed,
            State::Stopped => CallError::Stopped { started: false },
            State::Cancelled => CallError::Cancelled,
            _ => CallError::Taken,
        }
    }

    /// The runner of the call's object, while the caller has a share of the cell.
    fn remote(&self) -> Option<&Remote> {
        // SAFETY: the caller's share keeps the cell.
        self.has_cell().then(|| unsafe { self.cell.as_ref() }.pool().remote())
    }

    /// Whether the calling thread is the one that would have to serve the call.
    pub(crate) fn lives_here(&self) -> bool {
        self.remote().is_some_and(Remote::is_mine)
    }

    /// Whether a thread that waits for the call may spin.
    pub(crate) fn callers_may_spin(&self) -> bool {
        self.remote().is_some_and(Remote::callers_may_spin)
    }

    /// Leaves a waiter in place of the previous one; returns it if the call has ended.
    pub(crate) fn leave_waiter(&mut self, waiter: Waiter) -> Result<(), Waiter> {
        if !self.withdraw_waiter() {
            return Err(waiter);
        }
        Cell::wait_with(self.cell, waiter, false)?;
        self.state = State::Waiting;
        Ok(())
    }

    /// Takes back the waiter that was left, if any; `false` if the call has ended, so that another thread
    /// has the waiter.
    pub(crate) fn withdraw_waiter(&mut self) -> bool {
        if self.state == State::Waiting {
            if !Cell::withdraw(self.cell, true, 0, 0) {
                return false;
            }
            self.state = State::Pending;
        }
        self.state == State::Pending
    }

    /// Calls `observe` with the outcome: on the thread that completes the call, or immediately on this
    /// thread if the call has already ended.
    ///
    /// On the completing thread it runs after the method has returned, and a panic in it is caught. It
    /// delays the object's next request, so keep it short. It may capture up to 40 bytes; a closure that
    /// captures more doesn't compile.
    ///
    /// # Blocking
    /// Never.
    pub fn on_complete<F>(mut self, observe: F)
    where
        F: FnOnce(Outcome<R>) + Send + 'static,
        R: 'static,
    {
        if !self.withdraw_waiter() {
            let outcome = self.try_get().unwrap_or(Err(CallError::Taken));
            return observe(outcome);
        }
        let observer = Waiter::Observer(Observer::new::<R, F>(observe));
        match Cell::wait_with(self.cell, observer, true) {
            // The observer has the caller's share now.
            Ok(()) => self.state = State::Taken,
            Err(Waiter::Observer(observer)) => {
                let outcome = self.try_get().unwrap_or(Err(CallError::Taken));
                let mut outcome = ManuallyDrop::new(outcome);
                // SAFETY: an outcome of `R`, as the observer was made for; read there, once.
                unsafe { observer.run(Ok((&raw mut outcome).cast())) };
            }
            Err(_) => {}
        }
    }

    /// Cancels the call. Returns `true` if the method hadn't started: it won't run, and the call's outcome
    /// is [`CallError::Cancelled`].
    ///
    /// Otherwise the method continues and its result counts. It can check
    /// [`Context::is_cancelled`](crate::Context::is_cancelled) and return early.
    pub fn cancel(&mut self) -> bool {
        let waiting = match self.state {
            State::Pending => false,
            State::Waiting => true,
            _ => return false,
        };
        let won = Cell::withdraw(self.cell, waiting, CANCELLED, STARTED);
        if won {
            Cell::leave(self.cell);
            self.state = State::Cancelled;
        } else {
            Cell::unwant(self.cell);
        }
        won
    }

    /// Gives up the handle: the method runs, and its result is dropped.
    pub fn detach(self) {}
}

impl<R> Drop for Call<R> {
    fn drop(&mut self) {
        match self.state {
            State::Pending => Cell::abandon::<R>(self.cell),
            State::Waiting => {
                // In two steps: the waiter is read between them, while the caller still has its share.
                Cell::withdraw(self.cell, true, 0, 0);
                Cell::abandon::<R>(self.cell);
            }
            _ => {}
        }
    }
}

/// Changes the result type of a call, for [`AnyCall`](crate::reply::any_call::AnyCall).
///
/// # Safety
/// - The old call is neither used nor dropped afterwards.
/// - The new one is used only in ways that don't depend on the result, unless its type is the one that
///   the call was made with.
pub(crate) unsafe fn retyped<R, T>(call: &ManuallyDrop<Call<R>>) -> Call<T> {
    Call { cell: call.cell, state: call.state, outcome: PhantomData }
}

impl<R> Future for Call<R> {
    type Output = Outcome<R>;

    /// Stores the task's waker in the cell, without an allocation. The waker runs on the completing
    /// thread; the executor's own code may lock or allocate there.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.try_get() {
            return Poll::Ready(outcome);
        }
        match self.leave_waiter(Waiter::Task(context.waker().clone())) {
            Ok(()) => Poll::Pending,
            Err(_) => Poll::Ready(self.try_get().unwrap_or(Err(CallError::Taken))),
        }
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("is_ready", &self.is_ready()).finish_non_exhaustive()
    }
}
