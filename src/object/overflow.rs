//! What happens to a request that finds no room.

use crate::mailbox::CapacityError;
use crate::object::priority::{Priority, PriorityLane};
use crate::reply::error::SendError;
use crate::runner::caller_wait::wait_until;
use crate::runner::environment;
use crate::runner::owner;
use crate::runner::remote::Remote;
use crate::runner::wait::WaitStrategy;
use std::time::Duration;

/// How many requests a mailbox holds by default. Its slots are allocated with the first request,
/// and a page is touched only when it is used.
pub const CAPACITY_DEFAULT: usize = 256;

/// What happens to a request when its lane of the mailbox is full.
///
/// Set it for an object with [`Spawn::on_full`](crate::Spawn::on_full), or for one call with
/// [`Options::on_full`](crate::Options::on_full), which overrides the object's.
/// [`Proxy::refused`](crate::Proxy::refused) counts refused requests,
/// [`Proxy::shed`](crate::Proxy::shed) dropped ones.
///
/// ```
/// use mainspring::prelude::*;
/// use mainspring::{OnFull, Options};
/// use std::time::Duration;
///
/// struct Sensor(u64);
/// #[active]
/// impl Sensor {
///     pub fn read(&mut self, value: u64) -> u64 { self.0 = value; value }
/// }
///
/// let engine = Engine::builder().runner(Runner::named("a")).start()?;
/// let spawn = engine.spawn("sensor", || Sensor(0)).capacity(1);
/// let sensor = spawn.on_full(OnFull::Wait(Duration::from_secs(60))).start()?;
/// for value in 0..100 {
///     sensor.tell().read(value)?; // waits for room
/// }
/// // This one is dropped if there is no room.
/// sensor.with(Options::new().on_full(OnFull::DropNewest)).tell().read(7)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// The request is refused at once and handed back: [`SendError::Full`](crate::SendError),
    /// [`CallError::Full`](crate::CallError).
    #[default]
    Fail,
    /// The sender waits for room, at most this long; then the request is refused as by `Fail`.
    /// Waiting senders are served in no particular order.
    ///
    /// A runner's thread that sends to an object on its own runner can't wait, since only that
    /// thread could make room. The request is refused at once with
    /// [`SendError::WouldDeadlock`](crate::SendError) or
    /// [`CallError::SendWouldDeadlock`](crate::CallError). So is a wait of `Duration::MAX` on any
    /// runner's thread.
    Wait(Duration),
    /// The new request is dropped, and those already accepted stay. The sender of a one-way
    /// request isn't told; a call ends with [`CallError::Shed`](crate::CallError).
    DropNewest,
}

/// What an object does with requests that find no room, and the deadline that it gives its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MailboxPolicy {
    pub(crate) on_full: OnFull,
    pub(crate) call_timeout: Option<Duration>,
    /// How many requests the mailbox holds, and each lane beside it unless it has its own capacity.
    pub(crate) capacity: usize,
    pub(crate) priority_lanes: [Option<usize>; 2],
    /// Whether the oldest requests beyond the capacity are dropped.
    pub(crate) sheds_oldest: bool,
}

impl MailboxPolicy {
    pub(crate) const DEFAULT: Self = Self::new(CAPACITY_DEFAULT);

    pub(crate) const fn new(capacity: usize) -> Self {
        let (on_full, call_timeout) = (OnFull::Fail, None);
        Self { on_full, call_timeout, capacity, priority_lanes: [None; 2], sheds_oldest: false }
    }

    pub(crate) fn set_capacity(&mut self, priority: Priority, requests: usize) {
        match priority.lane() {
            Some(lane) => self.priority_lanes[lane as usize] = Some(requests),
            None => self.capacity = requests,
        }
    }

    /// The capacity of a lane beside the mailbox.
    pub(crate) fn lane_capacity(&self, lane: PriorityLane) -> usize {
        self.priority_lanes[lane as usize].unwrap_or(self.capacity)
    }

    /// How many slots each lane beside the mailbox has.
    pub(crate) fn lane_slots(&self) -> [usize; 2] {
        PriorityLane::ALL.map(|lane| self.slots(self.lane_capacity(lane)))
    }

    /// How many slots a lane of this capacity has: twice as many if the oldest are dropped, so that
    /// there is room until the object's next turn.
    pub(crate) fn slots(&self, capacity: usize) -> usize {
        let max = crate::mailbox::CAPACITY_MAX.max(capacity);
        if self.sheds_oldest { capacity.saturating_mul(2).min(max) } else { capacity }
    }

    pub(crate) fn check(&self) -> Result<(), CapacityError> {
        self.priority_lanes
            .iter()
            .flatten()
            .try_for_each(|lane| crate::mailbox::check_capacity(*lane))
    }
}

/// Why a request isn't accepted, without the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Stopped,
    WouldDeadlock,
    /// It is to be dropped.
    Shed,
}

impl<A> From<&SendError<A>> for Refusal {
    fn from(error: &SendError<A>) -> Self {
        match error {
            SendError::Full(_) => Self::Full,
            SendError::Stopped(_) => Self::Stopped,
            SendError::WouldDeadlock(_) => Self::WouldDeadlock,
        }
    }
}

impl Refusal {
    pub(crate) fn of<A>(self, request: A) -> SendError<A> {
        match self {
            Self::Full | Self::Shed => SendError::Full(request),
            Self::Stopped => SendError::Stopped(request),
            Self::WouldDeadlock => SendError::WouldDeadlock(request),
        }
    }
}

/// Tries again until there is room, time is up, or waiting is useless.
pub(crate) fn wait_for_room<T>(
    remote: &Remote,
    limit: Duration,
    mut attempt: impl FnMut() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let deadline = environment::now().checked_add(limit);
    if remote.is_mine() || deadline.is_none() && owner::is_runner() {
        return Err(Refusal::WouldDeadlock);
    }
    let settled = wait_until(
        &mut attempt,
        deadline,
        WaitStrategy::Backoff { sleep_max: NAP_MAX },
        |_| remote.callers_may_spin(),
        |attempt| match attempt() {
            Err(Refusal::Full) => None,
            settled => Some(settled),
        },
        // Nobody wakes a sender when there is room, so its naps are short.
        |_, left| std::thread::sleep(left.map_or(NAP, |left| NAP.min(left))),
    );
    settled.unwrap_or(Err(Refusal::Full))
}

/// How long a sender that waits for room sleeps between two attempts, on a thread that may not spin.
const NAP: Duration = Duration::from_micros(50);
/// The same at most, after spinning and yielding for 100 µs.
const NAP_MAX: Duration = Duration::from_millis(1);
