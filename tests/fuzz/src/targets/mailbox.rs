//! The three rings against queues of the standard library: pushes, batches, claims, drains and closes
//! in any order, also from inside each other, with iterators, handlers and destructors that panic.

use super::life::{Record, Value, fail, meant, nested};
use super::program::Program;
use super::trace;
use mainspring::mailbox::{Bell, Heat, Pop, PushError, lanes, mpsc, spsc};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Producers at most.
const PRODUCERS: usize = 4;
/// Programs inside programs: an iterator's, a handler's, what comes before a claim is filled.
const DEPTH: usize = 2;

/// See the module.
pub fn target(bytes: &[u8]) {
    let program = Program::new(bytes);
    let kind = program.pick(&[Kind::Mpsc, Kind::Spsc, Kind::Lanes]);
    let heat = if program.once_in(4) { Heat::Always } else { Heat::Varies };
    let capacity = match program.byte() {
        large @ 250.. => 64 << (large - 250),
        small => 1 + usize::from(small % 9),
    };
    trace!("{kind:?} {heat:?} of {capacity}");
    let world = World::new(&program, kind, heat, capacity);
    while program.more() {
        meant(|| world.step());
        world.check();
    }
    world.end();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Mpsc,
    Spsc,
    Lanes,
}

/// Counts how often it is rung.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, SeqCst);
    }
}

enum Producer {
    Mpsc(mpsc::Producer<Value, Count>),
    Spsc(spsc::Producer<Value, Count>),
    Lanes(lanes::Producer<Value, Count>),
}

enum Consumer {
    Mpsc(mpsc::Consumer<Value, Count>),
    Spsc(spsc::Consumer<Value, Count>),
    Lanes(lanes::Consumer<Value, Count>),
}

macro_rules! of_kind {
    ($end:ident, $of:expr, $it:ident => $run:expr) => {
        match $of {
            $end::Mpsc($it) => $run,
            $end::Spsc($it) => $run,
            $end::Lanes($it) => $run,
        }
    };
}

fn ends(kind: Kind, heat: Heat, capacity: usize, bell: Count) -> (Producer, Consumer) {
    match kind {
        Kind::Mpsc => {
            let (producer, consumer) = mpsc::with_bell(capacity, bell).expect("it is possible");
            (Producer::Mpsc(producer), Consumer::Mpsc(consumer))
        }
        Kind::Spsc => {
            let (producer, consumer) = spsc::with_heat(capacity, heat, bell).expect("as above");
            (Producer::Spsc(producer), Consumer::Spsc(consumer))
        }
        Kind::Lanes => {
            let (producer, consumer) = lanes::with_heat(capacity, heat, bell).expect("as above");
            (Producer::Lanes(producer), Consumer::Lanes(consumer))
        }
    }
}

/// A place in the model of a queue.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Full(u32),
    /// Claimed and not filled.
    Claimed,
    /// Claimed, and given up.
    Void,
}

/// One queue of the model: the shared ring, or a lane.
#[derive(Default)]
struct Queue {
    places: VecDeque<Place>,
    /// How many have left.
    gone: usize,
    is_taken: bool,
    /// A batch is being made for it.
    is_filling: bool,
}

impl Queue {
    /// Adds a place; its number, which stays.
    fn add(&mut self, place: Place) -> usize {
        self.places.push_back(place);
        self.gone + self.places.len() - 1
    }

    fn set(&mut self, number: usize, place: Place) {
        let found = &mut self.places[number - self.gone];
        assert_eq!(*found, Place::Claimed);
        *found = place;
    }

    fn leave(&mut self) {
        self.places.pop_front();
        self.gone += 1;
    }

    fn skip_voids(&mut self) {
        while self.places.front() == Some(&Place::Void) {
            self.leave();
        }
    }

    /// How many can be taken.
    fn ready(&self) -> usize {
        let ready = self.places.iter().take_while(|place| **place != Place::Claimed);
        ready.filter(|place| **place != Place::Void).count()
    }
}

struct World<'a> {
    program: &'a Program,
    kind: Kind,
    heat: Heat,
    capacity: usize,
    bell: Count,
    rings: Cell<usize>,
    is_cold: Cell<bool>,
    is_closed: Cell<bool>,
    /// The consumer has said `Closed`.
    is_over: Cell<bool>,
    /// How often something was done from inside something else.
    inner: Cell<usize>,
    /// With the queue of the model that each fills.
    producers: RefCell<Vec<(usize, Rc<RefCell<Producer>>)>>,
    consumer: RefCell<Option<Consumer>>,
    queues: RefCell<Vec<Queue>>,
    records: RefCell<Vec<Arc<Record>>>,
}

