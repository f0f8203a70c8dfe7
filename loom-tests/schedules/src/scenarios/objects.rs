//! One object and its many callers, whatever they do with their calls, and whoever ends it meanwhile.

use super::{choose, one_in, planned_panic};
use crate::books::{Books, Job, Told};
use crate::{Scenario, marks};
use mainspring::mailbox::{ClonedKind, Kind, Lanes, Mpsc, Spsc};
use mainspring::model::{self, ModelRunner, Outline};
use mainspring::{Call, CallError, CallSet, Options, Priority, Proxy, SendError, active};
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const MARKS: &[&str] = &[
    "served",
    "full",
    "slept",
    "stopped before the start",
    "cancelled",
    "too late to cancel",
    "observed",
    "timed out",
    "urgent",
    "bulk",
];

pub const MPSC: Scenario = Scenario {
    name: "callers_mpsc",
    run: || many::<Mpsc>(weakly),
    marks: &[
        "served",
        "full",
        "slept",
        "stopped before the start",
        "stopped after the start",
        "cancelled",
        "too late to cancel",
        "observed",
        "timed out",
        "urgent",
        "bulk",
        "upgraded",
        "gone",
        "a guest's",
    ],
    weight: 2,
};

pub const LANES: Scenario =
    Scenario { name: "callers_lanes", run: || many::<Lanes>(|_, _| ()), marks: MARKS, weight: 2 };

pub const SPSC: Scenario = Scenario {
    name: "callers_spsc",
    run: || {
        let (books, ends) = (Books::default(), Ends::choose());
        let (proxy, running) = spawn::<Spsc>(&books);
        let serving = thread::spawn(move || running.run());
        call_many(&proxy, &books, ends, 30);
        drop(proxy);
        let course = serving.join().unwrap();
        finish(&books, ends, course);
    },
    marks: MARKS,
    weight: 4,
};

pub const RESTARTS: Scenario = Scenario {
    name: "restarts",
    run: restarts,
    marks: &["suspended", "served", "revived", "panicked", "stopped before the start", "full"],
    weight: 2,
};

/// Does jobs.
struct Desk {
    token: Option<crate::mailboxes::Token>,
}

#[active]
impl Desk {
    pub fn work(&mut self, job: Job) -> Job {
        if one_in(4) {
            // Somebody may cancel or abort it meanwhile.
            thread::yield_now();
        }
        job.be_done();
        job
    }

    #[active(oneway)]
    pub fn note(&mut self, job: Job) {
        job.be_done();
    }

    pub fn fail(&mut self, job: Job) -> Job {
        job.be_done();
        self.token = None;
        planned_panic()
    }
}

/// How an object ends, beside its last proxy's drop.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Alone,
    ByStop,
    ByAbort,
}

impl Ends {
    fn choose() -> Self {
        match choose(4) {
            0 => Self::ByStop,
            1 => Self::ByAbort,
            _ => Self::Alone,
        }
    }
}

fn spawn<K: Kind>(books: &Books) -> (DeskProxy<K>, ModelRunner) {
    model::spawn::<_, K>(Desk { token: Some(books.token()) }, 1 + choose(4) as usize)
}

fn many<K: ClonedKind + 'static>(beside: fn(DeskProxy<K>, &Books))
where
    DeskProxy<K>: Clone,
{
    let (books, ends) = (Books::default(), Ends::choose());
    let (proxy, running) = spawn::<K>(&books);
    let exits = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..4 + choose(3))
        .map(|_| {
            let (proxy, books, exits) = (proxy.clone(), books.clone(), exits.clone());
            thread::spawn(move || {
                proxy.on_exit(move |_| _ = exits.fetch_add(1, Relaxed));
                // With lanes, each clone comes into one that was given up, or a new one.
                let mut proxy = proxy;
                for _ in 0..2 {
                    call_many(&proxy, &books, ends, 4);
                    let next = proxy.clone();
                    proxy = next;
                }
                beside(proxy, &books);
            })
        })
        .collect();
    let count = callers.len();
    drop(proxy);
    let serving = thread::spawn(move || running.run());
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    let course = serving.join().unwrap();
    assert_eq!(exits.load(Relaxed), count, "each monitor runs once");
    finish(&books, ends, course);
}

fn finish(books: &Books, ends: Ends, course: Outline) {
    marks::hit_if("slept", course.slept);
    books.check(ends == Ends::ByAbort);
}

/// Sends this and that, and ends the object if it is to be ended so.
fn call_many<K: Kind>(proxy: &DeskProxy<K>, books: &Books, ends: Ends, count: u64) {
    let end_at = choose(2 * count);
    let mut pending = Vec::new();
    for at in 0..count {
        if at == end_at {
            match ends {
                Ends::Alone => {}
                Ends::ByStop => Proxy::stop(proxy),
                Ends::ByAbort => proxy.abort(),
            }
        }
        let is_ended = at >= end_at && ends != Ends::Alone;
        send_one(proxy, books, &mut pending, is_ended);
    }
    finish_calls(books, pending);
}

type Pending = (usize, Call<Job>);

