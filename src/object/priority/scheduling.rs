//! The turns of an object that has lanes beside its mailbox, or drops the oldest requests.

use crate::mailbox::sealed::{Consumer, SharedRing as _};
use crate::mailbox::{Kind, Pop, Position};
use crate::object::active::Active;
use crate::object::object::{Object, Queue};
use crate::object::priority::lanes::LaneConsumers;
use crate::object::priority::turns::{Lane, PriorityTurns, cool};
use crate::object::priority::{Priority, PriorityLane};
use crate::object::shared::Shared;
use crate::panics::drop_caught;
use crate::runner::owner::OwnerToken;
use crate::runner::remote::Remote;
use crate::runner::task::{Cooling, Progress, Turn};

impl<S: Active, K: Kind> Object<S, K> {
    /// As [`Task::turn`](crate::runner::task::Task::turn), with the same parameters and result: so objects
    /// without such lanes pay for one branch and no more.
    #[inline(never)]
    pub(crate) fn turn_by_priority(&mut self, remote: &Remote, turn: &mut Turn) -> Progress {
        Progress::of(self.serve_by_priority(remote.owner_token(), turn))
    }

    /// A turn that serves local calls too.
    ///
    /// All lanes share one batch, and before each request all of them are checked.
    #[inline(never)]
    pub(crate) fn serve_by_priority(
        &mut self,
        owner: Option<OwnerToken<'_>>,
        turn: &mut Turn,
    ) -> usize {
        // Calls that it makes to itself meanwhile are served after the other objects.
        let owner = owner.filter(|owner| self.shared().local_len(*owner) > 0);
        let has_any = |object: &mut Self| object.lanes().any(|lane| lane.consumer.has_any());
        if owner.is_none() && !self.consumer.has_any() && !has_any(self) {
            return 0;
        }
        let local = owner.map_or(0, |owner| self.shared().local_len(owner).min(turn.batch));
        owner.inspect(|owner| self.shared().note_turned(*owner));
        if self.ensure_servant(turn) {
            self.shed();
        }
        let served = self.serve_lanes(owner, local, turn);
        self.end_batch(served, turn);
        owner.inspect(|owner| self.note_left(*owner));
        served
    }

    /// Picks a lane and serves one of its requests, again and again.
    fn serve_lanes(
        &mut self,
        owner: Option<OwnerToken<'_>>,
        mut local: usize,
        turn: &mut Turn,
    ) -> usize {
        let mut count = 0;
        while count < turn.batch {
            let Self { consumer, ring, priority_turns: Some(turns), .. } = self else { break };
            let normal = next_normal(consumer, ring.bell(), owner, local);
            let PriorityTurns { lanes, picker, .. } = &mut **turns;
            let mut waits = |lane: PriorityLane| {
                lanes.as_mut().is_some_and(|lanes| lanes[lane as usize].consumer.has_any())
            };
            let (urgent, bulk) = (waits(PriorityLane::Urgent), waits(PriorityLane::Bulk));
            let before = *picker;
            let queue = match picker.next(urgent, normal.is_some(), bulk) {
                None => break,
                Some(Priority::Urgent) => Some(Queue::PriorityLane(PriorityLane::Urgent)),
                Some(Priority::Bulk) => Some(Queue::PriorityLane(PriorityLane::Bulk)),
                Some(Priority::Normal) => match normal {
                    Some(Next::Later) => None,
                    Some(Next::Local(owner, end)) => {
                        local -= 1;
                        Some(Queue::Local(owner, end))
                    }
                    _ => Some(Queue::Mailbox),
                },
            };
            let served = queue.map_or(0, |queue| self.run(1, queue, turn));
            // A claim that was given up, or isn't filled yet: checked again in the next turn.
            if served == 0 {
                self.priority_turns.iter_mut().for_each(|turns| turns.picker = before);
                break;
            }
            count += served;
        }
        count
    }

