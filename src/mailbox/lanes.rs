//! Many producers, each with a lane of its own, merged by the consumer in fair rounds.
//!
//! No two producers write the same line, so none delays another: a push is wait-free, and one that
//! is suspended holds up only its own requests. Requests of one producer arrive in its order; there
//! is no order between two. It costs a ring for each producer, and the consumer a look at each lane
//! in a round.
//!
//! Lanes hang in a list that only grows, its newest first; one whose producer is gone is given to
//! the next that comes. The list's head word says also whether it has ended:
//!
//! | head | meaning | moved by |
//! |---|---|---|
//! | a lane | the newest; the others hang behind it | a producer that is cloned: to its own |
//! | the same, odd | the mailbox has ended: later lanes take nothing | the consumer that found it closed and every lane at its end |
//!
//! **Progress.** Wait-free for producers, and for the consumer.

use super::drop_all::DropAll;
use super::gate::Gate;
use super::intrusive_arc::{IntrusiveArc, RefCounted, try_increment};
use super::lane::{ConsumerCursor, Lane, ProducerCursor};
use super::ring::Position;
use super::sealed;
use super::{Bell, CapacityError, Heat, Lanes, Pop, PushError, Silent};
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many requests of one lane are taken before the next lane has its turn.
pub const ROUND_MAX: usize = 32;

/// The memory that all ends share.
pub struct Ring<T, B> {
    gate: Gate<B>,
    newest: AtomicPtr<Node<T>>,
    capacity: usize,
    producers: AtomicUsize,
    holders: AtomicUsize,
    refused: AtomicU64,
}

// SAFETY: the count starts at 1 in `with_heat`, and only `IntrusiveArc` uses it.
unsafe impl<T, B> RefCounted for Ring<T, B> {
    fn holders(&self) -> &AtomicUsize {
        &self.holders
    }
}

// SAFETY: lanes pass each value from one thread to another, never to two at once; so `Send` values
// are enough.
unsafe impl<T: Send, B: Bell> Send for Ring<T, B> {}
// SAFETY: as above.
unsafe impl<T: Send, B: Bell> Sync for Ring<T, B> {}

/// One lane in the list. Freed with the ring.
struct Node<T> {
    lane: Lane<T>,
    /// 1 while a producer has it.
    taken: AtomicU32,
    /// Fixed once it is in the list.
    next: *mut Node<T>,
}

/// Makes a mailbox with `capacity` slots for each producer, whose consumer polls.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn mailbox<T: Send>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    with_heat(capacity, Heat::Always, Silent)
}

/// The two ends of one mailbox.
pub type Ends<T, B = Silent> = (Producer<T, B>, Consumer<T, B>);

/// Makes a mailbox whose producers ring `bell` when they find it cold.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn with_bell<T: Send, B: Bell>(capacity: usize, bell: B) -> Result<Ends<T, B>, CapacityError> {
    with_heat(capacity, Heat::Varies, bell)
}

/// As [`with_bell`], and says whether the mailbox may be cooled.
///
/// # Errors
/// As there.
pub fn with_heat<T: Send, B: Bell>(
    capacity: usize,
    heat: Heat,
    bell: B,
) -> Result<Ends<T, B>, CapacityError> {
    // The first lane's memory is made with the first producer; whether it can be is said here.
    super::ring::Geometry::new(capacity)?;
    let ring = IntrusiveArc::new(Ring {
        gate: Gate::new(bell, heat),
        newest: AtomicPtr::new(ptr::null_mut()),
        capacity,
        producers: AtomicUsize::new(1),
        holders: AtomicUsize::new(1),
        refused: AtomicU64::new(0),
    });
    let producer = Producer::of(ring.clone());
    Ok((producer, Consumer { ring, known: ptr::null_mut(), lanes: Vec::new(), next: 0 }))
}

impl<T: Send, B: Bell> Ring<T, B> {
    /// A lane for one more producer.
    fn lane(&self) -> NonNull<Node<T>> {
        let vacant = |node: &&Node<T>| {
            // Acquire [lanes.taken]: sees where the last producer stopped. Relaxed on failure: another's.
            node.taken.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
        };
        if let Some(node) = self.nodes().find(vacant) {
            return NonNull::from(node);
        }
        // Acquire [lanes.newest], as on failure below: the list behind it is whole.
        let mut newest = self.newest.load(Acquire);
        loop {
            let made = if is_sealed(newest) { Lane::ended } else { Lane::new };
            let lane = made(self.capacity).expect("the capacity was checked at the start");
            let node = Node { lane, taken: AtomicU32::new(1), next: unsealed(newest) };
            let node = Box::into_raw(Box::new(node));
            let head = if is_sealed(newest) { sealed(node) } else { node };
            // AcqRel [lanes.newest]: Release carries the node, and the list behind it; Acquire as above.
            match self.newest.compare_exchange(newest, head, AcqRel, Acquire) {
                // SAFETY: from a box, so not null.
                Ok(_) => return unsafe { NonNull::new_unchecked(node) },
                Err(now) => {
                    // SAFETY: made above, and shown to nobody.
                    drop(unsafe { Box::from_raw(node) });
                    newest = now;
                }
            }
        }
    }

