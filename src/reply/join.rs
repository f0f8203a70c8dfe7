//! All of several calls or the first of them, awaited or waited for.

use crate::reply::call::Call;
use crate::reply::call_set::CallSet;
use crate::reply::error::CallError;
use crate::reply::error::Outcome;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Joins several calls: `.await` the result or call [`get`](JoinAll::get) on it.
///
/// It yields one outcome per call, in the order of the calls, whether or not they succeed. Dropping it
/// detaches the calls: their methods still run.
///
/// ```
/// use mainspring::{prelude::*, join_all};
///
/// struct Square;
/// #[active]
/// impl Square {
///     pub fn of(&self, n: u64) -> u64 { n * n }
/// }
///
/// let square = mainspring::spawn(Square)?;
/// let squares = join_all((1..=3).map(|n| square.of(n))).get();
/// assert_eq!(squares, [Ok(1), Ok(4), Ok(9)]);
/// # pollster::block_on(async {
/// let squares = join_all((4..=5).map(|n| square.of(n))).await;
/// assert_eq!(squares, [Ok(16), Ok(25)]);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn join_all<R>(calls: impl IntoIterator<Item = Call<R>>) -> JoinAll<R> {
    let calls: CallSet<R> = calls.into_iter().collect();
    // What a future yields that is polled again after it was ready.
    let outcomes = (0..calls.len()).map(|_| Err(CallError::Taken)).collect();
    JoinAll { calls, outcomes }
}

/// All of several calls: see [`join_all`].
#[must_use = "dropped calls still run, but nobody learns how they ended: await it, or call `get`"]
pub struct JoinAll<R> {
    calls: CallSet<R>,
    outcomes: Vec<Outcome<R>>,
}

impl<R> JoinAll<R> {
    /// Waits for all calls and returns their outcomes, in the order of the calls.
    ///
    /// On a runner's thread, or on the thread that would have to serve one of the calls, those that are
    /// pending end with [`CallError::WouldDeadlock`]. Use `.await` or
    /// [`Context::then`](crate::Context::then) there.
    ///
    /// # Blocking
    /// Until the last call has ended. The thread spins for up to 20 µs where callers may spin, then parks.
    pub fn get(mut self) -> Vec<Outcome<R>> {
        while let Some((key, outcome)) = self.calls.next() {
            self.outcomes[key] = outcome;
        }
        self.outcomes
    }
}

// The outcomes are never pinned.
impl<R> Unpin for JoinAll<R> {}

impl<R> Future for JoinAll<R> {
    type Output = Vec<Outcome<R>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some((key, outcome)) = ready!(self.calls.poll_next(context)) {
            self.outcomes[key] = outcome;
        }
        Poll::Ready(mem::take(&mut self.outcomes))
    }
}

impl<R> fmt::Debug for JoinAll<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinAll").field("pending", &self.calls.len()).finish_non_exhaustive()
    }
}

/// Selects the first of several calls to end: `.await` the result or call [`get`](Select::get) on it.
///
/// It yields the index of that call, its outcome, and the other calls as a [`CallSet`] whose keys are
/// their indices; `None` if there are no calls. Dropping it, or the set that it yields, detaches the
/// calls.
///
/// ```
/// use mainspring::{prelude::*, select};
///
/// struct Square;
/// #[active]
/// impl Square {
///     pub fn of(&self, n: u64) -> u64 { n * n }
/// }
///
/// let (a, b) = (mainspring::spawn(Square)?, mainspring::spawn(Square)?);
/// let (place, first, mut others) = select([a.of(3), b.of(3)]).get().unwrap();
/// assert!(place < 2 && first == Ok(9));
/// assert_eq!(others.next(), Some((1 - place, Ok(9))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn select<R>(calls: impl IntoIterator<Item = Call<R>>) -> Select<R> {
    Select { calls: calls.into_iter().collect() }
}

/// The first of several calls to end: see [`select`].
#[must_use = "dropped calls still run, but nobody learns how they ended: await it, or call `get`"]
pub struct Select<R> {
    calls: CallSet<R>,
}

impl<R> Select<R> {
    /// Waits for the first call to end, and returns it with the others.
    ///
    /// On a runner's thread, or on the thread that would have to serve one of the calls, it doesn't wait: if
    /// none has ended, the first call ends with [`CallError::WouldDeadlock`].
    ///
    /// # Blocking
    /// Until one call has ended. The thread spins for up to 20 µs where callers may spin, then parks.
    pub fn get(mut self) -> Option<(usize, Outcome<R>, CallSet<R>)> {
        let (place, outcome) = self.calls.next()?;
        Some((place, outcome, self.calls))
    }
}

impl<R> Future for Select<R> {
    type Output = Option<(usize, Outcome<R>, CallSet<R>)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let next = ready!(self.calls.poll_next(context));
        Poll::Ready(next.map(|(place, outcome)| (place, outcome, mem::take(&mut self.calls))))
    }
}

impl<R> fmt::Debug for Select<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("calls", &self.calls).finish()
    }
}
