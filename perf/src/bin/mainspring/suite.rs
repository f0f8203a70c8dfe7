//! The suites: which scenarios there are, and which of them are wanted.

use crate::scale;
use clap::ValueEnum;
use mainspring::WaitStrategy;
use mainspring_perf::floor::{self, WINDOW};
use mainspring_perf::idle::Hall;
use mainspring_perf::lab::Lab;
use mainspring_perf::stats::Sample;
use mainspring_perf::tell::Sending;
use mainspring_perf::trouble::Trouble;
use mainspring_perf::{call, futex, idle, pairs, tell, timers, wake};
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

/// A collection of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Calls, one-way requests and wake-ups between one caller and one runner.
    Quick,
    /// Eight runners on two CPUs.
    Pairs,
    /// 100,000 idle objects on one runner.
    Idle,
    /// How late timers fire, and what they cost.
    Timers,
    /// Curves: more objects, runners, producers, room, bytes.
    Scale,
}

/// See [`Scenario::measure`].
pub type Measure = Box<dyn Fn(&Lab, Duration) -> Result<Sample, Trouble>>;

/// One thing to measure.
pub struct Scenario {
    /// What it is called: group/scenario/parameter.
    pub id: &'static str,
    /// The scenario whose figure of the same round this one's is divided by.
    pub floor: Option<&'static str>,
    /// How many shares of a round's time it gets.
    pub weight: u32,
    /// Both sides spin, so that they would wait for each other's time slices on a lone CPU.
    needs_two_cpus: bool,
    /// It is measured in the first round only.
    pub is_once: bool,
    /// Measures one round, in about the time given.
    pub measure: Measure,
}

/// A scenario without a floor, measured in every round.
pub fn scenario(
    id: &'static str,
    measure: impl Fn(&Lab, Duration) -> Result<Sample, Trouble> + 'static,
) -> Scenario {
    let measure = Box::new(measure);
    Scenario { id, floor: None, weight: 1, needs_two_cpus: false, is_once: false, measure }
}

impl Scenario {
    /// Divides its figure by that of another scenario, which stands before it.
    pub fn over(self, floor: &'static str) -> Self {
        Self { floor: Some(floor), ..self }
    }

    /// Gives it more of a round's time.
    pub fn weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// Leaves it out on a lone CPU.
    pub fn two_cpus(self) -> Self {
        Self { needs_two_cpus: true, ..self }
    }

    /// Measures it in the first round only.
    pub fn once(self) -> Self {
        Self { is_once: true, ..self }
    }
}

impl Suite {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Pairs => "pairs",
            Self::Idle => "idle",
            Self::Timers => "timers",
            Self::Scale => "scale",
        }
    }

    fn scenarios(self) -> Vec<Scenario> {
        match self {
            Self::Quick => quick(),
            Self::Pairs => pairs_suite(),
            Self::Idle => idle_suite(),
            Self::Timers => timers_suite(),
            Self::Scale => scale::scenarios(),
        }
    }
}

const SPIN: WaitStrategy = WaitStrategy::Spin;
const PARK: WaitStrategy = WaitStrategy::Park;
const SPIN_THEN_YIELD: WaitStrategy =
    WaitStrategy::SpinThenYield { spin: mainspring::SPIN_DEFAULT };
const SPIN_THEN_PARK: WaitStrategy = WaitStrategy::SpinThenPark { spin: mainspring::SPIN_DEFAULT };
const BACKOFF: WaitStrategy = WaitStrategy::Backoff { sleep_max: Duration::from_millis(1) };

fn quick() -> Vec<Scenario> {
    let round_trip =
        |id, wait| scenario(id, move |lab, time| call::round_trip(lab, lab.engine(wait)?, time));
    let mpsc = |id, wait, how| scenario(id, move |lab, time| tell::mpsc(lab, wait, how, time));
    let spsc = |id, wait, how| scenario(id, move |lab, time| tell::spsc(lab, wait, how, time));
    // A wake-up takes over a millisecond with the idling before it, so these get more time.
    let wake =
        |id, wait| scenario(id, move |lab, time| wake::round_trip(lab, wait, time)).weight(2);
    use Sending::{Batched, Single};
    let (lines, futex, one_way) = ("floor/ping_pong", "floor/futex/ping_pong", "floor/futex/wake");
    let (single, batched) = ("floor/ring/single", "floor/ring/batched");
    vec![
        scenario(lines, floor::ping_pong).two_cpus(),
        scenario(single, floor::stream_single::<1>).two_cpus(),
        scenario(batched, floor::stream_batched::<1>).two_cpus(),
        scenario("floor/ring/single_32_bytes", floor::stream_single::<4>).two_cpus(),
        scenario("floor/ring/batched_32_bytes", floor::stream_batched::<4>).two_cpus(),
        scenario("floor/ring/window_128", floor::window).two_cpus(),
        scenario(futex, futex::ping_pong),
        scenario(one_way, futex::wake).weight(2),
        round_trip("call/round_trip/spin", SPIN).over(lines).two_cpus(),
        round_trip("call/round_trip/spin-then-yield", SPIN_THEN_YIELD).over(lines).two_cpus(),
        round_trip("call/round_trip/backoff", BACKOFF).over(lines).two_cpus(),
        round_trip("call/round_trip/spin-then-park", SPIN_THEN_PARK).over(lines).two_cpus(),
        round_trip("call/round_trip/park", PARK).over(futex),
        scenario("call/round_trip/unpinned", |lab, time| {
            call::round_trip(lab, lab.plain_engine()?, time)
        })
        .over(futex),
        scenario("call/window_128/spin-then-park", |lab, time| {
            call::window(lab, SPIN_THEN_PARK, time)
        })
        .over("floor/ring/window_128"),
        mpsc("tell/mpsc/single/spin", SPIN, Single).over(single).two_cpus(),
        mpsc("tell/mpsc/batched/spin", SPIN, Batched).over(batched).two_cpus(),
        spsc("tell/spsc/single/spin", SPIN, Single).over(single).two_cpus(),
        spsc("tell/spsc/batched/spin", SPIN, Batched).over(batched).two_cpus(),
        mpsc("tell/mpsc/single/spin-then-park", SPIN_THEN_PARK, Single).over(single),
        wake("wake/spin", SPIN).over(lines).two_cpus(),
        wake("wake/spin-then-park", SPIN_THEN_PARK).over(one_way),
        wake("wake/park", PARK).over(one_way),
    ]
}

