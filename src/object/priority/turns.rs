//! The state of an object that has lanes beside its mailbox, or drops the oldest requests.

use crate::mailbox::sealed::Consumer;
use crate::mailbox::{Heat, Pop};
use crate::object::overflow::MailboxPolicy;
use crate::object::priority::PriorityLane;
use crate::object::priority::lanes::LaneConsumer;
use crate::object::priority::picker::PriorityPicker;
use crate::runner::task::Cooling;

/// See the module. Few objects have this.
pub(crate) struct PriorityTurns<R: Send + 'static> {
    /// In the order of [`PriorityLane`]. Taken from the shared state once the runner learns of them.
    pub(super) lanes: Option<[Lane<R>; 2]>,
    pub(super) picker: PriorityPicker,
    /// How many requests each lane beside the mailbox may keep, and the mailbox, if the oldest are dropped.
    pub(super) kept: Option<([usize; 2], usize)>,
}

/// A lane beside the mailbox.
pub(super) struct Lane<R: Send + 'static> {
    pub(super) consumer: LaneConsumer<R>,
    /// As [`Object::is_cold`](crate::object::object::Object::is_cold).
    pub(super) is_cold: bool,
}

impl<R: Send + 'static> PriorityTurns<R> {
    pub(super) fn new() -> Self {
        Self { lanes: None, picker: PriorityPicker::default(), kept: None }
    }

    /// The initial state for this policy; most objects have none.
    pub(crate) fn of(policy: &MailboxPolicy) -> Option<Box<Self>> {
        policy.sheds_oldest.then(|| {
            let priority_lanes = PriorityLane::ALL.map(|lane| policy.lane_capacity(lane));
            Box::new(Self { kept: Some((priority_lanes, policy.capacity)), ..Self::new() })
        })
    }
}

/// Takes requests out of a lane beside the mailbox, if there is one; returns how many.
#[cold]
#[inline(never)]
pub(crate) fn drain_lane<R: Send + 'static>(
    turns: &mut Option<Box<PriorityTurns<R>>>,
    lane: PriorityLane,
    batch: usize,
    serve: &mut dyn FnMut(R),
) -> usize {
    let lanes = turns.as_mut().and_then(|turns| turns.lanes.as_mut());
    let consumer = lanes.map(|lanes| &mut lanes[lane as usize].consumer);
    consumer.map_or(0, |consumer| consumer.drain(batch, |request, _| serve(request)))
}

/// Cools one lane.
pub(crate) fn cool<T, B>(
    consumer: &mut impl Consumer<T, B>,
    is_cold: &mut bool,
    heat: Heat,
) -> Cooling {
    if *is_cold {
        return Cooling::Cold;
    }
    if heat != Heat::Always && consumer.cool() {
        *is_cold = true;
        return Cooling::Cold;
    }
    match consumer.peek() {
        Pop::InFlight => Cooling::Polled,
        Pop::Empty if heat == Heat::Always => Cooling::Polled,
        Pop::Closed => Cooling::Over,
        _ => Cooling::Hot,
    }
}
