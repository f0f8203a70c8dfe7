//! Requests that pass from object to object, and come back to where they began.
//!
//! The first object keeps so many items on their way; each passes every stage, and the last one tells
//! the first. So no mailbox needs more room than there are items, and nobody waits for room: two
//! runners that waited for each other's would never go on.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::stats::Latencies;
use mainspring::{Builder, Engine, Later, Reply, Runner, WaitStrategy, active, prelude::*};
use std::mem;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// On how many runners the stages are: neighbours are on different ones, if there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All hops stay within a runner.
    OneRunner,
    /// All hops cross.
    TwoRunners,
}

const RUNNERS: [&str; 2] = ["even", "odd"];

/// Keeps items on their way, and times each.
struct Source {
    first: StageProxy,
    /// Where each item began, by its number modulo the window.
    begun: Vec<Instant>,
    /// No item begins from then on.
    slot: Option<(Instant, Instant)>,
    next: u64,
    back: u64,
    latencies: Latencies,
    reply: Option<Reply<Passed>>,
}

/// What a source has seen.
pub struct Passed {
    /// How many items have come back, after the warm-up.
    pub items: u64,
    /// How long each took.
    pub latencies: Latencies,
}

impl Source {
    fn new(first: StageProxy) -> Self {
        let (begun, latencies) = (Vec::new(), Latencies::new());
        Self { first, begun, slot: None, next: 0, back: 0, latencies, reply: None }
    }

    fn send(&mut self, now: Instant) -> bool {
        let window = self.begun.len() as u64;
        self.begun[(self.next % window) as usize] = now;
        let is_sent = self.first.tell().pass(self.next).is_ok();
        self.next += u64::from(is_sent);
        is_sent
    }
}

#[active]
impl Source {
    /// Keeps so many items on their way for that long; answers when the last has come back. The answer is
    /// dropped if an item is lost.
    pub fn begin(
        &mut self,
        window: usize,
        length: Duration,
        cx: &mut Context<Self>,
    ) -> Later<Passed> {
        let (later, reply) = cx.later();
        let now = Instant::now();
        self.begun = vec![now; window];
        self.slot = Some((now + length / 10, now + length));
        if (0..window).all(|_| self.send(now)) {
            self.reply = Some(reply);
        }
        later
    }

    /// An item has come back. Items come back in the order in which they began.
    #[active(oneway)]
    pub fn returned(&mut self, item: u64) {
        let now = Instant::now();
        let Some((warm, end)) = self.slot else { return };
        let begun = self.begun[(item % self.begun.len() as u64) as usize];
        if item != self.back {
            self.reply = None;
        }
        self.back += 1;
        if begun >= warm {
            self.latencies.record(now - begun);
        }
        if now < end {
            if !self.send(now) {
                self.reply = None;
            }
        } else if self.back == self.next
            && let Some(reply) = self.reply.take()
        {
            let latencies = mem::take(&mut self.latencies);
            reply.send(Passed { items: latencies.count(), latencies });
        }
    }
}

/// Passes items on.
struct Stage {
    to: To,
}

enum To {
    Stage(StageProxy),
    /// Set when it has been made; it is the last to be made.
    Source(Arc<OnceLock<SourceProxy>>),
}

#[active]
impl Stage {
    /// Passes an item on. There is room: every mailbox holds as many as are on their way.
    #[active(oneway)]
    pub fn pass(&mut self, item: u64) {
        match &self.to {
            To::Stage(next) => _ = next.tell().pass(item),
            To::Source(source) => _ = source.get().map(|source| source.tell().returned(item)),
        }
    }
}

/// One item at a time, or `window` of them: how long an item takes through all stages and back.
pub fn latency(
    lab: &Lab,
    stages: usize,
    spread: Spread,
    length: Duration,
) -> Result<Sample, Error> {
    let (passed, _) = run(lab, stages, spread, 1, length)?;
    Ok(Sample::Latency(passed.latencies))
}

/// As many items at once as a mailbox holds, at most 128: the time for each.
pub fn stream(lab: &Lab, stages: usize, spread: Spread, length: Duration) -> Result<Sample, Error> {
    let window = lab.capacity.min(crate::lab::loops::WINDOW as usize);
    let (passed, time) = run(lab, stages, spread, window, length)?;
    Ok(Sample::per_operation(passed.items, time))
}

fn run(
    lab: &Lab,
    stages: usize,
    spread: Spread,
    window: usize,
    length: Duration,
) -> Result<(Passed, Duration), Error> {
    let engine = runners(lab).start()?;
    let source = line(lab, &engine, stages, spread)?;
    // This thread sleeps meanwhile: the runners have both CPUs.
    let passed = source.begin(window, length).get_timeout(length + ANSWER_LIMIT)?;
    lab.end(engine)?;
    Ok((passed, length - length / 10))
}

fn runners(lab: &Lab) -> Builder {
    let engine = Engine::builder().on_event(lab.reporter(true)).caller_wait(WaitStrategy::Park);
    let named = |place: usize| match lab.cpus {
        Some((a, b)) => Runner::named(RUNNERS[place]).cpu([b, a][place]),
        None => Runner::named(RUNNERS[place]).wait(WaitStrategy::Park),
    };
    engine.runner(named(0)).runner(named(1))
}

/// Makes the stages from the last to the first, then the source.
fn line(lab: &Lab, engine: &Engine, stages: usize, spread: Spread) -> Result<SourceProxy, Error> {
    let on = |place: usize| match spread {
        Spread::OneRunner => RUNNERS[0],
        Spread::TwoRunners => RUNNERS[place % 2],
    };
    let back = Arc::new(OnceLock::new());
    let mut to = To::Source(back.clone());
    for place in (1..=stages).rev() {
        let stage = engine.spawn_unnamed(move || Stage { to }).on(on(place));
        to = To::Stage(stage.capacity(lab.capacity).start()?);
    }
    let To::Stage(first) = to else { return Err(Error::Stopped) };
    let source = engine.spawn_unnamed(move || Source::new(first)).on(on(0));
    let source = source.capacity(lab.capacity + 1).start()?;
    // Set here and nowhere else.
    let _ = back.set(source.clone());
    Ok(source)
}
