//! A hundred thousand idle objects: what they cost the machine and a busy object beside them.

use crate::error::Error;
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::lab::{Lab, RUNNER};
use crate::suites::adder::{Adder, AdderProxy};
use crate::suites::call;
use crate::suites::memory::{growth_each, resident_bytes};
use crate::suites::meter::Meter;
use crate::suites::spawner::{Spawner, call_all};
use crate::suites::tell::{self, Sending};
use mainspring::mailbox::Mpsc;
use mainspring::{Active, Engine, WaitStrategy};
use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// How many objects are idle.
const IDLE_COUNT: usize = 100_000;

/// One engine with a population of idle objects, spawned when the first scenario needs it.
///
/// Its runner parks while it has nothing to do, so it doesn't disturb the measurements that are
/// made without it.
#[derive(Default)]
pub struct IdleObjects {
    population: OnceCell<Population>,
}

struct Population {
    engine: Engine,
    idle: Vec<AdderProxy>,
    /// Resident memory of each before its first use.
    bytes_each: f64,
}

impl IdleObjects {
    fn population(&self, lab: &Lab) -> Result<&Population, Error> {
        if self.population.get().is_none() {
            // Nobody else can have set it meanwhile.
            let _ = self.population.set(Population::spawn(lab)?);
        }
        self.population.get().ok_or(Error::Stopped)
    }

    /// Resident memory per object that was never called.
    pub fn bytes_never_used(&self, lab: &Lab) -> Result<Sample, Error> {
        let bytes = self.population(lab)?.bytes_each;
        Ok(Sample::Amount { value: bytes, unit: "bytes" })
    }

    /// Resident memory per object that was called once: with its slots, and its reply cells.
    /// To be asked once itself.
    pub fn bytes_used_once(&self, lab: &Lab) -> Result<Sample, Error> {
        let population = self.population(lab)?;
        let bytes = population.bytes_each + population.use_once()?;
        Ok(Sample::Amount { value: bytes, unit: "bytes" })
    }

    /// The share of one CPU that the process uses while every object is idle.
    pub fn cpu_share(&self, lab: &Lab, length: Duration) -> Result<Sample, Error> {
        self.population(lab)?;
        // The runner may spin for a moment first.
        std::thread::sleep(Duration::from_millis(20));
        let (begun, before) = (Instant::now(), cpu_time());
        std::thread::sleep(length.clamp(Duration::from_millis(200), Duration::from_secs(2)));
        let used = cpu_time().saturating_sub(before);
        let percent = 100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64();
        Ok(Sample::Amount { value: percent, unit: "% of a CPU" })
    }

    /// Calls, one at a time, of an object beside the population.
    pub fn call_beside(&self, lab: &Lab, length: Duration) -> Result<Sample, Error> {
        call::sequence(&self.population(lab)?.newcomer(lab, Adder::default)?, length)
    }

    /// One-way requests to an object beside the population.
    pub fn tell_beside(&self, lab: &Lab, length: Duration) -> Result<Sample, Error> {
        let meter = self.population(lab)?.newcomer(lab, Meter::default)?;
        tell::stream(lab, &meter, Sending::Single, length)
    }
}

/// Calls, one at a time, of an object that has its runner to itself.
pub fn call_alone(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    call::round_trip(lab, lab.engine(WaitStrategy::default())?, length)
}

/// One-way requests to an object that has its runner to itself.
pub fn tell_alone(lab: &Lab, length: Duration) -> Result<Sample, Error> {
    tell::mpsc(lab, WaitStrategy::default(), Sending::Single, length)
}

impl Population {
    fn spawn(lab: &Lab) -> Result<Self, Error> {
        let engine = lab.engine(WaitStrategy::default())?;
        let spawner = engine.spawn("spawner", Spawner::default).on(RUNNER).start()?;
        let before = resident_bytes()?;
        let inside = engine.handle();
        let make = move || inside.spawn_unnamed(Adder::default).on(RUNNER).start();
        let idle = spawner.spawn_many(IDLE_COUNT, Box::new(make)).get_timeout(ANSWER_LIMIT)??;
        let bytes_each = growth_each(before, IDLE_COUNT)?;
        Ok(Self { engine, idle, bytes_each })
    }

    /// Calls everybody once; returns by how much that has made each grow.
    fn use_once(&self) -> Result<f64, Error> {
        let before = resident_bytes()?;
        call_all(&self.idle, |object| object.add(1), |sum| Error::check("the sum", sum, 1))?;
        growth_each(before, IDLE_COUNT)
    }

    fn newcomer<S: Active>(&self, lab: &Lab, make: fn() -> S) -> Result<S::Proxy<Mpsc>, Error> {
        Ok(self.engine.spawn_unnamed(make).on(RUNNER).capacity(lab.capacity).start()?)
    }
}

/// User and system time of the process together.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
