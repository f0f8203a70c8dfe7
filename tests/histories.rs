//! Mailboxes at full speed, on threads of the system's, beside a bounded queue that does one operation
//! after the other: what they did must be something that it could have done.
//!
//! The stamps are changes of one word, so they order the threads more than a caller would: what this
//! finds is logic, and what memory orders is the models' to find.

#[path = "common/history.rs"]
mod history;
#[path = "common/mailboxes.rs"]
mod mailboxes;

use history::{Clock, History, Id, Look, Nothing, Promises, Sending, Sent, Span, Taken, Violation};
use mailboxes::{Consuming, Producing, Sends, Takes, check};
use mainspring::mailbox::{Bell, lanes, mpsc, spsc};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};

/// How many requests all producers of a run try to send.
const COUNT: u32 = 100_000;

/// Unparks the consumer, and counts.
#[derive(Clone, Default)]
struct Doorbell(Arc<(AtomicUsize, Mutex<Option<Thread>>)>);

impl Bell for Doorbell {
    fn ring(&self) {
        self.0.0.fetch_add(1, SeqCst);
        if let Some(thread) = &*self.0.1.lock().unwrap() {
            thread.unpark();
        }
    }
}

impl Doorbell {
    fn rung(&self) -> usize {
        self.0.0.load(SeqCst)
    }

    /// Sleeps until it was rung so often.
    fn wait(&self, rings: usize) {
        while self.rung() < rings {
            thread::park();
        }
    }
}

/// Numbers that differ from thread to thread.
fn chooser(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |end| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % end
    }
}

/// Runs producers beside a consumer; returns how many requests went through.
fn run<P: Sends, C: Takes>(
    producers: Vec<P>,
    receiver: C,
    bell: &Doorbell,
    promises: Promises,
    close_after: Option<usize>,
) -> usize {
    let clock = Arc::new(Clock::default());
    let count = COUNT / producers.len() as u32;
    let consuming = thread::spawn({
        let (clock, bell) = (clock.clone(), bell.clone());
        move || {
            *bell.0.1.lock().unwrap() = Some(thread::current());
            let slept = std::cell::Cell::new(0);
            let sleep = || {
                slept.set(slept.get() + 1);
                bell.wait(slept.get());
            };
            let (choose, pause) = (&mut chooser(99), &thread::yield_now);
            let consuming = Consuming {
                clock: &clock,
                choose,
                pause,
                sleep: &sleep,
                tell: &|_| (),
                close_after,
                leave_after: None,
            };
            consuming.run(receiver)
        }
    });
    let sending = producers.into_iter().enumerate().map(|(producer, sender)| {
        let clock = clock.clone();
        let producer = producer as u32;
        thread::spawn(move || {
            let (choose, pause) = (&mut chooser(producer.into()), &thread::yield_now);
            let clock = &*clock;
            Producing { clock, ledger: None, producer, count, choose, pause }.run(sender).0
        })
    });
    let sending: Vec<_> = sending.collect();
    let sent = sending.into_iter().map(|sending| sending.join().unwrap()).collect();
    let consumed = consuming.join().unwrap();
    assert_eq!(bell.rung(), consumed.coolings, "one ring for each cooling");
    let history = mailboxes::history(sent, consumed, Vec::new());
    check(&history, promises);
    let sent: usize = history.producers.iter().map(|sending| sending.0.len()).sum();
    let (taken, looks) = (history.taken.len(), history.looks.len());
    println!("{promises:?}: {sent} sends, {taken} taken, {looks} looks that found nothing");
    taken
}

/// A small ring is full and empty by turns; a large one runs far ahead.
const CAPACITIES: [usize; 3] = [1, 7, 512];

macro_rules! runs_of {
    ($kind:ident, $by_producer:literal, $clones:expr) => {
        for capacity in CAPACITIES {
            for close_after in [None, Some(COUNT as usize / 8)] {
                let bell = Doorbell::default();
                let (producer, consumer) = $kind::with_bell(capacity, bell.clone()).unwrap();
                let promises = Promises { capacity, by_producer: $by_producer };
                let taken = run($clones(producer), consumer, &bell, promises, close_after);
                assert!(taken > 0);
            }
        }
    };
}

#[test]
fn the_shared_ring_is_a_bounded_queue_at_full_speed() {
    runs_of!(mpsc, false, |producer| vec![producer; 4]);
}

#[test]
fn each_lane_is_a_bounded_queue_at_full_speed() {
    runs_of!(lanes, true, |producer| vec![producer; 4]);
}

#[test]
fn the_single_producer_s_ring_is_a_bounded_queue_at_full_speed() {
    runs_of!(spsc, false, |producer| vec![producer]);
}

/// Each rule of the checker sees what it is for.
mod the_checker_sees {
    use super::*;
    use std::collections::BTreeSet;

    const PROMISES: Promises = Promises { capacity: 4, by_producer: false };

    const fn span(call: u64, ret: u64) -> Span {
        Span { call, ret }
    }

    const fn id(producer: u32, number: u32) -> Id {
        Id { producer, number }
    }

