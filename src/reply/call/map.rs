//! A call that converts its result.

use crate::reply::call::Call;
use crate::reply::error::{CallError, Outcome, WaitError};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

impl<R> Call<R> {
    /// Converts the result with `change`, which runs on the thread that takes it.
    pub fn map<U, F: FnOnce(R) -> U>(self, change: F) -> Map<R, F> {
        Map { call: self, change: Some(change) }
    }
}

/// A call whose result is converted when it is taken: see [`Call::map`].
#[must_use = "a dropped call still runs, but nobody learns how it ended"]
pub struct Map<R, F> {
    call: Call<R>,
    change: Option<F>,
}

impl<R, U, F: FnOnce(R) -> U> Map<R, F> {
    /// Like [`Call::get`].
    ///
    /// # Errors
    /// Those of [`Call::get`].
    pub fn get(self) -> Outcome<U> {
        let Self { call, change } = self;
        apply(call.get(), change)
    }

    /// Like [`Call::get_timeout`].
    ///
    /// # Errors
    /// Those of [`Call::get_timeout`].
    pub fn get_timeout(&mut self, limit: Duration) -> Result<U, WaitError> {
        let result = self.call.get_timeout(limit)?;
        Ok(apply(Ok(result), self.change.take())?)
    }

    /// Like [`Call::try_get`].
    pub fn try_get(&mut self) -> Option<Outcome<U>> {
        let outcome = self.call.try_get()?;
        Some(apply(outcome, self.change.take()))
    }
}

fn apply<R, U, F: FnOnce(R) -> U>(outcome: Outcome<R>, change: Option<F>) -> Outcome<U> {
    let result = outcome?;
    change.map(|change| change(result)).ok_or(CallError::Taken)
}

impl<R, U, F: FnOnce(R) -> U + Unpin> Future for Map<R, F> {
    type Output = Outcome<U>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = std::task::ready!(Pin::new(&mut self.call).poll(context));
        Poll::Ready(apply(outcome, self.change.take()))
    }
}

impl<R, F> fmt::Debug for Map<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Map").field(&self.call).finish()
    }
}
