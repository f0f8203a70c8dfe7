//! Plans of when requests are sent.

use clap::ValueEnum;
use serde::Deserialize;
use std::time::Duration;

/// A plan of when requests are sent, at a mean rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// At equal intervals.
    Fixed,
    /// At random and independently: gaps follow an exponential distribution.
    Poisson,
    /// Many at once, then a pause.
    Bursts,
}

impl Arrivals {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Poisson => "poisson",
            Self::Bursts => "bursts",
        }
    }

    /// The planned moments since the start, in ascending order; the same seed gives the same plan. A
    /// burst has `burst` requests.
    pub fn schedule(self, rate: f64, burst: u32, seed: u64) -> Schedule {
        Schedule {
            arrivals: self,
            gap: 1.0 / rate,
            burst,
            random: fastrand::Rng::with_seed(seed),
            next: 0.0,
            sent: 0,
        }
    }
}

/// See [`Arrivals::schedule`]; endless as far as clocks go.
pub struct Schedule {
    arrivals: Arrivals,
    /// The mean, in seconds.
    gap: f64,
    burst: u32,
    random: fastrand::Rng,
    /// In seconds. The sum of gaps, so that a random plan can't drift from its own moments.
    next: f64,
    sent: u64,
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let at = match self.arrivals {
            // A product, not a sum: nothing adds up.
            Arrivals::Fixed => self.gap * self.sent as f64,
            Arrivals::Bursts => self.gap * (self.sent - self.sent % u64::from(self.burst)) as f64,
            Arrivals::Poisson => {
                // 1 - x is never 0, so its logarithm is finite.
                self.next -= (1.0 - self.random.f64()).ln() * self.gap;
                self.next
            }
        };
        self.sent += 1;
        // Never, if the rate is so low that no clock reaches it.
        Duration::try_from_secs_f64(at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(arrivals: Arrivals, count: usize) -> Vec<Duration> {
        arrivals.schedule(1000.0, 4, 7).take(count).collect()
    }

    #[test]
    fn every_plan_keeps_its_mean_rate_and_its_order() {
        for arrivals in [Arrivals::Fixed, Arrivals::Poisson, Arrivals::Bursts] {
            let plan = first(arrivals, 100_000);
            assert!(plan.is_sorted(), "{arrivals:?}");
            let last = plan[99_999].as_secs_f64();
            assert!((98.0..102.0).contains(&last), "{arrivals:?}: {last}");
        }
    }

    #[test]
    fn fixed_is_even_and_bursts_come_together() {
        let millis = |plan: Vec<Duration>| plan.iter().map(|at| at.as_millis()).collect::<Vec<_>>();
        assert_eq!(millis(first(Arrivals::Fixed, 5)), [0, 1, 2, 3, 4]);
        assert_eq!(millis(first(Arrivals::Bursts, 6)), [0, 0, 0, 0, 4, 4]);
    }

    #[test]
    fn gaps_of_a_random_plan_vary_as_much_as_their_mean() {
        let plan = first(Arrivals::Poisson, 100_000);
        let gaps: Vec<_> = plan.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((0.95..1.05).contains(&(variance.sqrt() / mean)));
        assert_eq!(plan, first(Arrivals::Poisson, 100_000), "a seed repeats it");
    }
}
