//! Waiting for one call, with or without a limit.

use crate::reply::call::Call;
use crate::reply::cell::Cell;
use crate::reply::error::{CallError, Outcome, WaitError};
use crate::reply::waiter::Waiter;
use crate::runner::caller_wait::wait_until;
use crate::runner::environment;
use crate::runner::owner;
use crate::runner::park::Parker;
use crate::runner::remote::Remote;
use crate::runner::wait::CALLER_WAIT;
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
        let strategy = self.remote().map_or(CALLER_WAIT, Remote::caller_wait);
        let is_ready = |call: &mut Self| Cell::is_ready(call.cell).then_some(());
        let mut left_in_cell = None;
        wait_until(self, deadline, strategy, Self::callers_may_spin, is_ready, |call, left| {
            let parker = match &left_in_cell {
                Some(parker) => parker,
                None => {
                    let parker = Parker::of_this_thread();
                    if call.leave_waiter(Waiter::Thread(parker.clone())).is_err() {
                        return;
                    }
                    left_in_cell.insert(parker)
                }
            };
            parker.park(left);
        });
    }
}
