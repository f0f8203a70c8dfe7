//! What must be found: else the others mean nothing.

use crate::Scenario;
use crate::history::{Clock, History, Id, Promises, Sending, Sent, Taken};
use crate::mailboxes::check;
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread;
use std::sync::Arc;

/// Each fails in some schedule.
pub const CONTROLS: &[Scenario] = &[
    Scenario { name: "control_lost_update", run: lost_update, marks: &[], weight: 1 },
    Scenario { name: "control_swapped", run: swapped, marks: &[], weight: 1 },
];

/// A change in two halves.
fn lost_update() {
    let count = Arc::new(AtomicUsize::new(0));
    let adding = [(); 3].map(|()| {
        let count = count.clone();
        // SeqCst: shuttle knows no other order.
        thread::spawn(move || count.store(count.load(SeqCst) + 1, SeqCst))
    });
    adding.into_iter().for_each(|adding| adding.join().unwrap());
    assert_eq!(count.load(SeqCst), 3);
}

/// Two producers, the one after the other where the schedule wants it so, and a consumer that always takes
/// the first one's request last.
fn swapped() {
    let clock = Arc::new(Clock::default());
    let word = Arc::new(AtomicUsize::new(0));
    let sending = [(); 2].map(|()| {
        let (clock, word) = (clock.clone(), word.clone());
        thread::spawn(move || {
            // SeqCst: as above.
            let (_, span) = clock.time(|| word.load(SeqCst));
            Sending(vec![(Sent::Accepted, span)])
        })
    });
    let producers = sending.map(|sending| sending.join().unwrap()).to_vec();
    let taken = [1, 0].map(|producer| {
        let ((), span) = clock.time(|| ());
        Taken { id: Id { producer, number: 0 }, span }
    });
    let (taken, looks, closes) = (taken.to_vec(), Vec::new(), Vec::new());
    let history = History { producers, taken, looks, closes, is_left: false };
    check(&history, Promises { capacity: 2, by_producer: false });
}
