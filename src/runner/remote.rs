//! What other threads may touch of a runner: its ready set, its inbox, its flags.

use crate::runner::local::LocalReady;
use crate::runner::newcomers::Newcomers;
use crate::runner::owner::{Owner, OwnerToken};
use crate::runner::ready::{Link, ReadySet};
use crate::runner::scheduler::Scheduler;
use crate::runner::task::Task;
use crate::runner::traffic::Log;
use crate::runner::wait::{CALLER_WAIT, WaitStrategy};
use crate::sync::{AtomicU32, AtomicUsize, fence, thread_local};
use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use std::fmt;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

/// What the runner is to do between two objects' batches: adopt an object, mostly.
///
/// If the runner has ended it is dropped without having run, which tells its sender.
pub(crate) type Command = Box<dyn FnOnce(&mut Scheduler) + Send>;

/// The key of the runner's own link, beside those of its objects.
pub(crate) const CONTROL: usize = usize::MAX;

/// See the module.
pub(crate) struct Remote {
    name: Box<str>,
    /// The thread that owns the scheduler.
    owner: Owner,
    /// Whether the runner may burn CPU time while it has nothing to do.
    may_spin: AtomicU32,
    /// Whether the threads that wait for replies may.
    callers_may_spin: AtomicU32,
    caller_wait: WaitStrategy,
    /// Whether its objects are polled for as long as it lives: it never parks.
    polls: bool,
    stopping: AtomicU32,
    ready: CachePadded<ReadySet>,
    control: Link,
    rung: AtomicU32,
    inbox: SegQueue<Command>,
    /// The keys of objects that were called on their own runner's thread; [`CONTROL`] for newcomers.
    woken_here: LocalReady,
    waits: CachePadded<Waits>,
    traffic: Log,
}

/// How the runner's waits ended. Only the runner writes it, in a cache line that nobody else needs.
#[derive(Default)]
struct Waits {
    spin_hits: AtomicUsize,
    parks: AtomicUsize,
}

/// Without a read-modify-write: there is one writer.
#[inline]
fn count(counter: &AtomicUsize) {
    // Relaxed, both: a count orders nothing.
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}

