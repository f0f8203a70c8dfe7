//! Engines for each kind of work, and what a sender does while a mailbox is full.

use crate::work::{Figure, Wait};
use crossbeam_utils::Backoff;
use mainspring::{Engine, Runner, SendError, WaitStrategy};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::time::Duration;

/// The runner that everything lives on where there is one.
pub const A: &str = "a";
/// The other one.
pub const B: &str = "b";

/// An engine with the runner [`A`] on that CPU.
pub fn engine_on(lab: &Lab, cpu: Option<usize>, wait: Wait) -> Result<Engine, Error> {
    let engine = Engine::builder().on_event(lab.reporter(true));
    let engine = match callers(wait) {
        Some(strategy) => engine.caller_wait(strategy),
        None => engine,
    };
    Ok(engine.runner(runner(A, cpu, wait)).start()?)
}

/// The same, with the runner opposite the caller.
pub fn engine_opposite(lab: &Lab, wait: Wait) -> Result<Engine, Error> {
    engine_on(lab, lab.cpus.map(|(_, other)| other), wait)
}

/// An engine for objects that talk to each other: with one runner it is [`A`], opposite the caller,
/// with two there is [`B`] on the caller's CPU, who sleeps meanwhile. `None` if there is no room.
fn engine_for(lab: &Lab, runners: usize) -> Option<Result<Engine, Error>> {
    match (runners, lab.cpus) {
        (1, _) => Some(engine_opposite(lab, Wait::Block)),
        (2, Some((callers, other))) => {
            let engine = Engine::builder().on_event(lab.reporter(true));
            let engine = engine.runner(runner(A, Some(other), Wait::Block));
            let engine = engine.runner(runner(B, Some(callers), Wait::Block));
            Some(engine.start().map_err(Error::from))
        }
        _ => None,
    }
}

/// Measures objects that talk to each other, on an engine as [`engine_for`] makes it.
pub fn between_objects(
    lab: &Lab,
    runners: usize,
    measure: impl FnOnce(&Engine) -> Result<Figure, Error>,
) -> Option<Result<Figure, Error>> {
    Some(engine_for(lab, runners)?.and_then(|engine| {
        let figure = measure(&engine)?;
        lab.end(engine)?;
        Ok(figure)
    }))
}

fn runner(name: &str, cpu: Option<usize>, wait: Wait) -> Runner {
    let runner = Runner::named(name).wait(strategy(wait));
    match cpu {
        Some(cpu) => runner.cpu(cpu),
        None => runner,
    }
}

fn strategy(wait: Wait) -> WaitStrategy {
    match wait {
        Wait::Spin => WaitStrategy::Spin,
        Wait::Yield => WaitStrategy::SpinThenYield { spin: Duration::ZERO },
        Wait::Block => WaitStrategy::default(),
    }
}

/// `None` is the engine's default.
fn callers(wait: Wait) -> Option<WaitStrategy> {
    (wait != Wait::Block).then(|| strategy(wait))
}

/// Passes the time until a mailbox has room again: a full one refuses, it never blocks its sender.
pub struct Room {
    wait: Wait,
    backoff: Backoff,
}

impl Room {
    /// Begins to wait for room.
    #[inline(always)]
    pub fn new(wait: Wait) -> Self {
        Self { wait, backoff: Backoff::new() }
    }

    /// Passes a moment after a refusal, if it was for want of room.
    #[inline(always)]
    pub fn wait<A>(&self, error: &SendError<A>) -> Result<(), Error> {
        match (error, self.wait) {
            (SendError::Full(_), Wait::Spin) => std::hint::spin_loop(),
            (SendError::Full(_), Wait::Yield) => std::thread::yield_now(),
            // Spins for longer and longer, then yields: what a sender does that may not burn its
            // CPU for ever.
            (SendError::Full(_), Wait::Block) => self.backoff.snooze(),
            _ => return Err(Error::Stopped),
        }
        Ok(())
    }
}