impl<'a> World<'a> {
    fn new(program: &'a Program, kind: Kind, heat: Heat, capacity: usize) -> Self {
        let bell = Count::default();
        let (producer, consumer) = ends(kind, heat, capacity, bell.clone());
        Self {
            program,
            kind,
            heat,
            capacity,
            bell,
            rings: Cell::default(),
            is_cold: Cell::default(),
            is_closed: Cell::default(),
            is_over: Cell::default(),
            inner: Cell::default(),
            producers: RefCell::new(vec![(0, Rc::new(RefCell::new(producer)))]),
            consumer: RefCell::new(Some(consumer)),
            queues: RefCell::new(vec![Queue { is_taken: true, ..Queue::default() }]),
            records: RefCell::default(),
        }
    }

    fn step(&self) {
        let program = self.program;
        match program.below(16) {
            4 | 5 => self.push_batch(),
            6 => self.claim(),
            7..10 => self.drain(),
            10 => self.pop(),
            11 => self.cool(),
            12 => self.clone_or_drop_producer(),
            13 if program.once_in(4) => self.close(),
            14 if program.once_in(16) => self.drop_consumer(),
            _ => self.push(),
        }
    }

    /// Further steps, from inside a step. What they mean by a panic is theirs.
    fn inner(&self) {
        nested(DEPTH, || {
            for _ in 0..self.program.below(4) {
                self.inner.set(self.inner.get() + 1);
                meant(|| self.step());
            }
        });
    }

    fn value(&self) -> Value {
        let mut records = self.records.borrow_mut();
        let is_bomb = self.program.once_in(16);
        let (value, record) = Value::new(records.len() as u32, is_bomb);
        records.push(record);
        value
    }

    fn producer(&self) -> Option<(usize, Rc<RefCell<Producer>>)> {
        let producers = self.producers.borrow();
        let place = self.program.below(producers.len());
        producers.get(place).cloned()
    }

    fn is_draining(&self) -> bool {
        self.consumer.try_borrow().is_err()
    }

    fn queue<R>(&self, number: usize, run: impl FnOnce(&mut Queue) -> R) -> R {
        run(&mut self.queues.borrow_mut()[number])
    }

    fn used(&self, queue: usize) -> usize {
        self.queue(queue, |queue| queue.places.len())
    }

    /// What a publication or a close does to a cold mailbox.
    fn warm(&self) {
        let was_cold = self.is_cold.take();
        self.rings.set(self.rings.get() + usize::from(was_cold));
    }

    // --- what producers do ---

    fn push(&self) {
        let Some((queue, producer)) = self.producer() else { return };
        let Ok(producer) = producer.try_borrow() else { return };
        let value = self.value();
        let (number, used) = (value.number, self.used(queue));
        trace!("push {number} into {queue}");
        let is_filling = self.queue(queue, |queue| queue.is_filling);
        match of_kind!(Producer, &*producer, p => p.push(value)) {
            Ok(()) => {
                assert!(!self.is_closed.get(), "accepted after the close");
                assert!(used < self.capacity && !is_filling, "more than the capacity");
                self.queue(queue, |queue| queue.add(Place::Full(number)));
                self.warm();
            }
            Err(error) => {
                assert_eq!(error.is_full(), !self.is_closed.get());
                // Inside a drain slots are given back in groups.
                let is_early = used < self.capacity && !is_filling && !self.is_draining();
                assert!(!error.is_full() || !is_early, "full too early");
                assert_eq!(error.into_inner().number, number);
            }
        }
    }

