//! All of several calls, or the first of them: to be awaited, or waited for.

use crate::reply::call::Call;
use crate::reply::call_set::CallSet;
use crate::reply::error::CallError;
use crate::reply::error::Outcome;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Waits for all of these calls: await it, or [`get`](JoinAll::get).
///
/// The outcomes come in the order of the calls, however they end. Dropped before that, it detaches
/// the calls: their methods run all the same.
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
    // Those that the future was polled for once too often.
    let outcomes = (0..calls.len()).map(|_| Err(CallError::Taken)).collect();
    JoinAll { calls, outcomes }
}

/// All of several calls; see [`join_all`].
#[must_use = "dropped calls still run, but nobody learns how they ended: await it, or call `get`"]
pub struct JoinAll<R> {
    calls: CallSet<R>,
    outcomes: Vec<Outcome<R>>,
}

impl<R> JoinAll<R> {
    /// The outcomes, in the order of the calls.
    ///
    /// On a runner's thread, or where one of the objects lives on this one, calls that are pending are
    /// given up with [`CallError::WouldDeadlock`]; await it there, or use
    /// [`Context::then`](crate::Context::then).
    ///
    /// # Blocking
    /// Until the last has ended: spins for up to 20 µs where callers may, then parks.
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

/// Waits for the first of these calls to end: await it, or [`get`](Select::get).
///
/// It yields the place of that call among them, its outcome, and the others, whose keys are their
/// places; `None` if there are no calls. Dropped before that, it detaches them; so does dropping the
/// others.
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

/// The first of several calls; see [`select`].
#[must_use = "dropped calls still run, but nobody learns how they ended: await it, or call `get`"]
pub struct Select<R> {
    calls: CallSet<R>,
}

impl<R> Select<R> {
    /// The first one that ends, and the others.
    ///
    /// On a runner's thread, or where one of the objects lives on this one, and none has ended, the
    /// first call is given up with [`CallError::WouldDeadlock`].
    ///
    /// # Blocking
    /// Until one has ended: spins for up to 20 µs where callers may, then parks.
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
