//! The rounds, in which the scenarios are measured by turns.

use crate::args::Plan;
use crate::suite::{self, Scenario, Suite};
use indicatif::{ProgressBar, ProgressStyle};
use mainspring_perf::document::Moved;
use mainspring_perf::floor;
use mainspring_perf::lab::Lab;
use mainspring_perf::stats::{Latencies, Sample, median};
use mainspring_perf::trouble::Trouble;
use std::time::Duration;

/// The rounds of one scenario.
pub struct Outcome {
    /// Which.
    pub scenario: Scenario,
    /// What each round came to; fewer than the run's if it broke off, or is measured once.
    pub rounds: Vec<Round>,
    /// The latencies of all rounds, if it has any.
    pub latencies: Option<Latencies>,
}

/// One round of one scenario.
pub struct Round {
    /// What was measured.
    pub sample: Sample,
    /// Its figure, divided by the floor's of the same round.
    pub ratio: Option<f64>,
}

impl Outcome {
    /// The median over rounds.
    pub fn value(&self) -> Option<f64> {
        median(self.rounds.iter().map(|round| round.sample.value()))
    }

    /// The median over rounds of the ratio to the floor of the same round.
    pub fn ratio(&self) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| round.ratio))
    }

    fn add(&mut self, sample: Sample, floor: Option<f64>) {
        if let Sample::Latency(latencies) = &sample {
            self.latencies.get_or_insert_with(Latencies::new).add(latencies);
        }
        let ratio = floor.map(|floor| sample.value() / floor);
        self.rounds.push(Round { sample, ratio });
    }
}

/// What a run came to.
pub struct Run {
    /// How many rounds were wanted.
    pub rounds: u32,
    /// The bare round trip before each round, in nanoseconds, where there are two CPUs.
    pub probes: Vec<f64>,
    /// The scenarios, in order.
    pub outcomes: Vec<Outcome>,
    /// What has to be said.
    pub warnings: Vec<String>,
}

/// A run is noisy if a floor moved by more than this factor.
const NOISY: f64 = 2.0;

/// Whether a floor moved too much.
fn moved(floor: &str, rounds: impl Iterator<Item = f64>) -> Option<Moved> {
    let (least_ns, largest_ns) =
        rounds.fold((f64::INFINITY, 0.0), |(least, most), ns| (ns.min(least), ns.max(most)));
    let moved = || Moved { floor: floor.into(), least_ns, largest_ns };
    (largest_ns > NOISY * least_ns).then(moved)
}

impl Run {
    /// The floors that moved too much for their rounds to be compared with each other.
    ///
    /// Not only the round trip: two CPUs can stream more slowly with the same round trip. A futex
    /// is left out, as it is either quick or slow by whether the other CPU has gone to sleep.
    pub fn moved(&self) -> Vec<Moved> {
        let is_steady = |id: &str| id.starts_with("floor/") && !id.starts_with("floor/futex");
        let floors = self.outcomes.iter().filter(|outcome| is_steady(outcome.scenario.id));
        let probe = moved("the probe", self.probes.iter().copied());
        probe
            .into_iter()
            .chain(floors.filter_map(|outcome| {
                let rounds = outcome.rounds.iter().map(|round| round.sample.value());
                moved(outcome.scenario.id, rounds)
            }))
            .collect()
    }
}

const ROUNDS_MIN: u32 = 5;
const ROUNDS_MAX: u32 = 15;
/// A longer run has more rounds, not longer ones: one more for every so many seconds.
const SECONDS_PER_ROUND: u64 = 4;
/// A probe takes this share of its round.
const PROBE_SHARE: u32 = 50;

/// Measures every scenario in every round, and says what stopped it, if anything did.
pub fn all(plan: &Plan) -> (Run, Option<Trouble>) {
    let lab = Lab::open(plan.cpus, plan.capacity);
    let rounds = (plan.budget.as_secs() / SECONDS_PER_ROUND) as u32;
    // Its scenarios are many: few long rounds rather than many short ones.
    let rounds_max = if plan.suite == Suite::Scale { ROUNDS_MIN } else { ROUNDS_MAX };
    let rounds = rounds.clamp(ROUNDS_MIN, rounds_max);
    let outcomes = suite::select(plan.suite, &plan.only, plan.cpus.is_some()).into_iter();
    let outcomes = outcomes.map(|scenario| Outcome { scenario, rounds: vec![], latencies: None });
    let outcomes = outcomes.collect();
    let mut run = Run { rounds, probes: Vec::new(), outcomes, warnings: Vec::new() };
    let trouble = run_rounds(&mut run, &lab, plan.budget).err();
    run.warnings = lab.warnings();
    (run, trouble)
}

fn run_rounds(run: &mut Run, lab: &Lab, budget: Duration) -> Result<(), Trouble> {
    let probe = budget / run.rounds / PROBE_SHARE;
    let share = (budget - probe * run.rounds) / shares(run, |scenario| scenario.weight);
    let progress = progress(shares(run, |_| 1));
    for round in 0..run.rounds {
        if lab.cpus.is_some() {
            run.probes.push(floor::ping_pong(lab, probe)?.value());
        }
        for place in 0..run.outcomes.len() {
            let scenario = &run.outcomes[place].scenario;
            if scenario.is_once && round > 0 {
                continue;
            }
            progress.set_message(scenario.id);
            let sample = (scenario.measure)(lab, share * scenario.weight);
            let sample = sample.map_err(|trouble| trouble.within(scenario.id))?;
            let floor = scenario.floor.and_then(|floor| floor_of(run, floor));
            run.outcomes[place].add(sample, floor);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// The sum over all measurements of the run.
fn shares(run: &Run, share: impl Fn(&Scenario) -> u32) -> u32 {
    let rounds = |scenario: &Scenario| if scenario.is_once { 1 } else { run.rounds };
    run.outcomes.iter().map(|one| rounds(&one.scenario) * share(&one.scenario)).sum()
}

/// The floor's figure of the round that is under way: floors stand before those they are for.
fn floor_of(run: &Run, id: &str) -> Option<f64> {
    let floor = run.outcomes.iter().find(|outcome| outcome.scenario.id == id)?;
    floor.rounds.last().map(|round| round.sample.value())
}

/// On stderr, and only on a terminal. It draws between measurements, never during one.
fn progress(steps: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps.into()).with_style(style)
}
