//! An object as its runner sees it, whatever its type.

use crate::runner::environment;
use crate::runner::owner::OwnerToken;
use crate::runner::remote::Remote;
use crate::runner::timer_wheel::TimerWheel;
use std::time::{Duration, Instant};

/// The result of an object's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It served (or dropped) so many requests: poll it again.
    Worked(usize),
    /// There was nothing to do.
    Idle,
}

impl Progress {
    #[inline(always)]
    pub(crate) fn of(served: usize) -> Self {
        if served == 0 { Self::Idle } else { Self::Worked(served) }
    }
}

/// The result of cooling an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cooling {
    /// It will be woken.
    Cold,
    /// Something arrived: poll it again.
    Hot,
    /// Nothing would wake it: the head slot is claimed and not yet filled, or it is always hot.
    Polled,
    /// It waits for its new servant: a timer wakes it, or a close. Not to be polled.
    Suspended,
    /// It has ended, and nothing of it is left.
    Over,
}

/// Which of its links has woken an object: the upper bits of a link's key. The lower ones say where the
/// runner keeps the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakeSource {
    /// Its mailbox's.
    Mailbox = 0,
    /// That of the lane for urgent requests, or for bulk.
    Urgent = 1,
    Bulk = 2,
    /// The one for calls of its own that have ended.
    Ended = 3,
}

impl WakeSource {
    const SHIFT: u32 = usize::BITS - 2;

    /// The key of the object's link of this kind.
    pub(crate) fn key(self, object: usize) -> usize {
        (self as usize) << Self::SHIFT | object
    }

    /// The token and the object's place that a key stands for.
    pub(crate) fn split(key: usize) -> (Self, usize) {
        let token = match key >> Self::SHIFT {
            1 => Self::Urgent,
            2 => Self::Bulk,
            3 => Self::Ended,
            _ => Self::Mailbox,
        };
        (token, key & !(usize::MAX << Self::SHIFT))
    }
}

/// The number of an object's timer that ends its suspension; no timer of a servant has it.
pub(crate) const RESTART_TIMER: u32 = u32::MAX;

/// What a runner gives its objects for their turns.
pub(crate) struct Turn {
    /// When the turn began.
    pub(crate) now: Instant,
    pub(crate) wheel: TimerWheel,
    /// How many requests an object may serve.
    pub(crate) batch: usize,
    /// `now` is the system's clock, as is what may be read later.
    pub(crate) is_live: bool,
}

impl Turn {
    /// Reads the clock: for what is rare, and may happen long after the turn began.
    pub(crate) fn clock(&self) -> Instant {
        if self.is_live { environment::now() } else { self.now }
    }
}

/// An object is to get a new servant, because another member of its supervisor has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestartOrder {
    /// The supervisor counts its orders: a servant that was made after this one is new enough.
    pub(crate) number: u64,
    pub(crate) after: Duration,
}

/// What an object has left to do. A call that hasn't ended counts in `calls`, and maybe in another field,
/// too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectStatus {
    pub(crate) name: String,
    /// Accepted, and not yet served.
    pub(crate) requests: usize,
    /// Requests that wait for their guard.
    pub(crate) deferred: usize,
    /// Made to the object, and not ended.
    pub(crate) calls: usize,
    /// Made by the object, with a continuation.
    pub(crate) waits: usize,
    pub(crate) is_suspended: bool,
}

/// How an object is called.
#[derive(Clone, Copy)]
pub(crate) enum Identity<'a> {
    Named(&'a str),
    /// By its servant's type, and where its runner keeps it.
    Unnamed(&'static str, usize),
}

/// An object as its runner sees it.
pub(crate) trait Task {
    /// Serves requests from its mailbox, at most a batch, unless calls of the runner's own thread wait:
    /// then as [`turn_local`](Self::turn_local).
    fn turn(&mut self, remote: &Remote, turn: &mut Turn) -> Progress;
    /// Serves calls from the runner's own thread, at most a batch, after what came through the mailbox
    /// before them; returns how many. If more wait, the object notes itself as called again.
    fn turn_local(&mut self, owner: OwnerToken<'_>, turn: &mut Turn) -> usize;
    /// Runs what one of its timers is for.
    fn fire(&mut self, timer: u32, turn: &mut Turn);
    /// Runs continuations whose calls have ended, at most a batch; returns how many.
    fn run_continuations(&mut self, turn: &mut Turn) -> usize;
    /// Whether more of them are left to run.
    fn goes_on(&self) -> bool;
    /// Gives up the calls that it waits for: nobody may be left to end them.
    fn give_up(&mut self);
    /// Runs the servant's start hook, before anything else.
    fn start(&mut self, turn: &mut Turn);
    /// Runs the servant's stop hook and cancels its timers, before the runner drops the object.
    fn finish(&mut self, turn: &mut Turn);
    /// Its link was taken off the ready set.
    fn clear_wake(&mut self, token: WakeSource);
    /// From now on a request wakes the runner, so that the object need not be polled.
    fn cool(&mut self) -> Cooling;
    /// What [`cool`](Self::cool) would say of an object that may stay hot.
    fn keep(&mut self) -> Cooling;
    /// Whether it was stopped, and nothing of it is left.
    fn try_finish(&mut self) -> bool;
    fn stop(&self);
    /// Whether it was stopped, so that it must not stay suspended.
    fn is_stopped(&self) -> bool;
    /// Gives it a new servant, if its shared state is at that address; whether it is to be polled.
    fn restart(&mut self, shared: usize, order: RestartOrder, turn: &mut Turn) -> bool;
    /// What it has left to do.
    fn status(&self) -> ObjectStatus;
    /// How many requests wait.
    fn requests(&self) -> usize;
    /// Has the runner serve its local calls later.
    fn call_again(&self);
    fn identity(&self) -> Identity<'_>;
    /// The method of the request that it served last.
    fn last_method(&self) -> &'static str;
    /// Has its next request fail; returns how many did: none or one.
    fn fail(&mut self, turn: &mut Turn) -> usize;
    /// Tells where the runner keeps the object. Before its first cooling, and before the runner looks
    /// at what was called.
    fn set_key(&mut self, key: usize);
}
