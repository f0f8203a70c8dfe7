//! What the figures were measured on.

use serde::Serialize;
use std::fs::read_to_string;
use std::time::Instant;

/// The machine, as far as it explains figures.
#[derive(Serialize)]
pub struct Machine {
    /// The processor's name, as the kernel gives it.
    pub cpu_model: String,
    /// The kernel's release.
    pub kernel: String,
    /// Whether the processor says that it runs under a hypervisor.
    pub is_virtual: bool,
    /// The CPUs that the process may use.
    pub cpus_allowed: Vec<usize>,
    /// The CPU of the caller and that of the runner, if there are two.
    pub cpus_used: Vec<usize>,
    /// What one look at the clock takes. Each latency holds one; nothing is subtracted.
    pub clock_read_ns: f64,
}

/// Looks at the machine, and times its clock.
pub fn look(allowed: &[usize], used: Option<(usize, usize)>) -> Machine {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        cpu_model: field("model name").unwrap_or_else(|| "unknown".into()),
        kernel: kernel.trim().to_owned(),
        is_virtual: field("flags").is_some_and(|flags| flags.split(' ').any(|f| f == "hypervisor")),
        cpus_allowed: allowed.to_vec(),
        cpus_used: used.map_or(Vec::new(), |(caller, runner)| vec![caller, runner]),
        clock_read_ns: clock_read_ns(),
    }
}

/// The least of several means: what disturbs can only add.
fn clock_read_ns() -> f64 {
    const READS: u32 = 10_000;
    let mean = |_| {
        let begun = Instant::now();
        let last = (1..READS).fold(begun, |_, _| std::hint::black_box(Instant::now()));
        (last - begun).as_nanos() as f64 / f64::from(READS - 1)
    };
    (0..10).map(mean).fold(f64::INFINITY, f64::min)
}
