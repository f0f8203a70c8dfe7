//! What other threads may touch of a runner: its ready set, its inbox, and who owns it.

use crate::runner::local::LocalReady;
use crate::runner::ready::{Link, ReadySet};
use crate::runner::scheduler::Scheduler;
use crate::runner::task::Task;
use crate::runner::traffic::Log;
use crate::runner::wait::{CALLER_WAIT, WaitStrategy};
use crate::sync::{AtomicU32, AtomicUsize, fence, thread_local};
use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

/// Something the runner is to do between two objects' batches: adopt an object, mostly.
///
/// Dropped undone when the runner has ended: whoever sent it learns it from that.
pub(crate) type Command = Box<dyn FnOnce(&mut Scheduler) + Send>;

/// The key of the runner's own link, beside those of its objects.
pub(crate) const CONTROL: usize = usize::MAX;

/// See the module.
pub(crate) struct Remote {
    name: Box<str>,
    /// The thread that owns the scheduler, by [`this_thread`]; 0 before.
    owner: AtomicUsize,
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
    /// Objects that got a call from their own runner's thread, by key; [`CONTROL`] for newcomers.
    woken_here: LocalReady,
    waits: CachePadded<Waits>,
    traffic: Log,
}

/// What became of the runner's waits. Only the runner writes it, on a line that nobody else needs.
#[derive(Default)]
struct Waits {
    spin_hits: AtomicUsize,
    parks: AtomicUsize,
}

/// The proof that the calling thread owns the runner of this remote side.
///
/// It stays with its thread, and no other can own the runner as long as that one lives.
#[derive(Clone, Copy)]
pub(crate) struct OwnerToken<'a> {
    remote: &'a Remote,
    thread: PhantomData<*const ()>,
}

