//! A message to an actor that has been idle for a millisecond.

use super::framework::{Framework, Labour, Role, Setting, World};
use crate::work::Figure;
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::after_idle;
use mainspring_perf::lab::sample::Sample;
use mainspring_perf::lab::time::{ANSWER_LIMIT, IDLE};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// What the actor has to say about its last message: nothing yet, or that it is gone, or else the
/// message's latency in nanoseconds.
const NOTHING: u64 = 0;
const GONE: u64 = u64::MAX;

/// Which time is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// From the send to the receipt.
    Latency,
    /// That of the send alone.
    Send,
}

/// Sends from a plain thread to an actor on the other CPU.
pub fn measure<F: Framework>(setting: &Setting<'_>, asked: Asked) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let place = F::place(&world, 1);
    let (base, latency) = (Instant::now(), Arc::new(AtomicU64::new(NOTHING)));
    let sleeper = Sleeper { base, report: Report(latency.clone()) };
    let sleeper = world.run(async move { F::spawn(&place, sleeper).await })?;
    let sample = after_idle(IDLE, setting.length, || {
        // Relaxed: what is sent next carries it.
        latency.store(NOTHING, Relaxed);
        let sent = base.elapsed();
        F::try_tell(&sleeper, sent.as_nanos() as u64)?;
        let busy = base.elapsed() - sent;
        let on_its_way = await_report(setting.lab, &latency)?;
        Ok(if asked == Asked::Latency { on_its_way } else { busy })
    })?;
    match sample {
        Sample::Latency(latencies) => Ok(Figure::Latency(latencies)),
        _ => unreachable!("`after_idle` takes latencies"),
    }
}

fn await_report(lab: &Lab, latency: &AtomicU64) -> Result<Duration, Error> {
    let begun = Instant::now();
    loop {
        // Acquire: pairs with the Release in `Sleeper::serve`: the actor has its message.
        match latency.load(Acquire) {
            NOTHING if begun.elapsed() > ANSWER_LIMIT => {
                return Err(Error::StopTimedOut(ANSWER_LIMIT));
            }
            NOTHING => lab.relax(),
            GONE => return Err(Error::Stopped),
            nanos => return Ok(Duration::from_nanos(nanos)),
        }
    }
}

/// Is told when a message was sent, and reports how long it took.
struct Sleeper {
    base: Instant,
    report: Report,
}

impl Role for Sleeper {
    type Message = u64;

    #[inline(always)]
    fn serve(&mut self, sent: u64) -> Option<Labour> {
        let latency = (self.base.elapsed().as_nanos() as u64).saturating_sub(sent);
        // Release: pairs with the Acquire in `await_report`.
        self.report.0.store(latency.max(1), Release);
        None
    }
}

/// Where the actor reports to, for the last time when it ends, however it does.
struct Report(Arc<AtomicU64>);

impl Drop for Report {
    fn drop(&mut self) {
        // Release: as in `Sleeper::serve`.
        self.0.store(GONE, Release);
    }
}
