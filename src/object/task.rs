//! An object as its runner sees it.

use crate::mailbox::sealed::{Consumer as _, SharedRing as _};
use crate::mailbox::{Kind, Pop};
use crate::object::active::Active;
use crate::object::control::stop;
use crate::object::hooks::{A_CONTINUATION, A_TIMER, ON_START};
use crate::object::object::{Object, Queue, method_name};
use crate::object::priority::PriorityLane;
use crate::object::priority::turns::cool;
use crate::panics::drop_caught;
use crate::runner::owner::OwnerToken;
use crate::runner::remote::Remote;
use crate::runner::task::{
    Cooling, Identity, ObjectStatus, Progress, RESTART_TIMER, RestartOrder, Task, Turn, WakeSource,
};
use std::ptr;

impl<S: Active, K: Kind> Task for Object<S, K> {
    fn turn(&mut self, remote: &Remote, turn: &mut Turn) -> Progress {
        if self.priority_turns.is_some() {
            return self.turn_by_priority(remote, turn);
        }
        // Most turns find nothing, and must cost little.
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
        if self.priority_turns.is_some() {
            return self.serve_by_priority(Some(owner), turn);
        }
        let batch = turn.batch;
        self.shared().note_turned(owner);
        // Calls that it makes to itself meanwhile are served after the other objects.
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
            && let Some(continuation) = self.agenda.as_mut().and_then(|a| a.continuations()?.take())
        {
            count += 1;
            if self.shared().is_aborted() {
                self.drop_servant();
            }
            if self.servant.is_none() {
                drop_caught(continuation);
                continue;
            }
            self.run_hook(A_CONTINUATION, turn, |servant, context| {
                continuation.run(servant, context)
            });
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
        // Its continuations may owe answers.
        self.shared().stop_replies();
        self.drop_continuations();
    }

    fn start(&mut self, turn: &mut Turn) {
        self.run_hook(ON_START, turn, S::started);
    }

    fn finish(&mut self, turn: &mut Turn) {
        self.drop_deferred();
        if let Some(agenda) = &mut self.agenda {
            agenda.end_continuations();
        }
        if let Some(failure_policy) = &mut self.failure_policy {
            failure_policy.is_ending = true;
            if let Some(armed) = failure_policy.restart_timer.take() {
                turn.wheel.cancel(armed);
            }
        }
        if !self.shared().is_aborted() {
            self.run_hook("on_stop", turn, |servant, context| {
                // Nothing that it starts here is waited for.
                context.shared = None;
                servant.stopping(context);
            });
        }
        self.cancel_timers(turn);
        // Before dropping what may owe an answer.
        self.shared().stop_replies();
        drop_caught(self.agenda.take());
    }

    fn clear_wake(&mut self, source: WakeSource) {
        match source {
            WakeSource::Mailbox => self.is_cold = false,
            WakeSource::Urgent => self.clear_lane_wake(PriorityLane::Urgent),
            WakeSource::Bulk => self.clear_lane_wake(PriorityLane::Bulk),
            WakeSource::Ended => {
                if let Some(continuations) =
                    self.agenda.as_mut().and_then(|agenda| agenda.continuations())
                {
                    continuations.tell();
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
            // The lanes are closed now, and those that were cold still owe a wake-up.
            Cooling::Over if !self.finish_lanes() => self.cool_lanes(),
            // It has served everything; the calls that it waits for will ring.
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
        stop(&*self.ring);
    }

    fn is_stopped(&self) -> bool {
        self.ring.is_closed()
    }

    fn restart(&mut self, shared: usize, order: RestartOrder, turn: &mut Turn) -> bool {
        // A closed object ends with the servant that it has.
        if ptr::from_ref(self.shared()).addr() != shared || self.ring.is_closed() {
            return false;
        }
        let is_new =
            self.failure_policy.as_mut().is_some_and(|failure_policy| failure_policy.apply(order));
        // Without a servant, it is waiting for a new one already.
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
        // An earlier note had no key.
        self.shared().call_again();
    }
}