    /// Drops the oldest requests beyond the capacity, if the object's policy says so.
    fn shed(&mut self) {
        let Self { consumer, ring, priority_turns: Some(turns), .. } = self else { return };
        let Some((priority_lanes, mailbox)) = turns.kept else { return };
        let shared = ring.bell();
        let shed = |excess, drain: &mut dyn FnMut(usize) -> usize| {
            if excess > 0 {
                shared.shed(|| drain(excess));
            }
        };
        let excess = ring.len().saturating_sub(mailbox);
        shed(excess, &mut |excess| consumer.drain(excess, |request, _| drop_caught(request)));
        for (lane, kept) in turns.lanes.iter_mut().flatten().zip(priority_lanes) {
            let excess = lane.consumer.len().saturating_sub(kept);
            let consumer = &mut lane.consumer;
            shed(excess, &mut |excess| consumer.drain(excess, |request, _| drop_caught(request)));
        }
    }

    fn lanes(&mut self) -> impl Iterator<Item = &mut Lane<S::Request>> {
        self.priority_turns.iter_mut().flat_map(|turns| &mut turns.lanes).flatten()
    }

    /// Takes the lanes' consumers out of the shared state, if they were made since.
    pub(crate) fn take_lanes(&mut self) {
        let Some(LaneConsumers { consumers, are_cold }) = self.shared().priority_lanes().take()
        else {
            return;
        };
        let turns = self.priority_turns.get_or_insert_with(|| Box::new(PriorityTurns::new()));
        turns.lanes = Some(consumers.map(|consumer| Lane { consumer, is_cold: are_cold }));
    }

    pub(crate) fn clear_lane_wake(&mut self, lane: PriorityLane) {
        self.take_lanes();
        if let Some(lane) = self.lanes().nth(lane as usize) {
            lane.is_cold = false;
        }
    }

    /// Cools the lanes beside the mailbox: `Cold` if at least one is cold and none is busy, `Over` if all
    /// are over or there are none.
    pub(crate) fn cool_lanes(&mut self) -> Cooling {
        let heat = self.heat;
        let mut all = Cooling::Over;
        for lane in self.lanes() {
            match cool(&mut lane.consumer, &mut lane.is_cold, heat) {
                Cooling::Over => {}
                Cooling::Cold => all = Cooling::Cold,
                busy => return busy,
            }
        }
        all
    }

    /// Closes the lanes beside a mailbox that is over, and returns whether they are drained and off the ready
    /// set. Whoever closed the mailbox may not have reached the lanes yet, and the last producer closes the
    /// mailbox only.
    pub(crate) fn finish_lanes(&mut self) -> bool {
        self.shared().priority_lanes().close();
        self.take_lanes();
        self.lanes().all(|lane| !lane.is_cold && lane.consumer.peek() == Pop::Closed)
    }
}

/// Where the next normal request comes from.
#[derive(Clone, Copy)]
enum Next<'a> {
    Mailbox,
    /// A call of the runner's own thread.
    Local(OwnerToken<'a>, Position),
    /// Such a call, but made during this turn: it is for the next turn, as are those behind it.
    Later,
}

/// The next normal request: one that another thread has sent, or one of at most `local` local calls.
fn next_normal<'a, R: Send + 'static, C: Consumer<R, Shared<R>>>(
    consumer: &mut C,
    shared: &Shared<R>,
    owner: Option<OwnerToken<'a>>,
    local: usize,
) -> Option<Next<'a>> {
    let end = owner.and_then(|owner| shared.local_end(owner).map(|end| (owner, end)));
    match end {
        Some((_, end)) if consumer.before(end) > 0 => Some(Next::Mailbox),
        Some(_) if local == 0 => Some(Next::Later),
        Some((owner, end)) => Some(Next::Local(owner, end)),
        // `peek` as well, since `has_any` may be true although nothing is there.
        None if !consumer.has_any() => None,
        None => (!matches!(consumer.peek(), Pop::Empty | Pop::Closed)).then_some(Next::Mailbox),
    }
}
