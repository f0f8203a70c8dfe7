//! A batch that meets a close, and the bell that hears of it.

use mainspring::mailbox::{Bell, PushError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A bell that counts what it is told. Plain counters: the checker needs no part in them.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<[AtomicUsize; 2]>);

impl Told {
    /// How often it was rung.
    pub fn rung(&self) -> usize {
        self.0[0].load(Relaxed)
    }

    /// How many publications were accepted although the gate was closed when they looked.
    pub fn late(&self) -> usize {
        self.0[1].load(Relaxed)
    }
}

impl Bell for Told {
    fn ring(&self) {
        self.0[0].fetch_add(1, Relaxed);
    }

    fn late(&self) {
        self.0[1].fetch_add(1, Relaxed);
    }
}

/// What became of a batch beside a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The gate was open when it looked.
    Accepted,
    /// The gate was closed when it looked, and the lane had not ended before it.
    AcceptedLate,
    /// Before anything was taken from the iterator.
    Refused,
    /// After it was published: taken back.
    RefusedLate,
}

impl Met {
    /// The names of their marks.
    pub const MARKS: [&str; 4] = ["accepted", "accepted late", "refused", "refused late"];

    /// What became of the one [`batch`] of `count` that was sent to the mailbox with this bell.
    ///
    /// # Panics
    /// If it was accepted or refused in part.
    pub fn of(sent: Result<usize, PushError<Vec<Box<u64>>>>, told: &Told, count: u64) -> Self {
        match sent {
            Ok(sent) => {
                assert_eq!(sent as u64, count, "there was room for all");
                if told.late() > 0 { Self::AcceptedLate } else { Self::Accepted }
            }
            Err(PushError::Closed(back)) if back.is_empty() => Self::Refused,
            Err(PushError::Closed(back)) => {
                assert!(back.into_iter().map(|request| *request).eq(1..=count), "all of it");
                Self::RefusedLate
            }
            Err(PushError::Full(_)) => panic!("there was room"),
        }
    }

    /// What the consumer must find of it.
    pub fn delivered(self, count: u64) -> Vec<u64> {
        let is_accepted = matches!(self, Self::Accepted | Self::AcceptedLate);
        (1..=if is_accepted { count } else { 0 }).collect()
    }
}

/// The requests `1..=count`, whose loss or double drop the checker reports.
pub fn batch(count: u64) -> impl ExactSizeIterator<Item = Box<u64>> {
    (1..=count).map(Box::new).collect::<Vec<_>>().into_iter()
}
