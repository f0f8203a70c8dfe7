//! Runs a scenario's schedules, and says how to see one again that failed.

use crate::orders::{Order, Progress, Seeded};
use crate::{Scenario, marks, scenarios};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Deep enough for the engine's calls, and for a panic's message.
const STACK_BYTES: usize = 1 << 18;

/// A schedule that takes more steps hangs, or nearly: threads that only yield to each other.
const STEPS_MAX: usize = 300_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ran {
    pub schedules: u64,
    pub steps: u64,
    pub has_failed: bool,
}

thread_local!(static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) });

/// What the panic hook says.
struct Running {
    scenario: &'static str,
    order: Order,
    progress: Arc<Progress>,
}

/// Set by the panic hook: the engine catches panics in servants, ours among them.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);
/// Failures are wanted, and not printed.
static IS_CONTROL: AtomicBool = AtomicBool::new(false);
static SAID: AtomicUsize = AtomicUsize::new(0);

/// How many panics of one run are printed: the first is the cause, the others are its consequences.
const SAID_MAX: usize = 2;

/// Runs one schedule for each seed, until one fails.
pub fn run(scenario: &Scenario, order: Order, seeds: Range<u64>) -> Ran {
    let progress = Arc::new(Progress::default());
    HAS_FAILED.store(false, Relaxed);
    SAID.store(0, Relaxed);
    let running = Running { scenario: scenario.name, order, progress: progress.clone() };
    RUNNING.with(|place| place.replace(Some(running)));
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.silence_warnings = true;
    let scheduler = Seeded::new(order, seeds, progress.clone());
    let once = scenario.run;
    let over = progress.clone();
    let each = move || {
        install_hook();
        once();
        // Of what the engine has caught.
        over.is_over.store(HAS_FAILED.load(Relaxed), Relaxed);
    };
    let runner = Runner::new(scheduler, config);
    let ended = panic::catch_unwind(AssertUnwindSafe(|| runner.run(each)));
    let has_failed = ended.is_err() || HAS_FAILED.load(Relaxed);
    RUNNING.with(|place| place.replace(None));
    let (schedules, steps) = (progress.begun.load(Relaxed), progress.steps.load(Relaxed));
    Ran { schedules, steps, has_failed }
}

/// Whether each order finds a counter's change in two halves, and two requests that were swapped: whoever
/// misses these proves nothing by what it doesn't find.
pub fn has_teeth() -> bool {
    IS_CONTROL.store(true, Relaxed);
    let finds =
        |scenario| Order::ALL.into_iter().all(|order| run(scenario, order, 0..CONTROLS).has_failed);
    let all = scenarios::CONTROLS.iter().all(finds);
    IS_CONTROL.store(false, Relaxed);
    all
}

/// How many schedules it may take to find a planted bug.
const CONTROLS: u64 = 1000;

/// What is planned to fail does so without the hook ([`scenarios::planned_panic`]); so each that it sees is one
/// too many.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // From inside of a schedule: at the first one shuttle installs its own, which would print each.
    if !INSTALLED.swap(true, Relaxed) {
        panic::set_hook(Box::new(say));
    }
}

fn say(info: &PanicHookInfo<'_>) {
    HAS_FAILED.store(true, Relaxed);
    if IS_CONTROL.load(Relaxed) || SAID.fetch_add(1, Relaxed) >= SAID_MAX {
        return;
    }
    eprintln!("{info}");
    RUNNING.with(|running| {
        if let Some(Running { scenario, order, progress }) = &*running.borrow() {
            let seed = progress.seed.load(Relaxed);
            eprintln!("scenario {scenario}, order {order}, seed {seed}; to see it again:");
            eprintln!("  cargo schedules --scenario {scenario} --order {order} --seed {seed}");
        }
    });
}

/// Whether the same seed takes the same steps twice. If it doesn't, something outside of the schedule
/// decides (a clock, an address, the order of a map), and no failure could be seen again.
pub fn is_repeatable(scenario: &Scenario, order: Order, seed: u64) -> bool {
    let steps = || run(scenario, order, seed..seed + 1).steps;
    steps() == steps()
}

/// The marks of the scenario that were never reached.
pub fn missing(scenario: &Scenario) -> Vec<&'static str> {
    let reached = marks::reached();
    scenario.marks.iter().copied().filter(|mark| !reached.contains(mark)).collect()
}
