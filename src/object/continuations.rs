//! What an object goes on with when calls that it has made have ended.

use crate::object::shared::Shared;
use crate::panics::drop_caught;
use crate::reply::any_call::AnyCall;
use crate::reply::call_table::{Awaitable, CallTable};
use crate::reply::completions::Listener;
use crate::reply::waiter::Waiter;
use crate::runner::ready::Link;
use crate::runner::task::WakeSource;

/// The calls that one object waits for. Made with the first.
pub(crate) struct Continuations<N: ?Sized> {
    calls: CallTable<Continuation<N>>,
    /// The link was taken off the ready set, and what it was pushed for not yet fetched.
    is_told: bool,
}

/// A call, and what its object does when it has ended.
pub(crate) struct Continuation<N: ?Sized> {
    pub(super) call: AnyCall,
    pub(super) next: Box<N>,
}

impl<N: ?Sized> Awaitable for Continuation<N> {
    fn leave_waiter(&mut self, waiter: Waiter) -> Result<(), Waiter> {
        self.call.leave_waiter(waiter)
    }

    fn withdraw_waiter(&mut self) -> bool {
        self.call.withdraw_waiter()
    }
}

impl<N: ?Sized> Continuations<N> {
    /// Of the object with this shared state; of none, nobody is told.
    pub(crate) fn new<R: Send + 'static>(shared: Option<&Shared<R>>) -> Self {
        let listener = shared.map_or_else(Listener::caller, |shared| {
            shared.flags().mark_waited();
            let link = Link::new(WakeSource::Ended.key(shared.key()));
            Listener::Object { remote: shared.remote().clone(), link }
        });
        Self { calls: CallTable::new(listener), is_told: false }
    }

    pub(crate) fn add(&mut self, continuation: Continuation<N>) {
        self.calls.insert(continuation);
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Takes note that the link was taken off the ready set.
    pub(crate) fn tell(&mut self) {
        self.is_told = true;
    }

    /// The next call that has ended.
    pub(crate) fn take(&mut self) -> Option<Continuation<N>> {
        let taken = self.calls.take();
        if taken.is_some() || !self.is_told {
            return taken;
        }
        self.is_told = false;
        self.calls.fetch();
        self.calls.take()
    }

    /// Whether [`take`](Self::take) has something to look at.
    pub(crate) fn has_more(&self) -> bool {
        self.is_told || self.calls.has_arrived()
    }

    /// Whether nothing waits, and the link is not on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_idle()
    }

    /// Lets go of all calls. Those that are just ending are on their way all the same.
    pub(crate) fn give_up(&mut self) {
        for place in 0..self.calls.places() {
            drop_caught(self.calls.give_up(place));
        }
    }
}
