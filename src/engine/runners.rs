//! The runners of an engine, as its registry lists them.

use crate::engine::runner::Runner;
use crate::engine::spinning::{Candidate, Spinners, decide};
use crate::machine::pin;
use crate::runner::remote::Remote;
use crate::sync::Arc;
use std::mem;
use std::thread::JoinHandle;

/// One runner, from its start until its thread was joined.
pub(super) struct Running {
    pub(super) remote: Arc<Remote>,
    cpus: Vec<usize>,
    spins: bool,
    /// Its strategy never sleeps, which nobody chooses without wanting it.
    insists: bool,
    pub(super) is_pinned: bool,
    is_private: bool,
    is_invoker: bool,
    pub(super) thread: Option<JoinHandle<()>>,
    pub(super) has_ended: bool,
}

impl Running {
    pub(super) fn new(runner: &Runner, remote: Arc<Remote>, is_invoker: bool) -> Self {
        let cpus = runner.pinned_to();
        Self {
            remote,
            cpus: cpus.into(),
            spins: runner.wait.spins(),
            insists: runner.wait.never_parks(),
            is_pinned: !cpus.is_empty(),
            is_private: runner.is_private,
            is_invoker,
            thread: None,
            has_ended: false,
        }
    }
}

/// The runners of one engine.
#[derive(Default)]
pub(super) struct Runners(Vec<Running>);

impl Runners {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Running> {
        self.0.iter()
    }

    /// Those that have not ended.
    fn alive(&self) -> impl Iterator<Item = &Running> {
        self.iter().filter(|runner| !runner.has_ended)
    }

    pub(super) fn have_ended(&self) -> bool {
        self.alive().next().is_none()
    }

    /// The names of those that have not ended.
    pub(super) fn names(&self) -> Vec<String> {
        self.alive().map(|runner| runner.remote.name().into()).collect()
    }

    /// The names of those that anyone may put objects on.
    pub(super) fn known(&self) -> Vec<String> {
        let open = self.alive().filter(|runner| !runner.is_private);
        open.map(|runner| runner.remote.name().into()).collect()
    }

    /// Whether one of that name is listed, also if it has ended.
    pub(super) fn has(&self, name: &str) -> bool {
        self.iter().any(|runner| runner.remote.name() == name)
    }

    /// The one of that name, if it has not ended.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Remote>> {
        let found = self.alive().find(|runner| runner.remote.name() == name);
        found.map(|runner| runner.remote.clone())
    }

    /// The shared runner for the object of that number: they take turns.
    pub(super) fn open(&self, number: usize) -> Option<Arc<Remote>> {
        // An invoker takes turns when its thread likes: only that thread puts objects there unasked.
        let open = |runner: &&Running| {
            let takes = !runner.is_invoker || runner.remote.is_mine();
            takes && !runner.is_private
        };
        let open: Vec<_> = self.alive().filter(open).collect();
        let turn = number % open.len().max(1);
        open.get(turn).map(|runner| runner.remote.clone())
    }

    pub(super) fn entry(&mut self, remote: &Arc<Remote>) -> Option<&mut Running> {
        self.0.iter_mut().find(|runner| Arc::ptr_eq(&runner.remote, remote))
    }

    pub(super) fn push(&mut self, runner: Running) {
        self.0.push(runner);
    }

    pub(super) fn remove(&mut self, remote: &Arc<Remote>) {
        self.0.retain(|runner| !Arc::ptr_eq(&runner.remote, remote));
    }

    /// Takes those that have ended off the list; their threads are the caller's to join.
    pub(super) fn take_ended(&mut self) -> Vec<JoinHandle<()>> {
        let (ended, running): (Vec<_>, Vec<_>) =
            mem::take(&mut self.0).into_iter().partition(|runner| runner.has_ended);
        self.0 = running;
        ended.into_iter().filter_map(|runner| runner.thread).collect()
    }

    /// Decides anew who may spin, and tells the runners.
    pub(super) fn settle_spinning(&self) -> Spinners {
        let (cpus, has_quota) = (pin::process_cpus().len(), pin::has_small_quota());
        let candidates: Vec<_> = self.alive().map(Running::candidate).collect();
        let spinners = decide(&candidates, cpus, has_quota);
        let callers_may = cpus > 1 && !has_quota && spinners.spinning.len() < cpus;
        for runner in self.iter() {
            let is_it = |(name, _): &(String, usize)| name == runner.remote.name();
            runner.remote.set_spin(spinners.spinning.iter().any(is_it), callers_may);
        }
        spinners
    }
}

impl Running {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            name: self.remote.name(),
            cpus: &self.cpus,
            is_pinned: self.is_pinned,
            wants: self.spins && (self.is_pinned || self.insists),
        }
    }
}

/// Waits for threads that are about to end.
pub(super) fn join_all(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        // A runner's thread has caught every panic of the user's; one of ours was printed.
        let _ = thread.join();
    }
}
