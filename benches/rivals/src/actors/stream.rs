//! Numbers from some producers to one actor.

use super::framework::{Framework, Setting, Topology, World};
use super::meter::{CHUNK, Meter, Tally, Teller, tally};
use super::runtime::block_on;
use super::watch::within;
use crate::payload::{Line, Payload};
use crate::work::{Figure, Placement, Stream, Wait};
use mainspring_perf::error::Error;
use mainspring_perf::lab::time::{ANSWER_LIMIT, RoundSpan};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::Instant;
use tokio::sync::oneshot;

/// Sends for the whole time, if these threads can be where the stream wants them.
pub fn measure<F: Framework>(
    setting: &Setting<'_>,
    stream: Stream,
) -> Option<Result<Figure, Error>> {
    let fits = match setting.topology {
        Topology::OneThread => stream.placement == Placement::OneCpu,
        Topology::TwoThreads => stream.placement == Placement::Spread,
        Topology::PlainClient => stream.placement != Placement::OneCpu,
    };
    // One producer or many, it is the same mailbox: what `shared` asks for, it does.
    if !fits || stream.batch != 1 || stream.wait != Wait::Block {
        return None;
    }
    match stream.bytes {
        8 => Some(run::<F, u64>(setting, stream)),
        64 => Some(run::<F, Line>(setting, stream)),
        _ => None,
    }
}

fn run<F: Framework, P: Payload>(setting: &Setting<'_>, stream: Stream) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let place = F::place(&world, 1);
    let span = RoundSpan::of(setting.length);
    let meter = world.run(async move { F::spawn(&place, Meter::<P>::new(span.warm)).await })?;
    let sent = match setting.topology {
        Topology::PlainClient => from_threads::<F, P>(setting, stream, &meter, span)?,
        _ => from_tasks::<F, P>(&world, stream, &meter, span)?,
    };
    let told = sent.iter().sum();
    let tally = world.run(async move { tally::<F, P>(&meter, told).await })?;
    checked(&tally, &sent)
}

/// Each producer is a thread.
fn from_threads<F: Framework, P: Payload>(
    setting: &Setting<'_>,
    stream: Stream,
    meter: &F::Ref<Meter<P>>,
    span: RoundSpan,
) -> Result<Vec<u64>, Error> {
    std::thread::scope(|scope| {
        let start = |producer: usize| {
            let is_apart = stream.placement == Placement::Spread && producer % 2 == 1;
            let work = move || {
                if let Some(cpu) = setting.cpu(usize::from(is_apart)) {
                    setting.lab.pin(cpu);
                }
                let limit = setting.length + ANSWER_LIMIT;
                block_on(within(limit, produce::<F, P>(meter.clone(), span)))
            };
            Builder::new().spawn_scoped(scope, work).map_err(Error::Thread)
        };
        let threads: Vec<ScopedJoinHandle<'_, _>> =
            (0..stream.producers).map(start).collect::<Result<_, _>>()?;
        threads.into_iter().map(|thread| thread.join().map_err(|_| Error::Stopped)?).collect()
    })
}

/// Each producer is a task, by turns on one thread and on the other if they are placed.
fn from_tasks<F: Framework, P: Payload>(
    world: &F::World,
    stream: Stream,
    meter: &F::Ref<Meter<P>>,
    span: RoundSpan,
) -> Result<Vec<u64>, Error> {
    let start = |producer: usize| {
        let (reply, sent) = oneshot::channel();
        let meter = meter.clone();
        world.start(producer % 2, async move {
            // Whoever waits for it may have given up.
            let _ = reply.send(produce::<F, P>(meter, span).await);
        });
        sent
    };
    let producers: Vec<_> = (0..stream.producers).map(start).collect();
    world.run(async move {
        let mut all = Vec::with_capacity(producers.len());
        for sent in producers {
            all.push(sent.await.map_err(|_| Error::Stopped)??);
        }
        Ok(all)
    })
}

/// Sends chunks until the time is over. How many numbers were that?
async fn produce<F: Framework, P: Payload>(
    meter: F::Ref<Meter<P>>,
    span: RoundSpan,
) -> Result<u64, Error> {
    let mut teller = Teller::<F, P>::new(meter);
    let mut sent = 0;
    while Instant::now() < span.end {
        teller.tell(sent..sent + CHUNK).await?;
        sent += CHUNK;
    }
    Ok(sent)
}

/// The time per message, if all have arrived that were sent by each producer.
fn checked(tally: &Tally, sent: &[u64]) -> Result<Figure, Error> {
    let numbers = sent.iter().flat_map(|sent| 0..*sent);
    Error::check("their sum", tally.sum, numbers.fold(0, u64::wrapping_add))?;
    let (time, count) = (tally.last.0 - tally.warm.0, tally.last.1 - tally.warm.1);
    if count == 0 {
        return Err(Error::Mismatch { what: "messages in time", got: 0, sent: CHUNK });
    }
    Ok(Figure::Nanos(time.as_nanos() as f64 / count as f64))
}
