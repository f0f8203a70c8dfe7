//! One actor tells another numbers, and then asks what there was.

use super::framework::{Framework, Labour, Role, Setting, World};
use super::load::{Load, fill};
use super::meter::{Meter, Teller, tally};
use crate::work::Figure;
use mainspring_perf::error::Error;
use std::time::Instant;
use tokio::sync::oneshot;

/// How many numbers one actor tells the other at most before it asks.
const NUMBERS: u64 = 1_000_000;

/// Lets one actor tell the other as many numbers as fit into the time.
pub fn measure<F: Framework>(setting: &Setting<'_>) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let (places, length) = ([F::place(&world, 0), F::place(&world, 1)], setting.length);
    world.run(async move {
        let counter = F::spawn(&places[1], Meter::<u64>::new(Instant::now())).await?;
        let producer = F::spawn(&places[0], Producer::<F> { counter, told: 0 }).await?;
        fill(length, NUMBERS, &mut Orders::<F>(producer)).await
    })
}

/// Tells a producer how much to tell.
struct Orders<F: Framework>(F::Ref<Producer<F>>);

impl<F: Framework> Load for Orders<F> {
    async fn work(&mut self, count: u64) -> Result<u64, Error> {
        let (reply, outcome) = oneshot::channel();
        F::try_tell(&self.0, Order { count, reply })?;
        outcome.await.map_err(|_| Error::Stopped)??;
        Ok(count)
    }
}

/// How many numbers are to be told, and whom to tell that they were counted.
struct Order {
    count: u64,
    reply: oneshot::Sender<Result<(), Error>>,
}

/// Tells a counter numbers.
struct Producer<F: Framework> {
    counter: F::Ref<Meter<u64>>,
    /// How many, with those of the order that it is at.
    told: u64,
}

impl<F: Framework> Role for Producer<F> {
    type Message = Order;

    fn serve(&mut self, Order { count, reply }: Order) -> Option<Labour> {
        let (counter, numbers) = (self.counter.clone(), self.told..self.told + count);
        self.told += count;
        Some(Box::pin(async move {
            // Whoever asked may have given up.
            let _ = reply.send(produce::<F>(counter, numbers).await);
        }))
    }
}

async fn produce<F: Framework>(
    counter: F::Ref<Meter<u64>>,
    numbers: std::ops::Range<u64>,
) -> Result<(), Error> {
    let told = numbers.end;
    Teller::<F, u64>::new(counter.clone()).tell(numbers).await?;
    let tally = tally::<F, u64>(&counter, told).await?;
    Error::check("their sum", tally.sum, (0..told).fold(0, u64::wrapping_add))
}
