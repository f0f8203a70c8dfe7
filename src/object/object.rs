//! One active object: its servant, and how requests reach it.

use crate::event::{Event, Recovery};
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::{Consumer as _, SharedRing as _};
use crate::mailbox::{Heat, Kind, Position};
use crate::object::active::Active;
use crate::object::agenda::Agenda;
use crate::object::ends::{Consumer, Ring};
use crate::object::exit::{Exit, ExitReason};
use crate::object::failure::policy::FailurePolicy;
use crate::object::guard::{Deferred, Ran};
use crate::object::priority::PriorityLane;
use crate::object::priority::turns::{PriorityTurns, drain_lane};
use crate::object::registration::Registration;
use crate::object::shared::Shared;
use crate::panics::drop_caught;
use crate::runner::owner::OwnerToken;
use crate::runner::task::{Task as _, Turn};
use crate::runner::traffic;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An object's state that only its runner's thread touches.
pub(crate) struct Object<S: Active, K: Kind> {
    pub(super) consumer: Consumer<S, K>,
    pub(super) ring: IntrusiveArc<Ring<S, K>>,
    /// `None` while it is suspended, after its last panic, and at the end.
    pub(super) servant: Option<S>,
    /// `COLD` was set and its wake-up not yet taken: the link may be in the ready set, so the object must
    /// stay.
    pub(super) is_cold: bool,
    /// All requests served in this turn so far were served by an earlier servant.
    pub(super) is_new: bool,
    pub(super) heat: Heat,
    /// The last method of the last batch.
    pub(super) last: u32,
    /// Made with the first timer or continuation.
    pub(super) agenda: Option<Box<Agenda<S>>>,
    /// Made for the first request whose guard doesn't hold.
    pub(super) deferred: Option<Box<Deferred<S::Request>>>,
    /// Made with the object if it has a policy, or with the first failure.
    pub(super) failure_policy: Option<Box<FailurePolicy<S>>>,
    /// Few objects have this; their turns take another path.
    pub(super) priority_turns: Option<Box<PriorityTurns<S::Request>>>,
    /// `None` only at the very end.
    pub(super) registration: Option<Registration>,
}

impl<S: Active, K: Kind> Object<S, K> {
    pub(crate) fn new(
        servant: S,
        consumer: Consumer<S, K>,
        ring: IntrusiveArc<Ring<S, K>>,
        heat: Heat,
        failure_policy: Option<Box<FailurePolicy<S>>>,
        registration: Registration,
    ) -> Self {
        let priority_turns = PriorityTurns::of(ring.bell().policy());
        Self {
            consumer,
            ring,
            servant: Some(servant),
            is_cold: false,
            is_new: false,
            heat,
            last: 0,
            agenda: None,
            deferred: None,
            failure_policy,
            priority_turns,
            registration: Some(registration),
        }
    }

    pub(super) fn shared(&self) -> &Shared<S::Request> {
        self.ring.bell()
    }

    /// Serves at most `batch` requests of one queue; returns how many it took.
    pub(super) fn run(&mut self, batch: usize, queue: Queue<'_>, turn: &mut Turn) -> usize {
        if !self.ensure_servant(turn) {
            return if self.is_suspended() { 0 } else { self.discard(batch, queue) };
        }
        let serving = traffic::serve(S::NAME, self.shared().name());
        // Called only from here, so the compiler inlines it.
        let served = self.serve(batch, queue, turn);
        serving.over(self.shared().remote().traffic(), *served.as_ref().unwrap_or(&0));
        match served {
            Ok(served) => {
                if S::WANTS_BATCH_END {
                    self.is_new = false;
                }
                served
            }
            Err((method, payload)) => self.failed(method, payload, turn),
        }
    }

    /// Makes sure of a servant, and returns whether there is one. Drops that of an aborted object; makes
    /// one for an object that was closed while it was suspended.
    #[inline(always)]
    pub(super) fn ensure_servant(&mut self, turn: &mut Turn) -> bool {
        if self.shared().is_aborted() {
            self.drop_servant();
        }
        self.servant.is_some() || self.restart_if_closed(turn)
    }

    /// Whether the object must stay for calls that it waits for. Gives them up if it was aborted or has no
    /// servant.
    pub(super) fn settle_continuations(&mut self) -> bool {
        if self.servant.is_none() || self.shared().is_aborted() {
            self.give_up();
        }
        let continuations = self.agenda.as_mut().and_then(|agenda| agenda.continuations());
        continuations.is_some_and(|continuations| !continuations.is_idle())
    }

    /// Drops the requests that wait for their guards: their calls end `Stopped`.
    pub(super) fn drop_deferred(&mut self) {
        if let Some(mut deferred) = self.deferred.take() {
            self.shared().pool().mark_stopped();
            while let Some(request) = deferred.pop() {
                drop_caught(request);
            }
        }
    }

    /// Handles the panic of a request's method; returns how many requests it was.
    #[cold]
    pub(super) fn failed(
        &mut self,
        method: usize,
        payload: Box<dyn Any + Send>,
        turn: &mut Turn,
    ) -> usize {
        self.last = method as u32;
        let next = self.panicked(method_name::<S>(method), payload, turn);
        self.is_new = next != Recovery::Resumes;
        1
    }

