//! What an object runs besides requests: its hooks, timers and continuations, and deferred requests
//! whose guards may hold now.

use crate::mailbox::Kind;
use crate::mailbox::sealed::SharedRing as _;
use crate::object::active::{Active, Batch};
use crate::object::context::Context;
use crate::object::object::{Object, method_name};
use crate::runner::task::Turn;
use crate::runner::traffic;
use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a timer's panic is reported, in place of a method's name.
pub(super) const A_TIMER: &str = "a timer";
/// The same for a continuation.
pub(super) const A_CONTINUATION: &str = "a continuation";
pub(super) const ON_START: &str = "on_start";

impl<S: Active, K: Kind> Object<S, K> {
    /// Tells the servant that a batch has ended, if it wants to know.
    #[inline(always)]
    pub(super) fn end_batch(&mut self, served: usize, turn: &mut Turn) {
        if S::WANTS_BATCH_END && !mem::take(&mut self.is_new) && served > 0 {
            let queued = self.ring.len() + self.shared().priority_lanes().len();
            let batch = Batch { served, queued };
            self.run_hook("on_batch_end", turn, |servant, cx| servant.batch_ended(batch, cx));
        }
    }

    /// Tries the deferred requests again, after something other than a request has run.
    pub(super) fn retry_deferred(&mut self, turn: &mut Turn) {
        let Self { ring, servant: Some(servant), agenda, deferred: Some(deferred), .. } = self
        else {
            return;
        };
        let mut context = turn.context(agenda, ring.bell());
        let mut method = 0;
        let about = |request: &S::Request| method = S::method(request);
        let tried = catch_unwind(AssertUnwindSafe(|| deferred.retry(servant, &mut context, about)));
        if let Err(payload) = tried {
            self.panicked(method_name::<S>(method), payload, turn);
        }
    }

    /// Runs a hook if there is a servant, and reports its panic by that name.
    pub(super) fn run_hook(
        &mut self,
        name: &'static str,
        turn: &mut Turn,
        run: impl FnOnce(&mut S, &mut Context<'_, S>),
    ) {
        if let Err(payload) = self.try_run_hook(turn, run) {
            self.panicked(name, payload, turn);
        }
    }

    pub(super) fn try_run_hook(
        &mut self,
        turn: &mut Turn,
        run: impl FnOnce(&mut S, &mut Context<'_, S>),
    ) -> Result<(), Box<dyn Any + Send>> {
        let Self { ring, servant: Some(servant), agenda, .. } = self else { return Ok(()) };
        let mut context = turn.context(agenda, ring.bell());
        let serving = traffic::serve(S::NAME, ring.bell().name());
        let ran = catch_unwind(AssertUnwindSafe(|| run(servant, &mut context)));
        serving.over(ring.bell().remote().traffic(), 0);
        ran
    }
}
