//! The quick suite: one caller, one runner.

use mainspring_perf::floors::futex;
use mainspring_perf::floors::spin;
use mainspring_perf::lab::loops::WINDOW;
use mainspring_perf::lab::scenario::{Scenario, scenario};
use mainspring_perf::lab::settings::Wait;
use mainspring_perf::lab::time::IDLE;
use mainspring_perf::suites::call;
use mainspring_perf::suites::tell;
use mainspring_perf::suites::tell::Sending;
use mainspring_perf::suites::wake;

/// A floor of cache lines, which many scenarios are divided by.
pub const LINES: &str = "floor/ping_pong";
/// A floor of sleeping threads.
pub const SLEEP: &str = "floor/futex/ping_pong";
/// One way of that.
pub const ONE_WAY: &str = "floor/futex/wake";
/// A floor of one-way requests.
pub const RING: &str = "floor/ring/single";
/// The same by 32.
pub const RING_BY_32: &str = "floor/ring/batched";
/// A floor of many calls at once.
pub const RING_WINDOW: &str = "floor/ring/window_128";

/// The floors of cache lines and of sleeping.
pub fn round_trip_floors() -> [Scenario; 2] {
    [scenario(LINES, spin::ping_pong).two_cpus(), scenario(SLEEP, futex::ping_pong)]
}

/// The floors of rings.
pub fn ring_floors() -> [Scenario; 2] {
    [
        scenario(RING, spin::stream_single::<1>).two_cpus(),
        scenario(RING_BY_32, spin::stream_batched::<1>).two_cpus(),
    ]
}

/// Calls one at a time, over the floor that waits the same way.
pub fn round_trip(wait: Wait) -> Scenario {
    let scenario = scenario(format!("call/round_trip/{}", wait.name()), move |lab, time| {
        call::round_trip(lab, lab.engine(wait.strategy())?, time)
    });
    if wait.spins() { scenario.over(LINES).two_cpus() } else { scenario.over(SLEEP) }
}

/// The same on a runner that nobody has pinned.
pub fn unpinned() -> Scenario {
    scenario("call/round_trip/unpinned", |lab, time| {
        call::round_trip(lab, lab.plain_engine()?, time)
    })
    .over(SLEEP)
}

/// Everything.
pub fn scenarios() -> Vec<Scenario> {
    let mpsc = |how: &str, wait: Wait, sending| {
        let id = format!("tell/mpsc/{how}/{}", wait.name());
        scenario(id, move |lab, time| tell::mpsc(lab, wait.strategy(), sending, time))
    };
    let spsc = |how: &str, wait: Wait, sending| {
        let id = format!("tell/spsc/{how}/{}", wait.name());
        scenario(id, move |lab, time| tell::spsc(lab, wait.strategy(), sending, time))
    };
    // A wake-up takes over a millisecond with the idling before it, so these get more time.
    let wake = |wait: Wait| {
        let id = format!("wake/{}", wait.name());
        scenario(id, move |lab, time| wake::round_trip(lab, wait.strategy(), IDLE, time)).weight(2)
    };
    use Sending::{Batched, Single};
    let mut all = Vec::from(round_trip_floors());
    all.extend(ring_floors());
    all.extend([
        scenario("floor/ring/single_32_bytes", spin::stream_single::<4>).two_cpus(),
        scenario("floor/ring/batched_32_bytes", spin::stream_batched::<4>).two_cpus(),
        scenario(RING_WINDOW, spin::window).two_cpus(),
        scenario(ONE_WAY, |lab, time| futex::wake(lab, IDLE, time)).weight(2),
    ]);
    use Wait::{Backoff, Park, Spin, SpinThenPark, SpinThenYield};
    all.extend([Spin, SpinThenYield, Backoff, SpinThenPark, Park].map(round_trip));
    all.extend([
        unpinned(),
        scenario("call/window_128/spin-then-park", |lab, time| {
            call::window(lab, SpinThenPark.strategy(), WINDOW as usize, time)
        })
        .over(RING_WINDOW),
        mpsc("single", Spin, Single).over(RING).two_cpus(),
        mpsc("batched", Spin, Batched).over(RING_BY_32).two_cpus(),
        spsc("single", Spin, Single).over(RING).two_cpus(),
        spsc("batched", Spin, Batched).over(RING_BY_32).two_cpus(),
        mpsc("single", SpinThenPark, Single).over(RING),
        wake(Spin).over(LINES).two_cpus(),
        wake(SpinThenPark).over(ONE_WAY),
        wake(Park).over(ONE_WAY),
    ]);
    all
}
