//! What an object does when calls that it has made have ended.

use crate::object::shared::Shared;
use crate::panics::drop_caught;
use crate::reply::any_call::AnyCall;
use crate::reply::call_table::{Awaitable, CallTable};
use crate::reply::completions::Listener;
use crate::reply::waiter::Waiter;
use crate::runner::ready::Link;
use crate::runner::task::WakeSource;

/// The calls that one object waits for. Made with the first of them.
pub(crate) struct Continuations<N: ?Sized> {
    calls: CallTable<Continuation<N>>,
    /// The link was taken off the ready set, and the ended calls were not fetched yet.
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
    /// For the object with this shared state; without one, nobody is told of ended calls.
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

    /// Notes that the link was taken off the ready set.
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

    /// Whether [`take`](Self::take) may find a call.
    pub(crate) fn has_more(&self) -> bool {
        self.is_told || self.calls.has_arrived()
    }

    /// Whether it waits for no call, and the link isn't in the ready set.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.is_idle()
    }

    /// Gives up all calls. Those that are ending at this moment still arrive.
    pub(crate) fn give_up(&mut self) {
        for place in 0..self.calls.places() {
            drop_caught(self.calls.give_up(place));
        }
    }
}
