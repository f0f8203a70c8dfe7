//! Injected failures: the method of the next request panics before it has done anything.

use crate::mailbox::Kind;
use crate::mailbox::sealed::{Consumer as _, SharedRing as _};
use crate::object::active::Active;
use crate::object::object::{Object, method_name};
use crate::object::priority::PriorityLane;
use crate::object::priority::turns::drain_lane;
use crate::reply::unserved::INJECTED;
use crate::runner::task::Turn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

impl<S: Active, K: Kind> Object<S, K> {
    /// Makes the next request fail, if there is one; returns how many failed.
    ///
    /// A servant with guards fails outside its requests, since it isn't known whether the next one may run
    /// at all.
    pub(crate) fn inject_failure(&mut self, turn: &mut Turn) -> usize {
        if !self.ensure_servant(turn) {
            return 0;
        }
        // Without the message that a panic prints.
        let unwind = || resume_unwind(Box::new(INJECTED));
        if S::HAS_GUARDS {
            self.run_hook(INJECTED, turn, |_, _| unwind());
            return 1;
        }
        let Self { consumer, ring, priority_turns, .. } = self;
        let shared = ring.bell();
        let mut method = 0;
        let mut fail = |request: S::Request| {
            method = S::method(&request);
            shared.drop_failed(method_name::<S>(method), request);
            unwind();
        };
        let local = || {
            let owner = shared.remote().owner_token()?;
            shared.pop_local(owner, shared.local_end(owner)?)
        };
        let failed = catch_unwind(AssertUnwindSafe(|| {
            consumer.drain(1, |request, _| fail(request));
            local().into_iter().for_each(&mut fail);
            for lane in PriorityLane::ALL {
                drain_lane(priority_turns, lane, 1, &mut fail);
            }
        }));
        failed.map_or_else(|payload| self.failed(method, payload, turn), |()| 0)
    }
}