impl OwnerToken<'_> {
    /// Gets the owner to turn to an object that it has called itself.
    #[inline]
    pub(crate) fn wake(self, key: usize) {
        self.remote.woken_here.push(self, key);
    }

    /// The object that was called next.
    #[inline]
    pub(crate) fn next_woken(self) -> Option<usize> {
        self.remote.woken_here.pop(self)
    }
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
            owner: AtomicUsize::new(0),
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
        OWNS_ANY.with(|owns| owns.set(true));
        // Relaxed: only a thread that wrote its own number acts on it.
        self.owner.store(this_thread(), Relaxed);
    }

    /// Makes it nobody's, until it is owned again: for a thread that drives several runners by turns.
    pub(crate) fn disown(&self) {
        // Relaxed: as in `own`.
        self.owner.store(0, Relaxed);
    }

    /// Whether the calling thread owns this runner's scheduler, inside a turn or between two.
    #[inline(always)]
    pub(crate) fn is_mine(&self) -> bool {
        // Relaxed: as in `own`; any other value is not this thread's number.
        self.owner.load(Relaxed) == this_thread()
    }

    /// The proof that [`is_mine`](Self::is_mine), if it is so.
    #[inline(always)]
    pub(crate) fn owner_token(&self) -> Option<OwnerToken<'_>> {
        self.is_mine().then_some(OwnerToken { remote: self, thread: PhantomData })
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

    /// Whether an object may be always hot here.
    pub(crate) fn polls(&self) -> bool {
        self.polls
    }

    /// How a thread waits for a reply from here.
    pub(crate) fn caller_wait(&self) -> WaitStrategy {
        self.caller_wait
    }

    /// Asks the runner to end once its objects have. Sticky.
    pub(crate) fn stop(&self) {
        // Relaxed: the ring below carries it, by its AcqRel [remote.rung].
        self.stopping.store(1, Relaxed);
        self.ring();
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
        if !self.ring() {
            self.drop_commands();
        }
    }

    /// Has the runner look at its flags, and at what is suspended.
    pub(crate) fn call_attention(&self) {
        // One that has ended has no objects.
        self.ring();
    }

    /// Takes note that the control link was taken off; whatever was left before is visible then.
    pub(crate) fn acknowledge(&self) {
        // AcqRel [remote.rung]: Acquire sees what the ringers left; Release, so that the next
        // ringer's push comes after this one's taking.
        self.rung.swap(0, AcqRel);
    }

    pub(crate) fn next_command(&self) -> Option<Command> {
        self.inbox.pop()
    }

    /// Ends the runner's side, if nothing is ready: pushes and commands are refused from now on.
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
        // Another thread may come to have this one's number.
        self.disown();
        // SeqCst [remote.end]: as in `send`.
        fence(SeqCst);
        self.drop_commands();
        true
    }

    /// Whether the owner has left itself something to look at.
    pub(crate) fn has_own_wakes(&self) -> bool {
        self.owner_token().is_some_and(|owner| !self.woken_here.is_empty(owner))
    }

    /// Leaves an object that the owner has made itself, in the middle of a turn or between two.
    pub(crate) fn leave_newcomer(&self, owner: OwnerToken<'_>, task: Box<dyn Task>) {
        let is_first = NEWCOMERS.with(|newcomers| {
            let mut newcomers = newcomers.borrow_mut();
            // The last one, nearly always: it looks at one place.
            let is_first = !newcomers.iter().rev().any(|(remote, _)| ptr::eq(*remote, self));
            newcomers.push((ptr::from_ref(self), task));
            is_first
        });
        // All are taken at once: a note for each would have the runner look at all its flags as often.
        if is_first {
            owner.wake(CONTROL);
        }
    }

    pub(crate) fn take_newcomers(&self) -> Vec<Box<dyn Task>> {
        let owner = |(remote, _): &mut (*const Remote, _)| ptr::eq(*remote, self);
        NEWCOMERS.with(|newcomers| {
            newcomers.borrow_mut().extract_if(.., owner).map(|(_, task)| task).collect()
        })
    }

    fn drop_commands(&self) {
        while self.inbox.pop().is_some() {}
    }

    /// Gets the runner to look at its inbox and flags; `false` if it has ended.
    fn ring(&self) -> bool {
        // AcqRel [remote.rung]: Release carries the command or flag; Acquire as in `acknowledge`.
        if self.rung.swap(1, AcqRel) == 1 {
            // Somebody else's link is on its way, and the runner hears us with it; or the runner
            // has ended, and then nobody hears.
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
thread_local!(static NEWCOMERS: RefCell<Vec<(*const Remote, Box<dyn Task>)>> =
    const { RefCell::new(Vec::new()) });

thread_local!(static IS_RUNNER: Cell<bool> = const { Cell::new(false) });

/// Marks the calling thread as a runner's: waits without a limit are refused here.
pub(crate) fn become_runner() {
    IS_RUNNER.with(|is_runner| is_runner.set(true));
}

/// Marks it so, or not; returns what it was before.
pub(crate) fn set_runner(is_runner: bool) -> bool {
    IS_RUNNER.with(|before| before.replace(is_runner))
}

thread_local!(static OWNS_ANY: Cell<bool> = const { Cell::new(false) });

/// Whether the calling thread owns a runner's scheduler, or has owned one.
pub(crate) fn owns_any() -> bool {
    OWNS_ANY.with(Cell::get)
}

/// Whether the calling thread is a runner's.
pub(crate) fn is_runner() -> bool {
    IS_RUNNER.with(Cell::get)
}

/// A number that no other living thread has: the address of a thread-local byte.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    thread_local!(static MARK: Cell<u8> = const { Cell::new(0) });
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::task::{
        Cooling, Identity, ObjectStatus, Progress, RestartOrder, Turn, WakeSource,
    };

    struct Nobody;

    impl Task for Nobody {
        fn turn(&mut self, _: &Remote, _: &mut Turn) -> Progress {
            Progress::Idle
        }

        fn turn_local(&mut self, _: OwnerToken<'_>, _: &mut Turn) -> usize {
            0
        }

        fn fire(&mut self, _: u32, _: &mut Turn) {}

        fn run_continuations(&mut self, _: &mut Turn) -> usize {
            0
        }

        fn goes_on(&self) -> bool {
            false
        }

        fn give_up(&mut self) {}

        fn start(&mut self, _: &mut Turn) {}
        fn finish(&mut self, _: &mut Turn) {}

        fn clear_wake(&mut self, _: WakeSource) {}

        fn cool(&mut self) -> Cooling {
            Cooling::Cold
        }

        fn keep(&mut self) -> Cooling {
            Cooling::Hot
        }

        fn try_finish(&mut self) -> bool {
            false
        }

        fn stop(&self) {}

        fn is_stopped(&self) -> bool {
            false
        }

        fn restart(&mut self, _: usize, _: RestartOrder, _: &mut Turn) -> bool {
            false
        }

        fn status(&self) -> ObjectStatus {
            ObjectStatus::default()
        }

        fn requests(&self) -> usize {
            0
        }

        fn call_again(&self) {}

        fn identity(&self) -> Identity<'_> {
            Identity::Named("nobody")
        }

        fn last_method(&self) -> &'static str {
            "none"
        }

        fn fail(&mut self, _: &mut Turn) -> usize {
            0
        }

        fn set_key(&mut self, _: usize) {}
    }

    #[test]
    fn many_newcomers_are_announced_once() {
        let remote = Remote::new("nursery");
        remote.own();
        let owner = remote.owner_token().expect("this thread owns it");
        for _ in 0..3 {
            remote.leave_newcomer(owner, Box::new(Nobody));
        }
        assert_eq!(owner.next_woken(), Some(CONTROL));
        assert_eq!(owner.next_woken(), None);
        assert_eq!(remote.take_newcomers().len(), 3);
        remote.leave_newcomer(owner, Box::new(Nobody));
        assert_eq!(owner.next_woken(), Some(CONTROL));
        remote.take_newcomers();
    }
}
