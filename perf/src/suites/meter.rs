//! The object that one-way requests are sent to: it counts, adds up, and looks at the clock.

use mainspring::active;
use std::time::Instant;

/// Counts what it is given, and adds it up.
#[derive(Default)]
pub struct Meter {
    count: u64,
    sum: u64,
    /// When [`mark`](MeterProxy::mark) came, and how much had come before it.
    mark: Option<(Instant, u64)>,
}

/// What a [`Meter`] has seen.
pub struct Tally {
    /// How many numbers.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// How many of them since the mark.
    pub timed: u64,
    /// The time since the mark, in nanoseconds.
    pub timed_ns: u64,
}

#[active]
impl Meter {
    /// Takes a number.
    #[active(oneway)]
    pub fn add(&mut self, number: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
    }

    /// Begins the time that `finish` ends.
    #[active(oneway)]
    pub fn mark(&mut self) {
        self.mark = Some((Instant::now(), self.count));
    }

    /// Answers with what there was.
    pub fn finish(&self) -> Tally {
        let (begun, before) = self.mark.unwrap_or_else(|| (Instant::now(), self.count));
        let timed_ns = begun.elapsed().as_nanos() as u64;
        Tally { count: self.count, sum: self.sum, timed: self.count - before, timed_ns }
    }
}
