//! One run, with every option checked.

use crate::error::Error;
use crate::lab::settings::Settings;
use crate::machine::matrix::Matrix;
use crate::machine::recorded;
use mainspring::Topology;
use std::path::Path;
use std::time::Duration;

/// How long a run takes by default.
const SECONDS: u64 = 20;
const CAPACITY: usize = 1024;
const ROUNDS_MIN: u32 = 5;
/// More rounds than this add no information. Suites with many scenarios have fewer.
pub const ROUNDS_MAX: u32 = 60;
/// A longer run has more rounds, not longer ones: one more for this many seconds.
const SECONDS_PER_ROUND: u64 = 4;

/// See the module.
pub struct Plan {
    /// What is run.
    pub suite: String,
    /// Which of its scenarios are wanted; all, if it is empty.
    pub only: String,
    /// How long the run may take.
    pub budget: Duration,
    /// How often each scenario is measured.
    pub rounds: u32,
    /// The CPUs that this process may use.
    pub allowed: Vec<usize>,
    /// The caller's and the runner's; `None` when there is one only: then nothing is pinned.
    pub cpus: Option<(usize, usize)>,
    /// How many requests fit into a mailbox.
    pub capacity: usize,
    /// What only some suites take.
    pub settings: Settings,
    /// Latencies between the machine's CPUs, for the report.
    pub matrix: Option<Matrix>,
    /// How the run can be repeated.
    pub command: String,
}

impl Plan {
    /// Checks the settings. `rounds_max` is for suites whose scenarios are many: they have few long
    /// rounds rather than many short ones.
    ///
    /// # Errors
    /// [`Error::Usage`] with the value, the rule and the way out.
    pub fn new(
        suite: &str,
        settings: Settings,
        rounds_max: u32,
        command: String,
    ) -> Result<Self, Error> {
        settings.check()?;
        let budget = settings.seconds.unwrap_or(SECONDS);
        let rounds = (budget / SECONDS_PER_ROUND) as u32;
        let allowed = mainspring::allowed_cpus();
        let matrix = settings.latency_map.as_deref().map(read_map).transpose()?;
        Ok(Self {
            suite: suite.into(),
            only: settings.only.clone().unwrap_or_default(),
            budget: Duration::from_secs(budget),
            rounds: rounds.clamp(ROUNDS_MIN, rounds_max),
            cpus: choose_cpus(&settings.cpus, &allowed)?,
            allowed,
            capacity: settings.capacity.unwrap_or(CAPACITY),
            matrix,
            settings,
            command,
        })
    }
}

/// Refuses one of another machine.
fn read_map(path: &Path) -> Result<Matrix, Error> {
    let topology = Topology::read().map_err(|error| Error::Usage(error.to_string()))?;
    recorded::read_matrix(path, &topology)
}

/// Two different CPUs of those allowed; `None` if there is one, or the system doesn't say.
fn choose_cpus(wanted: &[usize], allowed: &[usize]) -> Result<Option<(usize, usize)>, Error> {
    let named = wanted.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let refuse = |rule: String| {
        let way_out = format!("choose two different ones from {allowed:?}");
        Err(Error::Usage(format!("--cpus {named}: {rule}; {way_out}")))
    };
    if let Some(cpu) = wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        return refuse(format!("CPU {cpu} does not exist or is not allowed to this process"));
    }
    match (wanted, allowed) {
        ([], [caller, runner, ..]) => Ok(Some((*caller, *runner))),
        ([], _) => Ok(None),
        ([caller, runner], _) if caller != runner => Ok(Some((*caller, *runner))),
        _ => refuse("the caller and the runner each need a CPU of their own".into()),
    }
}
