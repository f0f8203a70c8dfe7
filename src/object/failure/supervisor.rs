//! Objects that are restarted together.
//!
//! A supervisor has no thread and no servant. Its rules run on the thread of the member that failed, under
//! a mutex that protects nothing else. Each verdict has a number. A member knows the number of the last
//! verdict before its servant was made, and its entry holds the verdict after which a servant is wanted:
//!
//! | entry's number | meaning | then |
//! |---|---|---|
//! | = the servant's | the servant is as new as wanted | its failure is a new one, with the next verdict |
//! | > the servant's | an order is on its way | its failure changes nothing, since it is restarted anyway |
//!
//! So two members that fail at the same time, one because of the other, cost one restart, and each gets
//! one new servant.
//!
//! # Source
//! Strategies and the shared budget: Erlang/OTP, `supervisor`.

use crate::object::control::ObjectControl;
use crate::object::failure::restart::{Budget, Restart};
use crate::runner::task::RestartOrder;
use crate::sync::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Restarts objects together when one of them fails. It is a handle: clone it freely.
///
/// Objects join with [`Spawn::supervised_by`](crate::Spawn::supervised_by), in the order in which
/// their factories return. When a member's servant panics, or its factory fails during a restart,
/// one restart is taken from the budget that all members share. The members concerned get new
/// servants from their factories, each on its own runner's thread, after the same delay and in
/// place: proxies stay valid, and requests in their mailboxes stay there, in order. A method that
/// is running is finished first. Members on one runner are restarted in the order in which they
/// joined; between runners there is no order.
///
/// When the budget is used up, the member that failed ends at once
/// ([`RestartsExhausted`](crate::ExitReason::RestartsExhausted)). All others are stopped, serve
/// what they have accepted, and end ([`SupervisorGaveUp`](crate::ExitReason::SupervisorGaveUp)).
/// Members that have ended are forgotten; a member that was stopped isn't restarted.
///
/// ```
/// use mainspring::prelude::*;
/// use mainspring::{Restart, Supervisor};
/// use std::time::Duration;
///
/// struct Feed { is_open: bool }
/// #[active]
/// impl Feed {
///     pub fn open(&mut self) { self.is_open = true }
///     pub fn is_open(&self) -> bool { self.is_open }
///     pub fn read(&mut self) -> u64 { panic!("the line is dead") }
/// }
///
/// let engine = Engine::builder().runner(Runner::named("io")).start()?;
/// let feeds = Supervisor::one_for_all(Restart::new().backoff(Duration::ZERO, Duration::ZERO));
/// let feed = |name| engine.spawn(name, || Feed { is_open: false }).supervised_by(&feeds).start();
/// let (a, b) = (feed("a")?, feed("b")?);
/// b.open().get()?;
/// assert!(a.read().get().is_err()); // the caller is told, and both are restarted
/// while b.is_open().get()? {} // restarted after its current request
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Supervisor {
    group: Arc<Group>,
}

/// Who is restarted along with the member that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    OneForOne,
    OneForAll,
    RestForOne,
}

struct Group {
    strategy: Strategy,
    members: Mutex<Members>,
}

struct Members {
    budget: Budget,
    /// In the order in which they joined.
    entries: Vec<Entry>,
    joined: u64,
    /// The last verdict's number.
    verdict: u64,
}

struct Entry {
    id: u64,
    control: Arc<dyn ObjectControl>,
    /// The verdict after which a servant is wanted, and the delay.
    wanted: u64,
    after: Duration,
    /// The supervisor has stopped it.
    is_given_up: bool,
}

impl Supervisor {
    /// Restarts only the member that failed. Members share nothing but the budget.
    pub fn one_for_one(restart: Restart) -> Self {
        Self::new(Strategy::OneForOne, restart)
    }

    /// Restarts all members: for objects that make no sense without each other.
    pub fn one_for_all(restart: Restart) -> Self {
        Self::new(Strategy::OneForAll, restart)
    }

    /// Restarts the member that failed and those that joined after it: for objects that depend on it.
    pub fn rest_for_one(restart: Restart) -> Self {
        Self::new(Strategy::RestForOne, restart)
    }

    /// How many members are alive.
    pub fn len(&self) -> usize {
        self.group.members.lock().entries.len()
    }

    /// Whether no member is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn new(strategy: Strategy, restart: Restart) -> Self {
        let budget = Budget::new(restart);
        let members = Members { budget, entries: Vec::new(), joined: 0, verdict: 0 };
        Self { group: Arc::new(Group { strategy, members: Mutex::new(members) }) }
    }

    pub(crate) fn join(&self, control: Arc<dyn ObjectControl>) -> Membership {
        let mut members = self.group.members.lock();
        let (id, made_after) = (members.joined, members.verdict);
        members.joined += 1;
        let (wanted, after) = (made_after, Duration::ZERO);
        members.entries.push(Entry { id, control, wanted, after, is_given_up: false });
        drop(members);
        Membership { group: self.group.clone(), id, made_after }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("strategy", &self.group.strategy)
            .field("members", &self.len())
            .finish_non_exhaustive()
    }
}

/// An object's membership. It is dropped with the object, which the supervisor then forgets.
pub(crate) struct Membership {
    group: Arc<Group>,
    id: u64,
    /// The last verdict before its servant was made.
    made_after: u64,
}

impl Membership {
    /// Reports a failure of this member: returns the delay before its restart, or `None` if it must stop.
    /// The other members concerned have received their orders by then.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Duration> {
        let mut members = self.group.members.lock();
        let Members { budget, entries, verdict, .. } = &mut *members;
        let own = entries.iter().position(|entry| entry.id == self.id)?;
        if entries[own].wanted > self.made_after {
            // The order on its way will find that it was carried out.
            self.made_after = entries[own].wanted;
            return Some(entries[own].after);
        }
        let after = budget.spend(now);
        *verdict += 1;
        self.made_after = *verdict;
        let concerned = match (after, self.group.strategy) {
            (None, _) | (_, Strategy::OneForAll) => 0..entries.len(),
            (_, Strategy::RestForOne) => own..entries.len(),
            (_, Strategy::OneForOne) => own..own + 1,
        };
        let mut others = Vec::with_capacity(concerned.len());
        for entry in &mut entries[concerned] {
            (entry.wanted, entry.after) = (*verdict, after.unwrap_or_default());
            entry.is_given_up |= after.is_none();
            if entry.id != self.id {
                others.push(entry.control.clone());
            }
        }
        let number = *verdict;
        // Not under the lock: telling them may end calls and wake threads.
        drop(members);
        for other in others {
            match after {
                Some(after) => other.restart(RestartOrder { number, after }),
                None => other.stop(),
            }
        }
        after
    }

    /// Takes an order; `false` if the servant is new enough already.
    pub(crate) fn apply(&mut self, order: RestartOrder) -> bool {
        let is_new = order.number > self.made_after;
        self.made_after = self.made_after.max(order.number);
        is_new
    }

    /// Whether the supervisor has stopped the object.
    pub(crate) fn is_given_up(&self) -> bool {
        let members = self.group.members.lock();
        members.entries.iter().any(|entry| entry.id == self.id && entry.is_given_up)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut members = self.group.members.lock();
        let own = members.entries.iter().position(|entry| entry.id == self.id);
        let entry = own.map(|own| members.entries.remove(own));
        drop(members);
        // The control may be the last that holds the ring.
        drop(entry);
    }
}
