//! Where and how things are measured: CPUs, engines, the time that one round may take.

use crate::results::document::Pin;
use crate::stats::{Latencies, Sample};
use crate::trouble::Trouble;
use core_affinity::CoreId;
use mainspring::{Engine, Event, Runner, WaitStrategy, Wakeups};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// What the engines have counted that have ended.
    ended: Mutex<Option<Wakeups>>,
    pins: Mutex<Vec<Pin>>,
}

impl Lab {
    /// Pins the calling thread to the caller's CPU, the first of the two.
    pub fn open(cpus: Option<(usize, usize)>, capacity: usize) -> Self {
        let (warnings, ended, pins) = (Arc::default(), Mutex::default(), Mutex::default());
        let lab = Self { cpus, capacity, warnings, ended, pins };
        match lab.cpus {
            Some((caller, _)) => {
                let is_verified = lab.pin(caller);
                lab.note_pin("caller", caller, is_verified);
            }
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
            let _ = self.pin(runner);
        }
    }

    /// Pins the calling thread to the caller's CPU or the runner's, by turns.
    pub fn pin_by_turns(&self, place: usize) {
        if let Some((caller, runner)) = self.cpus {
            let _ = self.pin(if place.is_multiple_of(2) { caller } else { runner });
        }
    }

    /// Pins the calling thread; whether the mask read back says so.
    pub fn pin(&self, cpu: usize) -> bool {
        // core_affinity aborts on an id of 1024 or more.
        let is_pinned = cpu < 1024
            && core_affinity::set_for_current(CoreId { id: cpu })
            && mainspring::allowed_cpus() == [cpu];
        if !is_pinned {
            self.warn(format!("a measuring thread could not be pinned to CPU {cpu}"));
        }
        is_pinned
    }

    fn note_pin(&self, role: &str, cpu: usize, is_verified: bool) {
        let mut pins = lock(&self.pins);
        match pins.iter_mut().find(|pin| pin.role == role && pin.cpu == cpu) {
            Some(pin) => pin.is_verified &= is_verified,
            None => pins.push(Pin { role: role.into(), cpu, is_verified }),
        }
    }

    /// Who was pinned where, and whether it was verified each time.
    pub fn pins(&self) -> Vec<Pin> {
        lock(&self.pins).clone()
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
        let engine = self.start(runner)?;
        if let Some((_, cpu)) = self.cpus {
            // The library reads the mask back, and reports what isn't in force.
            let is_refused = |warning: &String| warning.contains("unpinned");
            self.note_pin("runner", cpu, !self.warnings().iter().any(is_refused));
        }
        Ok(engine)
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
        let counts = engine.runners().into_iter().filter_map(|name| engine.wakeups(&name).ok());
        let mut ended = lock(&self.ended);
        *ended = counts.fold(*ended, |all, one| Some(sum(all.unwrap_or_default(), one)));
        drop(ended);
        if engine.stop_within(END_LIMIT) { Ok(()) } else { Err(Trouble::Stuck(END_LIMIT)) }
    }

    /// What the engines have counted that have ended since this was last asked.
    pub fn take_counts(&self) -> Option<Wakeups> {
        lock(&self.ended).take()
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

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sum(a: Wakeups, b: Wakeups) -> Wakeups {
    Wakeups {
        rings: a.rings + b.rings,
        wakes: a.wakes + b.wakes,
        spin_hits: a.spin_hits + b.spin_hits,
        parks: a.parks + b.parks,
    }
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

/// How long everything is idle before a wake-up, unless something else is asked for.
pub const IDLE: Duration = Duration::from_millis(1);

/// Repeats an operation that times itself, each time after a while in which the caller only
/// looks at the clock.
pub fn after_idle(
    idle: Duration,
    length: Duration,
    mut operation: impl FnMut() -> Result<Duration, Trouble>,
) -> Result<Sample, Trouble> {
    let mut latencies = Latencies::new();
    let slot = Slot::of(length);
    loop {
        let from = Instant::now();
        while from.elapsed() < idle {
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
