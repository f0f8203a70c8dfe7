//! Who runs next: at random, or by priorities that change at few places. One seed decides each
//! schedule, so that one number replays it.
//!
//! Shuttle has such schedulers. Here each execution has a seed of its own for both orders, and what is
//! drawn depends on nothing else, so the hundredth schedule can be run alone.
//!
//! # Source
//! S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs"
//! (ASPLOS 2010).

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any that can run, at each step: many short interleavings.
    Random,
    /// The one with the highest priority; a few times, at random places, who runs falls behind all
    /// others. So a thread is left where it stands for as long as the others have something to do.
    Pct,
}

impl Order {
    pub const ALL: [Self; 2] = [Self::Random, Self::Pct];
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random => "random",
            Self::Pct => "pct",
        })
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|order| order.to_string() == text);
        found.ok_or_else(|| format!("there is no order {text:?}: give random or pct"))
    }
}

/// What the driver and the scheduler tell each other.
#[derive(Debug, Default)]
pub struct Progress {
    /// The seed of the schedule that runs, or ran last.
    pub seed: AtomicU64,
    /// How many were begun.
    pub begun: AtomicU64,
    /// How many decisions there were.
    pub steps: AtomicU64,
    /// No further one is wanted.
    pub is_over: AtomicBool,
}

/// Runs one schedule for each seed.
#[derive(Debug)]
pub struct Seeded {
    order: Order,
    seeds: Range<u64>,
    numbers: Numbers,
    /// The values that scenarios draw, apart from the schedule's, so that both orders draw the same.
    values: Numbers,
    /// By thread; the highest runs.
    priorities: Vec<u64>,
    /// The next one that falls behind gets this.
    lowest: u64,
    /// How many steps are left to the next change of priorities, from the last to the first.
    changes: Vec<u64>,
    steps: u64,
    progress: Arc<Progress>,
}

/// Priorities at first are above this, those that have fallen below.
const HIGH: u64 = 1 << 62;

/// A schedule may have up to `2^STEPS_LOG_MAX` steps, for all that the places of its changes know.
const STEPS_LOG_MAX: u64 = 13;

impl Seeded {
    pub fn new(order: Order, seeds: Range<u64>, progress: Arc<Progress>) -> Self {
        let (priorities, changes) = (Vec::new(), Vec::new());
        let (numbers, values) = (Numbers(0), Numbers(0));
        Self {
            order,
            seeds,
            numbers,
            values,
            priorities,
            lowest: HIGH,
            changes,
            steps: 0,
            progress,
        }
    }

    /// Lets a thread fall behind all others.
    fn demote(&mut self, task: usize) {
        self.lowest -= 1;
        self.priorities[task] = self.lowest;
    }
}

impl Scheduler for Seeded {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.progress.is_over.load(Relaxed) {
            return None;
        }
        let seed = self.seeds.next()?;
        self.progress.seed.store(seed, Relaxed);
        self.progress.begun.fetch_add(1, Relaxed);
        self.numbers = Numbers(seed);
        self.values = Numbers(!seed);
        self.priorities.clear();
        self.lowest = HIGH;
        self.steps = 0;
        // Nobody knows how long a schedule is: short ones are as likely as long ones.
        let end = 8 << self.numbers.below(STEPS_LOG_MAX - 2);
        let count = 1 + self.numbers.below(4);
        self.changes = (0..count).map(|_| 1 + self.numbers.below(end)).collect();
        self.changes.sort_unstable_by(|a, b| b.cmp(a));
        Some(Schedule::new(seed))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        self.progress.steps.fetch_add(1, Relaxed);
        if self.order == Order::Random {
            let next = self.numbers.below(runnable.len() as u64) as usize;
            return Some(runnable[next].id());
        }
        let number = |task: TaskId| usize::from(task);
        let last = runnable.iter().map(|task| number(task.id())).max()?;
        while self.priorities.len() <= last.max(current.map_or(0, number)) {
            let priority = HIGH + self.numbers.below(HIGH);
            self.priorities.push(priority);
        }
        // A step is a choice: where there is none nothing changes.
        if runnable.len() > 1 {
            self.steps += 1;
            let is_changing = self.changes.last() == Some(&self.steps);
            while self.changes.last().is_some_and(|change| *change <= self.steps) {
                self.changes.pop();
            }
            if let Some(current) = current.filter(|_| is_changing || is_yielding) {
                self.demote(number(current));
            }
        }
        runnable.iter().map(|task| task.id()).max_by_key(|task| self.priorities[number(*task)])
    }

    fn next_u64(&mut self) -> u64 {
        self.values.next()
    }
}

/// Numbers that look random: Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
/// (OOPSLA 2014).
#[derive(Clone, Copy, Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// One of `0..end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}
