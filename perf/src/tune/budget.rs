//! How long a runner should spin before it sleeps: CPU time against latency.
//!
//! Requests are taken to arrive at random moments (a Poisson stream), independent of each other. A
//! runner that has nothing to do spins for its budget, then sleeps; a request that finds it asleep pays
//! for the wake-up. With a gap of exponential length before the next request, that happens with the
//! probability exp(−rate · budget).

use mainspring::WaitStrategy;
use serde::Serialize;
use std::time::Duration;

/// Budgets that are compared, in microseconds.
const CANDIDATES_US: [u64; 9] = [5, 10, 20, 50, 100, 200, 500, 1000, 5000];
/// The library shortens spins to an eighth when fewer than one in this many found something.
const SELDOM: f64 = 1.0 / 16.0;
const SHORTENED: f64 = 8.0;
/// Going to sleep and waking up keeps the CPU busy for about this share of the wake-up.
const WAKE_BUSY_SHARE: f64 = 0.5;

/// What is preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The least CPU time at which 99 of 100 requests pay for no wake-up.
    Latency,
    /// To spin for about as long as a wake-up takes: whatever the traffic is like, waiting then costs at
    /// most twice what it would if one knew when the next request comes (the ski-rental bound). Where
    /// such a spin seldom finds anything, none.
    #[default]
    Balanced,
    /// The least CPU time.
    Cpu,
}

/// One way to wait, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The way.
    #[serde(serialize_with = "as_text")]
    pub wait: WaitStrategy,
    /// How much of its CPU the runner takes, work included.
    pub cpu_share: f64,
    /// By how much wake-ups delay a request, on average.
    pub delay_ns: f64,
    /// The 99th percentile of that.
    pub delay_p99_ns: f64,
    /// Whether its spins find something fewer than one time in 16.
    pub is_seldom_worth_it: bool,
}

/// The ways that aren't worse than another in CPU time and delay at once, from the one that takes least
/// CPU time on.
///
/// `rate`: requests a second; `busy`: the share of the CPU that they take; `wake_ns`: what a wake-up
/// adds to a request. Where nobody may spin, or nobody ever comes, there is one way: to park.
pub fn front(rate: f64, busy: f64, wake_ns: f64, may_spin: bool) -> Vec<Point> {
    let park = point(WaitStrategy::Park, rate, busy, wake_ns);
    let spins = CANDIDATES_US
        .map(|micros| WaitStrategy::SpinThenPark { spin: Duration::from_micros(micros) });
    let spins = spins.into_iter().chain([WaitStrategy::Spin]).filter(|_| may_spin && rate > 0.0);
    let mut points: Vec<_> = spins.map(|wait| point(wait, rate, busy, wake_ns)).collect();
    points.insert(0, park);
    let is_worse = |one: &Point| {
        points.iter().any(|other| {
            let no_worse = other.cpu_share <= one.cpu_share && other.delay_ns <= one.delay_ns;
            no_worse && (other.cpu_share < one.cpu_share || other.delay_ns < one.delay_ns)
        })
    };
    let mut front: Vec<_> = points.iter().filter(|one| !is_worse(one)).copied().collect();
    front.sort_by(|a, b| a.cpu_share.total_cmp(&b.cpu_share));
    // Of equals the first: the shortest budget.
    front.dedup_by(|b, a| a.cpu_share == b.cpu_share && a.delay_ns == b.delay_ns);
    front
}

/// The place on the front.
pub fn choose(front: &[Point], objective: Objective, wake_ns: f64) -> usize {
    let last = front.len().saturating_sub(1);
    match objective {
        Objective::Latency => {
            front.iter().position(|point| point.delay_p99_ns == 0.0).unwrap_or(last)
        }
        Objective::Balanced => {
            let is_enough = |point: &Point| match point.wait {
                WaitStrategy::Park => false,
                WaitStrategy::SpinThenPark { spin } => spin.as_nanos() as f64 >= wake_ns,
                _ => true,
            };
            let place = front.iter().position(is_enough).unwrap_or(last);
            if front[place].is_seldom_worth_it { 0 } else { place }
        }
        Objective::Cpu => 0,
    }
}

