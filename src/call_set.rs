//! Several calls at once, taken in the order in which they end.
//!
//! Each call in the set has a place in a table. When it ends, the thread that ends it pushes the
//! place's number onto the table's stack of ended calls, and wakes the set's owner if the stack was
//! empty. Numbers are links of a list that lies ready, so neither inserting nor ending allocates;
//! a set that has become too small gets a further table, twice as large.
//!
//! # Source
//! The stack: R. K. Treiber (1986), taken off whole, so without its ABA problem.

use crate::call::Call;
use crate::cell::Outcome;
use crate::error::CallError;
use crate::fan_out;
use crate::park::Parker;
use crate::station;
use crate::sync::{Arc, AtomicU32};
use crate::wait::{CALLER_WAIT, Pause, Waiting, give_way};
use crate::waiter::Waiter;
use std::fmt;
use std::mem;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// Places in the first table.
const PLACES_FIRST: usize = 16;

/// Ends a list of places: their numbers plus one are what is kept.
const NONE: u32 = 0;

/// A set of pending calls: select the next one that ends, or join them all.
///
/// In a steady state it allocates nothing.
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
    /// The newest and largest last.
    tables: Vec<Table<R>>,
    inserted: usize,
    pending: usize,
    parker: Arc<Parker>,
}

struct Table<R> {
    places: Box<[Place<R>]>,
    /// The first of a list of vacant places.
    vacant: u32,
    /// The first of a list of places whose calls have ended, the oldest first.
    ended: u32,
    stack: Arc<Stack>,
}

enum Place<R> {
    /// Free; the next free one.
    Vacant(u32),
    /// A call that was not taken yet, and its key.
    Taken(usize, Call<R>),
    /// The call was given up just as it ended: its number is on its way.
    GivenUp,
}

/// The places of calls that have ended, the last one first, and whoever waits for them.
struct Stack {
    newest: AtomicU32,
    /// For each place the one below it on the stack.
    below: Box<[AtomicU32]>,
    parker: Arc<Parker>,
}

/// One call's membership: what it does when it ends.
pub(crate) struct Member {
    stack: Arc<Stack>,
    place: u32,
}

impl Member {
    pub(crate) fn complete(self) {
        let Self { stack, place } = self;
        // Relaxed: only a first guess for the CAS.
        let mut newest = stack.newest.load(Relaxed);
        loop {
            // Relaxed: the CAS below shows it.
            stack.below[place as usize].store(newest, Relaxed);
            // Release [call_set.ended]: carries the link. The call's outcome has a pair of its own.
            match stack.newest.compare_exchange(newest, place + 1, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => newest = now,
            }
        }
        // Whoever finds the stack empty owes the wake-up: the owner takes all that is there.
        if newest == NONE {
            stack.parker.unpark();
        }
    }
}

impl<R> Table<R> {
    fn new(places: usize, parker: Arc<Parker>) -> Self {
        let link = |place: usize| if place + 1 < places { place as u32 + 2 } else { NONE };
        Self {
            places: (0..places).map(|place| Place::Vacant(link(place))).collect(),
            vacant: 1,
            ended: NONE,
            stack: Arc::new(Stack {
                newest: AtomicU32::new(NONE),
                below: (0..places).map(|_| AtomicU32::new(NONE)).collect(),
                parker,
            }),
        }
    }

    /// Puts a call into a vacant place, which there must be.
    fn insert(&mut self, key: usize, mut call: Call<R>) {
        let place = self.vacant - 1;
        let member = Member { stack: self.stack.clone(), place };
        if let Err(Waiter::Member(member)) = call.leave_waiter(Waiter::Member(member)) {
            member.complete();
        }
        let taken = Place::Taken(key, call);
        if let Place::Vacant(next) = mem::replace(&mut self.places[place as usize], taken) {
            self.vacant = next;
        }
    }

    /// The next call that has ended.
    fn take(&mut self) -> Option<(usize, Call<R>)> {
        loop {
            if self.ended == NONE {
                self.fetch();
            }
            let place = self.ended.checked_sub(1)?;
            // Relaxed: the owner's list by now.
            self.ended = self.stack.below[place as usize].load(Relaxed);
            let taken = self.vacate(place);
            if let Place::Taken(key, call) = taken {
                return Some((key, call));
            }
        }
    }

    /// Takes what is on the stack, and turns it round.
    fn fetch(&mut self) {
        let Stack { newest, below, .. } = &*self.stack;
        // Relaxed: a look that costs no write; nobody rests on it who has not been woken.
        if newest.load(Relaxed) == NONE {
            return;
        }
        // Acquire [call_set.ended]: sees every link in the chain.
        let mut at = newest.swap(NONE, Acquire);
        while let Some(place) = at.checked_sub(1) {
            // Relaxed, both: the chain is the owner's since the swap.
            at = below[place as usize].load(Relaxed);
            below[place as usize].store(self.ended, Relaxed);
            self.ended = place + 1;
        }
    }