/// `is_ended`: this very thread has ended it before, so that nothing is accepted any more.
fn send_one<K: Kind>(
    proxy: &DeskProxy<K>,
    books: &Books,
    pending: &mut Vec<Pending>,
    is_ended: bool,
) {
    let priority = match choose(6) {
        0 => Priority::Urgent,
        1 => Priority::Bulk,
        _ => Priority::Normal,
    };
    marks::hit_if("urgent", priority == Priority::Urgent);
    marks::hit_if("bulk", priority == Priority::Bulk);
    let job = books.job();
    let number = job.number;
    let options = Options::new().priority(priority);
    if one_in(3) {
        let sent = match priority {
            Priority::Normal => proxy.note(job),
            _ => proxy.with(options).note(job),
        };
        assert!(!is_ended || sent.is_err(), "accepted behind the end");
        return note_refusal(books, number, sent);
    }
    if one_in(4) {
        // Detached: what was accepted is done all the same.
        let sent = match priority {
            Priority::Normal => proxy.try_work(job).map(drop),
            _ => proxy.with(options).try_work(job).map(drop),
        };
        assert!(!is_ended || sent.is_err(), "accepted behind the end");
        return note_refusal(books, number, sent);
    }
    let call = match priority {
        Priority::Normal => proxy.work(job),
        _ => proxy.with(options).work(job),
    };
    assert!(!is_ended || call.is_ready(), "accepted behind the end");
    use_call(books, number, call, pending);
}

fn note_refusal(books: &Books, number: usize, sent: Result<(), SendError<Job>>) {
    match sent {
        Ok(()) => {}
        Err(error) => {
            if matches!(error, SendError::Full(_)) {
                marks::hit("full");
                thread::yield_now();
            }
            books.tell(number, Told::NotDone);
        }
    }
}

fn use_call(books: &Books, number: usize, mut call: Call<Job>, pending: &mut Vec<Pending>) {
    match choose(5) {
        1 => {
            let is_cancelled = call.cancel();
            marks::hit_if("cancelled", is_cancelled);
            marks::hit_if("too late to cancel", !is_cancelled);
            pending.push((number, call));
        }
        2 => {
            let books = books.clone();
            call.on_complete(move |outcome| {
                marks::hit("observed");
                books.outcome(number, &outcome);
            });
        }
        3 => match call.get_timeout(Duration::ZERO) {
            Ok(job) => note_outcome(books, number, Ok(job)),
            Err(mainspring::WaitError::Ended(error)) => note_outcome(books, number, Err(error)),
            Err(_) => {
                marks::hit("timed out");
                pending.push((number, call));
            }
        },
        4 => pending.push((number, call)),
        _ => note_outcome(books, number, call.get()),
    }
}

fn note_outcome(books: &Books, number: usize, outcome: Result<Job, CallError>) {
    match &outcome {
        Ok(job) => {
            assert_eq!(job.number, number, "it is the answer to this call");
            marks::hit("served");
        }
        Err(CallError::Full) => marks::hit("full"),
        Err(CallError::Stopped { started: false }) => marks::hit("stopped before the start"),
        Err(CallError::Stopped { started: true }) => marks::hit("stopped after the start"),
        Err(CallError::Panicked { .. }) => marks::hit("panicked"),
        Err(_) => {}
    }
    books.outcome(number, &outcome);
}

/// One by one, or as a set, in the order in which they end.
fn finish_calls(books: &Books, pending: Vec<Pending>) {
    if one_in(2) {
        for (number, call) in pending {
            note_outcome(books, number, call.get());
        }
        return;
    }
    let (numbers, calls): (Vec<_>, Vec<_>) = pending.into_iter().unzip();
    let mut set: CallSet<Job> = calls.into_iter().collect();
    let mut count = 0;
    while let Some((key, outcome)) = set.next() {
        note_outcome(books, numbers[key], outcome);
        count += 1;
    }
    assert_eq!(count, numbers.len());
}

/// Through proxies that don't keep the object.
fn weakly(proxy: DeskProxy<Mpsc>, books: &Books) {
    let weak = proxy.downgrade();
    let guest = weak.guest();
    drop(proxy);
    let job = books.job();
    let number = job.number;
    let is_accepted = match guest.note(job) {
        Ok(()) => true,
        Err(_) => {
            books.tell(number, Told::NotDone);
            false
        }
    };
    marks::hit_if("a guest's", is_accepted);
    match weak.upgrade() {
        Some(_) => marks::hit("upgraded"),
        None => marks::hit("gone"),
    }
}

/// Servants that fail, and are replaced behind a delay that only a close ends; callers go on meanwhile.
fn restarts() {
    let books = Books::default();
    let made = Arc::new(AtomicUsize::new(0));
    let factory = {
        let (made, books) = (made.clone(), books.clone());
        move || {
            made.fetch_add(1, Relaxed);
            Desk { token: Some(books.token()) }
        }
    };
    let capacity = 2 + choose(12) as usize;
    let (proxy, running) = model::spawn_restarting::<_, Mpsc>(factory, capacity);
    let aborts = one_in(4);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (proxy, books) = (proxy.clone(), books.clone());
            thread::spawn(move || {
                let mut pending = Vec::new();
                for _ in 0..6 {
                    if one_in(6) {
                        let job = books.job();
                        pending.push((job.number, proxy.fail(job)));
                    } else if one_in(2) {
                        let job = books.job();
                        let number = job.number;
                        note_refusal(&books, number, proxy.note(job));
                    } else {
                        let job = books.job();
                        pending.push((job.number, proxy.work(job)));
                    }
                }
                pending
            })
        })
        .collect();
    let serving = thread::spawn(move || running.run());
    // Nobody waits for a call before the end is ordered: a suspended object serves nothing.
    let ordering = {
        let proxy = proxy.clone();
        thread::spawn(move || {
            (0..choose(40)).for_each(|_| thread::yield_now());
            if aborts { proxy.abort() } else { Proxy::stop(&proxy) }
        })
    };
    drop(proxy);
    let pending: Vec<_> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    ordering.join().unwrap();
    finish_calls(&books, pending);
    let course = serving.join().unwrap();
    marks::hit_if("suspended", course.suspensions > 0);
    marks::hit_if("revived", made.load(Relaxed) > 1);
    // Behind the last restart that its policy allows the next failure ends it, with what waits.
    books.check(aborts || made.load(Relaxed) > mainspring::RESTARTS_DEFAULT as usize);
}
