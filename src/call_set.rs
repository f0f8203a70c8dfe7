//! Several calls at once, taken in the order in which they end.

use crate::call::Call;
use crate::error::CallError;
use crate::park::Parker;
use crate::reply::{Outcome, Waiter};
use crate::station;
use crossbeam_queue::SegQueue;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A set of pending calls: select the next one that ends, or join them all.
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
    /// Those not taken yet, by key.
    calls: BTreeMap<usize, Call<R>>,
    inserted: usize,
    ended: Arc<Ended>,
}

/// The keys of calls that have ended and not been taken, and whoever waits for the next.
#[derive(Default)]
struct Ended {
    keys: SegQueue<usize>,
    parker: Parker,
}

/// One call's membership: what it does when it ends.
pub(crate) struct Member {
    set: Arc<Ended>,
    key: usize,
}

impl Member {
    pub(crate) fn complete(self) {
        self.set.keys.push(self.key);
        self.set.parker.unpark();
    }
}

impl<R> CallSet<R> {
    /// An empty set.
    pub fn new() -> Self {
        Self { calls: BTreeMap::new(), inserted: 0, ended: Arc::default() }
    }

    /// Adds a call, and returns its key: the number of calls added before.
    pub fn insert(&mut self, mut call: Call<R>) -> usize {
        let key = self.inserted;
        let member = Member { set: self.ended.clone(), key };
        if let Err(Waiter::Member(member)) = call.leave_waiter(Waiter::Member(member)) {
            member.complete();
        }
        self.calls.insert(key, call);
        self.inserted += 1;
        key
    }

    /// How many calls were added and not yet taken.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether every call was taken.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The next call that has ended, if any has.
    pub fn try_next(&mut self) -> Option<(usize, Outcome<R>)> {
        loop {
            let key = self.ended.keys.pop()?;
            // Not there if it was given up by `next`, just as it ended.
            if let Some(mut call) = self.calls.remove(&key) {
                return Some((key, call.try_get().unwrap_or(Err(CallError::Taken))));
            }
        }
    }

    /// Waits for the next call to end; `None` when all were taken.
    ///
    /// On a runner's thread, or when a call's object lives on this one, a wait without a limit is
    /// refused: a pending call comes back with [`CallError::WouldDeadlock`].
    ///
    /// # Blocking
    /// Until a call ends.
    #[allow(clippy::should_implement_trait)] // it blocks, and may go on after `None`
    pub fn next(&mut self) -> Option<(usize, Outcome<R>)> {
        self.next_by(None)
    }

    /// As [`next`](Self::next), for a limited time: `None` also when none ended in it.
    pub fn next_timeout(&mut self, limit: Duration) -> Option<(usize, Outcome<R>)> {
        self.next_by(Instant::now().checked_add(limit))
    }

    fn next_by(&mut self, deadline: Option<Instant>) -> Option<(usize, Outcome<R>)> {
        loop {
            if self.is_empty() {
                return None;
            }
            if let Some(next) = self.try_next() {
                return Some(next);
            }
            let lives_here = |call: &Call<R>| !call.is_ready() && call.lives_here();
            let is_stuck = station::is_runner() || self.calls.values().any(lives_here);
            if deadline.is_none() && is_stuck {
                let (key, _detached) = self.calls.pop_first()?;
                return Some((key, Err(CallError::WouldDeadlock)));
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            self.ended.parker.park(left);
        }
    }

    /// Waits for all of them, and returns the outcomes in the order of insertion, without those
    /// taken before.
    ///
    /// # Blocking
    /// Until the last has ended.
    pub fn join(mut self) -> Vec<Outcome<R>> {
        let mut outcomes = BTreeMap::new();
        while let Some((key, outcome)) = self.next() {
            outcomes.insert(key, outcome);
        }
        outcomes.into_values().collect()
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