impl Remote {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            owner: Owner::nobody(),
            may_spin: AtomicU32::new(0),
            callers_may_spin: AtomicU32::new(0),
            caller_wait: CALLER_WAIT,
            polls: false,
            stopping: AtomicU32::new(0),
            ready: CachePadded::new(ReadySet::new()),
            control: Link::new(CONTROL),
            rung: AtomicU32::new(0),
            inbox: SegQueue::new(),
            woken_here: LocalReady::new(),
            waits: CachePadded::default(),
            traffic: Log::new(),
        }
    }

    pub(crate) fn with_waits(self, caller_wait: WaitStrategy, polls: bool) -> Self {
        Self { caller_wait, polls, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn ready(&self) -> &ReadySet {
        &self.ready
    }

    /// Who has sent to its objects, in builds that record it.
    pub(crate) fn traffic(&self) -> &Log {
        &self.traffic
    }

    /// Counts a wait that ended while the runner spun. The runner's thread only.
    #[inline]
    pub(crate) fn count_spin_hit(&self) {
        count(&self.waits.spin_hits);
    }

    /// Counts a sleep. The runner's thread only.
    pub(crate) fn count_park(&self) {
        count(&self.waits.parks);
    }

    /// How many waits ended while the runner spun, and how often it slept.
    pub(crate) fn waits(&self) -> (usize, usize) {
        // Relaxed, both: counts.
        (self.waits.spin_hits.load(Relaxed), self.waits.parks.load(Relaxed))
    }

    /// Makes the calling thread the owner: its calls to objects here are local from now on.
    pub(crate) fn own(&self) {
        self.owner.own();
    }

    /// Leaves it without an owner, for a thread that drives several runners in turn.
    pub(crate) fn disown(&self) {
        self.owner.disown();
    }

    /// Whether the calling thread owns this runner's scheduler, inside a turn or between two.
    #[inline(always)]
    pub(crate) fn is_mine(&self) -> bool {
        self.owner.is_mine()
    }

    /// The proof that [`is_mine`](Self::is_mine), if it is so.
    #[inline(always)]
    pub(crate) fn owner_token(&self) -> Option<OwnerToken<'_>> {
        self.owner.token()
    }

    pub(crate) fn set_spin(&self, may_spin: bool, callers_may_spin: bool) {
        // Relaxed, both: advice, taken when it is seen.
        self.may_spin.store(may_spin.into(), Relaxed);
        self.callers_may_spin.store(callers_may_spin.into(), Relaxed);
    }

    pub(crate) fn may_spin(&self) -> bool {
        // Relaxed: as in `set_spin`.
        self.may_spin.load(Relaxed) != 0
    }

    pub(crate) fn callers_may_spin(&self) -> bool {
        // Relaxed: as in `set_spin`.
        self.callers_may_spin.load(Relaxed) != 0
    }

    /// Whether objects of this runner may be always hot.
    pub(crate) fn polls(&self) -> bool {
        self.polls
    }

    /// How a thread waits for a reply from this runner.
    pub(crate) fn caller_wait(&self) -> WaitStrategy {
        self.caller_wait
    }

    /// Asks the runner to end once its objects have. Sticky.
    pub(crate) fn stop(&self) {
        // Relaxed: the wake-up below carries it, by its AcqRel [remote.rung].
        self.stopping.store(1, Relaxed);
        self.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        // Relaxed: read after `acknowledge`, or again later.
        self.stopping.load(Relaxed) != 0
    }

    /// Leaves a command; if the runner has ended already, the command is dropped.
    pub(crate) fn send(&self, command: Command) {
        self.inbox.push(command);
        // SeqCst [remote.end]: between leaving the command and looking whether the runner has
        // ended. `end` has the same fence between ending and looking for commands: one side must
        // see the other, so no command is left behind.
        fence(SeqCst);
        if !self.wake() {
            self.drop_commands();
        }
    }

    /// Has the runner look at its flags and at its suspended objects.
    pub(crate) fn call_attention(&self) {
        // A runner that has ended has no objects.
        self.wake();
    }

    /// Takes note that the control link was taken off; whatever was left before is visible then.
    pub(crate) fn acknowledge(&self) {
        // AcqRel [remote.rung]: Acquire sees what other threads left before they woke the runner;
        // Release, so that the next one's push comes after the link was taken off.
        self.rung.swap(0, AcqRel);
    }

    pub(crate) fn next_command(&self) -> Option<Command> {
        self.inbox.pop()
    }

    /// Ends the runner if nothing is ready: pushes and commands are refused from now on.
    pub(crate) fn end(&self) -> bool {
        if self.has_ended() {
            return true;
        }
        if self.has_own_wakes() {
            return false;
        }
        if !self.ready.close() {
            return false;
        }
        // Another thread may get this one's number later.
        self.disown();
        // SeqCst [remote.end]: as in `send`.
        fence(SeqCst);
        self.drop_commands();
        true
    }

    /// Whether the owner has left something for itself.
    pub(crate) fn has_own_wakes(&self) -> bool {
        self.owner_token().is_some_and(|owner| !self.woken_here.is_empty(owner))
    }

    /// Has the owner serve an object that it has called itself.
    #[inline]
    pub(crate) fn wake_here(&self, owner: OwnerToken<'_>, key: usize) {
        debug_assert!(self.is_mine(), "the proof is of another runner");
        self.woken_here.push(owner, key);
    }

    /// The next of those objects, by its key.
    #[inline]
    pub(crate) fn next_woken(&self, owner: OwnerToken<'_>) -> Option<usize> {
        debug_assert!(self.is_mine(), "the proof is of another runner");
        self.woken_here.pop(owner)
    }

    /// Leaves an object that the owner has made itself, in the middle of a turn or between two.
    pub(crate) fn leave_newcomer(&self, owner: OwnerToken<'_>, task: Box<dyn Task>) {
        // All are taken at once; with a wake-up for each, the runner would check its flags as often.
        if NEWCOMERS.with(|newcomers| newcomers.leave(self.address(), task)) {
            self.wake_here(owner, CONTROL);
        }
    }

    pub(crate) fn take_newcomers(&self) -> Vec<Box<dyn Task>> {
        NEWCOMERS.with(|newcomers| newcomers.take(self.address()))
    }

    /// What identifies this runner among those of its thread.
    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    fn drop_commands(&self) {
        while self.inbox.pop().is_some() {}
    }

    /// Has the runner look at its inbox and flags; `false` if it has ended.
    fn wake(&self) -> bool {
        // AcqRel [remote.rung]: Release carries the command or flag; Acquire as in `acknowledge`.
        if self.rung.swap(1, AcqRel) == 1 {
            // The link is on its way already, and the runner will find what we have left, too; or
            // the runner has ended, and nobody will.
            return !self.has_ended();
        }
        // SAFETY: `rung` was 0, so the link isn't in the stack; it lives as long as `self`,
        // which the runner holds.
        let asleep = unsafe { self.ready.push(&self.control) };
        if asleep == Some(true) {
            self.ready.unpark();
        }
        asleep.is_some()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ready.is_closed()
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("name", &self.name).finish_non_exhaustive()
    }
}

// Objects made by their own runner, for a scheduler that is in the middle of a turn. They need not
// be `Send`, so they can't lie in `Remote`.
thread_local!(static NEWCOMERS: Newcomers<Box<dyn Task>> = const { Newcomers::new() });
