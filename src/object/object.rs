//! One active object: its servant, and how requests get there.

use crate::event::{Event, Recovery};
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::{Consumer as _, SharedRing as _};
use crate::mailbox::{Heat, Kind, Pop, Position};
use crate::object::active::{Active, Batch};
use crate::object::context::{Agenda, Context};
use crate::object::control::stop;
use crate::object::exit::{Exit, ExitReason};
use crate::object::failure::policy::FailurePolicy;
use crate::object::guard::{Deferred, Ran};
use crate::object::priority::PriorityLane;
use crate::object::priority::turns::{PriorityTurns, cool, drain_lane};
use crate::object::registration::Registration;
use crate::object::shared::{Consumer, Ring, Shared};
use crate::panics::drop_caught;
use crate::runner::remote::{OwnerToken, Remote};
use crate::runner::task::{
    Cooling, Identity, ObjectStatus, Progress, RESTART_TIMER, RestartOrder, Task, Turn, WakeSource,
};
use crate::runner::traffic;
use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// What the runner's thread alone touches.
pub(crate) struct Object<S: Active, K: Kind> {
    pub(super) consumer: Consumer<S, K>,
    pub(super) ring: IntrusiveArc<Ring<S, K>>,
    /// `None` while it is suspended, after its last panic, and at the end.
    pub(super) servant: Option<S>,
    /// `COLD` was set and the token not yet taken: the link may be in the ready set, so the object
    /// must stay.
    pub(super) is_cold: bool,
    /// What was served in this turn, so far, was another servant's.
    pub(super) is_new: bool,
    pub(super) heat: Heat,
    /// The last batch's last method.
    pub(super) last: u32,
    /// Made with the first timer, or call that it waits for.
    pub(super) agenda: Option<Box<Agenda<S>>>,
    /// Made for the first request whose guard doesn't hold.
    pub(super) deferred: Option<Box<Deferred<S::Request>>>,
    /// Made with a policy, or by the first failure.
    pub(super) failure_policy: Option<Box<FailurePolicy<S>>>,
    /// What few objects have: then turns take another way.
    pub(super) extra: Option<Box<PriorityTurns<S::Request>>>,
    /// `None` at the very end.
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
        let extra = PriorityTurns::of(ring.bell().policy());
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
            extra,
            registration: Some(registration),
        }
    }

    pub(super) fn shared(&self) -> &Shared<S::Request> {
        self.ring.bell()
    }

    /// Runs at most `batch` of what waits in one of the queues; returns how many requests that were.
    pub(super) fn run(&mut self, batch: usize, queue: Queue<'_>, turn: &mut Turn) -> usize {
        if !self.ensure_servant(turn) {
            return if self.is_suspended() { 0 } else { self.discard(batch, queue) };
        }
        let serving = traffic::serve(S::NAME, self.shared().name());
        // Called from here alone: so the compiler inlines it.
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

    /// Whether somebody can serve. An aborted object's servant is let go; that of an object which was
    /// closed while it was suspended is made.
    #[inline(always)]
    pub(super) fn ensure_servant(&mut self, turn: &mut Turn) -> bool {
        if self.shared().is_aborted() {
            self.drop_servant();
        }
        self.servant.is_some() || self.restart_if_closed(turn)
    }

    /// Tells the servant, if it wants to know, that its turn is over.
    #[inline(always)]
    pub(super) fn end_batch(&mut self, served: usize, turn: &mut Turn) {
        if S::WANTS_BATCH_END && !mem::take(&mut self.is_new) && served > 0 {
            let queued = self.ring.len() + self.shared().priority_lanes().len();
            let batch = Batch { served, queued };
            self.run_hook("on_batch_end", turn, |servant, cx| servant.batch_ended(batch, cx));
        }
    }

    /// Tries what waits for its guard, where something else than a request has run.
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

    /// Whether calls are pending that it will go on with: it stays for them, unless it was aborted.
    pub(super) fn settle_continuations(&mut self) -> bool {
        if self.servant.is_none() || self.shared().is_aborted() {
            self.give_up();
        }
        let waits = self.agenda.as_mut().and_then(|agenda| agenda.waits());
        waits.is_some_and(|waits| !waits.is_idle())
    }

    /// Drops what waits for its guard: its calls end `Stopped`.
    pub(super) fn drop_deferred(&mut self) {
        if let Some(mut deferred) = self.deferred.take() {
            self.shared().pool().mark_stopped();
            while let Some(request) = deferred.pop() {
                drop_caught(request);
            }
        }
    }

    /// Runs what is no request, if there is a servant. Its panic is reported by that name.
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

    /// A request's method has panicked; returns how many requests that were.
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

    /// As [`run`](Self::run), with a servant; or the panic and its method.
    pub(super) fn serve(
        &mut self,
        batch: usize,
        queue: Queue<'_>,
        turn: &mut Turn,
    ) -> Result<usize, (usize, Box<dyn Any + Send>)> {
        let Self { consumer, ring, servant: Some(servant), agenda, deferred, extra, last, .. } =
            self
        else {
            return Ok(0);
        };
        let shared = ring.bell();
        let mut context = turn.context(agenda, shared);
        let mut method = 0;
        let mut count = 0;
        // One `catch_unwind` a batch, not one a request: what failed is in `method`.
        catch_unwind(AssertUnwindSafe(|| {
            let mut serve = |request: S::Request| {
                if shared.is_aborted() {
                    // The aborter may not have come to this call's cell yet.
                    shared.pool().mark_stopped();
                    return drop_caught(request);
                }
                method = S::method(&request);
                // In this form the compiler leaves the other branch out before it decides what to
                // inline, and there is no other place that dispatches: with two of them 128 calls in
                // flight took 67 to 71 ns each rather than 44.
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
                Queue::PriorityLane(side) => count = drain_lane(extra, side, batch, &mut serve),
            }
        }))
        .map_err(|payload| (method, payload))?;
        *last = method as u32;
        Ok(count)
    }

    /// Has the runner turn to local calls that are left: more than a batch, or what a panic has left
    /// behind it.
    pub(super) fn note_left(&self, owner: OwnerToken<'_>) {
        if self.shared().local_len(owner) == 0 {
            return;
        }
        match self.is_suspended() && !self.ring.is_closed() {
            true => self.shared().mute_local(owner),
            false => self.shared().note_called(owner),
        }
    }

    /// Drops what waits: each call's reply ends it with `Stopped`.
    pub(super) fn discard(&mut self, batch: usize, queue: Queue<'_>) -> usize {
        self.drop_deferred();
        self.shared().pool().mark_stopped();
        match queue {
            Queue::Mailbox => self.consumer.drain(batch, |request, _| drop_caught(request)),
            Queue::Local(owner, end) => {
                let requests = std::iter::from_fn(|| self.shared().pop_local(owner, end));
                requests.take(batch).map(drop_caught).count()
            }
            Queue::PriorityLane(side) => drain_lane(&mut self.extra, side, batch, &mut drop_caught),
        }
    }

    pub(super) fn cancel_timers(&mut self, turn: &mut Turn) {
        if let Some(agenda) = &mut self.agenda {
            // What they capture is the user's.
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
            () if shared.was_stopped() => ExitReason::Stopped,
            () => ExitReason::Deserted,
        };
        self.failure_policy
            .as_mut()
            .and_then(|failure_policy| failure_policy.take_reason())
            .unwrap_or(told)
    }
}