    /// All lanes, the newest first.
    fn nodes(&self) -> Nodes<'_, T> {
        // Acquire [lanes.newest]: the nodes are whole.
        Nodes { at: unsealed(self.newest.load(Acquire)), ring: std::marker::PhantomData }
    }

    fn len(&self) -> usize {
        self.nodes().map(|node| node.lane.len()).sum()
    }
}

/// See [`Ring::nodes`].
struct Nodes<'a, T> {
    at: *mut Node<T>,
    ring: std::marker::PhantomData<&'a Node<T>>,
}

impl<'a, T> Iterator for Nodes<'a, T> {
    type Item = &'a Node<T>;

    fn next(&mut self) -> Option<&'a Node<T>> {
        // SAFETY: nodes in the list live as long as the ring, which is borrowed.
        let node = unsafe { self.at.as_ref() }?;
        self.at = node.next;
        Some(node)
    }
}

fn is_sealed<T>(head: *mut Node<T>) -> bool {
    head.addr() & 1 != 0
}

fn sealed<T>(head: *mut Node<T>) -> *mut Node<T> {
    head.map_addr(|at| at | 1)
}

fn unsealed<T>(head: *mut Node<T>) -> *mut Node<T> {
    head.map_addr(|at| at & !1)
}

impl<T, B> Drop for Ring<T, B> {
    fn drop(&mut self) {
        // Relaxed: `&mut self` is the last use, and the ring's count ordered everything before it.
        let mut at = unsealed(self.newest.load(Relaxed));
        let mut remains = DropAll::default();
        while !at.is_null() {
            // SAFETY: from a box; nobody else is left, and each is in the list once.
            let node = unsafe { Box::from_raw(at) };
            at = node.next;
            remains.drop(|| drop(node));
        }
        remains.end();
    }
}

/// One producer, with a lane of its own. `Send`, not `Sync`; clone it for another lane. The last one
/// dropped closes the mailbox.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<mainspring::mailbox::lanes::Producer<u64>>();
/// ```
pub struct Producer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    node: NonNull<Node<T>>,
    producing: ProducerCursor,
}

// SAFETY: the node is used by this producer alone, or is shared like the ring; values are `Send`.
unsafe impl<T: Send, B: Bell> Send for Producer<T, B> {}

impl<T: Send, B: Bell> Producer<T, B> {
    /// For a ring that has counted this producer.
    fn of(ring: IntrusiveArc<Ring<T, B>>) -> Self {
        let node = ring.lane();
        // SAFETY: nodes live as long as the ring.
        let producing = ProducerCursor::on(&unsafe { node.as_ref() }.lane);
        Self { ring, node, producing }
    }

    #[inline(always)]
    fn lane(&self) -> &Lane<T> {
        // SAFETY: nodes live as long as the ring, which this handle holds.
        &unsafe { self.node.as_ref() }.lane
    }

    /// Adds a request, or gives it back.
    ///
    /// # Errors
    /// [`PushError::Full`] when no slot of this producer's lane is free, [`PushError::Closed`] after
    /// a close; the request is inside.
    /// # Blocking
    /// Never: wait-free.
    /// # Ordering
    /// What the caller wrote before is visible to the consumer of this request (pair `lane.tail`).
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.producing.push(self.lane(), &self.ring.gate, value)
    }

    /// Adds as many of `values` as there is room for, by one publication; returns how many.
    ///
    /// Takes nothing from the iterator beyond what it adds. If the iterator panics, what it gave
    /// before is published.
    ///
    /// # Errors
    /// [`PushError::Full`] when there was room for none; [`PushError::Closed`] after a close, with
    /// what had been taken from the iterator.
    pub fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        self.producing.push_batch(self.lane(), &self.ring.gate, values)
    }

    /// Ends admission for all producers: what was accepted remains for the consumer. Idempotent.
    pub fn close(&self) {
        self.ring.gate.close();
    }

    /// Requests of all producers that were accepted and not yet served; a hint.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests fit into each producer's lane.
    pub fn capacity(&self) -> usize {
        self.ring.capacity
    }
}

