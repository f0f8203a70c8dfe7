//! Calls that have ended, on their way to whoever waits for several: a set, or an object.
//!
//! Each such call has a place, by number. When it ends, the thread that ends it pushes the number onto
//! a stack, and tells the listener if the stack was empty: the listener takes all that is there. A place is a
//! link of a list that lies ready, so neither waiting nor ending allocates.
//!
//! An object is told by its own link, pushed onto its runner's ready set. The runner empties the stack
//! only after it has taken that link off, so there is never a second push before the first is over;
//! and the stack is empty exactly when the link isn't on its way. So an object that has no place in
//! use has no link in the set, and may go.
//!
//! # Source
//! The stack: R. K. Treiber (1986), taken off whole, so without its ABA problem.

use crate::reply::atomic_waker::AtomicWaker;
use crate::runner::fan_out::wake_by_link;
use crate::runner::park::Parker;
use crate::runner::ready::Link;
use crate::runner::remote::Remote;
use crate::sync::{Arc, AtomicU32};
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

/// Ends a list of places: their numbers plus one are what is kept.
pub(crate) const NONE: u32 = 0;

/// The places of calls that have ended, the last one first, and whoever waits for them.
pub(crate) struct CompletionStack {
    newest: AtomicU32,
    listener: Listener,
}

/// Who is told that a call has ended, if none had before.
pub(crate) enum Listener {
    /// A thread that sleeps, or a task.
    Caller { parker: Parker, task: AtomicWaker },
    /// An object, by its link.
    Object { remote: Arc<Remote>, link: Link },
}

impl Listener {
    pub(crate) fn caller() -> Self {
        Self::Caller { parker: Parker::default(), task: AtomicWaker::new() }
    }
}

/// Some of the places: a list that begins with the number `first`.
pub(crate) struct Completions {
    ended: Arc<CompletionStack>,
    first: u32,
    /// For each place the one below it on the stack.
    below: Box<[AtomicU32]>,
}

/// One call's place: what it does when it ends.
pub(crate) struct CompletionEntry {
    links: Arc<Completions>,
    place: u32,
}

impl CompletionEntry {
    pub(crate) fn new(links: Arc<Completions>, place: u32) -> Self {
        Self { links, place }
    }

    pub(crate) fn complete(self) {
        let Self { links, place } = self;
        let ended = &links.ended;
        // Relaxed: only a first guess for the CAS.
        let mut newest = ended.newest.load(Relaxed);
        loop {
            // Relaxed: the CAS below shows it.
            links.below(place).store(newest, Relaxed);
            // AcqRel: Release [completions.newest] carries the link in the list, the call's outcome has a
            // pair of its own. Acquire [completions.taken]: whoever finds the stack empty finds the object's
            // link off the ready set. Relaxed on failure: again.
            match ended.newest.compare_exchange(newest, place + 1, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => newest = now,
            }
        }
        // Whoever finds the stack empty owes the telling: the listener takes all that is there.
        if newest == NONE {
            ended.tell_owner();
        }
    }
}

impl Completions {
    pub(crate) fn new(ended: Arc<CompletionStack>, first: u32, count: u32) -> Self {
        Self { ended, first, below: (0..count).map(|_| AtomicU32::new(NONE)).collect() }
    }

    pub(crate) fn below(&self, place: u32) -> &AtomicU32 {
        &self.below[(place - self.first) as usize]
    }
}

impl CompletionStack {
    pub(crate) fn new(listener: Listener) -> Self {
        Self { newest: AtomicU32::new(NONE), listener }
    }

    pub(crate) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Takes all that is there: the place that came last, plus one. For the listener; for an object after
    /// its link was taken off the ready set, and once for each time that it was.
    pub(crate) fn take(&self) -> u32 {
        // Relaxed: a look that costs no write; nobody rests on it who has not been told, or has left
        // a waker since (pair `task_slot.waker`).
        if self.newest.load(Relaxed) == NONE {
            return NONE;
        }
        // AcqRel: Acquire [completions.newest] sees every link in the chain. Release [completions.taken]: that the
        // object's link is off the ready set.
        self.newest.swap(NONE, AcqRel)
    }

    fn tell_owner(&self) {
        match &self.listener {
            Listener::Caller { parker, task } => {
                parker.unpark();
                task.wake();
            }
            Listener::Object { remote, link } => {
                // SAFETY: whoever found the stack empty pushes, and the listener empties it only after it
                // has taken the link off, so the link isn't in the set. The object keeps it while a
                // place is in use (`Object::try_finish`), and this one is until the listener has taken it.
                unsafe { wake_by_link(remote, link) };
            }
        }
    }
}
