//! What the process takes of the machine.

use std::fs;
use std::time::Duration;

/// What the process holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub rss_kb: u64,
    pub fds: usize,
    pub threads: usize,
}

impl Held {
    /// Now.
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.split_whitespace().next());
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        Self { rss_kb: field("VmRSS:"), fds: fds(), threads: field("Threads:") as usize }
    }
}

/// Open descriptors, but for the one that this takes.
pub fn fds() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux has it").count() - 1
}

/// How the process's memory has grown in the mean, by the least squares of (time, kilobytes): so much a
/// minute.
pub fn slope_kb_per_minute(samples: &[(Duration, u64)]) -> f64 {
    let count = samples.len() as f64;
    let point = |&(at, kb): &(Duration, u64)| (at.as_secs_f64() / 60.0, kb as f64);
    let (sum_x, sum_y) =
        samples.iter().map(point).fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in samples.iter().map(point) {
        above += (x - mean_x) * (y - mean_y);
        below += (x - mean_x) * (x - mean_x);
    }
    if below > 0.0 { above / below } else { 0.0 }
}