impl<T: Send, B: Bell> Clone for Producer<T, B> {
    /// Takes a lane that was given up, or makes one: it allocates then.
    fn clone(&self) -> Self {
        // Relaxed: the count alone matters, and this handle keeps it above zero meanwhile.
        self.ring.producers.fetch_add(1, Relaxed);
        Self::of(self.ring.clone())
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        // SAFETY: nodes live as long as the ring.
        // Release [lanes.taken]: carries where this producer stopped.
        unsafe { self.node.as_ref() }.taken.store(0, Release);
        // Release [lanes.producers]: hands what this producer did to the last one.
        if self.ring.producers.fetch_sub(1, Release) == 1 {
            // Acquire [lanes.producers]: lets the last one pass all of it on with the close.
            fence(Acquire);
            self.ring.gate.close();
        }
    }
}

impl<T: Send, B: Bell> fmt::Debug for Producer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lanes::Producer")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static, B: Bell> sealed::SharedRing<B> for Ring<T, B> {
    fn bell(&self) -> &B {
        self.gate.bell()
    }

    fn close(&self) {
        self.gate.close();
    }

    fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    #[inline(always)]
    fn end(&self) -> Option<Position> {
        (!self.gate.is_closed()).then_some(0)
    }

    fn len(&self) -> usize {
        Ring::len(self)
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn refused(&self) -> &AtomicU64 {
        &self.refused
    }
}

/// The end that takes requests, one thread at a time. Dropping it closes the mailbox.
pub struct Consumer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
    /// The list's head as last seen: all from there on are in `lanes`.
    known: *mut Node<T>,
    lanes: Vec<LaneCursor<T>>,
    /// Whose turn it is.
    next: usize,
}

struct LaneCursor<T> {
    node: NonNull<Node<T>>,
    consuming: ConsumerCursor,
}

// SAFETY: the nodes are shared like the ring, and values are `Send`.
unsafe impl<T: Send, B: Bell> Send for Consumer<T, B> {}

impl<T> LaneCursor<T> {
    #[inline(always)]
    fn lane(&self) -> &Lane<T> {
        // SAFETY: nodes live as long as the ring, which the consumer holds.
        &unsafe { self.node.as_ref() }.lane
    }
}

impl<T: Send, B: Bell> Consumer<T, B> {
    /// Takes the next request, or says why there is none. Never [`Pop::InFlight`].
    ///
    /// # Blocking
    /// Never.
    pub fn pop(&mut self) -> Pop<T> {
        let mut taken = None;
        self.drain(1, |request, _| taken = Some(request));
        match (taken, self.peek()) {
            (Some(request), _) => Pop::Request(request),
            (None, Pop::Closed) => Pop::Closed,
            (None, _) => Pop::Empty,
        }
    }

    /// Hands up to `max` requests to `handler`; returns how many.
    ///
    /// By turns, up to [`ROUND_MAX`] from each producer, oldest first. The flag says that nothing
    /// further of that producer was ready. Slots are given back as by
    /// [`spsc::Consumer::drain`](super::spsc::Consumer::drain).
    ///
    /// # Panics
    /// Only if `handler` does; its request counts as taken, the rest remain.
    #[inline]
    pub fn drain(&mut self, max: usize, mut handler: impl FnMut(T, bool)) -> usize {
        self.look_for_lanes();
        let Self { lanes, next, .. } = self;
        let (mut left, mut idle) = (max, 0);
        while left > 0 && idle < lanes.len() {
            if *next >= lanes.len() {
                *next = 0;
            }
            let LaneCursor { node, consuming } = &mut lanes[*next];
            // SAFETY: as in `LaneCursor::lane`.
            let lane = &unsafe { node.as_ref() }.lane;
            // Moved on before the handlers run: if one unwinds, the next lane has its turn.
            *next += 1;
            let (round, looks) = (left.min(ROUND_MAX), consuming.will_look());
            let count = consuming.drain(lane, round, &mut handler);
            // A lane that was looked at and gave less has no more for now: a second look would only
            // take the line away that its producer is about to write.
            idle = if looks && count < round { idle + 1 } else { 0 };
            left -= count;
        }
        max - left
    }

    /// Takes in the lanes that have come since.
    #[inline(always)]
    fn look_for_lanes(&mut self) {
        // Acquire [lanes.newest]: the nodes are whole.
        let newest = unsealed(self.ring.newest.load(Acquire));
        if newest != self.known {
            self.take_in(newest);
        }
    }

    #[cold]
    fn take_in(&mut self, newest: *mut Node<T>) {
        let mut at = newest;
        while at != self.known {
            let Some(node) = NonNull::new(at) else { break };
            self.lanes.push(LaneCursor { node, consuming: ConsumerCursor::new() });
            // SAFETY: nodes live as long as the ring.
            at = unsafe { node.as_ref() }.next;
        }
        self.known = newest;
    }