/// What a timer's panic is reported as, in place of a method.
pub(super) const A_TIMER: &str = "a timer";
/// The same for what goes on after a call has ended.
pub(super) const A_CONTINUATION: &str = "a continuation";
pub(super) const ON_START: &str = "on_start";

pub(super) fn method_name<S: Active>(method: usize) -> &'static str {
    S::METHODS.get(method).map_or("?", |method| method.name)
}

/// Where requests come from.
#[derive(Clone, Copy)]
pub(super) enum Queue<'a> {
    Mailbox,
    /// The runner's own thread: what came when the mailbox ended there.
    Local(OwnerToken<'a>, Position),
    /// A lane beside the mailbox.
    PriorityLane(PriorityLane),
}

impl<S: Active, K: Kind> Drop for Object<S, K> {
    fn drop(&mut self) {
        drop_caught(self.servant.take());
        self.drop_deferred();
        let exit = Exit { object: self.name(), reason: self.reason() };
        // The factory is the user's, and what it captures.
        drop_caught(self.failure_policy.take());
        // Before the monitors run: one may spawn a successor of the same name.
        drop(self.registration.take());
        self.shared().exits().notify(exit);
    }
}

impl<S: Active, K: Kind> Task for Object<S, K> {
    fn turn(&mut self, remote: &Remote, turn: &mut Turn) -> Progress {
        if self.extra.is_some() {
            return self.turn_with_extra(remote, turn);
        }
        // Most looks find nothing, and shall cost little.
        if !self.consumer.has_any() {
            return Progress::Idle;
        }
        if let Some(owner) =
            remote.owner_token().filter(|owner| self.shared().local_len(*owner) > 0)
        {
            return Progress::of(self.turn_local(owner, turn));
        }
        let served = self.run(turn.batch, Queue::Mailbox, turn);
        self.end_batch(served, turn);
        Progress::of(served)
    }

