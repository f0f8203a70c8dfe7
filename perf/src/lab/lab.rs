//! What all scenarios share: CPUs, engines, warnings.

use crate::error::Error;
use core_affinity::CoreId;
use mainspring::{Engine, Event, Runner, WaitStrategy, Wakeups};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The name of the runner in every engine that [`Lab::engine`] starts.
pub const RUNNER: &str = "bench";
/// How long an engine may take to end.
const END_LIMIT: Duration = Duration::from_secs(5);
/// Where one thread is pinned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pin {
    /// `caller`, `runner`, or the runner's name.
    pub role: String,
    /// The CPU asked for.
    pub cpu: usize,
    /// Whether the mask read back says so.
    pub is_verified: bool,
}

/// What all scenarios of a run share.
pub struct Lab {
    /// The caller's CPU and the runner's, if there are two.
    pub cpus: Option<(usize, usize)>,
    /// How many requests fit into a mailbox.
    pub capacity: usize,
    warnings: Arc<Mutex<BTreeSet<String>>>,
    /// The counts of engines that have ended.
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
                "this process may use only one CPU: nothing is pinned, every runner parks, and \
                 scenarios that need two CPUs are left out"
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

    /// Pins the calling thread to the caller's CPU for even places, to the runner's for odd ones.
    pub fn pin_by_turns(&self, place: usize) {
        if let Some((caller, runner)) = self.cpus {
            let _ = self.pin(if place.is_multiple_of(2) { caller } else { runner });
        }
    }

    /// Pins the calling thread; returns whether the mask read back confirms it.
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

    /// Keeps a warning for the report, once.
    pub fn warn(&self, warning: String) {
        lock(&self.warnings).insert(warning);
    }

    /// The warnings about the run.
    pub fn warnings(&self) -> Vec<String> {
        lock(&self.warnings).iter().cloned().collect()
    }

    /// An engine with one runner, pinned opposite the caller. On a lone CPU it parks instead.
    pub fn engine(&self, strategy: WaitStrategy) -> Result<Engine, Error> {
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

    /// An engine with one runner with default options.
    pub fn plain_engine(&self) -> Result<Engine, Error> {
        self.start(Runner::named(RUNNER))
    }

    fn start(&self, runner: Runner) -> Result<Engine, Error> {
        Ok(Engine::builder().on_event(self.reporter(true)).runner(runner).start()?)
    }

    /// Turns the events of engines into warnings. `tell_downgrades` says whether runners were meant to
    /// spin, so that it is worth a warning if they may not.
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

    /// Stops an engine, whether or not proxies are left.
    pub fn end(&self, engine: Engine) -> Result<(), Error> {
        let counts = engine.runners().into_iter().filter_map(|name| engine.wakeups(&name).ok());
        let mut ended = lock(&self.ended);
        *ended = counts.fold(*ended, |all, one| Some(sum(all.unwrap_or_default(), one)));
        drop(ended);
        if engine.stop_within(END_LIMIT) { Ok(()) } else { Err(Error::StopTimedOut(END_LIMIT)) }
    }

    /// The counts of engines that have ended since the last call.
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