    fn vacate(&mut self, place: u32) -> Place<R> {
        let vacant = Place::Vacant(mem::replace(&mut self.vacant, place + 1));
        mem::replace(&mut self.places[place as usize], vacant)
    }

    /// Lets go of a call that may not have ended.
    fn give_up(&mut self, place: u32) {
        let Place::Taken(_, call) = &mut self.places[place as usize] else { return };
        if call.withdraw_waiter() {
            drop(self.vacate(place));
        } else {
            self.places[place as usize] = Place::GivenUp;
        }
    }

    fn calls(&self) -> impl Iterator<Item = (u32, usize, &Call<R>)> {
        self.places.iter().zip(0..).filter_map(|(place, number)| match place {
            Place::Taken(key, call) => Some((number, *key, call)),
            _ => None,
        })
    }
}

impl<R> CallSet<R> {
    /// An empty set. It allocates when the first call is added.
    pub fn new() -> Self {
        Self { tables: Vec::new(), inserted: 0, pending: 0, parker: Arc::default() }
    }

    /// Adds a call, and returns its key: the number of calls added before.
    pub fn insert(&mut self, call: Call<R>) -> usize {
        let key = self.inserted;
        self.table_with_room().insert(key, call);
        self.inserted += 1;
        self.pending += 1;
        key
    }

    fn table_with_room(&mut self) -> &mut Table<R> {
        let with_room = self.tables.iter().rposition(|table| table.vacant != NONE);
        let place = with_room.unwrap_or_else(|| {
            let places = self.tables.last().map_or(PLACES_FIRST, |table| 2 * table.places.len());
            self.tables.push(Table::new(places, self.parker.clone()));
            self.tables.len() - 1
        });
        &mut self.tables[place]
    }

    /// How many calls were added and not yet taken.
    pub fn len(&self) -> usize {
        self.pending
    }

    /// Whether every call was taken.
    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// The next call that has ended, if any has.
    pub fn try_next(&mut self) -> Option<(usize, Outcome<R>)> {
        let (key, mut call) = self.tables.iter_mut().rev().find_map(Table::take)?;
        self.pending -= 1;
        Some((key, call.try_get().unwrap_or(Err(CallError::Taken))))
    }

    /// Waits for the next call to end; `None` when all were taken.
    ///
    /// On a runner's thread, or when a call's object lives on this one, a wait without a limit is
    /// refused: a pending call comes back with [`CallError::WouldDeadlock`].
    ///
    /// # Blocking
    /// Until a call ends: spins for up to 20 µs where callers may, then parks.
    #[allow(clippy::should_implement_trait)] // it blocks, and may go on after `None`
    pub fn next(&mut self) -> Option<(usize, Outcome<R>)> {
        self.next_by(None)
    }

    /// As [`next`](Self::next), for a limited time: `None` also when none ended in it.
    pub fn next_timeout(&mut self, limit: Duration) -> Option<(usize, Outcome<R>)> {
        self.next_by(Instant::now().checked_add(limit))
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
        fan_out::wake_before_waiting();
        let may_spin = self.pending_calls().any(|(.., call)| call.callers_may_spin());
        let mut waiting = Waiting::new(CALLER_WAIT);
        let mut now = Instant::now();
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(now));
            if left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            match waiting.idle(may_spin, &mut now) {
                Pause::Poll => {}
                Pause::Yield | Pause::Sleep(_) => give_way(),
                Pause::Park => {
                    self.parker.park(left);
                    now = Instant::now();
                }
            }
            if let Some(next) = self.try_next() {
                return Some(next);
            }
        }
    }

    fn pending_calls(&self) -> impl Iterator<Item = (u32, usize, &Call<R>)> {
        self.tables.iter().flat_map(Table::calls)
    }

    /// Whether waiting without a limit could be for ever.
    ///
    /// Looks at the cells, whose lines others are about to write, only on a thread that has objects.
    fn is_stuck(&self) -> bool {
        let lives_here = |call: &Call<R>| !call.is_ready() && call.lives_here();
        let has_own = || self.pending_calls().any(|(.., call)| lives_here(call));
        station::is_runner() || station::owns_any() && has_own()
    }

    /// The oldest call, as one that can't be waited for.
    fn give_one_up(&mut self) -> Option<(usize, Outcome<R>)> {
        let numbers = self.tables.iter().enumerate();
        let calls =
            numbers.flat_map(|(table, t)| t.calls().map(move |(p, key, _)| (key, table, p)));
        let (key, table, place) = calls.min()?;
        self.tables[table].give_up(place);
        self.pending -= 1;
        Some((key, Err(CallError::WouldDeadlock)))
    }

    /// Waits for all of them, and returns the outcomes in the order of insertion, without those
    /// taken before.
    ///
    /// # Blocking
    /// Until the last has ended.
    pub fn join(mut self) -> Vec<Outcome<R>> {
        let mut outcomes = Vec::with_capacity(self.len());
        while let Some(next) = self.next() {
            outcomes.push(next);
        }
        outcomes.sort_by_key(|(key, _)| *key);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
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
