//! A one-way request to an object that has been idle for a millisecond.

use super::Mailbox;
use super::place::engine_opposite;
use crate::floors::figure;
use crate::work::{Figure, Wait};
use mainspring::active;
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::after_idle;
use mainspring_perf::lab::time::IDLE;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// What the object has to say before a message came.
const NOTHING: u64 = 0;

/// Finds out how long messages were on their way.
pub struct Alarm {
    base: Instant,
    latency_ns: Arc<AtomicU64>,
}

#[active]
impl Alarm {
    /// Takes a message, which says when it was sent.
    #[active(oneway)]
    pub fn ring(&mut self, sent_ns: u64) {
        let latency = (self.base.elapsed().as_nanos() as u64).saturating_sub(sent_ns);
        // Release: pairs with the Acquire in `run`.
        self.latency_ns.store(latency.max(1), Release);
    }
}

/// How long a message is on its way.
pub fn latency<K: Mailbox>(lab: &Lab, wait: Wait, length: Duration) -> Result<Figure, Error> {
    run::<K>(lab, wait, length, |on_its_way, _| on_its_way)
}

/// How long the sender is busy with a message, if the receiver has gone to sleep.
pub fn sender<K: Mailbox>(lab: &Lab, length: Duration) -> Result<Figure, Error> {
    run::<K>(lab, Wait::Block, length, |_, busy| busy)
}

fn run<K: Mailbox>(
    lab: &Lab,
    wait: Wait,
    length: Duration,
    which: fn(Duration, Duration) -> Duration,
) -> Result<Figure, Error> {
    let engine = engine_opposite(lab, wait)?;
    let (base, latency_ns) = (Instant::now(), Arc::new(AtomicU64::new(NOTHING)));
    let report = latency_ns.clone();
    let alarm = engine.spawn("alarm", move || Alarm { base, latency_ns: report });
    let alarm = K::start(alarm.capacity(lab.capacity))?;
    let sample = after_idle(IDLE, length, || {
        // Relaxed: what is sent next carries it.
        latency_ns.store(NOTHING, Relaxed);
        let sent = base.elapsed();
        alarm.ring(sent.as_nanos() as u64).map_err(|_| Error::Stopped)?;
        let busy = base.elapsed() - sent;
        loop {
            // Acquire: pairs with the Release in `ring`.
            match latency_ns.load(Acquire) {
                NOTHING => lab.relax(),
                nanos => return Ok(which(Duration::from_nanos(nanos), busy)),
            }
        }
    })?;
    lab.end(engine)?;
    Ok(figure(sample))
}
