//! A scenario as a program: rounds until enough, one line at the end.

use super::book::{Book, Totals};
use super::chance::Random;
use super::watch::{self, END_LIMIT};
use mainspring::prelude::*;
use mainspring::{Builder, Event, WaitStrategy};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What can be run by its name.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    /// What it shows, in a few words.
    pub about: &'static str,
    pub round: fn(&mut Round),
    /// It needs the machine as it is: limits, signals or figures that a checker would change.
    pub is_native: bool,
}

/// One round: its chance, and its books.
pub struct Round {
    pub random: Random,
    pub book: Arc<Book>,
    /// What it has counted that isn't in the book.
    pub others: u64,
    /// Nothing else happens in this process, so what it holds can be counted.
    pub is_alone: bool,
}

/// Each of them; an engine's runners wait by any.
pub const STRATEGIES: [WaitStrategy; 5] = [
    WaitStrategy::Spin,
    WaitStrategy::SpinThenYield { spin: Duration::from_micros(5) },
    WaitStrategy::Backoff { sleep_max: Duration::from_micros(200) },
    WaitStrategy::SpinThenPark { spin: Duration::from_micros(20) },
    WaitStrategy::Park,
];

impl Round {
    pub fn new(seed: u64) -> Self {
        Self { random: Random(seed), book: Book::new(), others: 0, is_alone: true }
    }

    /// An engine's builder that notes restarts.
    pub fn builder(&self) -> Builder {
        let book = self.book.clone();
        Engine::builder().on_event(move |event| {
            if matches!(event, Event::Restarted { .. }) {
                book.restarted();
            }
        })
    }

    /// An engine with runners of these names, which wait by any strategy.
    pub fn engine(&mut self, runners: &[&str]) -> Engine {
        let builder = self.builder();
        let add = |engine: Builder, name: &&str| {
            engine.runner(Runner::named(*name).wait(self.random.one_of(&STRATEGIES)))
        };
        runners.iter().fold(builder, add).start().expect("threads can be made")
    }
}

/// Ends the engine, in one of its ways.
pub fn end(random: &mut Random, engine: Engine) {
    match random.below(4) {
        0 => engine.join(),
        1 => assert!(engine.stop_within(END_LIMIT), "the engine ends"),
        2 => {
            engine.stop_in_phases(END_LIMIT);
            assert!(engine.stop_within(END_LIMIT), "the engine ends");
        }
        _ => drop(engine),
    }
}

/// How long a program runs: until either is reached.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    pub rounds: u64,
    pub time: Duration,
}

/// What a program has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub rounds: u64,
    pub totals: Totals,
}

/// Runs rounds, one at least. `more` is asked between two of them.
///
/// # Panics
/// As the scenario does when it finds something wrong.
pub fn run(scenario: &Scenario, seed: u64, length: Length, more: impl Fn() -> bool) -> Done {
    repeat(scenario, seed, length, true, more)
}

/// The same, beside others in the process.
///
/// # Panics
/// As [`run`].
pub fn run_beside(scenario: &Scenario, seed: u64, length: Length, more: impl Fn() -> bool) -> Done {
    repeat(scenario, seed, length, false, more)
}

fn repeat(
    scenario: &Scenario,
    seed: u64,
    length: Length,
    is_alone: bool,
    more: impl Fn() -> bool,
) -> Done {
    let began = Instant::now();
    let mut done = Done::default();
    loop {
        let seed = seed.wrapping_add(done.rounds);
        watch::expect(format!("{}: the round with seed {seed}", scenario.name));
        let mut round = Round::new(seed);
        round.is_alone = is_alone;
        (scenario.round)(&mut round);
        done.totals.add(round.book.balance());
        done.totals.others += round.others;
        done.rounds += 1;
        watch::expect_nothing();
        if done.rounds >= length.rounds || began.elapsed() >= length.time || !more() {
            return done;
        }
    }
}
