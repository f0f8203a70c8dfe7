//! Planned loads of one object, which may stall once: what users feel, beside what a closed loop shows.

use mainspring::active;
use mainspring_perf::floors::spin;
use mainspring_perf::lab::RUNNER;
use mainspring_perf::lab::scenario::{Scenario, scenario};
use mainspring_perf::lab::settings::Settings;
use mainspring_perf::suites::loads;
use std::time::{Duration, Instant};

/// Adds up, and may stall once.
struct Server {
    sum: u64,
    /// When, and for how long.
    stall: Option<(Instant, Duration)>,
}

#[active]
impl Server {
    /// Adds a number, and answers with the sum.
    pub fn add(&mut self, by: u64) -> u64 {
        if let Some((at, length)) = self.stall
            && Instant::now() >= at
        {
            self.stall = None;
            std::thread::sleep(length);
        }
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}

/// The floor, the closed loop, and each plan at each rate.
pub fn scenarios(settings: &Settings) -> Vec<Scenario> {
    let mut all = vec![scenario(super::quick::LINES, spin::ping_pong).two_cpus()];
    let stall = settings.stall_ms.map(Duration::from_millis);
    all.extend(loads::scenarios("open-loop", settings, move |engine, lab, length| {
        // Behind the warm-up, and early enough that what is behind can be made up for.
        let stall = stall.map(|stall| (Instant::now() + length / 3, stall));
        let server = engine.spawn("server", move || Server { sum: 0, stall }).on(RUNNER);
        let server = server.capacity(lab.capacity).start()?;
        Ok(move || server.try_add(1))
    }));
    all
}
