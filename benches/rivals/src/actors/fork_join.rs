//! One actor tells many others numbers, by turns; each reports when it has all of its own.

use super::framework::{Framework, Labour, Role, Setting, World};
use super::load::{Load, fill};
use crate::work::Figure;
use mainspring_perf::error::Error;
use tokio::sync::oneshot;

/// How many others there are.
const WORKERS: usize = 60;
/// How many numbers each gets before it reports: fewer than a mailbox holds.
const NUMBERS: u64 = 1000;
/// How many messages that are, without the reports.
const ROUND: u64 = WORKERS as u64 * NUMBERS;

/// Repeats rounds for the whole time.
pub fn measure<F: Framework>(setting: &Setting<'_>) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let (places, length) = ([F::place(&world, 0), F::place(&world, 1)], setting.length);
    world.run(async move {
        let master = Master { workers: Vec::new(), missing: 0, sum: 0, reply: None };
        let master = F::spawn(&places[0], master).await?;
        let mut workers = Vec::with_capacity(WORKERS);
        for index in 0..WORKERS {
            let worker = Worker { master: master.clone(), count: 0, sum: 0 };
            workers.push(F::spawn(&places[2 * index / WORKERS], worker).await?);
        }
        let (reply, ready) = oneshot::channel();
        F::try_tell(&master, Order::Workers(workers, reply))?;
        ready.await.map_err(|_| Error::Stopped)?;
        fill(length, u64::MAX, &mut Rounds::<F>(master)).await
    })
}

/// Tells a master to begin.
struct Rounds<F: Framework>(F::Ref<Master<F>>);

impl<F: Framework> Load for Rounds<F> {
    async fn work(&mut self, count: u64) -> Result<u64, Error> {
        let rounds = count.div_ceil(ROUND);
        for _ in 0..rounds {
            let (reply, sum) = oneshot::channel();
            F::try_tell(&self.0, Order::Begin(reply))?;
            let sum = sum.await.map_err(|_| Error::Stopped)??;
            Error::check(
                "the sum of all numbers",
                sum,
                (0..NUMBERS).sum::<u64>() * WORKERS as u64,
            )?;
        }
        Ok(rounds * ROUND)
    }
}

/// Tells workers numbers, and waits for their reports.
struct Master<F: Framework> {
    workers: Vec<F::Ref<Worker<F>>>,
    /// How many have not reported.
    missing: usize,
    sum: u64,
    reply: Option<oneshot::Sender<Result<u64, Error>>>,
}

/// What a [`Master`] is told.
enum Order<F: Framework> {
    /// Whom it has.
    Workers(Vec<F::Ref<Worker<F>>>, oneshot::Sender<()>),
    /// To begin, and to tell the sum at the end.
    Begin(oneshot::Sender<Result<u64, Error>>),
    /// One worker's sum.
    Report(u64),
}

impl<F: Framework> Role for Master<F> {
    type Message = Order<F>;

    fn serve(&mut self, message: Order<F>) -> Option<Labour> {
        match message {
            Order::Report(sum) => self.take_report(sum),
            Order::Begin(reply) => {
                (self.missing, self.sum, self.reply) = (self.workers.len(), 0, Some(reply));
                if let Err(failure) = self.tell_all() {
                    self.end(Err(failure));
                }
            }
            Order::Workers(workers, reply) => {
                self.workers = workers;
                // Whoever asked may have given up; as in `end`.
                let _ = reply.send(());
            }
        }
        None
    }
}

impl<F: Framework> Master<F> {
    fn tell_all(&self) -> Result<(), Error> {
        for number in 0..NUMBERS {
            for worker in &self.workers {
                F::try_tell(worker, number)?;
            }
        }
        Ok(())
    }

    fn take_report(&mut self, sum: u64) {
        self.sum += sum;
        self.missing -= 1;
        if self.missing == 0 {
            self.end(Ok(self.sum));
        }
    }

    fn end(&mut self, outcome: Result<u64, Error>) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(outcome);
        }
    }
}

/// Adds up its numbers.
struct Worker<F: Framework> {
    master: F::Ref<Master<F>>,
    count: u64,
    sum: u64,
}

impl<F: Framework> Role for Worker<F> {
    type Message = u64;

    #[inline(always)]
    fn serve(&mut self, number: u64) -> Option<Labour> {
        self.count += 1;
        self.sum += number;
        if self.count == NUMBERS {
            // In vain only if the master is gone, and then nobody waits.
            let _ = F::try_tell(&self.master, Order::Report(self.sum));
            (self.count, self.sum) = (0, 0);
        }
        None
    }
}
