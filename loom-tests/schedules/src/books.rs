//! What became of each request, as its servant and its caller know it: whether these agree.

use crate::mailboxes::{Ledger, Token};
use mainspring::{CallError, Executed};
use std::sync::{Arc, Mutex};

/// Knows of each job how often it was done, and that its values were dropped once.
#[derive(Clone, Debug, Default)]
pub struct Books {
    entries: Arc<Mutex<Vec<Entry>>>,
    ledger: Ledger,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    done: u8,
    told: Told,
}

/// What its sender knows of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Nothing, of one that was accepted: it may be lost if its object could end without it.
    #[default]
    Nothing,
    /// Its result, so it was done once; or its method has panicked.
    Done,
    /// That it was not done: so it may be sent again.
    NotDone,
    /// That it may have been done.
    Maybe,
}

/// An argument that is to be done once.
#[derive(Debug)]
pub struct Job {
    pub number: usize,
    books: Books,
    _token: Token,
}

impl Books {
    /// One more job.
    pub fn job(&self) -> Job {
        let mut entries = self.entries.lock().unwrap();
        entries.push(Entry::default());
        Job { number: entries.len() - 1, books: self.clone(), _token: self.ledger.token() }
    }

    /// A value that must be dropped once.
    pub fn token(&self) -> Token {
        self.ledger.token()
    }

    /// Its sender learns of it.
    pub fn tell(&self, number: usize, told: Told) {
        let entry = &mut self.entries.lock().unwrap()[number];
        assert_eq!(entry.told, Told::Nothing, "job {number} is told of twice, now as {told:?}");
        entry.told = told;
    }

    /// Its sender learns of its outcome.
    pub fn outcome<R>(&self, number: usize, outcome: &Result<R, CallError>) {
        let told = match outcome {
            Ok(_) | Err(CallError::Panicked { .. }) => Told::Done,
            Err(error) => match error.executed() {
                Executed::No => Told::NotDone,
                _ => Told::Maybe,
            },
        };
        self.tell(number, told);
    }

    /// What senders know is what servants have done. `may_lose`: accepted one-way requests may have gone
    /// with their object, by an abort or a failure.
    ///
    /// # Panics
    /// If not.
    pub fn check(&self, may_lose: bool) {
        self.ledger.check();
        for (number, entry) in self.entries.lock().unwrap().iter().enumerate() {
            let is_right = match (entry.told, entry.done) {
                (Told::Done, 1) | (Told::NotDone, 0) | (Told::Maybe, 0 | 1) => true,
                (Told::Nothing, 1) => true,
                (Told::Nothing, 0) => may_lose,
                _ => false,
            };
            assert!(is_right, "job {number} was told as {:?}, and done {}", entry.told, entry.done);
        }
    }

    /// How many jobs were done.
    pub fn done(&self) -> usize {
        self.entries.lock().unwrap().iter().filter(|entry| entry.done > 0).count()
    }
}

impl Job {
    /// It is done.
    pub fn be_done(&self) {
        let done = &mut self.books.entries.lock().unwrap()[self.number].done;
        *done += 1;
        let done = *done;
        assert_eq!(done, 1, "job {} was done twice", self.number);
    }

    pub fn books(&self) -> &Books {
        &self.books
    }
}
