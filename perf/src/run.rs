//! The rounds, in which the scenarios are measured by turns.

use crate::args::Plan;
use crate::floor;
use crate::lab::Lab;
use crate::stats::{Latencies, Sample, median};
use crate::suite::{self, Scenario};
use crate::trouble::Trouble;
use indicatif::{ProgressBar, ProgressStyle};
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

/// A run is noisy if the floor moved by more than this factor.
const NOISY: f64 = 2.0;

impl Run {
    /// Whether the floor moved too much to compare rounds.
    pub fn is_noisy(&self) -> bool {
        let least = self.probes.iter().copied().fold(f64::INFINITY, f64::min);
        self.probes.iter().any(|probe| *probe > NOISY * least)
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
    let lab = Lab::open(plan);
    let rounds = (plan.budget.as_secs() / SECONDS_PER_ROUND) as u32;
    let rounds = rounds.clamp(ROUNDS_MIN, ROUNDS_MAX);
    let outcomes = suite::select(plan.suite, &plan.only, plan.cpus.is_some()).into_iter();
    let outcomes = outcomes.map(|scenario| Outcome { scenario, rounds: vec![], latencies: None });
    let outcomes = outcomes.collect();
    let mut run = Run { rounds, probes: Vec::new(), outcomes, warnings: Vec::new() };
    let trouble = run_rounds(&mut run, &lab, plan.budget).err();
    run.warnings = lab.warnings();
    (run, trouble)
}

fn run_rounds(run: &mut Run, lab: &Lab, budget: Duration) -> Result<(), Trouble> {
    let progress = progress(run);
    // What is measured once has its shares spread over all rounds.
    let (once, each): (Vec<_>, Vec<_>) = run.outcomes.iter().partition(|o| o.scenario.is_once);
    let weigh = |outcomes: Vec<&Outcome>| outcomes.iter().map(|o| o.scenario.weight).sum::<u32>();
    let shares = run.rounds * weigh(each) + weigh(once);
    let probe = budget / run.rounds / PROBE_SHARE;
    let share = (budget - probe * run.rounds) / shares;
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

/// The floor's figure of the round that is under way: floors stand before those they are for.
fn floor_of(run: &Run, id: &str) -> Option<f64> {
    let floor = run.outcomes.iter().find(|outcome| outcome.scenario.id == id)?;
    floor.rounds.last().map(|round| round.sample.value())
}

/// On stderr, and only on a terminal. It draws between measurements, never during one.
fn progress(run: &Run) -> ProgressBar {
    let (once, each): (Vec<_>, Vec<_>) = run.outcomes.iter().partition(|o| o.scenario.is_once);
    let steps = once.len() as u64 + u64::from(run.rounds) * each.len() as u64;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
