//! The suites: which scenarios there are, and what each can be told.

mod classic;
mod mailbox;
mod open_loop;
mod quick;
mod scale;
mod topics;

use clap::ValueEnum;
use mainspring_perf::error::Error;
use mainspring_perf::lab::scenario::{Scenario, select};
use mainspring_perf::lab::settings::Settings;
use mainspring_perf::run::plan::{Plan, ROUNDS_MAX};
use mainspring_perf::suites::loads::PARAMETERS;
use std::fmt::Write;

/// A collection of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Calls, one-way requests and wake-ups between one caller and one runner.
    Quick,
    /// Each kind of mailbox, alone and with an object: batches, payloads, capacities.
    Mailbox,
    /// Calls, one or many at a time, with each wait strategy.
    Call,
    /// Many threads send to one object.
    FanIn,
    /// One thread sends to many objects: tells, publishes, calls.
    FanOut,
    /// Requests that pass from object to object.
    Pipeline,
    /// The first call after a pause.
    Wake,
    /// Planned rates (fixed, random, in bursts) up to the knee, timed from the planned moment.
    OpenLoop,
    /// Eight runners on two CPUs.
    Pairs,
    /// 100,000 idle objects on one runner: their memory, CPU time, and effect on a busy object.
    Idle,
    /// How late timers fire, and how much they cost.
    Timers,
    /// Curves over the number of objects and runners, and what starting them costs.
    Scale,
}

impl Suite {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Mailbox => "mailbox",
            Self::Call => "call",
            Self::FanIn => "fan-in",
            Self::FanOut => "fan-out",
            Self::Pipeline => "pipeline",
            Self::Wake => "wake",
            Self::OpenLoop => "open-loop",
            Self::Pairs => "pairs",
            Self::Idle => "idle",
            Self::Timers => "timers",
            Self::Scale => "scale",
        }
    }

    /// The suite that a file names; else the quick one.
    pub fn of_file(settings: &Settings) -> Result<Self, Error> {
        let Some(name) = &settings.suite else { return Ok(Self::Quick) };
        Self::from_str(name, false).map_err(|_| {
            let known: Vec<_> = Self::value_variants().iter().map(|suite| suite.name()).collect();
            Error::Usage(format!("suite {name:?}: no such suite; give one of {}", known.join(", ")))
        })
    }

    /// Its scenarios, with the parameters that were given or the usual ones.
    pub fn scenarios(self, settings: &Settings) -> Vec<Scenario> {
        match self {
            Self::Quick => quick::scenarios(),
            Self::Mailbox => mailbox::scenarios(settings),
            Self::Call => classic::calls(settings),
            Self::FanIn => topics::fan_in(settings),
            Self::FanOut => topics::fan_out(settings),
            Self::Pipeline => topics::pipeline(settings),
            Self::Wake => classic::wake(settings),
            Self::OpenLoop => open_loop::scenarios(settings),
            Self::Pairs => classic::pairs(),
            Self::Idle => classic::idle(),
            Self::Timers => classic::timers(),
            Self::Scale => scale::scenarios(settings),
        }
    }

    /// The parameters that it takes, beside those that all take.
    fn takes(self) -> &'static [&'static str] {
        match self {
            Self::Mailbox => &["payload"],
            Self::Call => &["wait", "window"],
            Self::FanIn => &["producers"],
            Self::FanOut => &["objects"],
            Self::Pipeline => &["stages"],
            Self::Wake => &["wait", "idle-us"],
            Self::OpenLoop => PARAMETERS,
            Self::Scale => &["objects", "runners"],
            Self::Quick | Self::Pairs | Self::Idle | Self::Timers => &[],
        }
    }

    /// Suites with many scenarios have few long rounds rather than many short ones.
    pub fn rounds_max(self) -> u32 {
        match self {
            Self::Mailbox | Self::Scale | Self::Pipeline => 5,
            _ => ROUNDS_MAX,
        }
    }

    /// Refuses what this suite wouldn't look at.
    pub fn check_parameters(self, settings: &Settings) -> Result<(), Error> {
        settings.takes_only(&format!("suite {}", self.name()), self.takes(), |foreign| {
            let all = Self::value_variants().iter();
            let takers = all.filter(|suite| suite.takes().contains(&foreign));
            let takers: Vec<_> = takers.map(|suite| suite.name()).collect();
            format!("it is one of {}", takers.join(", "))
        })
    }

    /// Whether there is anything to measure.
    pub fn check_selection(self, plan: &Plan) -> Result<(), Error> {
        let selected = |has_two_cpus| {
            !select(self.scenarios(&plan.settings), &plan.only, has_two_cpus).is_empty()
        };
        if selected(plan.cpus.is_some()) {
            return Ok(());
        }
        let (name, only) = (self.name(), &plan.only);
        let said = if selected(true) {
            format!("suite {name}: this needs two CPUs, but only one is allowed; see taskset(1)")
        } else {
            format!("--only {only}: no scenario of suite {name} has this in its name; see --list")
        };
        Err(Error::Usage(said))
    }
}

/// The suites and what is in them.
pub fn list(settings: &Settings) -> String {
    let mut text = String::new();
    for suite in Suite::value_variants() {
        let _ = writeln!(text, "{}", suite.name());
        for scenario in suite.scenarios(settings) {
            let floor = scenario.floor.map(|floor| format!("  (÷ {floor})"));
            let _ = writeln!(text, "  {}{}", scenario.id, floor.unwrap_or_default());
        }
    }
    text
}