    fn turn_local(&mut self, owner: OwnerToken<'_>, turn: &mut Turn) -> usize {
        if self.extra.is_some() {
            return self.turn_extra(Some(owner), turn);
        }
        let batch = turn.batch;
        self.shared().note_turned(owner);
        // What it calls itself meanwhile has its turn after the others.
        let mut waiting = self.shared().local_len(owner).min(batch);
        let mut count = 0;
        while waiting > 0
            && count < batch
            && let Some(end) = self.shared().local_end(owner)
        {
            let before = self.consumer.before(end);
            let served = if before > 0 {
                self.run(before.min(batch - count), Queue::Mailbox, turn)
            } else {
                let room = waiting.min(batch - count);
                let served = self.run(room, Queue::Local(owner, end), turn);
                waiting -= served;
                served
            };
            if served == 0 {
                break;
            }
            count += served;
        }
        self.end_batch(count, turn);
        self.note_left(owner);
        count
    }

    fn fire(&mut self, timer: u32, turn: &mut Turn) {
        if timer == RESTART_TIMER {
            return self.restart_now(turn);
        }
        self.run_hook(A_TIMER, turn, |servant, context| context.fire(servant, timer));
        if S::HAS_GUARDS {
            self.retry_deferred(turn);
        }
    }

    fn run_continuations(&mut self, turn: &mut Turn) -> usize {
        let mut count = 0;
        while count < turn.batch
            && let Some(wait) = self.agenda.as_mut().and_then(|a| a.waits()?.take())
        {
            count += 1;
            if self.shared().is_aborted() {
                self.drop_servant();
            }
            if self.servant.is_none() {
                drop_caught(wait);
                continue;
            }
            self.run_hook(A_CONTINUATION, turn, |servant, context| wait.run(servant, context));
            if S::HAS_GUARDS {
                self.retry_deferred(turn);
            }
        }
        count
    }

    fn goes_on(&self) -> bool {
        self.agenda.as_ref().is_some_and(|agenda| agenda.goes_on())
    }

    fn give_up(&mut self) {
        // What it would have gone on with may owe answers.
        self.shared().stop_replies();
        self.drop_waits();
    }

    fn start(&mut self, turn: &mut Turn) {
        self.run_hook(ON_START, turn, S::started);
    }

    fn finish(&mut self, turn: &mut Turn) {
        self.drop_deferred();
        if let Some(agenda) = &mut self.agenda {
            agenda.end_waits();
        }
        if let Some(failure_policy) = &mut self.failure_policy {
            failure_policy.is_ending = true;
            if let Some(armed) = failure_policy.restart_timer.take() {
                turn.wheel.cancel(armed);
            }
        }
        if !self.shared().is_aborted() {
            self.run_hook("on_stop", turn, |servant, context| {
                // What it begins here is not waited for.
                context.shared = None;
                servant.stopping(context);
            });
        }
        self.cancel_timers(turn);
        // Before whatever owes an answer is dropped.
        self.shared().stop_replies();
        drop_caught(self.agenda.take());
    }