fn point(wait: WaitStrategy, rate: f64, busy: f64, wake_ns: f64) -> Point {
    let idle = (1.0 - busy).max(0.0);
    let asleep = match wait {
        WaitStrategy::Park => 1.0,
        WaitStrategy::SpinThenPark { spin } => asleep(rate, spin.as_secs_f64()),
        _ => 0.0,
    };
    // A share of all requests: those that arrive while it works find it awake.
    let found_asleep = idle * asleep;
    // Nobody ever comes: a spinner spins all the same.
    let spinning = if wait == WaitStrategy::Spin { idle } else { idle * (1.0 - asleep) };
    // What comes while it wakes up finds it awake: so it is woken once in a gap and a wake-up at most.
    let wakes = if rate > 0.0 { found_asleep / (1.0 / rate + wake_ns * 1e-9) } else { 0.0 };
    let waking = wakes * wake_ns * 1e-9 * WAKE_BUSY_SHARE;
    let finds = match wait {
        WaitStrategy::SpinThenPark { spin } => 1.0 - (-rate * spin.as_secs_f64()).exp(),
        _ => 1.0,
    };
    Point {
        wait,
        is_seldom_worth_it: finds < SELDOM,
        cpu_share: (busy.min(1.0) + spinning + waking).min(1.0),
        delay_ns: found_asleep * wake_ns,
        delay_p99_ns: if found_asleep > 0.01 { wake_ns } else { 0.0 },
    }
}

/// The probability that a gap is longer than the spin, which the library may have shortened.
fn asleep(rate: f64, spin: f64) -> f64 {
    let asleep = |spin: f64| (-rate * spin).exp();
    if 1.0 - asleep(spin) < SELDOM { asleep(spin / SHORTENED) } else { asleep(spin) }
}

/// A strategy in a few letters.
pub fn said(wait: WaitStrategy) -> String {
    match wait {
        WaitStrategy::SpinThenPark { spin } => format!("spin {} µs", spin.as_micros()),
        wait => wait.name().into(),
    }
}

fn as_text<S: serde::Serializer>(wait: &WaitStrategy, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&said(*wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAKE_NS: f64 = 20_000.0;

    #[test]
    fn along_the_front_cpu_time_buys_latency() {
        for (rate, busy) in [(10.0, 0.0), (1e3, 0.01), (1e5, 0.3), (1e6, 0.9)] {
            let front = front(rate, busy, WAKE_NS, true);
            // Where requests come that often, all but long spins take all of the CPU too.
            assert!(front.len() > usize::from(rate < 1e6), "{front:?}");
            let trades = |pair: &[Point]| {
                pair[0].cpu_share < pair[1].cpu_share && pair[0].delay_ns > pair[1].delay_ns
            };
            assert!(front.windows(2).all(trades), "{front:?}");
            let is_share = |point: &Point| (0.0..=1.0).contains(&point.cpu_share);
            assert!(front.iter().all(is_share), "{front:?}");
        }
    }

    #[test]
    fn each_objective_gets_what_it_asks_for() {
        let choice = |rate, busy, objective| {
            let front = front(rate, busy, WAKE_NS, true);
            front[choose(&front, objective, WAKE_NS)].wait
        };
        use WaitStrategy::*;
        let spin = |micros| SpinThenPark { spin: Duration::from_micros(micros) };
        assert_eq!(choice(1e3, 0.01, Objective::Latency), spin(5000), "5 gaps on average");
        assert_eq!(choice(10.0, 0.0, Objective::Latency), Spin);
        assert_eq!(choice(1e3, 0.01, Objective::Cpu), Park);
        // Of ten requests a second, a spin finds none.
        assert_eq!(choice(10.0, 0.0, Objective::Balanced), Park);
        assert_eq!(choice(1e4, 0.1, Objective::Balanced), spin(20), "as long as a wake-up");
        assert_eq!(choice(0.0, 0.0, Objective::Latency), Park, "nobody ever comes");
    }

    #[test]
    fn where_nobody_may_spin_runners_park() {
        let front = front(1e5, 0.3, WAKE_NS, false);
        assert_eq!(front.iter().map(|point| point.wait).collect::<Vec<_>>(), [WaitStrategy::Park]);
    }

    #[test]
    fn a_longer_spin_finds_fewer_asleep_unless_the_library_shortens_it() {
        let delay = |micros| {
            let spin = Duration::from_micros(micros);
            point(WaitStrategy::SpinThenPark { spin }, 1e4, 0.1, WAKE_NS).delay_ns
        };
        assert!(delay(10) > delay(100) && delay(100) > delay(1000));
        // 10 µs of gaps of 100 µs on average: a tenth is caught; of 1 ms: too few, so an eighth of that.
        assert!((asleep(1e4, 1e-5) - (-0.1_f64).exp()).abs() < 1e-12);
        assert!((asleep(1e3, 1e-5) - (-0.00125_f64).exp()).abs() < 1e-12);
    }
}
