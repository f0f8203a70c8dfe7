//! The lanes beside an object's mailbox, as senders and the object share them.
//!
//! The mailbox is the lane of normal requests. The other two are shared rings, whatever the mailbox's kind,
//! with a bell and a link each. Whoever first sends a request of another priority makes both: an object
//! that never gets one has nothing but this word.
//!
//! | word | meaning | moved by |
//! |---|---|---|
//! | `NEWBORN` | no lanes, and the object isn't on its runner yet | a sender: to lanes, hot; the runner: to `OPEN`; a closer: to `CLOSED` |
//! | `OPEN` | no lanes | a sender: to lanes, cold; a closer: to `CLOSED` |
//! | lanes | made | nobody |
//! | `CLOSED` | the object was stopped before there were any | nobody |
//!
//! Making lanes and closing are read-modify-writes of this one word: either the sender sees the close, or
//! the closer sees the lanes and closes both. Lanes are made cold, so the first request rings, and the
//! runner learns of them by that wake-up. Before the runner has adopted the object there is no key to ring
//! with: then the lanes are made hot, and the runner finds them when it adopts the object.

use crate::mailbox::sealed::{Producer as _, SharedRing as _};
use crate::mailbox::{Bell, mpsc};
use crate::object::priority::PriorityLane;
use crate::runner::fan_out::wake_by_link;
use crate::runner::ready::Link;
use crate::runner::remote::Remote;
use crate::sync::{Arc, AtomicPtr, AtomicU32, UnsafeCell};
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How a cold lane tells the runner that a request arrived.
pub(crate) struct LaneBell {
    remote: Arc<Remote>,
    link: Link,
}

impl Bell for LaneBell {
    fn ring(&self) {
        // SAFETY: whoever cleared `COLD` rings, so the link isn't in the stack; the runner keeps the
        // object, so its shared state, and so this lane, until it has taken the link off (`Object::try_finish`).
        unsafe { wake_by_link(&self.remote, &self.link) };
    }
}

pub(crate) type LaneProducer<R> = mpsc::Producer<R, LaneBell>;
pub(crate) type LaneConsumer<R> = mpsc::Consumer<R, LaneBell>;

/// What is needed to make the lanes.
#[derive(Clone, Copy)]
pub(crate) struct LaneSetup<'a> {
    pub(crate) remote: &'a Arc<Remote>,
    /// Slots of each.
    pub(crate) slots: [usize; 2],
    /// The link of the object's mailbox, which knows the object's key.
    pub(crate) link: &'a Link,
}

/// The consuming ends, which the runner takes once.
pub(crate) struct LaneConsumers<R: Send + 'static> {
    pub(crate) consumers: [LaneConsumer<R>; 2],
    /// Whether they were made cold, so that the first request rings.
    pub(crate) are_cold: bool,
}

struct LanePair<R: Send + 'static> {
    producers: [LaneProducer<R>; 2],
    is_taken: AtomicU32,
    ends: UnsafeCell<Option<LaneConsumers<R>>>,
}

/// See the module.
pub(crate) struct PriorityLanes<R: Send + 'static>(AtomicPtr<LanePair<R>>);

// SAFETY: the lanes' ends may be sent, as requests may; the producers may be shared, and the consumers
// go to one taker, by `is_taken`.
unsafe impl<R: Send + 'static> Send for PriorityLanes<R> {}
// SAFETY: as above.
unsafe impl<R: Send + 'static> Sync for PriorityLanes<R> {}

fn newborn<R: Send + 'static>() -> *mut LanePair<R> {
    ptr::null_mut()
}

fn open<R: Send + 'static>() -> *mut LanePair<R> {
    ptr::without_provenance_mut(1)
}

fn closed<R: Send + 'static>() -> *mut LanePair<R> {
    ptr::without_provenance_mut(2)
}

