//! Waiting for one call, with or without a limit.

use crate::reply::call::Call;
use crate::reply::cell::Cell;
use crate::reply::error::{CallError, Outcome, WaitError};
use crate::reply::waiter::Waiter;
use crate::runner::environment;
use crate::runner::fan_out;
use crate::runner::owner;
use crate::runner::park::Parker;
use crate::runner::wait::{Pause, Waiting, give_way};
use std::time::{Duration, Instant};

impl<R> Call<R> {
    /// Waits for the result.
    ///
    /// # Errors
    /// Why the call ended without a result. An unlimited wait is refused on a runner's thread, and on the
    /// thread that would have to serve the call: a pending call is detached there, with
    /// [`CallError::WouldDeadlock`].
    /// # Blocking
    /// Until the call ends, in the way that [`Builder::caller_wait`](crate::Builder::caller_wait) sets: by
    /// default the thread spins for up to 20 µs, then parks.
    #[inline]
    pub fn get(mut self) -> Outcome<R> {
        if !self.is_ready() {
            if owner::is_runner() || self.lives_here() {
                return Err(CallError::WouldDeadlock);
            }
            self.wait_until(None);
        }
        self.try_get().unwrap_or(Err(CallError::Taken))
    }

    /// Waits for the result, for at most `limit`.
    ///
    /// # Errors
    /// [`WaitError::TimedOut`] and [`WaitError::WouldDeadlock`] leave the call pending and the
    /// handle usable. [`WaitError::Ended`] says why the call ended without a result.
    /// # Blocking
    /// For at most `limit`, plus the time that the system takes to wake the thread.
    pub fn get_timeout(&mut self, limit: Duration) -> Result<R, WaitError> {
        self.get_until(environment::now().checked_add(limit))
    }

    /// Like [`get_timeout`](Self::get_timeout), but waits until `deadline`.
    ///
    /// # Errors
    /// Those of [`get_timeout`](Self::get_timeout).
    pub fn get_deadline(&mut self, deadline: Instant) -> Result<R, WaitError> {
        self.get_until(Some(deadline))
    }

    fn get_until(&mut self, deadline: Option<Instant>) -> Result<R, WaitError> {
        if !self.is_ready() {
            // A limit beyond the clock's range is no limit.
            if self.lives_here() || (deadline.is_none() && owner::is_runner()) {
                return Err(WaitError::WouldDeadlock);
            }
            self.wait_until(deadline);
        }
        match self.try_get() {
            Some(outcome) => Ok(outcome?),
            None => Err(WaitError::TimedOut),
        }
    }

    /// Returns when the call has ended or the deadline has passed.
    fn wait_until(&mut self, deadline: Option<Instant>) {
        fan_out::wake_before_waiting();
        if environment::wait(deadline, || Cell::is_ready(self.cell)) || self.is_ready_soon(deadline)
        {
            return;
        }
        let parker = Parker::of_this_thread();
        if self.leave_waiter(Waiter::Thread(parker.clone())).is_err() {
            return;
        }
        while !Cell::is_ready(self.cell) {
            let left = deadline.map(|at| at.saturating_duration_since(environment::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            parker.park(left);
        }
    }

    /// Waits in the way that callers of this engine wait before they park; whether the call has ended.
    fn is_ready_soon(&self, deadline: Option<Instant>) -> bool {
        let Some(remote) = self.remote() else { return true };
        let mut waiting = Waiting::new(remote.caller_wait());
        let mut now = environment::now();
        while !Cell::is_ready(self.cell) {
            let left = deadline.map(|at| at.saturating_duration_since(now));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            match waiting.idle(remote.callers_may_spin(), &mut now) {
                Pause::Poll => {}
                Pause::Yield => give_way(),
                Pause::Sleep(nap) => std::thread::sleep(left.map_or(nap, |left| nap.min(left))),
                Pause::Park => return false,
            }
        }
        true
    }
}