    fn clear_wake(&mut self, token: WakeSource) {
        match token {
            WakeSource::Mailbox => self.is_cold = false,
            WakeSource::Urgent => self.clear_lane_wake(PriorityLane::Urgent),
            WakeSource::Bulk => self.clear_lane_wake(PriorityLane::Bulk),
            WakeSource::Ended => {
                if let Some(waits) = self.agenda.as_mut().and_then(|agenda| agenda.waits()) {
                    waits.tell();
                }
            }
        }
    }

    fn cool(&mut self) -> Cooling {
        // Not cooled: whoever calls it meanwhile needn't ring.
        if self.stays_suspended() {
            return Cooling::Suspended;
        }
        let priority_lanes = self.cool_lanes();
        if !matches!(priority_lanes, Cooling::Cold | Cooling::Over) {
            return priority_lanes;
        }
        match cool(&mut self.consumer, &mut self.is_cold, self.heat) {
            Cooling::Over if !self.shared().is_local_empty() => Cooling::Hot,
            // They are closed now, and those that were cold owe a token.
            Cooling::Over if !self.finish_lanes() => self.cool_lanes(),
            // It has served everything, and the calls that it waits for ring.
            Cooling::Over if self.settle_continuations() => Cooling::Cold,
            cooling => cooling,
        }
    }

    fn keep(&mut self) -> Cooling {
        match () {
            () if self.try_finish() => Cooling::Over,
            () if self.stays_suspended() => Cooling::Suspended,
            () => Cooling::Hot,
        }
    }

    fn try_finish(&mut self) -> bool {
        let is_drained =
            !self.is_cold && self.shared().is_local_empty() && self.consumer.peek() == Pop::Closed;
        is_drained && self.finish_lanes() && !self.settle_continuations()
    }

    fn stop(&self) {
        stop::<S, K>(&self.ring);
    }

    fn is_stopped(&self) -> bool {
        self.ring.is_closed()
    }

    fn restart(&mut self, shared: usize, order: RestartOrder, turn: &mut Turn) -> bool {
        // One that was closed goes on to its end with the servant that it has.
        if ptr::from_ref(self.shared()).addr() != shared || self.ring.is_closed() {
            return false;
        }
        let is_new =
            self.failure_policy.as_mut().is_some_and(|failure_policy| failure_policy.apply(order));
        // Without a servant it waits for a new one already.
        let restarts = is_new && self.servant.is_some();
        if restarts {
            self.restart_after(order.after, turn);
        }
        restarts
    }

    fn status(&self) -> ObjectStatus {
        let shared = self.shared();
        ObjectStatus {
            name: self.name(),
            requests: self.requests(),
            deferred: self.deferred.as_ref().map_or(0, |deferred| deferred.len()),
            calls: shared.pending_calls(),
            waits: self.agenda.as_ref().map_or(0, |agenda| agenda.waiting()),
            is_suspended: self.is_suspended(),
        }
    }

    fn requests(&self) -> usize {
        let shared = self.shared();
        let local = shared.remote().owner_token().map_or(0, |owner| shared.local_len(owner));
        self.ring.len() + shared.priority_lanes().len() + local
    }

    fn call_again(&self) {
        self.shared().call_again();
    }

    fn identity(&self) -> Identity<'_> {
        let unnamed = || Identity::Unnamed(S::NAME, self.shared().key());
        self.shared().name().map_or_else(unnamed, Identity::Named)
    }

    fn last_method(&self) -> &'static str {
        method_name::<S>(self.last as usize)
    }

    fn fail(&mut self, turn: &mut Turn) -> usize {
        self.inject_failure(turn)
    }

    fn set_key(&mut self, key: usize) {
        self.shared().set_key(key);
        self.take_lanes();
        // A note from before bore no key.
        self.shared().call_again();
    }
}
