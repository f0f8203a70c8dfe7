//! Calls, wake-ups, too many runners, idle objects, timers.

use super::quick::{LINES, ONE_WAY, RING_WINDOW, round_trip, round_trip_floors, unpinned};
use clap::ValueEnum;
use mainspring_perf::floors::futex;
use mainspring_perf::floors::spin;
use mainspring_perf::lab::loops::WINDOW;
use mainspring_perf::lab::scenario::{Scenario, scenario};
use mainspring_perf::lab::settings::{Settings, Wait, points};
use mainspring_perf::suites::call;
use mainspring_perf::suites::idle;
use mainspring_perf::suites::idle::IdleObjects;
use mainspring_perf::suites::pairs;
use mainspring_perf::suites::timers;
use mainspring_perf::suites::timers::CROWD;
use mainspring_perf::suites::wake;
use std::rc::Rc;
use std::time::Duration;

/// One at a time, and many at once.
pub fn calls(settings: &Settings) -> Vec<Scenario> {
    let mut all = Vec::from(round_trip_floors());
    all.push(scenario(RING_WINDOW, spin::window).two_cpus());
    let waits = points(&settings.wait, Wait::value_variants());
    all.extend(waits.iter().copied().map(round_trip));
    all.push(unpinned());
    let windows = points(&settings.window, &[1, 8, 32, 128]);
    let waits = points(&settings.wait, &[Wait::Spin, Wait::SpinThenPark]);
    for wait in waits {
        all.extend(windows.iter().map(|window| {
            let (window, id) = (*window, format!("call/window_{window}/{}", wait.name()));
            let one =
                scenario(id, move |lab, time| call::window(lab, wait.strategy(), window, time));
            if window == WINDOW as usize { one.over(RING_WINDOW) } else { one }
        }));
    }
    all
}

/// After each pause, by each strategy.
pub fn wake(settings: &Settings) -> Vec<Scenario> {
    let waits = points(&settings.wait, &[Wait::Spin, Wait::SpinThenPark, Wait::Park]);
    let pauses = points(&settings.idle_us, &[10, 100, 1000, 10_000]);
    let mut all = vec![scenario(LINES, spin::ping_pong).two_cpus()];
    for pause in pauses {
        let idle = Duration::from_micros(pause);
        let floor = format!("{ONE_WAY}/{pause}us");
        all.push(scenario(&*floor, move |lab, time| futex::wake(lab, idle, time)).weight(2));
        all.extend(waits.iter().map(|wait| {
            let (strategy, id) = (wait.strategy(), format!("wake/{}/{pause}us", wait.name()));
            let one = move |lab: &_, time| wake::round_trip(lab, strategy, idle, time);
            let one = scenario(id, one).weight(2);
            if *wait == Wait::Spin { one.over(LINES).two_cpus() } else { one.over(&*floor) }
        }));
    }
    all
}

/// How many pairs there are where there are too many.
const PAIRS: usize = 4;

/// A fixed number of calls, about as many as fit into the time: the same for one pair and four.
fn calls_in(time: Duration, each_ns: u64) -> u64 {
    let calls = time.as_nanos() as u64 / each_ns;
    calls.max(1000) / PAIRS as u64 * PAIRS as u64
}

/// More runners than CPUs.
pub fn pairs() -> Vec<Scenario> {
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

/// What a crowd of idle objects costs.
pub fn idle() -> Vec<Scenario> {
    let objects = Rc::new(IdleObjects::default());
    let here = || objects.clone();
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

/// How late they are, and what they cost.
pub fn timers() -> Vec<Scenario> {
    let late = |id, wait: Wait, crowd| {
        scenario(id, move |lab, time| timers::lateness(lab, wait.strategy(), crowd, time))
    };
    let arm = |id, crowd| scenario(id, move |lab, time| timers::arm_and_cancel(lab, crowd, time));
    let idle = |id, crowd| scenario(id, move |_, time| timers::idle_turn(crowd, time));
    vec![
        scenario("floor/timers/jitter", timers::jitter).two_cpus(),
        late("timers/late/spin", Wait::Spin, 0).two_cpus(),
        late("timers/late/spin/beside_1000000", Wait::Spin, CROWD).two_cpus(),
        late("timers/late/spin-then-park", Wait::SpinThenPark, 0),
        arm("timers/arm_and_cancel/alone", 0),
        arm("timers/arm_and_cancel/beside_1000000", CROWD),
        idle("timers/idle_turn/alone", 0),
        idle("timers/idle_turn/beside_1000000", CROWD),
    ]
}