    /// As [`run`](Self::run), for an object with a servant. An error is a method that panicked, and its
    /// payload.
    pub(super) fn serve(
        &mut self,
        batch: usize,
        queue: Queue<'_>,
        turn: &mut Turn,
    ) -> Result<usize, (usize, Box<dyn Any + Send>)> {
        let Self {
            consumer,
            ring,
            servant: Some(servant),
            agenda,
            deferred,
            priority_turns,
            last,
            ..
        } = self
        else {
            return Ok(0);
        };
        let shared = ring.bell();
        let mut context = turn.context(agenda, shared);
        let mut method = 0;
        let mut count = 0;
        // One `catch_unwind` for the batch, not one for each request: `method` says which one failed.
        catch_unwind(AssertUnwindSafe(|| {
            let mut serve = |request: S::Request| {
                if shared.is_aborted() {
                    // The aborter may not have reached this call's cell yet.
                    shared.pool().mark_stopped();
                    return drop_caught(request);
                }
                method = S::method(&request);
                // In this form the compiler removes the other branch before it decides what to inline,
                // and no other place dispatches. With two such places 128 calls in flight took 67 to
                // 71 ns each rather than 44.
                if S::HAS_GUARDS {
                    let room = || Box::new(Deferred::new(shared.policy().capacity));
                    let deferred = deferred.get_or_insert_with(room);
                    match deferred.run_or_keep(servant, request, &mut context) {
                        Ran::Yes => {
                            let about = |request: &S::Request| method = S::method(request);
                            deferred.retry(servant, &mut context, about);
                        }
                        Ran::NotYet => {}
                        Ran::NoRoom(request) => shared.shed(|| {
                            drop_caught(request);
                            1
                        }),
                    }
                } else {
                    servant.dispatch(request, &mut context);
                }
            };
            match queue {
                Queue::Mailbox => count = consumer.drain(batch, |request, _last| serve(request)),
                Queue::Local(owner, end) => {
                    while count < batch {
                        let Some(request) = shared.pop_local(owner, end) else { break };
                        count += 1;
                        serve(request);
                    }
                }
                Queue::PriorityLane(lane) => {
                    count = drain_lane(priority_turns, lane, batch, &mut serve);
                }
            }
        }))
        .map_err(|payload| (method, payload))?;
        *last = method as u32;
        Ok(count)
    }

    /// Has the runner look again at the local calls that are left: those beyond a batch, or behind a
    /// panic.
    pub(super) fn note_left(&self, owner: OwnerToken<'_>) {
        if self.shared().local_len(owner) == 0 {
            return;
        }
        match self.is_suspended() && !self.ring.is_closed() {
            true => self.shared().mute_local(owner),
            false => self.shared().note_called(owner),
        }
    }

    /// Drops at most `batch` requests of one queue: their calls end `Stopped`.
    pub(super) fn discard(&mut self, batch: usize, queue: Queue<'_>) -> usize {
        self.drop_deferred();
        self.shared().pool().mark_stopped();
        match queue {
            Queue::Mailbox => self.consumer.drain(batch, |request, _| drop_caught(request)),
            Queue::Local(owner, end) => {
                let requests = std::iter::from_fn(|| self.shared().pop_local(owner, end));
                requests.take(batch).map(drop_caught).count()
            }
            Queue::PriorityLane(lane) => {
                drain_lane(&mut self.priority_turns, lane, batch, &mut drop_caught)
            }
        }
    }

    pub(super) fn cancel_timers(&mut self, turn: &mut Turn) {
        if let Some(agenda) = &mut self.agenda {
            // What the timers capture is the user's, and may panic when dropped.
            drop_caught(agenda.cancel_timers(&mut turn.wheel));
        }
    }

    /// The object's name, or its type's.
    pub(super) fn name(&self) -> String {
        self.shared().name().unwrap_or(S::NAME).to_owned()
    }

    pub(super) fn tell(&self, event: Event) {
        if let Some(registration) = &self.registration {
            registration.tell(&event);
        }
    }

    /// Why the object has ended.
    pub(super) fn reason(&mut self) -> ExitReason {
        let shared = self.ring.bell();
        let told = match () {
            () if shared.is_aborted() => ExitReason::Aborted,
            () if shared.flags().was_stopped() => ExitReason::Stopped,
            () => ExitReason::Deserted,
        };
        self.failure_policy
            .as_mut()
            .and_then(|failure_policy| failure_policy.take_reason())
            .unwrap_or(told)
    }
}

pub(super) fn method_name<S: Active>(method: usize) -> &'static str {
    S::METHODS.get(method).map_or("?", |method| method.name)
}

/// Where requests come from.
#[derive(Clone, Copy)]
pub(super) enum Queue<'a> {
    Mailbox,
    /// Calls of the runner's own thread that came while the mailbox ended at this position.
    Local(OwnerToken<'a>, Position),
    /// A lane beside the mailbox.
    PriorityLane(PriorityLane),
}

impl<S: Active, K: Kind> Drop for Object<S, K> {
    fn drop(&mut self) {
        drop_caught(self.servant.take());
        self.drop_deferred();
        let exit = Exit { object: self.name(), reason: self.reason() };
        // The factory is the user's, and may panic when dropped.
        drop_caught(self.failure_policy.take());
        // Before the monitors run: one of them may spawn a successor with the same name.
        drop(self.registration.take());
        self.shared().exits().notify(exit);
    }
}