    /// By an iterator that may say a wrong length, panic, and do other things meanwhile.
    fn push_batch(&self) {
        let Some((queue, producer)) = self.producer() else { return };
        let Ok(producer) = producer.try_borrow() else { return };
        if self.is_draining() {
            return; // how much room there is then is the ring's affair
        }
        let said = match self.program.byte() {
            255 => usize::MAX,
            small => usize::from(small % 12),
        };
        let left = if self.program.once_in(3) { self.program.below(12) } else { said.min(300) };
        let bad = if self.program.once_in(5) { Some(self.program.below(8)) } else { None };
        let room = match self.queue(queue, |queue| queue.is_filling) {
            true => 0,
            false => self.capacity - self.used(queue),
        };
        let was_closed = self.is_closed.get();
        let mut batch = Given { world: self, said, left, bad, numbers: Vec::new(), claimed: None };
        let wanted = if was_closed { 0 } else { said.min(room) };
        let mut owes = false;
        if self.kind == Kind::Mpsc {
            let first = self.queue(queue, |queue| {
                let first = queue.gone + queue.places.len();
                (0..wanted).for_each(|_| _ = queue.add(Place::Claimed));
                first
            });
            batch.claimed = Some((queue, first));
            owes = wanted > 0 && self.is_cold.take();
        }
        let fills = self.kind != Kind::Mpsc && wanted > 0;
        if fills {
            self.queue(queue, |queue| queue.is_filling = true);
        }
        trace!("batch of {said}, {left} into {queue}, room {room}, bad {bad:?} {{");
        let pushed = meant(|| of_kind!(Producer, &*producer, p => p.push_batch(&mut batch)));
        trace!("}} {pushed:?}");
        if fills {
            self.queue(queue, |queue| queue.is_filling = false);
        }
        self.rings.set(self.rings.get() + usize::from(owes));
        batch.note_filled();
        let numbers = std::mem::take(&mut batch.numbers);
        assert!(numbers.len() <= wanted, "more was taken from the iterator than there is room for");
        if let Some((_, first)) = batch.claimed {
            let voids = first + numbers.len()..first + wanted;
            voids.for_each(|place| self.queue(queue, |queue| queue.set(place, Place::Void)));
        }
        match pushed {
            None => {
                assert!(bad.is_some(), "it didn't mean to panic");
                self.note_published(queue, &numbers);
            }
            Some(Ok(count)) => {
                assert_eq!(count, numbers.len());
                assert!(!was_closed && (count > 0 || said == 0 || left == 0 || wanted > 0));
                self.note_published(queue, &numbers);
            }
            Some(Err(PushError::Full(values))) => {
                assert!(!was_closed && wanted == 0 && said > 0 && values.is_empty());
            }
            Some(Err(PushError::Closed(values))) => {
                let back: Vec<_> = values.iter().map(|value| value.number).collect();
                assert_eq!(back, numbers, "what was taken comes back");
                // The consumer may have found the lane at its end before it was told so.
                let is_drained = self.is_closed.get() && self.used(queue) == 0;
                assert!(was_closed || is_drained || self.consumer.borrow().is_none());
            }
        }
    }

    /// Notes what a lane's producer has published at the end of a batch.
    fn note_published(&self, queue: usize, numbers: &[u32]) {
        if self.kind == Kind::Mpsc || numbers.is_empty() {
            return;
        }
        // What an unwinding iterator gave to a mailbox that is over was dropped.
        if !self.is_over.get() {
            self.queue(queue, |queue| {
                numbers.iter().for_each(|number| _ = queue.add(Place::Full(*number)));
            });
            self.warm();
        }
    }

    /// Claims a slot, does other things, and fills it or gives it up.
    fn claim(&self) {
        let Some((queue, producer)) = self.producer() else { return };
        let used = self.used(queue);
        let gives_up = self.program.once_in(3);
        if self.kind == Kind::Mpsc {
            let Ok(producer) = producer.try_borrow() else { return };
            let Producer::Mpsc(producer) = &*producer else { return };
            let claim = match producer.claim() {
                Err(error) => return self.check_unclaimed(error, used),
                Ok(claim) => claim,
            };
            assert!(!self.is_closed.get() && used < self.capacity);
            trace!("claim, gives up: {gives_up} {{ .. ");
            let place = self.queue(queue, |queue| queue.add(Place::Claimed));
            let owes = self.is_cold.take();
            self.inner();
            if gives_up {
                drop(claim);
                self.queue(queue, |queue| queue.set(place, Place::Void));
            } else {
                let value = self.value();
                self.queue(queue, |queue| queue.set(place, Place::Full(value.number)));
                claim.publish(value);
            }
            self.rings.set(self.rings.get() + usize::from(owes));
        } else if self.kind == Kind::Spsc {
            let Ok(mut producer) = producer.try_borrow_mut() else { return };
            let Producer::Spsc(producer) = &mut *producer else { return };
            let claim = match producer.claim() {
                Err(error) => return self.check_unclaimed(error, used),
                Ok(claim) => claim,
            };
            assert!(!self.is_closed.get() && used < self.capacity);
            self.inner();
            if gives_up {
                return drop(claim);
            }
            let value = self.value();
            let number = value.number;
            match claim.publish(value) {
                Ok(()) => {
                    assert!(!self.is_closed.get());
                    self.queue(queue, |queue| queue.add(Place::Full(number)));
                    self.warm();
                }
                Err(PushError::Full(_)) => panic!("a claim has room"),
                Err(PushError::Closed(value)) => {
                    assert!(self.is_closed.get() && value.number == number);
                }
            }
        }
    }

