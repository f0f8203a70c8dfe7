//! What the comparison finds in runs that are made up: how often it is wrong about a build beside
//! itself, and how often it finds 5 %.
//!
//! The made-up machine is worse than a quiet one: its speed walks by tens of percent, for the floor
//! and the library alike; each run and each round have moods of their own, and so has the floor of each
//! run; now and then a round is
//! preempted. All seeds are fixed, so the counts below are always the same.

mod samples;

use fastrand::Rng;
use mainspring_perf::results::compare::pairs::{self, Builds};
use mainspring_perf::results::compare::{self, Comparison, Named, Overall, Question, Verdict};
use mainspring_perf::results::document::{Document, Figures, Kind};
use samples::{bare, figures, normal};

/// What a machine does to figures, in logarithms.
#[derive(Clone, Copy)]
struct Moods {
    /// How far its speed walks from one round to the next.
    walk: f64,
    /// How far a run is from the next in a scenario's ratio to its floor.
    run: f64,
    /// The same of the floor itself: where its lines come to lie.
    floor: f64,
    /// How far a round is from the next.
    round: f64,
    /// One round of so many is preempted, and takes half as long again.
    preempted: u32,
}

/// Its speed walks: ratios to the floor are the calmer basis.
const DRIFTING: Moods = Moods { walk: 0.04, run: 0.008, floor: 0.01, round: 0.02, preempted: 40 };
/// Its speed hardly walks, and the floor is another one in each process: figures are calmer.
const PLACED: Moods = Moods { walk: 0.005, run: 0.008, floor: 0.08, round: 0.02, preempted: 40 };
const SCENARIOS: usize = 5;

struct Machine {
    random: Rng,
    moods: Moods,
    /// How slow it is at the moment, as a logarithm.
    pace: f64,
}

impl Machine {
    fn new(seed: u64, moods: Moods) -> Self {
        Self { random: Rng::with_seed(seed), moods, pace: 0.0 }
    }

    fn around(&mut self, sigma: f64) -> f64 {
        sigma * normal(&mut self.random)
    }

    /// A run of so many rounds; the first scenario is slowed by this factor.
    fn run(&mut self, rounds: usize, slowed: f64) -> Document {
        let mut all = vec![Vec::new(); SCENARIOS + 1];
        let of_run: Vec<f64> = (0..SCENARIOS).map(|_| self.around(self.moods.run)).collect();
        let floor_of_run = self.around(self.moods.floor);
        for _ in 0..rounds {
            // It returns to its usual speed in the end.
            self.pace = 0.97 * self.pace + self.around(self.moods.walk);
            let floor =
                300.0 * (self.pace + floor_of_run + self.around(self.moods.round / 2.0)).exp();
            all[0].push((floor, None));
            for scenario in 0..SCENARIOS {
                let own = of_run[scenario] + self.around(self.moods.round);
                let is_preempted = self.random.u32(..self.moods.preempted) == 0;
                let stall = if is_preempted { 1.5 } else { 1.0 };
                let slowed = if scenario == 0 { slowed } else { 1.0 };
                let value = 400.0 * (self.pace + own).exp() * stall * slowed;
                all[scenario + 1].push((value, Some(value / floor)));
            }
        }
        let scenario = |(place, rounds): (usize, &Vec<_>)| match place {
            0 => figures("floor/ping_pong", Kind::Latency, rounds),
            _ => Figures {
                floor: Some("floor/ping_pong".into()),
                ..figures(&format!("call/{place}"), Kind::Latency, rounds)
            },
        };
        Document { scenarios: all.iter().enumerate().map(scenario).collect(), ..bare() }
    }
}

fn question() -> Question {
    Question { threshold: compare::THRESHOLD, only: String::new(), allow_other_machine: false }
}

/// Runs by turns, as `compare --run` makes them.
fn by_turns(seed: u64, moods: Moods, count: usize, slowed: f64) -> Comparison {
    let mut machine = Machine::new(seed, moods);
    let mut runs = Vec::new();
    for pair in 0..count {
        let is_a_first = pair % 2 == 0;
        let one = machine.run(5, if is_a_first { 1.0 } else { slowed });
        let two = machine.run(5, if is_a_first { slowed } else { 1.0 });
        runs.push(if is_a_first { (one, two) } else { (two, one) });
    }
    let builds = Builds { a: "a".into(), b: "b".into(), pairs: count as u32, arguments: vec![] };
    pairs::compare(&builds, &runs, &question()).unwrap()
}

