//! A set of calls, taken in the order in which they end.

use crate::reply::call::Call;
use crate::reply::call_table::{Awaitable, CallTable};
use crate::reply::completions::Listener;
use crate::reply::error::CallError;
use crate::reply::error::Outcome;
use crate::reply::waiter::Waiter;
use crate::runner::caller_wait::wait_until;
use crate::runner::environment;
use crate::runner::owner;
use crate::runner::wait::CALLER_WAIT;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A set of pending calls: take each one as it ends, or join them all.
///
/// [`next`](Self::next) waits for the next call to end, [`next_async`](Self::next_async) is its
/// asynchronous form. A set can be collected from an iterator of calls. Once its tables have grown it
/// allocates nothing. Dropping the set detaches its calls: their methods still run.
///
/// ```
/// use mainspring::{prelude::*, CallSet};
///
/// struct Square;
/// #[active]
/// impl Square {
///     pub fn of(&self, n: u64) -> u64 { n * n }
/// }
///
/// let square = mainspring::spawn(Square)?;
/// let mut calls = CallSet::new();
/// for n in 1..=3 {
///     calls.insert(square.of(n));
/// }
/// let mut sum = 0;
/// while let Some((_key, result)) = calls.next() {
///     sum += result?;
/// }
/// assert_eq!(sum, 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CallSet<R> {
    calls: CallTable<Keyed<R>>,
    inserted: usize,
}

/// A call and its key.
struct Keyed<R>(usize, Call<R>);

impl<R> Awaitable for Keyed<R> {
    fn leave_waiter(&mut self, waiter: Waiter) -> Result<(), Waiter> {
        self.1.leave_waiter(waiter)
    }

    fn withdraw_waiter(&mut self) -> bool {
        self.1.withdraw_waiter()
    }
}

impl<R> CallSet<R> {
    /// Creates an empty set. It allocates its first places when a call is added.
    pub fn new() -> Self {
        Self { calls: CallTable::new(Listener::caller()), inserted: 0 }
    }

    /// Adds a call and returns its key: the number of calls added before it.
    pub fn insert(&mut self, call: Call<R>) -> usize {
        let key = self.inserted;
        self.calls.insert(Keyed(key, call));
        self.inserted += 1;
        key
    }

    /// How many calls have been added and not taken.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether every call has been taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next call that has ended, if any has: its key and its outcome.
    pub fn try_next(&mut self) -> Option<(usize, Outcome<R>)> {
        let taken = self.calls.take().or_else(|| {
            self.calls.fetch();
            self.calls.take()
        });
        let Keyed(key, mut call) = taken?;
        Some((key, call.try_get().unwrap_or(Err(CallError::Taken))))
    }

    /// Waits for the next call to end; `None` once all have been taken.
    ///
    /// An unlimited wait is refused on a runner's thread, and on the thread that would have to serve one
    /// of the calls: then the oldest call is returned with [`CallError::WouldDeadlock`].
    ///
    /// # Blocking
    /// Until a call ends. The thread spins for up to 20 µs where callers may spin, then parks.
    #[allow(clippy::should_implement_trait)] // it blocks, and may yield more after `None`
    pub fn next(&mut self) -> Option<(usize, Outcome<R>)> {
        self.next_by(None)
    }

    /// Like [`next`](Self::next), but waits for at most `limit`: returns `None` if no call has ended by
    /// then.
    pub fn next_timeout(&mut self, limit: Duration) -> Option<(usize, Outcome<R>)> {
        self.next_by(environment::now().checked_add(limit))
    }

    fn next_by(&mut self, deadline: Option<Instant>) -> Option<(usize, Outcome<R>)> {
        if let Some(next) = self.try_next() {
            return Some(next);
        }
        if self.is_empty() {
            return None;
        }
        if deadline.is_none() && self.is_stuck() {
            return self.give_one_up();
        }
        let may_spin = self.pending().any(|(.., call)| call.callers_may_spin());
        wait_until(
            self,
            deadline,
            CALLER_WAIT,
            |_| may_spin,
            Self::try_next,
            |set, left| {
                if let Listener::Caller { parker, .. } = set.calls.listener() {
                    parker.park(left);
                }
            },
        )
    }