    /// Two producers that send two requests each, one after the other; each is then taken.
    fn plain() -> History {
        let sent =
            |times: [u64; 2]| Sending(times.map(|at| (Sent::Accepted, span(at, at + 1))).to_vec());
        let producers = vec![sent([0, 4]), sent([2, 6])];
        let order = [id(0, 0), id(1, 0), id(0, 1), id(1, 1)];
        let at = |place: usize| 10 + 2 * place as u64;
        let taken = order.into_iter().enumerate();
        let taken = taken.map(|(place, id)| Taken { id, span: span(at(place), at(place) + 1) });
        let looks = vec![Look { taken: 4, span: span(20, 21), found: Nothing::Empty }];
        History { producers, taken: taken.collect(), looks, closes: Vec::new(), is_left: false }
    }

    fn found(history: &History) -> Vec<Violation> {
        history.violations(PROMISES).into_iter().collect()
    }

    #[test]
    fn nothing_where_all_is_well() {
        assert!(found(&plain()).is_empty());
        let by_producer = Promises { by_producer: true, ..PROMISES };
        assert!(plain().violations(by_producer).is_empty());
    }

    #[test]
    fn swapped_requests() {
        for place in 0..3 {
            let mut swapped = plain();
            let (one, other) = (swapped.taken[place].id, swapped.taken[place + 1].id);
            (swapped.taken[place].id, swapped.taken[place + 1].id) = (other, one);
            assert_eq!(found(&swapped), [Violation::OutOfOrder(one)], "{place}");
            let by_producer = Promises { by_producer: true, ..PROMISES };
            assert!(swapped.violations(by_producer).is_empty(), "these have no order there");
        }
        let mut swapped = plain();
        (swapped.taken[0].id, swapped.taken[2].id) = (id(0, 1), id(0, 0));
        assert!(found(&swapped).contains(&Violation::Overtaken(id(0, 0))));
    }

    #[test]
    fn lost_doubled_and_invented_requests() {
        let mut lost = plain();
        lost.taken.remove(1);
        lost.looks.clear();
        assert_eq!(found(&lost), [Violation::Lost(id(1, 0))]);
        lost.is_left = true;
        assert!(found(&lost).is_empty(), "it went with the consumer");
        let mut doubled = plain();
        doubled.taken.push(doubled.taken[0]);
        assert_eq!(found(&doubled), [Violation::Twice(id(0, 0))]);
        let mut invented = plain();
        invented.taken.push(Taken { id: id(1, 2), span: span(18, 19) });
        invented.taken.push(Taken { id: id(2, 0), span: span(18, 19) });
        let nowhere = [id(1, 2), id(2, 0)].map(Violation::FromNowhere);
        assert_eq!(found(&invented), nowhere);
        let mut early = plain();
        early.producers[0].0[0].1 = span(30, 31);
        assert!(found(&early).contains(&Violation::TooEarly(id(0, 0))));
    }

    #[test]
    fn too_many_requests_and_refusals_without_reason() {
        let small = Promises { capacity: 3, ..PROMISES };
        assert_eq!(plain().violations(small), BTreeSet::from([Violation::OverCapacity]));
        let mut refused = plain();
        refused.producers[0].0.push((Sent::Full, span(8, 9)));
        assert!(found(&refused).is_empty(), "four lie there");
        refused.producers[0].0[2].1 = span(14, 15);
        assert_eq!(found(&refused), [Violation::NotFull(id(0, 2))], "two were taken");
        let each = Promises { capacity: 2, by_producer: true };
        assert!(plain().violations(each).is_empty());
    }

    #[test]
    fn a_mailbox_found_empty_that_is_not() {
        for nothing in [Nothing::Empty, Nothing::None] {
            let mut wrong = plain();
            wrong.looks = vec![Look { taken: 1, span: span(12, 13), found: nothing }];
            assert!(found(&wrong).contains(&Violation::NotEmpty(id(1, 0))));
        }
        let mut claimed = plain();
        // The first is claimed before all others, and shown behind them.
        claimed.producers[0].0[0].1 = span(0, 30);
        claimed.producers[0].0.truncate(1);
        claimed.taken.remove(2);
        claimed.looks = vec![Look { taken: 0, span: span(9, 10), found: Nothing::None }];
        assert!(found(&claimed).is_empty());
        claimed.looks[0].found = Nothing::Empty;
        assert_eq!(found(&claimed), [Violation::NotEmpty(id(1, 0))]);
    }

    #[test]
    fn an_end_that_is_none() {
        let mut closed = plain();
        closed.closes.push(span(0, 3));
        assert_eq!(found(&closed), [id(0, 1), id(1, 1)].map(Violation::BehindTheEnd));
        let mut refused = plain();
        refused.producers[0].0.push((Sent::Closed, span(8, 9)));
        assert_eq!(found(&refused), [Violation::NotClosed(id(0, 2))]);
        refused.closes.push(span(7, 8));
        assert!(found(&refused).is_empty());
        let mut early = plain();
        early.looks.push(Look { taken: 3, span: span(16, 17), found: Nothing::Closed });
        assert_eq!(found(&early), [Violation::EndTooEarly(id(1, 1))]);
    }
}