    fn check_unclaimed(&self, error: PushError<()>, used: usize) {
        assert_eq!(error.is_full(), !self.is_closed.get());
        assert!(!error.is_full() || used == self.capacity || self.is_draining());
    }

    fn clone_or_drop_producer(&self) {
        let Some((queue, producer)) = self.producer() else { return };
        if self.program.once_in(2) {
            let is_last = self.producers.borrow().len() == 1;
            if is_last && !self.program.once_in(8) || Rc::strong_count(&producer) > 2 {
                return; // it is in use further out
            }
            self.producers.borrow_mut().retain(|(_, other)| !Rc::ptr_eq(other, &producer));
            self.queue(queue, |queue| queue.is_taken = false);
            if is_last {
                self.note_close();
            }
            return drop(producer);
        }
        if self.producers.borrow().len() == PRODUCERS {
            return;
        }
        let Ok(producer) = producer.try_borrow() else { return };
        let (queue, clone) = match &*producer {
            Producer::Mpsc(producer) => (queue, Producer::Mpsc(producer.clone())),
            Producer::Spsc(_) => return,
            Producer::Lanes(producer) => {
                let mut queues = self.queues.borrow_mut();
                // The newest that was given up.
                let vacant = queues.iter().rposition(|queue| !queue.is_taken);
                let place = vacant.unwrap_or_else(|| {
                    queues.push(Queue::default());
                    queues.len() - 1
                });
                queues[place].is_taken = true;
                (place, Producer::Lanes(producer.clone()))
            }
        };
        self.producers.borrow_mut().push((queue, Rc::new(RefCell::new(clone))));
    }

    // --- what the consumer does ---

    fn drain(&self) {
        let Ok(mut consumer) = self.consumer.try_borrow_mut() else { return };
        let Some(consumer) = &mut *consumer else { return };
        let max = match self.program.byte() {
            255 => usize::MAX,
            small => usize::from(small % 12),
        };
        let bad = if self.program.once_in(5) { Some(self.program.below(8)) } else { None };
        let ready: usize = self.queues.borrow().iter().map(Queue::ready).sum();
        let inner = self.inner.get();
        let (mut count, mut was_last) = (0, true);
        let handler = |value: Value, last| {
            self.take(value.number);
            count += 1;
            was_last = last;
            self.inner();
            if bad == Some(count - 1) {
                fail();
            }
            drop(value);
        };
        trace!("drain {max}, bad {bad:?} {{");
        let drained = meant(|| of_kind!(Consumer, consumer, c => c.drain(max, handler)));
        trace!("}} {drained:?}");
        if let Some(drained) = drained {
            assert_eq!(drained, count);
            assert!(was_last, "the last one is flagged");
            if inner == self.inner.get() {
                let all = ready.min(max);
                // A lane isn't looked into again before what was seen there is taken.
                let least = if self.kind == Kind::Mpsc { all } else { all.min(1) };
                assert!((least..=all).contains(&drained), "{drained} of {all}");
            }
            // It may pass over what was given up behind the last one, or leave that for later.
            let len = of_kind!(Consumer, consumer, c => c.len());
            let mut queues = self.queues.borrow_mut();
            while queues.iter().map(|queue| queue.places.len()).sum::<usize>() > len
                && queues[0].places.front() == Some(&Place::Void)
            {
                queues[0].leave();
            }
        }
    }

    /// Takes a request out of the model: it must be the first of its queue.
    fn take(&self, number: u32) {
        let mut queues = self.queues.borrow_mut();
        let mut takes = |queue: &mut Queue| {
            let voids = queue.places.iter().take_while(|place| **place == Place::Void).count();
            let is_it = queue.places.get(voids) == Some(&Place::Full(number));
            if is_it {
                (0..=voids).for_each(|_| queue.leave());
            }
            is_it
        };
        assert!(queues.iter_mut().any(&mut takes), "{number} is not the first of any queue");
    }

    fn pop(&self) {
        let Ok(mut consumer) = self.consumer.try_borrow_mut() else { return };
        let Some(consumer) = &mut *consumer else { return };
        let popped = of_kind!(Consumer, &mut *consumer, c => c.pop());
        trace!("pop: {popped:?}");
        match popped {
            Pop::Request(value) => self.take(value.number),
            none => {
                assert_eq!(self.queues.borrow().iter().map(Queue::ready).sum::<usize>(), 0);
                self.queues.borrow_mut().iter_mut().for_each(Queue::skip_voids);
                let is_claimed = self.queues.borrow().iter().any(|queue| !queue.places.is_empty());
                let expected = match (is_claimed, self.is_closed.get()) {
                    (true, _) => "InFlight",
                    (false, true) => "Closed",
                    (false, false) => "Empty",
                };
                assert_eq!(format!("{none:?}"), expected);
                self.is_over.set(self.is_over.get() || expected == "Closed");
            }
        }
        let peeked = of_kind!(Consumer, consumer, c => c.peek());
        if peeked == Pop::Closed {
            self.is_over.set(true);
            assert!(self.is_closed.get());
        }
        assert!(peeked != Pop::Empty || !self.is_closed.get());
    }

