//! A number that actors in a ring pass on; two actors in a ring play ping-pong.

use super::framework::{Framework, Labour, Role, Setting, World};
use super::load::{Load, fill};
use crate::work::Figure;
use mainspring_perf::error::Error;
use tokio::sync::{mpsc, oneshot};

/// Lets the number go round for the whole time, among so many actors.
pub fn measure<F: Framework>(setting: &Setting<'_>, actors: usize) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let (places, length) = ([F::place(&world, 0), F::place(&world, 1)], setting.length);
    world.run(async move {
        let (outcome, outcomes) = mpsc::unbounded_channel();
        let ring = ring::<F>(&places, actors, outcome).await?;
        let mut lap = Lap::<F> { first: ring[0].clone(), outcomes, hops: 0 };
        let figure = fill(length, u64::MAX, &mut lap).await?;
        Error::check("hops", passed::<F>(&ring).await?, lap.hops)?;
        Ok(figure)
    })
}

/// Starts the actors, the first half in the first place and the others in the second, and tells
/// each the next one.
async fn ring<F: Framework>(
    places: &[F::Place; 2],
    actors: usize,
    outcome: Outcome,
) -> Result<Vec<F::Ref<Hopper<F>>>, Error> {
    let mut ring = Vec::with_capacity(actors);
    for index in 0..actors {
        let hopper = Hopper { next: None, passed: 0, outcome: outcome.clone() };
        ring.push(F::spawn(&places[2 * index / actors], hopper).await?);
    }
    for (index, hopper) in ring.iter().enumerate() {
        let next = Box::new(ring[(index + 1) % actors].clone());
        let (reply, linked) = oneshot::channel();
        F::try_tell(hopper, Hop::Link(next, reply))?;
        linked.await.map_err(|_| Error::Stopped)?;
    }
    Ok(ring)
}

/// How many hops all actors have counted.
async fn passed<F: Framework>(ring: &[F::Ref<Hopper<F>>]) -> Result<u64, Error> {
    let mut sum = 0;
    for hopper in ring {
        let (reply, passed) = oneshot::channel();
        F::try_tell(hopper, Hop::Passed(reply))?;
        sum += passed.await.map_err(|_| Error::Stopped)?;
    }
    Ok(sum)
}

type Outcome = mpsc::UnboundedSender<Result<(), Error>>;

/// A number that goes round.
struct Lap<F: Framework> {
    first: F::Ref<Hopper<F>>,
    outcomes: mpsc::UnboundedReceiver<Result<(), Error>>,
    /// How many hops there have been.
    hops: u64,
}

impl<F: Framework> Load for Lap<F> {
    async fn work(&mut self, hops: u64) -> Result<u64, Error> {
        self.hops += hops;
        F::try_tell(&self.first, Hop::Pass(hops))?;
        self.outcomes.recv().await.ok_or(Error::Stopped)??;
        Ok(hops)
    }
}

/// Passes a number on to the next, less one.
struct Hopper<F: Framework> {
    next: Option<F::Ref<Hopper<F>>>,
    passed: u64,
    outcome: Outcome,
}

/// What a [`Hopper`] is told.
enum Hop<F: Framework> {
    /// The next one; boxed, as a message should not be larger than what is measured.
    Link(Box<F::Ref<Hopper<F>>>, oneshot::Sender<()>),
    /// The number: how many hops are left, with this one.
    Pass(u64),
    /// Asks how many hops it has seen.
    Passed(oneshot::Sender<u64>),
}

impl<F: Framework> Role for Hopper<F> {
    type Message = Hop<F>;

    #[inline(always)]
    fn serve(&mut self, message: Hop<F>) -> Option<Labour> {
        match message {
            Hop::Pass(left) => self.pass(left),
            Hop::Link(next, reply) => {
                self.next = Some(*next);
                // Whoever asked may have given up; as below.
                let _ = reply.send(());
            }
            Hop::Passed(reply) => drop(reply.send(self.passed)),
        }
        None
    }
}

impl<F: Framework> Hopper<F> {
    #[inline(always)]
    fn pass(&mut self, left: u64) {
        self.passed += 1;
        let passed_on = match &self.next {
            Some(next) if left > 1 => F::try_tell(next, Hop::Pass(left - 1)),
            _ => return drop(self.outcome.send(Ok(()))),
        };
        if passed_on.is_err() {
            drop(self.outcome.send(passed_on));
        }
    }
}
