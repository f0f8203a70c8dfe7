//! What the search has to know of the machine, measured here and now.

use crate::error::Error;
use crate::floors::futex;
use crate::lab::Lab;
use crate::machine::matrix::{self, Matrix, Plan};
use mainspring::Topology;
use std::time::Duration;

/// The time of a wake-up where it isn't measured.
pub const WAKE_ASSUMED_NS: f64 = 25_000.0;
/// How long each CPU is watched for hiccups.
pub const WATCH: Duration = Duration::from_millis(300);
/// How many cache lines each pair is measured with.
const LINES: u32 = 4;
const WAKE: Duration = Duration::from_millis(300);
/// How long a thread sleeps before it is woken.
const SLEEP: Duration = Duration::from_micros(500);

/// Measures the latencies between these CPUs, of some pairs of each class where they are many; tells
/// `step` how many measurements there are, before each.
pub fn measure_matrix(
    topology: &Topology,
    cpus: &[usize],
    mut step: impl FnMut(usize, usize, usize),
) -> Result<Matrix, Error> {
    let plan = Plan { again: Vec::new(), ..Plan::new(topology, cpus, false, None) };
    let steps = plan.steps();
    let report = matrix::Report::measure(topology, cpus, LINES, &plan, |a, b| step(steps, a, b))?;
    Ok(report.matrix)
}

/// Measures what a wake-up adds to a request, between the first two of these CPUs or on a lone one.
pub fn measure_wake(cpus: &[usize]) -> Result<f64, Error> {
    let pair = match cpus {
        [a, b, ..] => Some((*a, *b)),
        _ => None,
    };
    with_lab(pair, |lab| futex::wake(lab, SLEEP, WAKE)).map(|sample| sample.value())
}

/// A lab pins the thread that opens it: so it gets one of its own.
fn with_lab<T: Send>(
    cpus: Option<(usize, usize)>,
    measure: impl FnOnce(&Lab) -> Result<T, Error> + Send,
) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("measures".into());
        let thread = thread.spawn_scoped(scope, || measure(&Lab::open(cpus, 64)));
        let joined = thread.map_err(Error::Thread)?.join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
