//! Many objects on one runner: how much memory each needs, and how long reaching one takes.

use crate::error::Error;
use crate::lab::loops::closed_loop;
use crate::lab::sample::Sample;
use crate::lab::time::{ANSWER_LIMIT, RoundSpan};
use crate::lab::{Lab, RUNNER};
use crate::suites::memory::{growth_each, resident_bytes};
use crate::suites::spawner::{Spawner, call_all};
use crate::suites::tell::wait_for_room;
use crossbeam_utils::CachePadded;
use mainspring::{Engine, WaitStrategy, active};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// From one picked object to the next: far apart, and not a multiple of a population's size.
const STEP: usize = 7919;
/// How many requests are told between two looks at the clock and at what was served.
const CHUNK: u64 = 1024;
/// How many told requests may be on their way: the time is the runner's, so its queue stays short.
const AHEAD_MAX: u64 = 16 * CHUNK;

/// What a population has served; only its runner writes it.
#[derive(Default)]
pub struct Progress {
    served: CachePadded<Served>,
    /// How many of them, every [`CHUNK`]: what the sender looks at.
    shown: CachePadded<AtomicU64>,
}

#[derive(Default)]
struct Served {
    count: AtomicU64,
    sum: AtomicU64,
}

impl Progress {
    #[inline(always)]
    fn note(&self, number: u64) {
        let Served { count, sum } = &*self.served;
        // Relaxed, all: one thread changes them, and the store of `shown` orders them.
        let now = count.load(Relaxed) + 1;
        count.store(now, Relaxed);
        sum.store(sum.load(Relaxed).wrapping_add(number), Relaxed);
        if now.is_multiple_of(CHUNK) {
            // Release: carries the sum to the Acquire in `shown`.
            self.shown.store(now, Release);
        }
    }

    fn shown(&self) -> u64 {
        // Acquire: see `note`.
        self.shown.load(Acquire)
    }

    fn sum(&self) -> u64 {
        // Relaxed: ordered by `shown`.
        self.served.sum.load(Relaxed)
    }
}

/// One of many.
struct Member {
    sum: u64,
    progress: Arc<Progress>,
}

#[active]
impl Member {
    /// Adds a number, and answers with the sum.
    pub fn add(&mut self, by: u64) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }

    /// Takes a number, and notes it where its sender looks.
    #[active(oneway)]
    pub fn take(&mut self, number: u64) {
        self.progress.note(number);
    }
}

/// Populations by size, each spawned on first use. Their runners park in between.
#[derive(Default)]
pub struct Populations(RefCell<BTreeMap<usize, Rc<Population>>>);

struct Population {
    engine: Engine,
    members: Vec<MemberProxy>,
    progress: Arc<Progress>,
    /// Resident memory of each before its first use.
    bytes_each: f64,
    /// How much was added by one call of each.
    bytes_more: OnceCell<f64>,
    /// Which one was picked last.
    picked: Cell<usize>,
}

impl Populations {
    fn of(&self, lab: &Lab, size: usize) -> Result<Rc<Population>, Error> {
        if let Some(population) = self.0.borrow().get(&size) {
            return Ok(population.clone());
        }
        let population = Rc::new(Population::spawn(lab, size)?);
        self.0.borrow_mut().insert(size, population.clone());
        Ok(population)
    }

    /// Resident memory per object that was never called. The other suite's objects are smaller by
    /// what these need for their progress.
    pub fn bytes_never_used(&self, lab: &Lab, size: usize, _: Duration) -> Result<Sample, Error> {
        let value = self.of(lab, size)?.bytes_each;
        Ok(Sample::Amount { value, unit: "bytes" })
    }

    /// Resident memory per object that was called once: with its slots, and its reply cell.
    pub fn bytes_used_once(&self, lab: &Lab, size: usize, _: Duration) -> Result<Sample, Error> {
        let population = self.of(lab, size)?;
        let value = population.bytes_each + population.use_once()?;
        Ok(Sample::Amount { value, unit: "bytes" })
    }

    /// Calls, one at a time, of one object of so many; the others are idle. Another one each time: where
    /// an object lies makes a difference too.
    pub fn call_one(&self, lab: &Lab, size: usize, length: Duration) -> Result<Sample, Error> {
        let population = self.of(lab, size)?;
        let member = population.next();
        let mut sum = member.add(0).get()?;
        closed_loop(length, || {
            sum += 1;
            Error::check("the sum", member.add(1).get()?, sum)
        })
    }

    /// One-way requests to each of `size` objects in turn.
    pub fn tell_all(&self, lab: &Lab, size: usize, length: Duration) -> Result<Sample, Error> {
        let population = self.of(lab, size)?;
        // An object's first request takes memory: that is another scenario's business.
        population.use_once()?;
        let mut round = Round::new(lab, &population);
        let span = RoundSpan::of(length);
        round.tell_until(span.warm)?;
        let (begun, before) = (Instant::now(), round.sent);
        round.tell_until(span.end)?;
        Ok(Sample::per_operation(round.sent - before, begun.elapsed()))
    }

