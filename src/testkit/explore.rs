//! Looking for a seed that fails, and for the simplest course that fails, too.

use super::choices::shrink;
use super::simulation::Simulation;
use super::trace::Trace;
use crate::panics::panic_message;
use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Once;
use std::time::{Duration, Instant};

/// What [`explore`] has seen where nothing failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// How many simulations ran.
    pub seeds: u64,
    /// How many events they had together.
    pub events: u64,
    /// How many faults were injected.
    pub faults: u64,
    /// How much simulated time has passed.
    pub elapsed: Duration,
}

/// A simulation that failed, and the simplest one found that does.
///
/// Printed, it is a report: what failed, the seed, and the simplest course.
#[derive(Clone)]
pub struct Found {
    /// The seed that failed.
    pub seed: u64,
    /// What it panicked with.
    pub message: String,
    /// What happened in the simplest course.
    pub trace: Trace,
    script: Rc<[u64]>,
    /// How many decisions weren't the simplest: the seed's, and those of the simplest course.
    decisions: (usize, usize),
}

/// How often a failing course is run again to find a simpler one, and for how long.
const SHRINKS_MAX: usize = 400;
const SHRINK_TIME: Duration = Duration::from_secs(20);

/// The environment variable for one seed to run.
pub const SEED_VARIABLE: &str = "MAINSPRING_SEED";

/// Runs the scenario with each of these seeds, until one fails, that is, panics.
///
/// A seed that fails is simplified: what it decided (faults, interleavings,
/// [`SimulationHandle::below`](super::SimulationHandle::below)) is left out bit by bit, as long as it still
/// fails. With [`SEED_VARIABLE`] in the environment only that seed runs.
///
/// ```
/// use mainspring::prelude::*;
/// use mainspring::testkit::{Simulation, explore};
/// use std::time::Duration;
///
/// /// Loses what is between a look and a change.
/// struct Till { cents: u64 }
/// #[active]
/// impl Till {
///     pub fn cents(&self) -> u64 { self.cents }
///     pub fn set(&mut self, cents: u64) { self.cents = cents }
/// }
///
/// fn scenario(simulation: &Simulation) {
///     let engine = Engine::builder().runner(Runner::named("shop")).start().unwrap();
///     let till = engine.spawn("till", || Till { cents: 0 }).start().unwrap();
///     for name in ["anna", "bert"] {
///         let till = till.clone();
///         simulation.client(name, async move {
///             let cents = till.cents().await.unwrap();
///             till.set(cents + 5).await.unwrap();
///         });
///     }
///     simulation.run_until(|| false);
///     assert_eq!(till.cents().get(), Ok(10));
/// }
///
/// let found = explore(0..1_000, scenario).expect_err("it loses what they pay");
/// println!("{found}");
/// let again = found.replay(scenario).expect("it fails again");
/// assert!(again.contains("left: Ok(5)"), "{again}");
/// ```
///
/// # Errors
/// The first seed that failed.
/// # Panics
/// If the environment variable holds no seed.
pub fn explore(seeds: Range<u64>, scenario: impl Fn(&Simulation)) -> Result<Explored, Box<Found>> {
    let seeds = match std::env::var_os(SEED_VARIABLE) {
        None => seeds,
        Some(given) => only(&given.to_string_lossy()).unwrap_or_else(|error| panic!("{error}")),
    };
    let mut explored = Explored::default();
    for seed in seeds {
        let ran = run(Simulation::new(seed), &scenario);
        explored.seeds += 1;
        explored.events += ran.trace.len() as u64;
        explored.faults += ran.trace.all_faults() as u64;
        explored.elapsed += ran.elapsed;
        if let Some(message) = ran.failure {
            return Err(Box::new(simplest(seed, message, ran.script, scenario)));
        }
    }
    Ok(explored)
}

/// The one seed that somebody has given.
fn only(given: &str) -> Result<Range<u64>, String> {
    let seed = given.trim().parse::<u64>().ok();
    let range = seed.and_then(|seed| Some(seed..seed.checked_add(1)?));
    range.ok_or_else(|| {
        format!("{SEED_VARIABLE}={given:?} is no seed: give a number from 0 to {}", u64::MAX - 1)
    })
}

/// One run of a scenario.
struct Ran {
    failure: Option<String>,
    trace: Trace,
    script: Vec<u64>,
    elapsed: Duration,
}

fn run(simulation: Simulation, scenario: &impl Fn(&Simulation)) -> Ran {
    let ran = quietly(|| catch_unwind(AssertUnwindSafe(|| scenario(&simulation))));
    let (trace, elapsed) = (simulation.trace(), simulation.elapsed());
    let script = simulation.choices();
    // Its end may fail, too, and that is nobody's failure.
    let _ = quietly(|| catch_unwind(AssertUnwindSafe(|| drop(simulation))));
    let failure = ran.err().map(|payload| panic_message(&*payload).to_string());
    Ran { failure, trace, script, elapsed }
}

fn simplest(seed: u64, message: String, script: Vec<u64>, scenario: impl Fn(&Simulation)) -> Found {
    let used = |script: &[u64]| script.iter().filter(|choice| **choice != 0).count();
    let before = used(&script);
    let began = Instant::now();
    let script = shrink(script, SHRINKS_MAX, |script| {
        if began.elapsed() > SHRINK_TIME {
            return None;
        }
        let ran = run(Simulation::scripted(script.into()), &scenario);
        ran.failure.is_some().then_some(ran.script)
    });
    let ran = run(Simulation::scripted(script.as_slice().into()), &scenario);
    let decisions = (before, used(&script));
    // The simplest course may fail in another way: that is what is shown.
    let message = ran.failure.unwrap_or(message);
    Found { seed, message, trace: ran.trace, script: script.into(), decisions }
}

impl Found {
    /// Runs the simplest course again; returns what it fails with, if it does.
    ///
    /// With the same scenario it always does. For a debugger, and to see whether a fix helps.
    pub fn replay(&self, scenario: impl Fn(&Simulation)) -> Option<String> {
        run(Simulation::scripted(self.script.clone()), &scenario).failure
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, message, trace, decisions: (before, after), .. } = self;
        writeln!(f, "seed {seed} fails: {message}")?;
        writeln!(f, "run it alone with {SEED_VARIABLE}={seed} in the environment")?;
        writeln!(f, "the simplest course found ({after} decisions, {before} at first):")?;
        write!(f, "{trace}")
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

thread_local!(static IS_QUIET: Cell<bool> = const { Cell::new(false) });

/// Runs something whose panics are reported otherwise: they aren't printed. Those of other threads are, by
/// whatever hook the program has.
fn quietly<R>(run: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                before(info);
            }
        }));
    });
    let was_quiet = IS_QUIET.replace(true);
    let result = run();
    IS_QUIET.set(was_quiet);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_seed_is_said_to_be_none() {
        assert_eq!(only(" 7\n"), Ok(7..8));
        for bad in ["", "seven", "-1", "1.5", "18446744073709551615"] {
            assert!(only(bad).unwrap_err().contains(&format!("{bad:?} is no seed")));
        }
    }
}
