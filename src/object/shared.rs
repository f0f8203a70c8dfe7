//! What an object shares with its callers, besides its ring.

use crate::mailbox::{Bell, Position};
use crate::object::exit::ExitNotifier;
use crate::object::flags::Flags;
use crate::object::overflow::MailboxPolicy;
use crate::object::priority::PriorityLane;
use crate::object::priority::lanes::{LaneSetup, PriorityLanes};
use crate::panics::drop_caught;
use crate::reply::cell::Cell;
use crate::reply::error::SendError;
use crate::reply::pool::{OwnedPool, Pool};
use crate::reply::unserved::{DropReason, dropping};
use crate::runner::environment;
use crate::runner::fan_out::wake_by_link;
use crate::runner::local::LocalQueue;
use crate::runner::owner::OwnerToken;
use crate::runner::ready::Link;
use crate::runner::remote::Remote;
use crate::sync::{Arc, AtomicU64, IS_MODEL};
use std::mem;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;

/// What an object shares with its callers, besides the ring. It is the ring's bell, so a proxy reaches
/// all of it through one pointer.
///
/// The order of the fields matters: first what every request reads; last, in other cache lines, what is
/// written while requests flow.
#[repr(C)]
pub(crate) struct Shared<R: Send + 'static> {
    remote: Arc<Remote>,
    pool: OwnedPool,
    flags: Flags,
    reply_bytes: u32,
    calls_max: u32,
    /// Whether each call has a deadline: 0 or 1.
    limits_calls: u32,
    /// The lanes beside the mailbox.
    priority_lanes: PriorityLanes<R>,
    /// For an object with a name or a policy of its own.
    about: Option<Box<About>>,
    link: Link,
    /// Calls from the runner's own thread.
    local: LocalQueue<LocalCall<R>>,
    exits: ExitNotifier,
    /// How many requests were dropped for want of room.
    shed: AtomicU64,
}

/// What most objects don't have.
struct About {
    name: Option<Box<str>>,
    policy: MailboxPolicy,
}

/// A request on the same-runner shortcut, with its place in the order of the mailbox.
struct LocalCall<R> {
    /// The mailbox's end when this was accepted: requests before that position are served first.
    end: Position,
    request: R,
}

const _: () = assert!(
    IS_MODEL || mem::offset_of!(Shared<()>, about) <= 40,
    "what every request reads shares a line with the address and the size of the ring"
);

impl<R: Send + 'static> Bell for Shared<R> {
    fn ring(&self) {
        // SAFETY: whoever cleared `COLD` rings, so the link isn't in the stack; the runner keeps
        // the object, and so the object's shared state, until it has taken the link off (`Object::try_finish`).
        unsafe { wake_by_link(&self.remote, &self.link) };
    }

    fn late(&self) {
        // An aborter may have walked the reply cells before this call's cell was visible.
        if self.is_aborted() {
            self.end_calls();
        }
    }
}

