//! Several runners on the two CPUs, each with an object and a thread that calls it.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::WINDOW;
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::suites::adder::{Adder, AdderProxy};
use crate::suites::call;
use mainspring::{Builder, Call, Engine, Runner};
use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

/// `runners` runners that alternate between the two CPUs; the first is opposite the caller, as usual.
///
/// From three on they share their CPUs, so they don't spin: that is the point.
pub fn builder(lab: &Lab, runners: usize) -> Builder {
    let named = |place| match lab.cpus {
        Some((a, b)) => Runner::named(name(place)).cpu(if place % 2 == 0 { b } else { a }),
        None => Runner::named(name(place)),
    };
    let engine = Engine::builder().on_event(lab.reporter(runners <= 2));
    (0..runners).map(named).fold(engine, Builder::runner)
}

/// The name of the runner at this place.
pub fn name(place: usize) -> String {
    format!("runner-{place}")
}

/// As many callers as runners, alternating between the two CPUs, each with 128 calls in flight.
pub fn windows(lab: &Lab, runners: usize, length: Duration) -> Result<Sample, Error> {
    let engine = builder(lab, runners).start()?;
    let adder = |place| {
        let adder = engine.spawn_unnamed(Adder::default).on(name(place));
        adder.capacity(lab.capacity).start()
    };
    let adders: Result<Vec<_>, _> = (0..runners).map(adder).collect();
    let adders = adders?;
    call_all(lab, &adders, Instant::now() + length / 10)?;
    let begun = Instant::now();
    let calls = call_all(lab, &adders, begun + length * 9 / 10)?;
    let time = begun.elapsed();
    lab.end(engine)?;
    Ok(Sample::per_operation(calls, time))
}

/// One thread for each object; returns how many calls they have made, all answered.
fn call_all(lab: &Lab, adders: &[AdderProxy], end: Instant) -> Result<u64, Error> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (place, adder) in adders.iter().enumerate() {
            let thread = thread::Builder::new().spawn_scoped(scope, move || {
                lab.pin_by_turns(place);
                call_until(adder, end)
            });
            threads.push(thread.map_err(Error::Thread)?);
        }
        threads.into_iter().map(|thread| thread.join().expect("a caller only calls")).sum()
    })
}

/// Keeps a window of calls on their way; each answer is checked.
fn call_until(adder: &AdderProxy, end: Instant) -> Result<u64, Error> {
    let mut sum = adder.add(0).get()?;
    let mut calls: VecDeque<Call<u64>> = VecDeque::with_capacity(WINDOW as usize);
    let before = sum;
    while Instant::now() < end {
        for _ in 0..WINDOW {
            if calls.len() == WINDOW as usize {
                call::take_oldest(&mut calls, &mut sum)?;
            }
            call::send(|| adder.try_add(1), &mut calls, &mut sum)?;
        }
    }
    for mut call in calls {
        sum += 1;
        Error::check("the sum", call.get_timeout(ANSWER_LIMIT)?, sum)?;
    }
    Ok(sum - before)
}
