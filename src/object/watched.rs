//! An object whose runner is watched: it asks before it serves, and tells what it has served.

use super::{Object, Queue, drain_side, method_name};
use crate::active::Active;
use crate::event::Recovery;
use crate::full::INJECTED;
use crate::mailbox::Kind;
use crate::mailbox::sealed::{Consumer as _, Shared as _};
use crate::task::Turn;
use crate::world::{Admission, Identity};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

impl<S: Active, K: Kind> Object<S, K> {
    /// What it may do now.
    #[cold]
    #[inline(never)]
    pub(super) fn admission(&self, batch: usize, turn: &Turn) -> Admission {
        let probe = turn.probe.as_ref();
        probe.map_or(Admission::Serve(batch), |probe| probe.admits(self.identity(), batch))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn note_served(&self, count: usize, method: usize, turn: &Turn) {
        if let Some(probe) = turn.probe.as_ref().filter(|_| count > 0) {
            probe.served(self.identity(), method_name::<S>(method), count);
        }
    }

    fn identity(&self) -> Identity<'_> {
        let unnamed = || Identity::Unnamed(S::NAME, self.desk().key());
        self.desk().name().map_or_else(unnamed, Identity::Named)
    }

    /// Has the next request fail in its method, without that having begun; returns how many there were.
    ///
    /// With guards the servant fails beside its requests: whether the next one may run at all isn't
    /// known.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(&mut self, queue: Queue<'_>, turn: &mut Turn) -> usize {
        // Without the message that a panic prints.
        let unwind = || resume_unwind(Box::new(INJECTED));
        if S::HAS_GUARDS {
            self.beside(INJECTED, turn, |_, _| unwind());
            return 1;
        }
        let Self { consumer, ring, extra, .. } = self;
        let desk = ring.bell();
        let mut method = 0;
        let mut fail = |request: S::Request| {
            method = S::method(&request);
            desk.drop_failed(method_name::<S>(method), request);
            unwind();
        };
        let failed = catch_unwind(AssertUnwindSafe(|| match queue {
            Queue::Mailbox => consumer.drain(1, |request, _| fail(request)),
            Queue::Local(mine, end) => desk.pop_local(mine, end).map(&mut fail).is_some().into(),
            Queue::Side(side) => drain_side(extra, side, 1, &mut fail),
        }));
        let Err(payload) = failed else { return 0 };
        self.note_served(1, method, turn);
        let next = self.panicked(method_name::<S>(method), payload, turn);
        self.is_new = next != Recovery::Resumes;
        1
    }
}
