//! Calls that have ended, on their way to a listener that waits for several: a set, or an object.
//!
//! Each such call has a place, by number. The thread that ends the call pushes the number onto a stack, and
//! tells the listener if the stack was empty: the listener takes the whole stack. The links of the stack are
//! allocated with the places, so neither waiting nor ending allocates.
//!
//! An object is told by its own link, which is pushed onto its runner's ready set. The runner empties the
//! stack only after it has taken that link off the set, so the link is never pushed twice; and the stack is
//! empty exactly when the link isn't in the set. So an object with no place in use has no link in the set,
//! and may be dropped.
//!
//! # Source
//! The stack: R. K. Treiber (1986). It is taken whole, so it has no ABA problem.

use crate::reply::atomic_waker::AtomicWaker;
use crate::runner::fan_out::wake_by_link;
use crate::runner::park::Parker;
use crate::runner::ready::Link;
use crate::runner::remote::Remote;
use crate::sync::{Arc, AtomicU32};
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

/// The end of a list of places. Lists hold place numbers plus one.
pub(crate) const NONE: u32 = 0;

/// The places of calls that have ended, the last one first, and the listener that waits for them.
pub(crate) struct CompletionStack {
    newest: AtomicU32,
    listener: Listener,
}

/// Who is told when the stack is no longer empty.
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

/// The links of one table's places, whose numbers begin with `first`.
pub(crate) struct Completions {
    ended: Arc<CompletionStack>,
    first: u32,
    /// For each place, the one below it on the stack.
    below: Box<[AtomicU32]>,
}

/// One call's place, which it completes when it ends.
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
            // AcqRel: Release [completions.newest] carries the link; the call's outcome has a pair of its
            // own. Acquire [completions.taken]: whoever finds the stack empty finds the object's link off
            // the ready set. Relaxed on failure: again.
            match ended.newest.compare_exchange(newest, place + 1, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => newest = now,
            }
        }
        // Whoever finds the stack empty has to tell the listener, which takes the whole stack.
        if newest == NONE {
            ended.tell_listener();
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

    /// Takes the whole stack: returns the place that was pushed last, plus one. Only for the listener. An
    /// object calls it once each time that its link was taken off the ready set.
    pub(crate) fn take(&self) -> u32 {
        // Relaxed: a look that costs no write. Only a listener that was told, or that has left a waker
        // before (pair `atomic_waker.waker`), relies on it.
        if self.newest.load(Relaxed) == NONE {
            return NONE;
        }
        // AcqRel: Acquire [completions.newest] sees every link in the chain. Release [completions.taken]: that the
        // object's link is off the ready set.
        self.newest.swap(NONE, AcqRel)
    }

    fn tell_listener(&self) {
        match &self.listener {
            Listener::Caller { parker, task } => {
                parker.unpark();
                task.wake();
            }
            Listener::Object { remote, link } => {
                // SAFETY: only whoever found the stack empty pushes the link, and the listener empties the
                // stack only after it has taken the link off, so the link isn't in the set. The object keeps
                // the link while a place is in use (`Object::try_finish`), and this place is in use until the
                // listener has taken it.
                unsafe { wake_by_link(remote, link) };
            }
        }
    }
}