impl<R: Send + 'static> Shared<R> {
    /// `reply_bytes` and `calls_max` are for the reply cells.
    pub(crate) fn new(
        remote: Arc<Remote>,
        name: Option<&str>,
        reply_bytes: usize,
        calls_max: usize,
        policy: MailboxPolicy,
    ) -> Self {
        let is_special = name.is_some() || policy != MailboxPolicy::DEFAULT;
        Self {
            remote,
            pool: OwnedPool::unmade(),
            flags: Flags::new(),
            reply_bytes: u32::try_from(reply_bytes).expect("a type's size is bounded"),
            calls_max: u32::try_from(calls_max).unwrap_or(u32::MAX),
            limits_calls: policy.call_timeout.is_some().into(),
            priority_lanes: PriorityLanes::new(),
            about: is_special.then(|| Box::new(About { name: name.map(Into::into), policy })),
            link: Link::new(0),
            local: LocalQueue::new(),
            exits: ExitNotifier::unwatched(),
            shed: AtomicU64::new(0),
        }
    }

    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// The runner's key for the object.
    pub(crate) fn key(&self) -> usize {
        self.link.key()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.about.as_ref().and_then(|about| about.name.as_deref())
    }

    /// The reply cells.
    #[inline(always)]
    pub(crate) fn pool(&self) -> &Pool {
        let make = || self.pool.make(self.reply_bytes, self.calls_max, &self.remote);
        self.pool.get().unwrap_or_else(make)
    }

    /// Queues a request on the runner's own thread. `end` is the mailbox's end; `None` if it is closed.
    #[inline]
    pub(crate) fn push_local(
        &self,
        owner: OwnerToken<'_>,
        request: R,
        end: Option<Position>,
        capacity: usize,
    ) -> Result<(), SendError<R>> {
        let Some(end) = end else { return Err(SendError::Stopped(request)) };
        if self.local.len(owner) >= capacity {
            return Err(SendError::Full(request));
        }
        self.local.push(owner, LocalCall { end, request }, capacity.min(LOCAL_RESERVE));
        self.note_called(owner);
        Ok(())
    }

    /// Whether [`push_local`](Self::push_local) would accept a request now.
    pub(crate) fn has_local_room(
        &self,
        owner: OwnerToken<'_>,
        is_closed: bool,
        capacity: usize,
    ) -> bool {
        !is_closed && self.local.len(owner) < capacity
    }

    /// Takes the oldest local call, if the mailbox ended at `end` when it came.
    #[inline(always)]
    pub(crate) fn pop_local(&self, owner: OwnerToken<'_>, end: Position) -> Option<R> {
        self.local.pop_if(owner, |call| call.end == end).map(|call| call.request)
    }

    /// How many local calls wait.
    #[inline(always)]
    pub(crate) fn local_len(&self, owner: OwnerToken<'_>) -> usize {
        self.local.len(owner)
    }

    /// Where the mailbox ended when the oldest local call came.
    #[inline(always)]
    pub(crate) fn local_end(&self, owner: OwnerToken<'_>) -> Option<Position> {
        self.local.first(owner, |call| call.end)
    }

    /// Notes that the runner serves the local calls now: the next one has to be noted again.
    #[inline(always)]
    pub(crate) fn note_turned(&self, owner: OwnerToken<'_>) {
        self.local.note(owner, false);
    }

    /// Sets the runner's key for the object; see [`Task::set_key`](crate::runner::task::Task::set_key).
    pub(crate) fn set_key(&self, key: usize) {
        self.link.set_key(key);
        self.priority_lanes.adopted(key);
    }

    /// The lanes beside the mailbox.
    pub(crate) fn priority_lanes(&self) -> &PriorityLanes<R> {
        &self.priority_lanes
    }

    /// Sends through a lane beside the mailbox.
    #[inline]
    pub(crate) fn push_to_lane(&self, lane: PriorityLane, request: R) -> Result<(), SendError<R>> {
        let Self { remote, link, .. } = self;
        let setup = LaneSetup { remote, slots: self.policy().lane_slots(), link };
        match self.priority_lanes.producer(lane, setup) {
            Some(producer) => producer.push(request).map_err(SendError::from),
            None => Err(SendError::Stopped(request)),
        }
    }

    pub(crate) fn policy(&self) -> &MailboxPolicy {
        self.about.as_ref().map_or(&MailboxPolicy::DEFAULT, |about| &about.policy)
    }

    /// Gives a call that is about to be sent the deadline of the object's policy, if it has one.
    #[inline(always)]
    pub(crate) fn apply_deadline(&self, cell: NonNull<Cell>) {
        if self.limits_calls != 0 {
            self.set_limit(cell);
        }
    }

    #[cold]
    #[inline(never)]
    fn set_limit(&self, cell: NonNull<Cell>) {
        let limit = self.policy().call_timeout;
        if let Some(at) = limit.and_then(|limit| environment::now().checked_add(limit)) {
            Cell::set_deadline(cell, at);
        }
    }

    /// Runs a closure that drops requests for want of room and returns how many: their calls end `Shed`.
    pub(crate) fn shed(&self, drop_requests: impl FnOnce() -> usize) {
        let count = dropping(self.pool.get(), DropReason::Shed, drop_requests);
        // Relaxed: a count.
        self.shed.fetch_add(count as u64, Relaxed);
    }

    /// Drops a request whose method has failed: its call ends with that failure.
    pub(crate) fn drop_failed(&self, method: &'static str, request: R) {
        dropping(self.pool.get(), DropReason::Failed(method), || drop_caught(request));
    }

    /// How many requests were dropped for want of room.
    pub(crate) fn shed_count(&self) -> u64 {
        // Relaxed: a count.
        self.shed.load(Relaxed)
    }

    /// Puts the object on its runner's list of called objects, unless it is noted there.
    #[inline]
    pub(crate) fn note_called(&self, owner: OwnerToken<'_>) {
        if !self.local.note(owner, true) {
            self.remote.wake_here(owner, self.link.key());
        }
    }

    /// Whether no local call waits. Other threads can't know, and are told that none does.
    pub(crate) fn is_local_empty(&self) -> bool {
        self.remote.owner_token().is_none_or(|owner| self.local.len(owner) == 0)
    }

    /// Ends all calls that are neither done nor cancelled.
    pub(crate) fn end_calls(&self) {
        if let Some(pool) = self.pool.get() {
            pool.end_all();
        }
    }

    /// From now on, calls that the servant leaves unanswered end `Stopped`, not `Dropped`.
    pub(crate) fn stop_replies(&self) {
        if let Some(pool) = self.pool.get() {
            pool.mark_stopped();
        }
    }

    /// How many of the object's calls have not ended.
    pub(crate) fn pending_calls(&self) -> usize {
        self.pool.get().map_or(0, Pool::pending)
    }

    /// The flags about the object's end.
    #[inline(always)]
    pub(crate) fn flags(&self) -> &Flags {
        &self.flags
    }

    /// Those who are told of the object's end.
    pub(crate) fn exits(&self) -> &ExitNotifier {
        &self.exits
    }

    /// Gets the runner to look at the object if it is suspended. Called after its ring was closed.
    pub(crate) fn wake_suspended(&self) {
        if self.flags.is_suspended_behind_close() {
            self.remote.call_attention();
        }
    }

    /// Leaves the local calls for later: further ones don't wake the runner.
    pub(crate) fn mute_local(&self, owner: OwnerToken<'_>) {
        self.local.note(owner, true);
    }

    /// Gets the runner to serve local calls that were left for later.
    pub(crate) fn call_again(&self) {
        // An earlier note may have been used up, or have had no key.
        if let Some(owner) = self.remote.owner_token()
            && self.local.len(owner) > 0
        {
            self.note_turned(owner);
            self.note_called(owner);
        }
    }

    /// Gets the runner to look at an aborted object for which nothing else may ring any more.
    pub(crate) fn wake_waiting(&self) {
        if self.flags.has_waited() {
            let key = self.key();
            self.remote.send(Box::new(move |scheduler| scheduler.make_hot(key)));
        }
    }

    #[inline(always)]
    pub(crate) fn is_aborted(&self) -> bool {
        self.flags.is_aborted()
    }
}

/// The local queue starts with room for this many; it grows to the capacity, and never beyond.
const LOCAL_RESERVE: usize = 64;
