//! The internal protocols, for the model checker alone: thin wrappers, so that the shipped source
//! is what runs.

use crate::call::Call;
use crate::park::Parker;
use crate::pool::OwnedPool;
use crate::ready::{Link, ReadySet};
use crate::reply::Reply;
use crate::station::Station;
use crate::sync::Arc;

/// The reply cells of an object.
pub struct Cells(OwnedPool);

impl Cells {
    /// A pool for small outcomes.
    pub fn new() -> Self {
        Self(OwnedPool::new(0, 8, Arc::new(Station::new("model"))))
    }

    /// Both ends of one call.
    pub fn call<R>(&self) -> (Call<R>, Reply<R>) {
        let cell = self.0.take().expect("a model has few calls at a time");
        (Call::pending(cell), Reply::to(cell))
    }

    /// Ends every call that isn't done, as an abort does.
    pub fn end_all(&self) {
        self.0.end_all();
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}

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
        unsafe { self.0.push(&*node.0) }
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
