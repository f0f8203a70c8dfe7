//! A hundred thousand idle objects: what they cost the busy one beside them, and the machine.

use crate::lab::lab::{Lab, RUNNER};
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::suites::call;
use crate::suites::meter::Meter;
use crate::suites::nursery::{Nursery, call_all, growth, resident_bytes};
use crate::suites::servant::{Adder, AdderProxy};
use crate::suites::tell::{self, Sending};
use crate::trouble::Trouble;
use mainspring::mailbox::Mpsc;
use mainspring::{Active, Engine, WaitStrategy};
use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// How many objects are idle.
const CROWD: usize = 100_000;

/// One engine with a crowd of idle objects, made when the first scenario needs it.
///
/// Its runner parks while it has nothing to do, so it doesn't disturb the measurements that are
/// made without it.
#[derive(Default)]
pub struct Hall {
    crowd: OnceCell<Crowd>,
}

struct Crowd {
    engine: Engine,
    idle: Vec<AdderProxy>,
    /// Resident memory that each took when it had never been used.
    bytes_each: f64,
}

impl Hall {
    fn crowd(&self, lab: &Lab) -> Result<&Crowd, Trouble> {
        if self.crowd.get().is_none() {
            // Nobody else can have set it meanwhile.
            let _ = self.crowd.set(Crowd::gather(lab)?);
        }
        self.crowd.get().ok_or(Trouble::Stopped)
    }

    /// Resident memory per object that was never called.
    pub fn bytes_never_used(&self, lab: &Lab) -> Result<Sample, Trouble> {
        let bytes = self.crowd(lab)?.bytes_each;
        Ok(Sample::Amount { value: bytes, unit: "bytes" })
    }

    /// Resident memory per object that was called once: with its slots, and its reply cells.
    /// To be asked once itself.
    pub fn bytes_used_once(&self, lab: &Lab) -> Result<Sample, Trouble> {
        let crowd = self.crowd(lab)?;
        let bytes = crowd.bytes_each + crowd.use_once()?;
        Ok(Sample::Amount { value: bytes, unit: "bytes" })
    }

    /// The share of one CPU that the process uses while every object is idle.
    pub fn cpu_share(&self, lab: &Lab, length: Duration) -> Result<Sample, Trouble> {
        self.crowd(lab)?;
        // The runner may spin for a moment first.
        std::thread::sleep(Duration::from_millis(20));
        let (begun, before) = (Instant::now(), cpu_time());
        std::thread::sleep(length.clamp(Duration::from_millis(200), Duration::from_secs(2)));
        let used = cpu_time().saturating_sub(before);
        let percent = 100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64();
        Ok(Sample::Amount { value: percent, unit: "% of a CPU" })
    }

    /// Calls, one at a time, of an object beside the crowd.
    pub fn call_beside(&self, lab: &Lab, length: Duration) -> Result<Sample, Trouble> {
        call::sequence(&self.crowd(lab)?.newcomer(lab, Adder::default)?, length)
    }

    /// One-way requests to an object beside the crowd.
    pub fn tell_beside(&self, lab: &Lab, length: Duration) -> Result<Sample, Trouble> {
        let meter = self.crowd(lab)?.newcomer(lab, Meter::default)?;
        tell::stream(lab, &meter, Sending::Single, length)
    }
}

/// Calls, one at a time, of an object that has its runner to itself.
pub fn call_alone(lab: &Lab, length: Duration) -> Result<Sample, Trouble> {
    call::round_trip(lab, lab.engine(WaitStrategy::default())?, length)
}

/// One-way requests to an object that has its runner to itself.
pub fn tell_alone(lab: &Lab, length: Duration) -> Result<Sample, Trouble> {
    tell::mpsc(lab, WaitStrategy::default(), Sending::Single, length)
}

impl Crowd {
    fn gather(lab: &Lab) -> Result<Self, Trouble> {
        let engine = lab.engine(WaitStrategy::default())?;
        let nursery = engine.spawn("nursery", Nursery::default).on(RUNNER).start()?;
        let before = resident_bytes()?;
        let inside = engine.handle();
        let make = move || inside.spawn_unnamed(Adder::default).on(RUNNER).start();
        let idle = nursery.raise(CROWD, Box::new(make)).get_timeout(ANSWER_LIMIT)??;
        let bytes_each = growth(before, CROWD)?;
        Ok(Self { engine, idle, bytes_each })
    }

    /// Calls everybody once; returns by how much that has made each grow.
    fn use_once(&self) -> Result<f64, Trouble> {
        let before = resident_bytes()?;
        call_all(&self.idle, |object| object.add(1), |sum| Trouble::check("the sum", sum, 1))?;
        growth(before, CROWD)
    }

    fn newcomer<S: Active>(&self, lab: &Lab, make: fn() -> S) -> Result<S::Proxy<Mpsc>, Trouble> {
        Ok(self.engine.spawn_unnamed(make).on(RUNNER).capacity(lab.capacity).start()?)
    }
}

/// User and system time of the process together.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