    /// What is there, without taking it.
    pub fn peek(&self) -> Pop<()> {
        if !self.is_idle() {
            return Pop::Request(());
        }
        if !self.ring.gate.is_closing() {
            return Pop::Empty;
        }
        // AcqRel [lanes.newest]: Acquire as ever; Release, though a producer that finds the list
        // sealed needs nothing of it. A lane that came meanwhile is looked at first.
        let ended = sealed(self.known);
        let seal = self.ring.newest.compare_exchange(self.known, ended, AcqRel, Acquire);
        let is_sealed = seal.is_ok() || seal.is_err_and(is_sealed);
        let is_over = |taking: &LaneCursor<T>| taking.consuming.is_over(taking.lane());
        if is_sealed && self.lanes.iter().all(is_over) { Pop::Closed } else { Pop::Request(()) }
    }

    /// Whether nothing is there that was not taken.
    fn is_idle(&self) -> bool {
        // Acquire [lanes.newest]: as ever.
        let newest = self.ring.newest.load(Acquire);
        let is_empty = |taking: &LaneCursor<T>| taking.consuming.is_empty(taking.lane());
        (unsealed(newest) == self.known || is_sealed(newest)) && self.lanes.iter().all(is_empty)
    }

    /// Says that this consumer will not poll until the bell rings; `false` if something arrived.
    ///
    /// After `true` the [`Bell`] rings exactly once, at the latest for the next publication or close.
    /// It may ring for a request that was taken before, whose producer was slow: then nothing is
    /// there, and nobody rings again until this was called again.
    pub fn cool(&mut self) -> bool {
        // Lanes that nobody has looked into yet must not be what keeps the mailbox hot.
        self.look_for_lanes();
        self.ring.gate.cool(|| self.is_idle())
    }

    /// Ends admission; what was accepted can still be taken.
    pub fn close(&self) {
        self.ring.gate.close();
    }

    /// Requests accepted and not yet served; exact only while nothing moves.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requests fit into each producer's lane.
    pub fn capacity(&self) -> usize {
        self.ring.capacity
    }
}

impl<T: Send, B: Bell> Drop for Consumer<T, B> {
    fn drop(&mut self) {
        self.ring.gate.close();
        let mut remains = DropAll::default();
        loop {
            while self.drain(usize::MAX, |request, _| remains.drop(|| drop(request))) > 0 {}
            if self.peek() == Pop::Closed {
                break;
            }
        }
        remains.end();
    }
}

impl<T: Send, B: Bell> fmt::Debug for Consumer<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lanes::Consumer")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static, B: Bell> sealed::Producer<T, B> for Producer<T, B> {
    type Ring = Ring<T, B>;

    #[inline(always)]
    fn push(&self, value: T) -> Result<(), PushError<T>> {
        Producer::push(self, value)
    }

    fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        Producer::push_batch(self, values)
    }

    #[inline(always)]
    fn ring(&self) -> &IntrusiveArc<Ring<T, B>> {
        &self.ring
    }
}

impl<T: Send + 'static, B: Bell> sealed::Consumer<T, B> for Consumer<T, B> {
    #[inline(always)]
    fn drain(&mut self, max: usize, handler: impl FnMut(T, bool)) -> usize {
        Consumer::drain(self, max, handler)
    }

    #[inline(always)]
    fn has_any(&mut self) -> bool {
        // Its drain looks at each lane once, and no lane should be looked at twice.
        true
    }

    #[inline(always)]
    fn before(&mut self, _: Position) -> usize {
        0
    }

    fn peek(&self) -> Pop<()> {
        Consumer::peek(self)
    }

    fn cool(&mut self) -> bool {
        Consumer::cool(self)
    }

    fn close(&self) {
        Consumer::close(self);
    }
}

impl sealed::Kind for Lanes {
    type Producer<T: Send + 'static, B: Bell> = Producer<T, B>;
    type Consumer<T: Send + 'static, B: Bell> = Consumer<T, B>;
    type Ring<T: Send + 'static, B: Bell> = Ring<T, B>;

    fn mailbox<T: Send + 'static, B: Bell>(
        capacity: usize,
        heat: Heat,
        bell: B,
    ) -> Result<(Producer<T, B>, Consumer<T, B>), CapacityError> {
        with_heat(capacity, heat, bell)
    }

    fn upgrade<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Ring<T, B>>,
    ) -> Option<Producer<T, B>> {
        try_increment(&ring.producers).then(|| Producer::of(ring.clone()))
    }
}

impl sealed::ClonedKind for Lanes {
    fn clone_producer<T: Send + 'static, B: Bell>(producer: &Producer<T, B>) -> Producer<T, B> {
        producer.clone()
    }

    fn producers<T: Send + 'static, B: Bell>(ring: &Ring<T, B>) -> &AtomicUsize {
        &ring.producers
    }
}