/// One run after the other.
fn of_documents(seed: u64, moods: Moods, rounds: usize, slowed: f64) -> Comparison {
    let mut machine = Machine::new(seed, moods);
    let (a, b) = (machine.run(rounds, 1.0), machine.run(rounds, slowed));
    let (a, b) = (Named { name: "a", document: &a }, Named { name: "b", document: &b });
    compare::documents(a, b, None, &question()).unwrap()
}

fn counted(all: impl Iterator<Item = Comparison>, wanted: Overall) -> usize {
    all.filter(|comparison| comparison.verdict == wanted).count()
}

/// Rows that say something has changed, for better or worse.
fn claims(comparison: &Comparison) -> usize {
    let is_claim = |verdict| matches!(verdict, Verdict::Regressed | Verdict::Improved);
    comparison.rows.iter().filter(|row| is_claim(row.verdict)).count()
}

#[test]
fn a_build_beside_itself_by_turns_raises_hardly_an_alarm() {
    for (name, moods) in [("drifting", DRIFTING), ("placed", PLACED)] {
        let all: Vec<_> = (0..100).map(|seed| by_turns(seed, moods, 10, 1.0)).collect();
        let alarms = counted(all.iter().cloned(), Overall::Regressed);
        let claims: usize = all.iter().map(claims).sum();
        eprintln!("{name}, A/A by turns: {alarms} alarms, {claims} claims of 100");
        assert!(alarms <= 1 && claims <= 3, "{name}: {alarms} alarms, {claims} claims of 100");
    }
}

#[test]
fn five_percent_are_found_by_turns() {
    for (name, moods) in [("drifting", DRIFTING), ("placed", PLACED)] {
        let all: Vec<_> = (0..50).map(|seed| by_turns(1000 + seed, moods, 12, 1.05)).collect();
        let found = counted(all.iter().cloned(), Overall::Regressed);
        eprintln!("{name}, +5 % by turns, 12 pairs: found {found} of 50");
        assert!(found >= 45, "{name}: {found} of 50");
        for comparison in all.iter().filter(|one| one.verdict == Overall::Regressed) {
            let slower = comparison.rows.iter().filter(|row| row.verdict == Verdict::Regressed);
            assert!(slower.map(|row| row.scenario.as_str()).any(|name| name == "call/1"));
        }
    }
}

#[test]
fn documents_of_a_restless_machine_raise_no_alarm_and_find_what_is_large() {
    for (name, moods) in [("drifting", DRIFTING), ("placed", PLACED)] {
        let moods = Moods { run: 0.02, ..moods };
        let found = |count: u64, first: u64, slowed| {
            let all = (0..count).map(|seed| of_documents(first + seed, moods, 5, slowed));
            counted(all, Overall::Regressed)
        };
        let (alarms, small, large) =
            (found(100, 0, 1.0), found(20, 2000, 1.05), found(20, 2000, 1.6));
        eprintln!(
            "{name}, documents: {alarms} alarms of 100 A/A; found {small} of 20 at +5 %, {large} at +60 %"
        );
        assert!(alarms <= 2, "{name}: {alarms} of 100");
        assert!(large >= 18, "{name}: {large} of 20");
    }
}

#[test]
fn a_quiet_machine_shows_five_percent_in_two_documents() {
    let quiet = Moods { walk: 0.002, run: 0.002, floor: 0.002, round: 0.005, preempted: 1000 };
    let found = counted((0..20).map(|seed| of_documents(seed, quiet, 5, 1.05)), Overall::Regressed);
    let passed = counted((0..20).map(|seed| of_documents(seed, quiet, 5, 1.0)), Overall::Passed);
    eprintln!("quiet documents: +5 % found {found} of 20; A/A passed {passed} of 20");
    assert!(found >= 18 && passed >= 18, "{found}, {passed}");
}

#[test]
fn a_machine_too_restless_for_the_threshold_is_said_to_be() {
    let wild = Moods { walk: 0.2, run: 0.1, floor: 0.1, round: 0.2, preempted: 3 };
    let all: Vec<_> = (0..20).map(|seed| by_turns(seed, wild, 7, 1.0)).collect();
    assert!(counted(all.iter().cloned(), Overall::Noisy) >= 19);
    assert_eq!(counted(all.into_iter(), Overall::Regressed), 0);
}

#[test]
fn what_is_faster_is_said_and_no_regression() {
    let comparison = by_turns(7, DRIFTING, 10, 0.8);
    assert_ne!(comparison.verdict, Overall::Regressed);
    let row = comparison.rows.iter().find(|row| row.scenario == "call/1").unwrap();
    assert_eq!(row.verdict, Verdict::Improved);
}