    /// Spawns an object beside `size` others, and waits for its end.
    pub fn spawn_one(&self, lab: &Lab, size: usize, length: Duration) -> Result<Sample, Error> {
        let population = self.of(lab, size)?;
        let ended = Arc::<AtomicU64>::default();
        let mut made = 0;
        closed_loop(length, || {
            let guest = Guest(ended.clone());
            drop(population.engine.spawn_unnamed(move || guest).on(RUNNER).start()?);
            made += 1;
            // Acquire: see `Guest`.
            wait_until(lab, || ended.load(Acquire) == made)
        })
    }
}

impl Population {
    fn spawn(lab: &Lab, size: usize) -> Result<Self, Error> {
        let engine = lab.engine(WaitStrategy::default())?;
        let spawner = engine.spawn("spawner", Spawner::default).on(RUNNER).start()?;
        let progress = Arc::<Progress>::default();
        let before = resident_bytes()?;
        let (inside, theirs) = (engine.handle(), progress.clone());
        let make = move || {
            let progress = theirs.clone();
            inside.spawn_unnamed(move || Member { sum: 0, progress }).on(RUNNER).start()
        };
        let members = spawner.spawn_many(size, Box::new(make)).get_timeout(ANSWER_LIMIT)??;
        let bytes_each = growth_each(before, size)?;
        let (bytes_more, picked) = (OnceCell::new(), Cell::new(0));
        Ok(Self { engine, members, progress, bytes_each, bytes_more, picked })
    }

    /// Another member than last time, if there is one.
    fn next(&self) -> &MemberProxy {
        self.picked.set((self.picked.get() + STEP) % self.members.len());
        &self.members[self.picked.get()]
    }

    /// Calls everybody once, if nobody has; returns by how much that has made each grow.
    fn use_once(&self) -> Result<f64, Error> {
        if let Some(bytes) = self.bytes_more.get() {
            return Ok(*bytes);
        }
        let before = resident_bytes()?;
        let is_called = |sum| Error::check("calls", u64::from(sum > 0), 1);
        call_all(&self.members, |member| member.add(1), is_called)?;
        let bytes = growth_each(before, self.members.len())?;
        Ok(*self.bytes_more.get_or_init(|| bytes))
    }
}

/// Requests that go round a population.
struct Round<'a> {
    lab: &'a Lab,
    population: &'a Population,
    /// What the population had served before, and the sum of that.
    before: (u64, u64),
    sent: u64,
    next: usize,
}

impl<'a> Round<'a> {
    fn new(lab: &'a Lab, population: &'a Population) -> Self {
        // Everything was shown: earlier rounds have waited for their last chunks.
        let before = (population.progress.shown(), population.progress.sum());
        Self { lab, population, before, sent: 0, next: 0 }
    }

    /// Returns when everything told so far has been served, and checks it.
    fn tell_until(&mut self, end: Instant) -> Result<(), Error> {
        while Instant::now() < end {
            for number in self.sent..self.sent + CHUNK {
                self.tell(number)?;
            }
            self.sent += CHUNK;
            self.wait_for(self.sent.saturating_sub(AHEAD_MAX))?;
        }
        self.wait_for(self.sent)?;
        let expected = (0..self.sent).fold(self.before.1, u64::wrapping_add);
        Error::check("the sum", self.population.progress.sum(), expected)
    }

    #[inline(always)]
    fn tell(&mut self, number: u64) -> Result<(), Error> {
        let member = &self.population.members[self.next];
        while let Err(error) = member.take(number) {
            wait_for_room(self.lab, error)?;
        }
        self.next += 1;
        if self.next == self.population.members.len() {
            self.next = 0;
        }
        Ok(())
    }

    fn wait_for(&self, served: u64) -> Result<(), Error> {
        wait_until(self.lab, || self.population.progress.shown() - self.before.0 >= served)
    }
}

/// An object that says when it has ended.
struct Guest(Arc<AtomicU64>);

#[active]
impl Guest {
    /// How many have ended before.
    pub fn ended(&self) -> u64 {
        // Relaxed: a count.
        self.0.load(Relaxed)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Release: the object has ended before; pairs with the Acquire in `Populations::spawn_one`.
        self.0.fetch_add(1, Release);
    }
}

fn wait_until(lab: &Lab, is_so: impl Fn() -> bool) -> Result<(), Error> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > ANSWER_LIMIT {
            return Err(Error::StopTimedOut(ANSWER_LIMIT));
        }
        lab.relax();
    }
    Ok(())
}
