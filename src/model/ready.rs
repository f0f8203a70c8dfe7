//! The ready set of a runner, and the token of a thread.

use crate::runner::park::Parker;
use crate::runner::ready::Link;
use crate::runner::ready::ReadySet;
use crate::sync::Arc;
use std::time::Duration;

/// The ready set of a runner.
pub struct Ready(ReadySet);

/// An object's link, kept alive by whoever may push it.
#[derive(Clone)]
pub struct Node(Arc<Link>);

impl Node {
    /// A link with this key.
    pub fn new(key: usize) -> Self {
        Self(Arc::new(Link::new(key)))
    }
}

impl Ready {
    /// An empty set, its runner awake.
    pub fn new() -> Self {
        Self(ReadySet::new())
    }

    /// Pushes a link that is not in the set.
    pub fn push(&self, node: &Node) -> Option<bool> {
        // SAFETY: models push a node once per taking, and keep it until their end.
        let asleep = unsafe { self.0.push(&*node.0) };
        if asleep == Some(true) {
            self.0.unpark();
        }
        asleep
    }

    /// Takes everything.
    pub fn take(&self) -> Vec<usize> {
        let mut keys = Vec::new();
        self.0.take(|key| keys.push(key));
        keys
    }

    /// Sleeps until something is pushed.
    pub fn park(&self) -> bool {
        self.0.park(None)
    }

    /// Sleeps until a timer is due, as a runner does that has any: time is always up first.
    pub fn park_until_due(&self) -> bool {
        self.0.park(Some(Duration::ZERO))
    }

    /// Makes the descriptor that a poller sleeps on.
    pub fn make_wake_fd(&self) {
        // The stand-in has none to give out.
        let _ = self.0.wake_fd();
    }

    /// Announces a sleep in a poller; `false` if something is there.
    pub fn announce_sleep(&self) -> bool {
        self.0.announce_sleep()
    }

    /// Sleeps in a poller that has nothing else to wait for.
    pub fn poll(&self) {
        self.0.wake_fd.wait(None);
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self::new()
    }
}

/// One thread's token.
#[derive(Default)]
pub struct Token(Parker);

impl Token {
    /// Takes the token, sleeping until it is there.
    pub fn park(&self) {
        self.0.park(None);
    }

    /// Leaves the token.
    pub fn unpark(&self) {
        self.0.unpark();
    }
}
