//! Questions with an answer: one at a time, or many on their way at once.

use super::framework::{Framework, Setting, World};
use crate::work::Figure;
use mainspring_perf::error::Error;
use mainspring_perf::lab::time::RoundSpan;
use mainspring_perf::stats::Latencies;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many questions are asked between two looks at the clock.
const CHUNK: u64 = 4096;

/// Asks for the whole time.
pub fn measure<F: Framework>(setting: &Setting<'_>, window: usize) -> Result<Figure, Error> {
    let world = F::World::open(setting)?;
    let (place, length) = (F::place(&world, 1), setting.length);
    world.run(async move {
        let adder = F::spawn_adder(&place).await?;
        if window == 1 {
            one_by_one::<F>(adder, length).await
        } else {
            Window::<F>::new(adder, window).fill_for(length).await
        }
    })
}

/// A closed loop; each answer is checked.
async fn one_by_one<F: Framework>(adder: F::Adder, length: Duration) -> Result<Figure, Error> {
    let mut latencies = Latencies::new();
    let span = RoundSpan::of(length);
    let mut sum = 0;
    while Instant::now() < span.warm {
        sum += 1;
        Error::check("the sum", F::ask(&adder, 1).await?, sum)?;
    }
    loop {
        sum += 1;
        let from = Instant::now();
        let answer = F::ask(&adder, 1).await?;
        let to = Instant::now();
        latencies.record(to - from);
        Error::check("the sum", answer, sum)?;
        if to >= span.end {
            return Ok(Figure::Latency(latencies));
        }
    }
}

/// Questions that are on their way.
struct Window<F: Framework> {
    adder: F::Adder,
    /// The oldest first.
    answers: VecDeque<F::Answer>,
    size: usize,
    asked: u64,
    /// The sum of all answers: not every framework answers in the order asked.
    sum: u64,
}

impl<F: Framework> Window<F> {
    fn new(adder: F::Adder, size: usize) -> Self {
        Self { adder, answers: VecDeque::with_capacity(size), size, asked: 0, sum: 0 }
    }

    /// Keeps the window full for so long.
    async fn fill_for(mut self, length: Duration) -> Result<Figure, Error> {
        let span = RoundSpan::of(length);
        while Instant::now() < span.warm {
            self.ask_chunk().await?;
        }
        let (begun, before) = (Instant::now(), self.asked);
        while Instant::now() < span.end {
            self.ask_chunk().await?;
        }
        let (time, count) = (begun.elapsed(), self.asked - before);
        while !self.answers.is_empty() {
            self.take_oldest().await?;
        }
        let expected = (1..=self.asked).fold(0, u64::wrapping_add);
        Error::check("the sum of all answers", self.sum, expected)?;
        Ok(Figure::Nanos(time.as_nanos() as f64 / count.max(1) as f64))
    }

    async fn ask_chunk(&mut self) -> Result<(), Error> {
        for _ in 0..CHUNK {
            if self.answers.len() == self.size {
                self.take_oldest().await?;
            }
            self.answers.push_back(F::start_to_ask(&self.adder, 1).await?);
            self.asked += 1;
        }
        Ok(())
    }

    async fn take_oldest(&mut self) -> Result<(), Error> {
        if let Some(oldest) = self.answers.pop_front() {
            self.sum = self.sum.wrapping_add(oldest.await?);
        }
        Ok(())
    }
}
