//! Calls with an answer: one at a time, or some on their way at once.

use super::Mailbox;
use super::place::engine_opposite;
use crate::work::{Figure, Wait};
use mainspring::active;
use mainspring::mailbox::Kind;
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::closed_loop;
use mainspring_perf::lab::loops::timed_chunks;
use mainspring_perf::lab::sample::Sample;
use mainspring_perf::suites::call::{send, take_oldest};
use std::collections::VecDeque;
use std::time::Duration;

/// Adds up what it is given.
#[derive(Default)]
pub struct Adder {
    sum: u64,
}

#[active]
impl Adder {
    /// Adds a number; answers with the sum.
    pub fn add(&mut self, by: u64) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}

/// Measures calls; every answer is checked.
pub fn measure<K: Mailbox>(
    lab: &Lab,
    window: usize,
    wait: Wait,
    length: Duration,
) -> Result<Figure, Error> {
    let engine = engine_opposite(lab, wait)?;
    let adder = K::start(engine.spawn("adder", Adder::default).capacity(lab.capacity))?;
    let sample = match window {
        1 => one_by_one(&adder, length)?,
        _ => windowed(&adder, window, length)?,
    };
    lab.end(engine)?;
    Ok(crate::floors::figure(sample))
}

fn one_by_one<K: Kind>(adder: &AdderProxy<K>, length: Duration) -> Result<Sample, Error> {
    let mut sum = 0;
    closed_loop(length, || {
        sum += 1;
        Error::check("the sum", adder.add(1).get()?, sum)
    })
}

/// Takes the oldest answer and sends the next call, over and over.
fn windowed<K: Kind>(
    adder: &AdderProxy<K>,
    window: usize,
    length: Duration,
) -> Result<Sample, Error> {
    let mut calls = VecDeque::with_capacity(window);
    let mut sum = 0;
    let sample = timed_chunks(length, || {
        for _ in 0..mainspring_perf::lab::loops::CHUNK {
            if calls.len() == window {
                take_oldest(&mut calls, &mut sum)?;
            }
            send(|| adder.try_add(1), &mut calls, &mut sum)?;
        }
        Ok(())
    })?;
    while !calls.is_empty() {
        take_oldest(&mut calls, &mut sum)?;
    }
    Ok(sample)
}
