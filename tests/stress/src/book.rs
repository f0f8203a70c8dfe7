//! The books: each request that was sent, how it ended, and what became of its argument.
//!
//! A caller writes down what it sends and how that ends; the servant's side is kept by the argument, a
//! [`Ticket`]. When all is over the two sides must agree.

use super::watch::END_LIMIT;
use mainspring::Executed;
use mainspring::prelude::*;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// How requests end, as their senders see it.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// Not accepted.
    Refused,
    Done,
    Cancelled,
    Expired,
    Stopped,
    Panicked,
    Shed,
    Dropped,
    /// Nobody waits for these: one-way requests, and calls whose handles were dropped.
    Unwatched,
}

const ENDS: [(End, &str); 9] = [
    (End::Refused, "refused"),
    (End::Done, "done"),
    (End::Cancelled, "cancelled"),
    (End::Expired, "expired"),
    (End::Stopped, "stopped"),
    (End::Panicked, "panicked"),
    (End::Shed, "shed"),
    (End::Dropped, "dropped"),
    (End::Unwatched, "not watched"),
];

/// One scenario's books.
#[derive(Default)]
pub struct Book {
    sent: AtomicU64,
    begun: AtomicU64,
    /// Tickets that are gone.
    gone: AtomicU64,
    ends: [AtomicU64; ENDS.len()],
    restarts: AtomicU64,
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub sent: u64,
    pub begun: u64,
    pub ends: [u64; ENDS.len()],
    pub restarts: u64,
    /// Requests without a book: how many calls, objects or messages a scenario has counted itself.
    pub others: u64,
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(SeqCst)
}

impl Book {
    /// An empty one.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A request that is about to be sent: its argument, and its line.
    pub fn enter(self: &Arc<Self>) -> (Ticket, Line) {
        self.sent.fetch_add(1, SeqCst);
        let record = Arc::new(Record {
            book: self.clone(),
            begun: AtomicU32::new(0),
            ended: AtomicU32::new(0),
            gone: AtomicU32::new(0),
        });
        (Ticket { record: record.clone() }, Line { record })
    }

    /// An object got another servant.
    pub fn restarted(&self) {
        self.restarts.fetch_add(1, SeqCst);
    }

    /// Returns when each request that was sent has ended; for observers that nobody waits for.
    pub fn settle(&self) {
        let ended = || self.ends.iter().map(read).sum::<u64>();
        let deadline = Instant::now() + END_LIMIT;
        while ended() < read(&self.sent) {
            assert!(Instant::now() < deadline, "some never end: {}", self.totals());
            std::thread::yield_now();
        }
    }

    /// Both sides must agree, once everything has ended.
    ///
    /// # Panics
    /// If they don't.
    pub fn balance(&self) -> Totals {
        let ends = self.ends.each_ref().map(read);
        let (sent, ended) = (read(&self.sent), ends.iter().sum::<u64>());
        assert_eq!(ended, sent, "each request ends once: {}", self.totals());
        // The last arguments are dropped where their objects end, which may be just behind us.
        let deadline = Instant::now() + END_LIMIT;
        while read(&self.gone) < sent && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(read(&self.gone), sent, "each argument is dropped once");
        self.totals()
    }

    /// The counts so far.
    pub fn totals(&self) -> Totals {
        Totals {
            sent: read(&self.sent),
            begun: read(&self.begun),
            ends: self.ends.each_ref().map(read),
            restarts: read(&self.restarts),
            others: 0,
        }
    }
}

impl Totals {
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.begun += other.begun;
        self.restarts += other.restarts;
        self.others += other.others;
        for (sum, end) in self.ends.iter_mut().zip(other.ends) {
            *sum += end;
        }
    }

    pub fn of(&self, end: End) -> u64 {
        self.ends[end as usize]
    }

    /// Requests that were accepted.
    pub fn accepted(&self) -> u64 {
        self.sent - self.of(End::Refused)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests sent", self.sent)?;
        for (end, name) in ENDS {
            if self.of(end) > 0 {
                write!(f, ", {} {name}", self.of(end))?;
            }
        }
        write!(f, "; {} methods ran, {} restarts", self.begun, self.restarts)
    }
}

struct Record {
    book: Arc<Book>,
    begun: AtomicU32,
    ended: AtomicU32,
    gone: AtomicU32,
}

/// An argument that says when its method begins, and when it is dropped.
pub struct Ticket {
    record: Arc<Record>,
}

impl Ticket {
    /// The method begins, which it does once.
    pub fn begin(&self) {
        assert_eq!(self.record.begun.fetch_add(1, SeqCst), 0, "a method ran twice");
        self.record.book.begun.fetch_add(1, SeqCst);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        assert_eq!(self.record.gone.fetch_add(1, SeqCst), 0, "an argument was dropped twice");
        self.record.book.gone.fetch_add(1, SeqCst);
    }
}

/// A request as its sender knows it. Small enough for an observer to capture.
#[must_use = "how did it end?"]
pub struct Line {
    record: Arc<Record>,
}

impl Line {
    fn end(&self, end: End) {
        assert_eq!(self.record.ended.fetch_add(1, SeqCst), 0, "a request ended twice: {end:?}");
        self.record.book.ends[end as usize].fetch_add(1, SeqCst);
    }

    /// It was not accepted.
    pub fn refused(self) {
        assert_eq!(self.record.begun.load(SeqCst), 0, "a refused request ran");
        self.end(End::Refused);
    }

    /// It was accepted, and nobody waits for it.
    pub fn unwatched(self) {
        self.end(End::Unwatched);
    }

    /// A one-way request was sent, or not.
    pub fn told<A>(self, told: Result<(), SendError<A>>) {
        match told.map_err(drop) {
            Ok(()) => self.unwatched(),
            Err(()) => self.refused(),
        }
    }

    /// It was a call, and ended so.
    pub fn ended(self, outcome: &Result<u64, CallError>) {
        let begun = self.record.begun.load(SeqCst);
        match outcome {
            Ok(_) => assert_eq!(begun, 1, "a result without a method"),
            Err(error) if error.executed() == Executed::No => {
                assert_eq!(begun, 0, "{error}: yet the method began");
            }
            Err(_) => {}
        }
        self.end(match outcome {
            Ok(_) => End::Done,
            Err(CallError::Cancelled) => End::Cancelled,
            Err(CallError::Expired) => End::Expired,
            Err(CallError::Stopped { .. }) => End::Stopped,
            Err(CallError::Panicked { .. }) => End::Panicked,
            Err(CallError::Shed) => End::Shed,
            Err(CallError::Dropped) => End::Dropped,
            // For calls that weren't asked whether they were accepted.
            Err(CallError::Full | CallError::SendWouldDeadlock) => End::Refused,
            Err(other) => panic!("no call of ours can end so: {other}"),
        });
    }

    /// Waits for the call's end.
    pub fn wait(self, mut call: Call<u64>) {
        match call.get_timeout(END_LIMIT) {
            Ok(result) => self.ended(&Ok(result)),
            Err(WaitError::Ended(error)) => self.ended(&Err(error)),
            Err(error) => panic!("a call was lost: {error}"),
        }
    }

    /// Waits for so long; what hasn't ended by then comes back.
    pub fn wait_for(self, mut call: Call<u64>, limit: Duration) -> Option<(Call<u64>, Self)> {
        match call.get_timeout(limit) {
            Ok(result) => self.ended(&Ok(result)),
            Err(WaitError::Ended(error)) => self.ended(&Err(error)),
            Err(WaitError::TimedOut) => return Some((call, self)),
            Err(error) => panic!("a wait was refused: {error}"),
        }
        None
    }
}
