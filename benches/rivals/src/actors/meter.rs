//! The actor that is told numbers: it counts them, adds them up, and looks at the clock.

use super::framework::{Framework, Labour, Role};
use crate::payload::Payload;
use mainspring_perf::error::Error;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many numbers it takes between two looks at the clock.
pub const CHUNK: u64 = 4096;
/// How long numbers may take to arrive when all have been sent.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(5);

/// What a [`Meter`] is told.
pub enum Note<P> {
    /// A number.
    Number(P),
    /// Says that it has come so far.
    Mark(oneshot::Sender<()>),
    /// Asks what there was.
    Tally(oneshot::Sender<Tally>),
}

/// What a [`Meter`] has got.
#[derive(Clone, Copy)]
pub struct Tally {
    /// How many numbers.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// When the warm-up was over, and how many there were.
    pub warm: (Instant, u64),
    /// The last look at the clock, and how many there were.
    pub last: (Instant, u64),
}

/// Counts what it is told, and adds it up.
pub struct Meter<P> {
    tally: Tally,
    /// When the warm-up is over.
    warm: Instant,
    is_warm: bool,
    of: PhantomData<fn(P)>,
}

impl<P> Meter<P> {
    /// Has got nothing yet.
    pub fn new(warm: Instant) -> Self {
        let begun = (Instant::now(), 0);
        let tally = Tally { count: 0, sum: 0, warm: begun, last: begun };
        Self { tally, warm, is_warm: false, of: PhantomData }
    }

    #[inline(always)]
    fn add(&mut self, number: u64) {
        self.tally.count += 1;
        self.tally.sum = self.tally.sum.wrapping_add(number);
        if self.tally.count.is_multiple_of(CHUNK) {
            self.look_at_the_clock();
        }
    }

    fn look_at_the_clock(&mut self) {
        self.tally.last = (Instant::now(), self.tally.count);
        if !self.is_warm && self.tally.last.0 >= self.warm {
            (self.is_warm, self.tally.warm) = (true, self.tally.last);
        }
    }
}

impl<P: Payload> Role for Meter<P> {
    type Message = Note<P>;

    #[inline(always)]
    fn serve(&mut self, message: Note<P>) -> Option<Labour> {
        match message {
            Note::Number(payload) => self.add(payload.number()),
            // Whoever asked may have given up.
            Note::Mark(reply) => drop(reply.send(())),
            Note::Tally(reply) => drop(reply.send(self.tally)),
        }
        None
    }
}

/// Tells a meter numbers, and never has more than so many on their way.
pub struct Teller<F: Framework, P: Payload> {
    meter: F::Ref<Meter<P>>,
    told: u64,
    /// The marks of the last chunks, the oldest first, where nothing else bounds the mailbox.
    marks: VecDeque<oneshot::Receiver<()>>,
}

/// How many numbers are told between two marks.
const MARKED: u64 = 1024;
/// How many marks are on their way; more numbers than the next wake-up takes are between them.
const MARKS: usize = 4;
impl<F: Framework, P: Payload> Teller<F, P> {
    /// Tells this meter.
    pub fn new(meter: F::Ref<Meter<P>>) -> Self {
        Self { meter, told: 0, marks: VecDeque::with_capacity(MARKS + 1) }
    }

    /// Tells these numbers.
    pub async fn tell(&mut self, numbers: impl Iterator<Item = u64>) -> Result<(), Error> {
        for number in numbers {
            F::tell(&self.meter, Note::Number(P::of(number))).await?;
            self.told += 1;
            if !F::WAITS_FOR_ROOM && self.told.is_multiple_of(MARKED) {
                self.mark().await?;
            }
        }
        Ok(())
    }

    async fn mark(&mut self) -> Result<(), Error> {
        let (reply, mark) = oneshot::channel();
        F::tell(&self.meter, Note::Mark(reply)).await?;
        self.marks.push_back(mark);
        if self.marks.len() > MARKS
            && let Some(oldest) = self.marks.pop_front()
        {
            oldest.await.map_err(|_| Error::Stopped)?;
        }
        Ok(())
    }
}

/// What a meter has got when it has got so many; not every framework keeps the order.
pub async fn tally<F: Framework, P: Payload>(
    meter: &F::Ref<Meter<P>>,
    told: u64,
) -> Result<Tally, Error> {
    let begun = Instant::now();
    loop {
        let (reply, tally) = oneshot::channel();
        F::tell(meter, Note::Tally(reply)).await?;
        let tally = tally.await.map_err(|_| Error::Stopped)?;
        if tally.count >= told || begun.elapsed() > ARRIVAL_LIMIT {
            Error::check("messages", tally.count, told)?;
            return Ok(tally);
        }
    }
}
