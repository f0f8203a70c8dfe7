//! What we expect of the library, as figures. A missed gate is reported and fails nothing.

use mainspring_perf::results::document::Verdict;
use mainspring_perf::run::rounds::Outcome;
use mainspring_perf::suites::timers::in_ticks;

/// A limit on one scenario.
struct Limit {
    name: &'static str,
    scenario: &'static str,
    wanted: f64,
    of: Of,
}

/// What is limited.
#[derive(Clone, Copy)]
enum Of {
    /// The median ratio to the floor of the same round.
    Floor,
    /// The same, where the floor is the same work in quieter surroundings.
    Alone,
    /// The figure itself, in percent.
    Percent,
    /// The figure itself, in nanoseconds.
    Nanos,
    /// The 99th percentile, in ticks of the wheel.
    Ticks,
}

impl Of {
    fn unit(self) -> &'static str {
        match self {
            Self::Floor => " × floor",
            Self::Alone => " × alone",
            Self::Percent => " %",
            Self::Nanos => " ns",
            Self::Ticks => " ticks at p99",
        }
    }
}

const fn floor(name: &'static str, scenario: &'static str, wanted: f64) -> Limit {
    Limit { name, scenario, wanted, of: Of::Floor }
}

const fn alone(name: &'static str, scenario: &'static str, wanted: f64) -> Limit {
    Limit { name, scenario, wanted, of: Of::Alone }
}

const LIMITS: &[Limit] = &[
    floor("call round trip spin", "call/round_trip/spin", 1.5),
    floor("mpsc tell", "tell/mpsc/single/spin", 8.0),
    floor("spsc tell batched 32", "tell/spsc/batched/spin", 3.0),
    alone("four pairs, window 128", "pairs/window_128/four", 3.0),
    floor("four pairs, window 1", "pairs/window_1/four", 1.2),
    alone("call beside 100,000 idle objects", "idle/call/beside_100000", 1.25),
    alone("tell beside 100,000 idle objects", "idle/tell/beside_100000", 1.25),
    Limit { name: "all objects idle", scenario: "idle/cpu_share", wanted: 1.0, of: Of::Percent },
    Limit { name: "timers late", scenario: "timers/late/spin", wanted: 2.0, of: Of::Ticks },
    Limit {
        name: "timers late beside 1,000,000",
        scenario: "timers/late/spin/beside_1000000",
        wanted: 2.0,
        of: Of::Ticks,
    },
    Limit {
        name: "arm and cancel beside 1,000,000",
        scenario: "timers/arm_and_cancel/beside_1000000",
        wanted: 300.0,
        of: Of::Nanos,
    },
];

/// The verdicts on the scenarios that were measured.
pub fn judge(outcomes: &[Outcome]) -> Vec<Verdict> {
    LIMITS.iter().filter_map(|limit| verdict(limit, outcomes)).collect()
}

fn verdict(limit: &Limit, outcomes: &[Outcome]) -> Option<Verdict> {
    let outcome = outcomes.iter().find(|outcome| outcome.scenario.id == limit.scenario)?;
    let value = match limit.of {
        Of::Floor | Of::Alone => outcome.ratio()?,
        Of::Percent | Of::Nanos => outcome.value()?,
        Of::Ticks => in_ticks(outcome.latencies.as_ref()?.quantile(0.99)?),
    };
    let Limit { name, scenario, wanted, of } = limit;
    let is_met = value <= *wanted;
    let word = if is_met { "met" } else { "missed" };
    let text = format!("{name}: {value:.2}{} (wanted ≤ {wanted}): {word}", of.unit());
    Some(Verdict { text, scenario: (*scenario).into(), value, wanted_max: *wanted, is_met })
}