    fn cool(&self) {
        let Ok(mut consumer) = self.consumer.try_borrow_mut() else { return };
        let Some(consumer) = &mut *consumer else { return };
        let is_empty = self.queues.borrow().iter().all(|queue| queue.places.is_empty());
        let can_cool = self.kind == Kind::Mpsc || self.heat == Heat::Varies;
        let expected = can_cool && is_empty && !self.is_closed.get() && !self.is_cold.get();
        assert_eq!(of_kind!(Consumer, consumer, c => c.cool()), expected);
        self.is_cold.set(self.is_cold.get() || expected);
    }

    fn close(&self) {
        if self.program.once_in(2)
            && let Some((_, producer)) = self.producer()
            && let Ok(producer) = producer.try_borrow()
        {
            self.note_close();
            of_kind!(Producer, &*producer, p => p.close());
        } else if let Ok(consumer) = self.consumer.try_borrow()
            && let Some(consumer) = &*consumer
        {
            self.note_close();
            of_kind!(Consumer, consumer, c => c.close());
        }
    }

    fn note_close(&self) {
        trace!("close");
        if !self.is_closed.replace(true) {
            self.warm();
        }
    }

    fn drop_consumer(&self) {
        let Ok(consumer) = self.consumer.try_borrow_mut().map(|mut consumer| consumer.take())
        else {
            return;
        };
        if consumer.is_some() {
            trace!("drop the consumer");
            self.note_close();
            self.queues.borrow_mut().iter_mut().for_each(|queue| queue.is_filling = false);
        }
        drop(consumer);
    }

    // --- what must hold ---

    fn check(&self) {
        assert_eq!(self.bell.0.load(SeqCst), self.rings.get(), "the bell");
        let used: usize = self.queues.borrow().iter().map(|queue| queue.places.len()).sum();
        if let Some(consumer) = &*self.consumer.borrow() {
            assert_eq!(of_kind!(Consumer, consumer, c => c.len()), used);
        }
        let records = self.records.borrow();
        let alive = records.iter().filter(|record| record.dropped() == 0).count();
        let queues = self.queues.borrow();
        let held = queues.iter().map(|queue| {
            queue.places.iter().filter(|place| matches!(place, Place::Full(_))).count()
        });
        assert!(
            alive == held.sum::<usize>() || self.consumer.borrow().is_none(),
            "lost, or leaked"
        );
    }

    fn end(self) {
        let Self { program, producers, consumer, records, .. } = self;
        let (producers, consumer) = (producers.into_inner(), consumer.into_inner());
        if program.once_in(2) {
            meant(|| drop(consumer));
            producers.into_iter().for_each(|producer| _ = meant(|| drop(producer)));
        } else {
            producers.into_iter().for_each(|producer| _ = meant(|| drop(producer)));
            meant(|| drop(consumer));
        }
        let lost = records.into_inner().iter().filter(|record| record.dropped() != 1).count();
        assert_eq!(lost, 0, "values that were never dropped");
    }
}

/// What a batch is made of.
struct Given<'w, 'a> {
    world: &'w World<'a>,
    said: usize,
    left: usize,
    /// Which one is a panic.
    bad: Option<usize>,
    /// What was given.
    numbers: Vec<u32>,
    /// The queue and the first of the places that the batch has claimed.
    claimed: Option<(usize, usize)>,
}

impl Given<'_, '_> {
    /// Whoever asks for the next one, or is done, has filled the place of the last.
    fn note_filled(&mut self) {
        if let (Some((queue, first)), Some(number)) = (self.claimed, self.numbers.last()) {
            let place = first + self.numbers.len() - 1;
            self.world.queue(queue, |queue| {
                if place >= queue.gone && queue.places[place - queue.gone] == Place::Claimed {
                    queue.set(place, Place::Full(*number));
                }
            });
        }
    }
}

impl Iterator for Given<'_, '_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        self.note_filled();
        self.world.inner();
        if self.bad == Some(self.numbers.len()) {
            fail();
        }
        self.left = self.left.checked_sub(1)?;
        let value = self.world.value();
        self.numbers.push(value.number);
        Some(value)
    }
}

impl ExactSizeIterator for Given<'_, '_> {
    fn len(&self) -> usize {
        self.said
    }
}
