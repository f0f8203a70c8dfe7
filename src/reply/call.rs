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

/// One call that was sent, and its result when it comes.
///
/// Wait for it ([`get`](Self::get), [`get_timeout`](Self::get_timeout)), look
/// ([`try_get`](Self::try_get)), `.await` it on any executor, or leave an observer
/// ([`on_complete`](Self::on_complete)). Dropping it detaches it: the method runs all the same.
#[must_use = "a dropped call still runs, but nobody learns how it ended: use `tell()` or `detach()`"]
pub struct Call<R> {
    cell: NonNull<Cell>,
    state: State,
    outcome: PhantomData<R>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The cell is ours, and no waiter was left.
    Pending,
    /// A waiter was left in the cell.
    Waiting,
    /// No cell any more: why.
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

    /// A call that has ended: for tests and mocks, where no object is behind it.
    ///
    /// It allocates a reply cell of its own.
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

    /// A call that is pending, and the servant's end of it: for tests and mocks that answer later, or not
    /// in time. Waiting for it without a limit waits for whoever has the reply.
    ///
    /// It allocates a reply cell of its own.
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

    /// Whether it has ended: [`try_get`](Self::try_get) would return something.
    #[inline]
    pub fn is_ready(&self) -> bool {
        !self.has_cell() || Cell::is_ready(self.cell)
    }

    /// The result, if the call has ended; the handle is spent then.
    ///
    /// # Errors
    /// How the call ended otherwise; [`CallError::Taken`] when it was taken before.
    #[inline]
    pub fn try_get(&mut self) -> Option<Outcome<R>> {
        let registered = match self.state {
            State::Pending => false,
            State::Waiting => true,
            _ => return Some(Err(self.take_failure())),
        };
        // SAFETY: the state is `Taken` from here on when the share was given up.
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

    /// The runner of its object, if the call is pending.
    fn remote(&self) -> Option<&Remote> {
        // SAFETY: the caller's share keeps the cell.
        self.has_cell().then(|| unsafe { self.cell.as_ref() }.pool().remote())
    }

    /// Whether only the calling thread could serve it.
    pub(crate) fn lives_here(&self) -> bool {
        self.remote().is_some_and(Remote::is_mine)
    }

    /// Whether a thread that waits for it may burn CPU time.
    pub(crate) fn callers_may_spin(&self) -> bool {
        self.remote().is_some_and(Remote::callers_may_spin)
    }

    /// Leaves a waiter in place of the last one; gives it back if the call has ended.
    pub(crate) fn leave_waiter(&mut self, waiter: Waiter) -> Result<(), Waiter> {
        if !self.withdraw_waiter() {
            return Err(waiter);
        }
        Cell::wait_with(self.cell, waiter, false)?;
        self.state = State::Waiting;
        Ok(())
    }

    /// Takes a waiter back that was left; `false` if it is another's, as the call has ended.
    pub(crate) fn withdraw_waiter(&mut self) -> bool {
        if self.state == State::Waiting {
            if !Cell::withdraw(self.cell, true, 0, 0) {
                return false;
            }
            self.state = State::Pending;
        }
        self.state == State::Pending
    }

    /// Runs `observe` with the outcome: on the thread that completes the call, or here and now if
    /// it has ended already.
    ///
    /// On the completing thread it runs after the method has returned, and its panic is caught; it
    /// delays the object's next request, so keep it short. It may capture 40 bytes; more doesn't
    /// compile.
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
            // The observer has our share now.
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

    /// Takes the call back; `true` if that came before the method's start: it will not run.
    ///
    /// The handle's outcome is [`CallError::Cancelled`] then. Otherwise the call goes on, and a method
    /// that looks at [`Context::is_cancelled`](crate::Context::is_cancelled) learns of the wish.
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

    /// Lets the method run without anybody waiting for its result.
    pub fn detach(self) {}
}

impl<R> Drop for Call<R> {
    fn drop(&mut self) {
        match self.state {
            State::Pending => Cell::abandon::<R>(self.cell),
            State::Waiting => {
                // Two steps: the waiter is read between them, and the cell must be ours for that.
                Cell::withdraw(self.cell, true, 0, 0);
                Cell::abandon::<R>(self.cell);
            }
            _ => {}
        }
    }
}

/// The same call with another result's type. For [`AnyCall`](crate::reply::any_call::AnyCall).
///
/// # Safety
/// The call is not used any more, nor dropped; and the new one only in ways that don't depend on the
/// result, or as what the call was made as.
pub(crate) unsafe fn retyped<R, T>(call: &ManuallyDrop<Call<R>>) -> Call<T> {
    Call { cell: call.cell, state: call.state, outcome: PhantomData }
}

impl<R> Future for Call<R> {
    type Output = Outcome<R>;

    /// Leaves the task's waker in the cell: no allocation of ours. The waker runs on the completing
    /// thread, and may itself lock or allocate.
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
