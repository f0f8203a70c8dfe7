//! The rounds: each measures every scenario once.

use crate::error::Error;
use crate::floors::spin;
use crate::lab::Lab;
use crate::lab::Pin;
use crate::lab::counters;
use crate::lab::counters::Counters;
use crate::lab::open_loop::LoadResult;
use crate::lab::sample::Sample;
use crate::lab::scenario::Scenario;
use crate::machine::jitter::{self, CpuJitter};
use crate::results::document::Moved;
use crate::run::plan::Plan;
use crate::stats::{Latencies, median};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// The rounds of one scenario.
pub struct Outcome {
    /// Which.
    pub scenario: Scenario,
    /// Its rounds; fewer than the run's if the run stopped early, or if it is measured once.
    pub rounds: Vec<Round>,
    /// The latencies of all rounds, if it has any.
    pub latencies: Option<Latencies>,
    /// The planned loads of all rounds together, if it has any.
    pub loaded: Option<Box<LoadResult>>,
}

/// One round of one scenario.
pub struct Round {
    /// The figure that represents it.
    pub value: f64,
    /// Its figure, divided by the floor's of the same round.
    pub ratio: Option<f64>,
    /// What was measured, without the histograms that went into the outcome's.
    pub kind: Measured,
    /// What was counted during it.
    pub counters: Counters,
}

/// What a round has measured.
pub enum Measured {
    /// Single latencies.
    Latency(Latencies),
    /// Many operations together: how many.
    PerOperation(u64),
    /// Something that is not a time.
    Amount(&'static str),
}

impl Outcome {
    fn new(scenario: Scenario) -> Self {
        Self { scenario, rounds: Vec::new(), latencies: None, loaded: None }
    }

    /// The median over rounds.
    pub fn value(&self) -> Option<f64> {
        median(self.rounds.iter().map(|round| round.value))
    }

    /// The median over rounds of the ratio to the floor of the same round.
    pub fn ratio(&self) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| round.ratio))
    }

    fn add(&mut self, sample: Sample, floor: Option<f64>, counters: Counters) {
        let value = sample.value();
        let kind = match sample {
            Sample::PerOperation { operations, .. } => Measured::PerOperation(operations),
            Sample::Amount { unit, .. } => Measured::Amount(unit),
            Sample::Latency(latencies) => self.add_latencies(latencies),
            Sample::Load(loaded) => {
                let latencies = self.add_latencies(loaded.latencies.clone());
                match &mut self.loaded {
                    Some(all) => all.add(*loaded),
                    none => *none = Some(loaded),
                }
                latencies
            }
        };
        self.rounds.push(Round { value, ratio: floor.map(|floor| value / floor), kind, counters });
    }

    fn add_latencies(&mut self, latencies: Latencies) -> Measured {
        self.latencies.get_or_insert_with(Latencies::new).add(&latencies);
        Measured::Latency(latencies)
    }
}

/// The result of a run.
pub struct Run {
    /// When it began.
    pub started: SystemTime,
    /// How many rounds were wanted.
    pub rounds: u32,
    /// The machine's own hiccups, before the first round.
    pub jitter: Vec<CpuJitter>,
    /// The bare round trip before each round, in nanoseconds, where there are two CPUs.
    pub probes: Vec<f64>,
    /// The scenarios, in order.
    pub outcomes: Vec<Outcome>,
    /// Who was pinned where.
    pub pins: Vec<Pin>,
    /// The warnings.
    pub warnings: Vec<String>,
    /// Whether the user interrupted it.
    pub is_interrupted: bool,
}

/// A run is noisy if a floor moved by more than this factor. One round in `ROUNDS_PER_VISIT` is
/// ignored: a neighbour's visit spoils one round, and medians over rounds tolerate that.
const NOISY: f64 = 2.0;
const ROUNDS_PER_VISIT: usize = 5;

/// Whether a floor moved too much.
fn moved(floor: &str, rounds: impl Iterator<Item = f64>) -> Option<Moved> {
    let mut rounds: Vec<f64> = rounds.collect();
    rounds.sort_by(f64::total_cmp);
    rounds.truncate(rounds.len() - rounds.len() / ROUNDS_PER_VISIT);
    let (least_ns, largest_ns) = (*rounds.first()?, *rounds.last()?);
    let moved = || Moved { floor: floor.into(), least_ns, largest_ns };
    (largest_ns > NOISY * least_ns).then(moved)
}

impl Run {
    /// The floors that moved too much for their rounds to be compared with each other.
    ///
    /// Not only the round trip: two CPUs can stream more slowly with the same round trip. Futex
    /// floors are left out: they are quick or slow depending on whether the other CPU has gone to sleep.
    pub fn moved(&self) -> Vec<Moved> {
        let is_steady = |id: &str| id.starts_with("floor/") && !id.starts_with("floor/futex");
        let floors = self.outcomes.iter().filter(|outcome| is_steady(&outcome.scenario.id));
        let probe = moved("the probe", self.probes.iter().copied());
        let floors = floors.filter_map(|outcome| {
            moved(&outcome.scenario.id, outcome.rounds.iter().map(|round| round.value))
        });
        probe.into_iter().chain(floors).collect()
    }
}

