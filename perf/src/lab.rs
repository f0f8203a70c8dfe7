//! Where and how things are measured: CPUs, engines, the time that one round may take.

use crate::stats::{Latencies, Sample};
use crate::trouble::Trouble;
use core_affinity::CoreId;
use mainspring::{Engine, Event, Runner, WaitStrategy};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The name of the runner in every engine that [`Lab::engine`] starts.
pub const RUNNER: &str = "bench";
/// How long an engine may take to end.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long a call that ends a measurement may take.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// What all scenarios of a run share.
pub struct Lab {
    /// The caller's CPU and the runner's, if there are two.
    pub cpus: Option<(usize, usize)>,
    /// How many requests fit into a mailbox.
    pub capacity: usize,
    warnings: Arc<Mutex<BTreeSet<String>>>,
}

impl Lab {
    /// Pins the calling thread to the caller's CPU, the first of the two.
    pub fn open(cpus: Option<(usize, usize)>, capacity: usize) -> Self {
        let lab = Self { cpus, capacity, warnings: Arc::default() };
        match lab.cpus {
            Some((caller, _)) => lab.pin(caller),
            None => lab.warn(
                "this process may use one CPU only: nothing is pinned, every runner parks, and \
                 what needs two CPUs is left out"
                    .into(),
            ),
        }
        lab
    }

    /// Pins the calling thread to the runner's CPU.
    pub fn pin_opposite(&self) {
        if let Some((_, runner)) = self.cpus {
            self.pin(runner);
        }
    }

    /// Pins the calling thread to the caller's CPU or the runner's, by turns.
    pub fn pin_by_turns(&self, place: usize) {
        if let Some((caller, runner)) = self.cpus {
            self.pin(if place.is_multiple_of(2) { caller } else { runner });
        }
    }

    /// Pins the calling thread.
    pub fn pin(&self, cpu: usize) {
        // Only CPUs that were found allowed: core_affinity aborts on an id of 1024 or more.
        if !core_affinity::set_for_current(CoreId { id: cpu })
            || mainspring::allowed_cpus() != [cpu]
        {
            self.warn(format!("a measuring thread could not be pinned to CPU {cpu}"));
        }
    }

    /// Remembers something for the report, once.
    pub fn warn(&self, warning: String) {
        lock(&self.warnings).insert(warning);
    }

    /// What has to be said about the run.
    pub fn warnings(&self) -> Vec<String> {
        lock(&self.warnings).iter().cloned().collect()
    }

    /// An engine with one runner, pinned opposite the caller. On a lone CPU it parks instead.
    pub fn engine(&self, strategy: WaitStrategy) -> Result<Engine, Trouble> {
        let runner = match self.cpus {
            Some((_, cpu)) => Runner::named(RUNNER).cpu(cpu).wait(strategy),
            None => Runner::named(RUNNER).wait(WaitStrategy::Park),
        };
        self.start(runner)
    }

    /// An engine with one runner as it is without any options.
    pub fn plain_engine(&self) -> Result<Engine, Trouble> {
        self.start(Runner::named(RUNNER))
    }

    fn start(&self, runner: Runner) -> Result<Engine, Trouble> {
        Ok(Engine::builder().on_event(self.reporter(true)).runner(runner).start()?)
    }

    /// Turns what engines report into warnings; runners that may not spin are news only where they
    /// were meant to.
    pub fn reporter(&self, tell_downgrades: bool) -> impl Fn(&Event) + Send + Sync + 'static {
        let warnings = self.warnings.clone();
        move |event| match event {
            Event::Spinning { downgraded, .. } => {
                for (runner, reason) in downgraded.iter().filter(|_| tell_downgrades) {
                    let warning =
                        format!("runner {runner:?} parks although it should spin: {reason}");
                    lock(&warnings).insert(warning);
                }
            }
            event => {
                lock(&warnings).insert(event.to_string());
            }
        }
    }

    /// Ends an engine, whose proxies are gone or not.
    pub fn end(&self, engine: Engine) -> Result<(), Trouble> {
        if engine.stop_within(END_LIMIT) { Ok(()) } else { Err(Trouble::Stuck(END_LIMIT)) }
    }

    /// Waits a moment for room in a mailbox.
    #[inline(always)]
    pub fn relax(&self) {
        if self.cpus.is_some() {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

fn lock(warnings: &Mutex<BTreeSet<String>>) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
    warnings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time of one round of one scenario; its first tenth is for warming up.
#[derive(Clone, Copy)]
pub struct Slot {
    /// When what is measured counts.
    pub warm: Instant,
    /// When it is over.
    pub end: Instant,
}

impl Slot {
    /// Begins now.
    pub fn of(length: Duration) -> Self {
        let now = Instant::now();
        Self { warm: now + length / 10, end: now + length }
    }
}

/// Repeats an operation for the whole time, and takes each one's latency.
///
/// A closed loop: the next operation begins when this one is over, so a stall counts once. It
/// measures the mechanism, not a service under load. The cost of one look at the clock is in each
/// latency, in the floor's as in the others'.
#[inline]
pub fn closed_loop(
    length: Duration,
    mut operation: impl FnMut() -> Result<(), Trouble>,
) -> Result<Sample, Trouble> {
    let mut latencies = Latencies::new();
    let slot = Slot::of(length);
    while Instant::now() < slot.warm {
        operation()?;
    }
    loop {
        let from = Instant::now();
        operation()?;
        let to = Instant::now();
        latencies.record(to - from);
        if to >= slot.end {
            return Ok(Sample::Latency(latencies));
        }
    }
}

/// How long everything is idle before a wake-up.
pub const IDLE: Duration = Duration::from_millis(1);

/// Repeats an operation that times itself, each time after a millisecond in which the caller only
/// looks at the clock.
pub fn after_idle(
    length: Duration,
    mut operation: impl FnMut() -> Result<Duration, Trouble>,
) -> Result<Sample, Trouble> {
    let mut latencies = Latencies::new();
    let slot = Slot::of(length);
    loop {
        let from = Instant::now();
        while from.elapsed() < IDLE {
            std::hint::spin_loop();
        }
        let latency = operation()?;
        if from >= slot.warm {
            latencies.record(latency);
        }
        if from >= slot.end {
            return Ok(Sample::Latency(latencies));
        }
    }
}