    /// The calls in the set, each with its place and its key.
    fn pending(&self) -> impl Iterator<Item = (u32, usize, &Call<R>)> {
        self.calls.iter().map(|(place, Keyed(key, call))| (place, *key, call))
    }

    /// Whether an unlimited wait could last forever.
    ///
    /// Reads the cells only on a thread that has objects: other threads are about to write their lines.
    fn is_stuck(&self) -> bool {
        let lives_here = |call: &Call<R>| !call.is_ready() && call.lives_here();
        let has_own = || self.pending().any(|(.., call)| lives_here(call));
        owner::is_runner() || owner::owns_any() && has_own()
    }

    /// Gives up the oldest call, which this thread must not wait for.
    fn give_one_up(&mut self) -> Option<(usize, Outcome<R>)> {
        let (key, place) = self.pending().map(|(place, key, _)| (key, place)).min()?;
        self.calls.give_up(place);
        Some((key, Err(CallError::WouldDeadlock)))
    }

    /// Polls for the next call that has ended, as `Stream::poll_next` does: `Ready(None)` once all have
    /// been taken.
    ///
    /// When it returns `Pending`, the next call to end wakes the waker of the last poll, on the completing
    /// thread.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Outcome<R>)>> {
        if let Some(next) = self.try_next() {
            return Poll::Ready(Some(next));
        }
        if self.is_empty() {
            return Poll::Ready(None);
        }
        if let Listener::Caller { task, .. } = self.calls.listener() {
            task.leave(context.waker());
        }
        // Once more: a call may have ended before the waker was left.
        self.try_next().map_or(Poll::Pending, |next| Poll::Ready(Some(next)))
    }

    /// Like [`next`](Self::next), as a future for any executor. Dropping the future takes nothing from the
    /// set.
    ///
    /// ```
    /// # use mainspring::{prelude::*, CallSet};
    /// # struct Square;
    /// # #[active]
    /// # impl Square { pub fn of(&self, n: u64) -> u64 { n * n } }
    /// # let square = mainspring::spawn(Square)?;
    /// let mut calls: CallSet<u64> = (1..=3).map(|n| square.of(n)).collect();
    /// let sum = async {
    ///     let mut sum = 0;
    ///     while let Some((_key, square)) = calls.next_async().await {
    ///         sum += square?;
    ///     }
    ///     Ok::<u64, CallError>(sum)
    /// };
    /// assert_eq!(pollster::block_on(sum)?, 14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_async(&mut self) -> NextEnded<'_, R> {
        NextEnded(self)
    }

    /// Waits for all calls that have not been taken, and returns their outcomes in the order of insertion.
    ///
    /// # Blocking
    /// Until the last call has ended.
    pub fn join(mut self) -> Vec<Outcome<R>> {
        let mut outcomes = Vec::with_capacity(self.len());
        while let Some(next) = self.next() {
            outcomes.push(next);
        }
        outcomes.sort_by_key(|(key, _)| *key);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

/// The future of the next call that ends: see [`CallSet::next_async`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct NextEnded<'a, R>(&'a mut CallSet<R>);

impl<R> Future for NextEnded<'_, R> {
    type Output = Option<(usize, Outcome<R>)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_next(context)
    }
}

impl<R> fmt::Debug for NextEnded<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NextEnded").field(&self.0).finish()
    }
}

impl<R> Extend<Call<R>> for CallSet<R> {
    /// Adds each call, like [`insert`](Self::insert).
    fn extend<I: IntoIterator<Item = Call<R>>>(&mut self, calls: I) {
        calls.into_iter().for_each(|call| _ = self.insert(call));
    }
}

impl<R> FromIterator<Call<R>> for CallSet<R> {
    /// Collects the calls into a set; their keys are 0, 1, 2, …
    fn from_iter<I: IntoIterator<Item = Call<R>>>(calls: I) -> Self {
        let mut set = Self::new();
        set.extend(calls);
        set
    }
}

impl<R> Default for CallSet<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for CallSet<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSet").field("pending", &self.len()).finish_non_exhaustive()
    }
}
