//! One mailbox of each kind: is it a bounded queue, whatever happens meanwhile?

use super::{choose, one_in};
use crate::Scenario;
use crate::history::{Clock, Promises, Sending, Sent, Span};
use crate::mailboxes::{
    Consumed, Consuming, Item, Ledger, Producing, Sends, Takes, check, history,
};
use crate::marks;
use mainspring::mailbox::{Bell, lanes, mpsc, spsc};
use mainspring::model::Token;
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread::{self, JoinHandle};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const MARKS: &[&str] = &["full", "closed", "slept", "left", "cut short", "many laps", "all taken"];

pub const MPSC: Scenario = Scenario {
    name: "mailbox_mpsc",
    run: || {
        let (capacity, bell) = (1 + choose(6) as usize, Doorbell::default());
        let (producer, consumer) = mpsc::with_bell::<Item, _>(capacity, bell.clone()).unwrap();
        let closer = one_in(4).then(|| producer.clone());
        let promises = Promises { capacity, by_producer: false };
        let closing = closer.map(|closer| move || closer.close());
        run(clones(producer), consumer, bell, promises, closing);
    },
    marks: &["full", "closed", "slept", "left", "cut short", "many laps", "all taken", "in flight"],
    weight: 3,
};

pub const SPSC: Scenario = Scenario {
    name: "mailbox_spsc",
    run: || {
        let (capacity, bell) = (1 + choose(6) as usize, Doorbell::default());
        let (producer, consumer) = spsc::with_bell::<Item, _>(capacity, bell.clone()).unwrap();
        let promises = Promises { capacity, by_producer: false };
        run(vec![|| producer], consumer, bell, promises, None::<fn()>);
    },
    marks: MARKS,
    weight: 6,
};

pub const LANES: Scenario = Scenario {
    name: "mailbox_lanes",
    run: || {
        let (capacity, bell) = (1 + choose(4) as usize, Doorbell::default());
        let (producer, consumer) = lanes::with_bell::<Item, _>(capacity, bell.clone()).unwrap();
        let closer = one_in(4).then(|| producer.clone());
        let promises = Promises { capacity, by_producer: true };
        let closing = closer.map(|closer| move || closer.close());
        run(clones(producer), consumer, bell, promises, closing);
    },
    marks: MARKS,
    weight: 3,
};

/// Four to eight producers, each made on its own thread from one that is dropped then: so lanes come, are
/// given up and are taken over while others send.
fn clones<P: Clone>(producer: P) -> Vec<impl FnOnce() -> P> {
    let count = 4 + choose(5) as usize;
    vec![producer; count].into_iter().map(|one| move || one.clone()).collect()
}

/// Leaves the consumer a token, and counts.
#[derive(Clone, Default)]
struct Doorbell(Arc<(AtomicUsize, Token)>);

impl Bell for Doorbell {
    fn ring(&self) {
        self.0.0.fetch_add(1, Relaxed);
        self.0.1.unpark();
    }
}

impl Doorbell {
    fn rung(&self) -> usize {
        self.0.0.load(Relaxed)
    }

    /// Sleeps until it was rung so often.
    fn wait(&self, rings: usize) {
        while self.rung() < rings {
            self.0.1.park();
        }
        marks::hit("slept");
    }
}

/// How many requests the consumer has taken, for who waits until it has taken all.
#[derive(Default)]
struct Taken(Mutex<usize>, Condvar);

impl Taken {
    fn tell(&self, taken: usize) {
        *self.0.lock().unwrap() = taken;
        self.1.notify_all();
    }

    fn wait(&self, all: usize) {
        let mut taken = self.0.lock().unwrap();
        while *taken < all {
            taken = self.1.wait(taken).unwrap();
        }
    }
}

/// Each producer sends up to a few dozen requests; the consumer takes them, and may close or leave.
fn run<P: Sends, C: Takes>(
    producers: Vec<impl FnOnce() -> P + Send + 'static>,
    consumer: C,
    bell: Doorbell,
    promises: Promises,
    close: Option<impl FnOnce() + Send + 'static>,
) {
    let (clock, ledger) = (Arc::new(Clock::default()), Ledger::default());
    let count = 60 / producers.len() as u32;
    let sending: Vec<_> = producers
        .into_iter()
        .enumerate()
        .map(|(producer, make)| {
            let (clock, ledger) = (clock.clone(), ledger.clone());
            thread::spawn(move || {
                let (clock, ledger, producer) = (&*clock, Some(&ledger), producer as u32);
                let (choose, pause) = (&mut choose, &thread::yield_now);
                Producing { clock, ledger, producer, count, choose, pause }.run(make())
            })
        })
        .collect();
    let closing: Option<JoinHandle<Span>> = close.map(|close| {
        let clock = clock.clone();
        thread::spawn(move || {
            (0..choose(30)).for_each(|_| thread::yield_now());
            clock.time(close).1
        })
    });
    let (close_after, leave_after) = match choose(6) {
        0 => (Some(choose(40) as usize), None),
        1 => (None, Some(choose(40) as usize)),
        _ => (None, None),
    };
    let progress = Arc::new(Taken::default());
    // Nobody closes it: then the producers' own drops may wait, too, or they would wake whom others have
    // forgotten.
    let waits = closing.is_none() && close_after.is_none() && leave_after.is_none();
    let consuming = thread::spawn({
        let (clock, bell, progress) = (clock.clone(), bell.clone(), progress.clone());
        move || {
            let tell = |taken| {
                if waits {
                    progress.tell(taken)
                }
            };
            let slept = Cell::new(0);
            let sleep = || {
                slept.set(slept.get() + 1);
                bell.wait(slept.get());
            };
            let (clock, choose, pause, sleep) = (&*clock, &mut choose, &thread::yield_now, &sleep);
            let tell = &tell;
            Consuming { clock, choose, pause, sleep, tell, close_after, leave_after }.run(consumer)
        }
    });
    let sending = sending.into_iter().map(|sending| sending.join().unwrap());
    let (sent, senders): (Vec<Sending>, Vec<P>) = sending.unzip();
    if waits {
        let accepted = sent.iter().flat_map(|sending| &sending.0);
        progress.wait(accepted.filter(|(sent, _)| *sent == Sent::Accepted).count());
        marks::hit("all taken");
    }
    drop(senders);
    let closed: Vec<_> = closing.into_iter().map(|closing| closing.join().unwrap()).collect();
    let consumed = consuming.join().unwrap();
    let Consumed { coolings, in_flight, is_left, .. } = consumed;
    let history = history(sent, consumed, closed);
    check(&history, promises);
    // A consumer that leaves closes, and one that was cold has left without a look at its bell.
    assert_eq!(bell.rung(), coolings, "one ring for each cooling");
    ledger.check();
    let fates = || history.producers.iter().flat_map(|sending| &sending.0).map(|(sent, _)| *sent);
    marks::hit_if("full", fates().any(|sent| sent == Sent::Full));
    marks::hit_if("closed", fates().any(|sent| sent == Sent::Closed));
    marks::hit_if("left", is_left);
    marks::hit_if("cut short", !is_left && fates().any(|sent| sent == Sent::Closed));
    marks::hit_if("many laps", history.taken.len() > 4 * promises.capacity);
    marks::hit_if("in flight", in_flight > 0);
}
