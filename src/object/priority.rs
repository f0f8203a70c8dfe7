//! Priorities: two lanes beside an object's mailbox, one for urgent requests and one for requests that
//! can wait.

#[allow(unsafe_code)] // making and pushing the lanes
pub(crate) mod lanes;
pub(crate) mod picker;
pub(crate) mod scheduling;
pub(crate) mod turns;

use crate::runner::task::WakeSource;

/// Which of an object's requests are served first.
///
/// Each priority has a lane with a capacity of its own
/// ([`Spawn::priority_capacity`](crate::Spawn::priority_capacity)). The lanes of `Urgent` and
/// `Bulk` are allocated when the first such request is sent. Before each request the object looks
/// at its lanes in the order below, so a request waits for at most one method of a lower
/// priority. No lane starves: while a request waits at the head of its lane, at most
/// [`PASSED_MAX`] requests of other lanes run before it. Requests of one priority keep their
/// order; requests of different priorities have none. The very first request of another priority
/// is noticed when the object's runner begins its next turn.
///
/// ```
/// use mainspring::prelude::*;
/// use mainspring::{Options, Priority};
/// use std::time::Instant;
///
/// #[derive(Default)]
/// struct Orders(Vec<&'static str>);
/// #[active]
/// impl Orders {
///     pub fn place(&mut self) { self.0.push("place") }
///     #[active(priority = urgent)]
///     pub fn cancel(&mut self) { self.0.push("cancel") }
///     pub fn log(&self) -> Vec<&'static str> { self.0.clone() }
/// }
///
/// let engine = Engine::builder().start()?;
/// let mut scheduler = engine.invoker("loop")?; // turns by hand
/// let orders = engine.spawn("orders", Orders::default).start()?;
/// orders.tell().place()?;
/// orders.tell().cancel()?; // urgent: the method says so
/// let mut log = orders.with(Options::new().priority(Priority::Bulk)).log(); // bulk: this call does
/// while scheduler.turn(Instant::now()) > 0 {}
/// assert_eq!(log.try_get().unwrap()?, ["cancel", "place"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    Urgent,
    /// The default: the mailbox itself.
    #[default]
    Normal,
    /// After all others.
    Bulk,
}

/// The most requests of other priorities that run while a request waits at the head of its lane.
pub const PASSED_MAX: usize = 16;

/// A lane beside the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PriorityLane {
    Urgent = 0,
    Bulk = 1,
}

impl PriorityLane {
    pub(crate) const ALL: [Self; 2] = [Self::Urgent, Self::Bulk];

    pub(super) fn wake_source(self) -> WakeSource {
        match self {
            Self::Urgent => WakeSource::Urgent,
            Self::Bulk => WakeSource::Bulk,
        }
    }
}

impl Priority {
    /// Its lane beside the mailbox; `Normal` has none.
    #[inline(always)]
    pub(crate) fn lane(self) -> Option<PriorityLane> {
        match self {
            Self::Urgent => Some(PriorityLane::Urgent),
            Self::Normal => None,
            Self::Bulk => Some(PriorityLane::Bulk),
        }
    }
}