/// How many pairs there are where there are too many.
const PAIRS: usize = 4;

/// A fixed number of calls, about as many as fit into the time: the same for one pair and four.
fn calls_in(time: Duration, each_ns: u64) -> u64 {
    let calls = time.as_nanos() as u64 / each_ns;
    calls.max(1000) / PAIRS as u64 * PAIRS as u64
}

fn pairs_suite() -> Vec<Scenario> {
    let many = |time| calls_in(time, 1000);
    let few = |time| calls_in(time, 15_000);
    let (one, futex) = ("pairs/window_128/one", "floor/futex/four_pairs");
    vec![
        scenario(one, move |lab, time| pairs::run(lab, 1, WINDOW, many(time))).two_cpus(),
        scenario("pairs/window_128/four", move |lab, time| {
            pairs::run(lab, PAIRS, WINDOW, many(time))
        })
        .over(one)
        .two_cpus(),
        scenario(futex, move |lab, time| futex::pairs(lab, PAIRS, few(time))).two_cpus(),
        scenario("pairs/window_1/four", move |lab, time| pairs::run(lab, PAIRS, 1, few(time)))
            .over(futex)
            .two_cpus(),
    ]
}

fn idle_suite() -> Vec<Scenario> {
    let hall = Rc::new(Hall::default());
    let here = || hall.clone();
    let (never, once, share) = (here(), here(), here());
    let (calls, tells) = (here(), here());
    vec![
        scenario("idle/memory/never_used", move |lab, _| never.bytes_never_used(lab)).once(),
        scenario("idle/memory/used_once", move |lab, _| once.bytes_used_once(lab)).once(),
        scenario("idle/cpu_share", move |lab, time| share.cpu_share(lab, time)).weight(2).once(),
        scenario("idle/call/alone", idle::call_alone),
        scenario("idle/call/beside_100000", move |lab, time| calls.call_beside(lab, time))
            .over("idle/call/alone"),
        scenario("idle/tell/alone", idle::tell_alone),
        scenario("idle/tell/beside_100000", move |lab, time| tells.tell_beside(lab, time))
            .over("idle/tell/alone"),
    ]
}

fn timers_suite() -> Vec<Scenario> {
    let late =
        |id, wait, crowd| scenario(id, move |lab, time| timers::lateness(lab, wait, crowd, time));
    let arm = |id, crowd| scenario(id, move |lab, time| timers::arm_and_cancel(lab, crowd, time));
    let idle = |id, crowd| scenario(id, move |_, time| timers::idle_turn(crowd, time));
    vec![
        scenario("floor/timers/jitter", timers::jitter).two_cpus(),
        late("timers/late/spin", SPIN, 0).two_cpus(),
        late("timers/late/spin/beside_1000000", SPIN, timers::CROWD).two_cpus(),
        late("timers/late/spin-then-park", SPIN_THEN_PARK, 0),
        arm("timers/arm_and_cancel/alone", 0),
        arm("timers/arm_and_cancel/beside_1000000", timers::CROWD),
        idle("timers/idle_turn/alone", 0),
        idle("timers/idle_turn/beside_1000000", timers::CROWD),
    ]
}

/// The suites and what is in them.
pub fn list() -> String {
    let mut text = String::new();
    for suite in Suite::value_variants() {
        let _ = writeln!(text, "{}", suite.name());
        for scenario in suite.scenarios() {
            let floor = scenario.floor.map(|floor| format!("  (÷ {floor})"));
            let _ = writeln!(text, "  {}{}", scenario.id, floor.unwrap_or_default());
        }
    }
    text
}

/// Whether there is anything to measure.
pub fn check(suite: Suite, only: &str, has_two_cpus: bool) -> Result<(), Trouble> {
    if !select(suite, only, has_two_cpus).is_empty() {
        return Ok(());
    }
    let name = suite.name();
    let said = if select(suite, only, true).is_empty() {
        format!("--only {only}: no scenario of suite {name} has this in its name; see --list")
    } else {
        format!("--suite {name}: this needs two CPUs, and one is allowed here; see taskset(1)")
    };
    Err(Trouble::Usage(said))
}

/// The scenarios that are wanted and possible, with the floors of those.
pub fn select(suite: Suite, only: &str, has_two_cpus: bool) -> Vec<Scenario> {
    let mut scenarios = suite.scenarios();
    scenarios.retain(|scenario| has_two_cpus || !scenario.needs_two_cpus);
    let is_wanted = |scenario: &Scenario| scenario.id.contains(only);
    let floors: Vec<_> =
        scenarios.iter().filter(|s| is_wanted(s)).filter_map(|s| s.floor).collect();
    scenarios.retain(|scenario| is_wanted(scenario) || floors.contains(&scenario.id));
    scenarios
}