impl<R: Send + 'static> PriorityLanes<R> {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(newborn()))
    }

    /// The lane's producer; `None` if the object was stopped before it had lanes.
    #[inline]
    pub(crate) fn producer(
        &self,
        lane: PriorityLane,
        setup: LaneSetup<'_>,
    ) -> Option<&LaneProducer<R>> {
        // Acquire [shared.priority_lanes]: sees the lanes as made.
        let seen = self.0.load(Acquire);
        let made = match is_made(seen) {
            // SAFETY: made, and freed with this word only.
            true => unsafe { &*seen },
            false => self.make(seen, setup)?,
        };
        Some(&made.producers[lane as usize])
    }

    /// The lanes, if there are any.
    fn made(&self) -> Option<&LanePair<R>> {
        // Acquire [shared.priority_lanes]: sees the lanes as made.
        let seen = self.0.load(Acquire);
        // SAFETY: as in `producer`.
        is_made(seen).then(|| unsafe { &*seen })
    }

    #[cold]
    fn make(&self, mut seen: *mut LanePair<R>, setup: LaneSetup<'_>) -> Option<&LanePair<R>> {
        while !is_made(seen) {
            if seen == closed() {
                return None;
            }
            let fresh = Box::into_raw(Box::new(LanePair::new(setup, seen == open())));
            // AcqRel [shared.priority_lanes]: Release carries the lanes. Acquire, on failure too, sees those of
            // another sender, or the key that the runner has given.
            match self.0.compare_exchange(seen, fresh, AcqRel, Acquire) {
                Ok(_) => seen = fresh,
                Err(now) => {
                    // SAFETY: made above, and shown to nobody.
                    unsafe { Box::from_raw(fresh) }.forget();
                    seen = now;
                }
            }
        }
        // SAFETY: as in `producer`.
        Some(unsafe { &*seen })
    }

    /// Notes that the runner has adopted the object; the mailbox's link has its key.
    pub(crate) fn adopted(&self, key: usize) {
        // Release [shared.priority_lanes]: carries the key to who makes lanes later. Acquire on failure
        // [shared.priority_lanes]: as in `made`.
        if self.0.compare_exchange(newborn(), open(), Release, Acquire).is_ok() {
            return;
        }
        for (producer, lane) in
            self.made().iter().flat_map(|made| &made.producers).zip(PriorityLane::ALL)
        {
            producer.ring().bell().link.set_key(lane.wake_source().key(key));
        }
    }

    /// Ends admission to the lanes, and prevents new ones.
    pub(crate) fn close(&self) {
        // Acquire [shared.priority_lanes]: sees the lanes as made.
        let mut seen = self.0.load(Acquire);
        while !is_made(seen) {
            if seen == closed() {
                return;
            }
            // Release [shared.priority_lanes]: who is refused sees what the closer did before. Acquire on failure
            // [shared.priority_lanes]: sees the lanes that came first.
            match self.0.compare_exchange(seen, closed(), Release, Acquire) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        // SAFETY: as in `producer`.
        unsafe { &*seen }.producers.iter().for_each(LaneProducer::close);
    }

    /// Takes the consumers, once there are any. The first caller gets them: the runner, or whoever drops an
    /// object that never reached its runner.
    pub(crate) fn take(&self) -> Option<LaneConsumers<R>> {
        let made = self.made()?;
        // Relaxed: one caller gets 0; the word's Acquire has ordered the making.
        if made.is_taken.swap(1, Relaxed) != 0 {
            return None;
        }
        // SAFETY: this caller alone found 0, and nobody else looks in there.
        made.ends.with_mut(|ends| unsafe { (*ends).take() })
    }

    /// How many requests wait in the lanes; a hint.
    pub(crate) fn len(&self) -> usize {
        self.made().map_or(0, |made| made.producers.iter().map(LaneProducer::len).sum())
    }
}

fn is_made<R: Send + 'static>(word: *mut LanePair<R>) -> bool {
    word.addr() > closed::<R>().addr()
}

impl<R: Send + 'static> LanePair<R> {
    fn new(setup: LaneSetup<'_>, are_cold: bool) -> Self {
        let [(urgent, urgent_end), (bulk, bulk_end)] = PriorityLane::ALL.map(|lane| {
            let key = lane.wake_source().key(setup.link.key());
            let bell = LaneBell { remote: setup.remote.clone(), link: Link::new(key) };
            let ends = mpsc::with_bell(setup.slots[lane as usize], bell);
            let (producer, mut consumer) = ends.expect("the capacity was checked");
            let is_cold = are_cold && consumer.cool();
            debug_assert_eq!(is_cold, are_cold, "nobody else knows it");
            (producer, consumer)
        });
        let ends = LaneConsumers { consumers: [urgent_end, bulk_end], are_cold };
        let ends = UnsafeCell::new(Some(ends));
        Self { producers: [urgent, bulk], is_taken: AtomicU32::new(0), ends }
    }

    /// Drops lanes that nobody has seen, so that their close doesn't ring.
    fn forget(self) {
        // SAFETY: nobody else has seen it.
        let ends = self.ends.with_mut(|ends| unsafe { (*ends).take() });
        if let Some(LaneConsumers { consumers, are_cold: true }) = ends {
            consumers.iter().for_each(LaneConsumer::clear_cold);
        }
    }
}

impl<R: Send + 'static> Drop for PriorityLanes<R> {
    fn drop(&mut self) {
        // Relaxed: the last use; the count of the ring's holders ordered all others.
        let made = self.0.load(Relaxed);
        if is_made(made) {
            // SAFETY: from `make`, and used no more.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}
