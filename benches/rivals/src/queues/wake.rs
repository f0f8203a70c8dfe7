//! A message to a receiver that has slept for a millisecond.

use super::ends::{BlockingConsumer, BlockingProducer, Queue};
use super::thread::start;
use crate::floors::figure;
use crate::work::{Figure, Wait, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::after_idle;
use mainspring_perf::lab::time::IDLE;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// What the receiver has to say about its last message: nothing yet, or that it is gone, or else
/// the message's latency in nanoseconds.
const NOTHING: u64 = 0;
const GONE: u64 = u64::MAX;

/// Measures how long a message is on its way, or how long its sender is busy with it.
pub fn blocking<Q>(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>>
where
    Q: Queue<u64>,
    Q::Producer: BlockingProducer<u64>,
    Q::Consumer: BlockingConsumer<u64>,
{
    let asked = match work {
        Work::Wake { wait: Wait::Block } => Asked::Latency,
        Work::WakeSender => Asked::Send,
        _ => return None,
    };
    lab.cpus?;
    Some(run::<Q>(lab, asked, length))
}

#[derive(Clone, Copy)]
enum Asked {
    Latency,
    Send,
}

fn run<Q>(lab: &Lab, asked: Asked, length: Duration) -> Result<Figure, Error>
where
    Q: Queue<u64>,
    Q::Producer: BlockingProducer<u64>,
    Q::Consumer: BlockingConsumer<u64>,
{
    let (mut producers, consumer) = Q::open(lab.capacity, 1);
    let (base, latency) = (Instant::now(), AtomicU64::new(NOTHING));
    let sample = std::thread::scope(|scope| {
        // Moved into here: when the measuring is over, the receiver is alone, and ends.
        let mut producer = producers.remove(0);
        let report = Report(&latency);
        let cpu = lab.cpus.map(|(_, other)| other);
        start(scope, lab, cpu, move || receive(consumer, base, &report))?;
        after_idle(IDLE, length, || {
            // Relaxed: what is sent next carries it.
            latency.store(NOTHING, Relaxed);
            let sent = base.elapsed();
            let Ok(()) = producer.push_blocking(sent.as_nanos() as u64) else {
                return Err(Error::Stopped);
            };
            let busy = base.elapsed() - sent;
            let on_its_way = await_report(lab, &latency)?;
            Ok(match asked {
                Asked::Latency => on_its_way,
                Asked::Send => busy,
            })
        })
    })?;
    Ok(figure(sample))
}

/// Takes messages, each with the time when it was sent, until the sender is gone.
fn receive(mut consumer: impl BlockingConsumer<u64>, base: Instant, report: &Report<'_>) {
    let each = |sent| {
        let latency = (base.elapsed().as_nanos() as u64).saturating_sub(sent);
        // Release: pairs with the Acquire in `await_report`.
        report.0.store(latency.max(1), Release);
    };
    while consumer.take_blocking(each).is_ok() {}
}

fn await_report(lab: &Lab, latency: &AtomicU64) -> Result<Duration, Error> {
    loop {
        // Acquire: pairs with the Release in `receive`: the receiver has taken its message.
        match latency.load(Acquire) {
            NOTHING => lab.relax(),
            GONE => return Err(Error::Stopped),
            nanos => return Ok(Duration::from_nanos(nanos)),
        }
    }
}

/// Where the receiver reports to, for the last time when it ends, however it does.
struct Report<'a>(&'a AtomicU64);

impl Drop for Report<'_> {
    fn drop(&mut self) {
        // Release: as in `receive`.
        self.0.store(GONE, Release);
    }
}