/// A probe takes this share of its round.
const PROBE_SHARE: u32 = 50;
/// The machine's hiccups are watched for this share of the run on each of its CPUs, but for no longer
/// than the second constant.
const JITTER_SHARE: u32 = 40;
const JITTER_MAX: Duration = Duration::from_secs(2);

/// Measures every scenario in every round, and returns the error that stopped it, if any. Stops
/// before the next measurement once `interrupted` is set.
pub fn all(
    plan: &Plan,
    scenarios: Vec<Scenario>,
    interrupted: &AtomicBool,
) -> (Run, Option<Error>) {
    let lab = Lab::open(plan.cpus, plan.capacity);
    let mut run = Run {
        started: SystemTime::now(),
        rounds: plan.rounds,
        jitter: Vec::new(),
        probes: Vec::new(),
        outcomes: scenarios.into_iter().map(Outcome::new).collect(),
        pins: Vec::new(),
        warnings: Vec::new(),
        is_interrupted: false,
    };
    let measured = run_rounds(&mut run, plan, &lab, interrupted);
    let error = measured.and_then(|()| reached(&run, &lab)).err();
    (run.pins, run.warnings) = (lab.pins(), lab.warnings());
    (run, error)
}

fn run_rounds(
    run: &mut Run,
    plan: &Plan,
    lab: &Lab,
    interrupted: &AtomicBool,
) -> Result<(), Error> {
    let watch = (plan.budget / JITTER_SHARE).min(JITTER_MAX);
    let progress = progress(shares(run, |_| 1));
    progress.set_message("jitter");
    let used = plan.cpus.map_or(Vec::new(), |(caller, runner)| vec![caller, runner]);
    for cpu in &used {
        run.jitter.push(jitter::watch(*cpu, watch)?);
    }
    let probe = plan.budget / run.rounds / PROBE_SHARE;
    let spent = probe * run.rounds + watch * used.len() as u32;
    let share = plan.budget.saturating_sub(spent) / shares(run, |scenario| scenario.weight);
    for round in 0..run.rounds {
        if lab.cpus.is_some() {
            run.probes.push(spin::ping_pong(lab, probe)?.value());
        }
        for place in 0..run.outcomes.len() {
            // Relaxed: a flag that nothing else comes with.
            if interrupted.load(Relaxed) {
                run.is_interrupted = true;
                return Ok(());
            }
            let scenario = &run.outcomes[place].scenario;
            if scenario.is_once && round > 0 {
                continue;
            }
            progress.set_message(scenario.id.clone());
            let floor = scenario.floor.as_deref().and_then(|floor| floor_of(run, floor));
            let (sample, counters) = measure(scenario, lab, share * scenario.weight)?;
            run.outcomes[place].add(sample, floor, counters);
            progress.inc(1);
        }
    }
    Ok(())
}

/// Warns about planned loads that weren't reached; for one requested by its rate it is an error.
fn reached(run: &Run, lab: &Lab) -> Result<(), Error> {
    let short = run.outcomes.iter().filter_map(|outcome| {
        let why = outcome.loaded.as_ref()?.shortfall()?;
        Some((&outcome.scenario, format!("{}: {why}", outcome.scenario.id)))
    });
    for (scenario, why) in short {
        if scenario.must_reach {
            return Err(Error::RateMissed(why));
        }
        lab.warn(format!("{why}: this rate is beyond the knee"));
    }
    Ok(())
}

fn measure(scenario: &Scenario, lab: &Lab, length: Duration) -> Result<(Sample, Counters), Error> {
    // What a scenario before this one has left.
    lab.take_counts();
    let before = counters::Snapshot::take();
    let sample = (scenario.measure)(lab, length);
    let counters = before.end(lab.take_counts());
    sample.map(|sample| (sample, counters)).map_err(|error| error.in_scenario(&scenario.id))
}

/// The sum over all measurements of the run.
fn shares(run: &Run, share: impl Fn(&Scenario) -> u32) -> u32 {
    let rounds = |scenario: &Scenario| if scenario.is_once { 1 } else { run.rounds };
    run.outcomes.iter().map(|one| rounds(&one.scenario) * share(&one.scenario)).sum()
}

/// The floor's figure of the current round: floors come before the scenarios they are for.
fn floor_of(run: &Run, id: &str) -> Option<f64> {
    let floor = run.outcomes.iter().find(|outcome| outcome.scenario.id == id)?;
    floor.rounds.last().map(|round| round.value)
}

/// On stderr, and only on a terminal. It draws between measurements, never during one.
fn progress(steps: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}, {eta} left: {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    // It goes however the run ends.
    ProgressBar::new(steps.into()).with_style(style).with_finish(ProgressFinish::AndClear)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_noisy(rounds: &[f64]) -> bool {
        moved("a floor", rounds.iter().copied()).is_some()
    }

    #[test]
    fn one_spoilt_round_in_five_makes_no_run_noisy_and_two_do() {
        assert!(!is_noisy(&[]) && !is_noisy(&[100.0]));
        assert!(!is_noisy(&[100.0, 190.0, 110.0, 9e9, 100.0]));
        assert!(is_noisy(&[100.0, 9e9, 110.0, 9e9, 100.0]));
        assert!(is_noisy(&[100.0, 210.0, 110.0, 9e9, 100.0]));
        assert!(is_noisy(&[100.0, 250.0]));
    }
}
