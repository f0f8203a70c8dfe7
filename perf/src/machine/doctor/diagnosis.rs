//! Everything that was found about a machine, as text and as JSON.

use crate::machine::doctor::checks::checks;
use crate::machine::doctor::finding::{Finding, Severity};
use crate::machine::doctor::quietest::{self, QuietCpu, Scan};
use crate::machine::doctor::system::System;
use crate::machine::doctor::text;
use crate::machine::machine::{self, Machine};
use serde::Serialize;

/// The schema's name and version.
pub const SCHEMA: &str = "mainspring-doctor/1";

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// [`Check::name`](super::Check::name).
    pub check: &'static str,
    /// [`Check::group`](super::Check::group).
    pub group: &'static str,
    /// [`Check::effect`](super::Check::effect).
    pub effect: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The CPUs that matter.
    pub cpus: Vec<usize>,
    /// How many checks had which result.
    pub summary: Summary,
    /// The checks, worst first.
    pub checks: Vec<Checked>,
    /// The CPUs that the process may use, quietest first.
    pub quietest: Vec<QuietCpu>,
    /// The machine.
    pub machine: Machine,
}

/// How many checks had which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Those that would spoil a measurement.
    pub spoils: usize,
    /// Those that would disturb one.
    pub warns: usize,
    /// Those that have to be known to read one.
    pub notes: usize,
    /// Those that couldn't be made.
    pub unchecked: usize,
    /// Those that are ok.
    pub ok: usize,
}

impl Diagnosis {
    /// Runs every check, then scans the allowed CPUs one after another if `scan` is given.
    pub fn of(system: &System, scan: Option<Scan<'_>>) -> Self {
        let made = checks().into_iter().map(|check| Checked {
            check: check.name,
            group: check.group,
            effect: check.effect,
            finding: (check.look)(system).unwrap_or_else(Finding::unchecked),
        });
        let mut checks: Vec<_> = made.collect();
        // Stable: groups stay together among what is equally bad.
        checks.sort_by_key(|checked| std::cmp::Reverse(checked.finding.severity));
        let allowed: Vec<_> = system.topology.allowed().map(|cpu| cpu.id).collect();
        Self {
            schema: SCHEMA,
            cpus: system.cpus.clone(),
            summary: Summary::of(&checks),
            checks,
            quietest: quietest::rank(system, scan),
            machine: machine::read_below(system.root.path(), &allowed, None),
        }
    }

    /// Whether a measurement on these CPUs would be spoilt.
    pub fn is_spoilt(&self) -> bool {
        self.summary.spoils > 0
    }

    /// The text for people: worst first, and all that is ok in one line.
    pub fn text(&self) -> String {
        text::diagnosis(self)
    }

    /// All about one check; `None` if there is no such check.
    pub fn explain(&self, check: &str) -> Option<String> {
        self.checks.iter().find(|checked| checked.check == check).map(text::explanation)
    }
}

impl Summary {
    fn of(checks: &[Checked]) -> Self {
        let mut summary = Self::default();
        for checked in checks {
            *match checked.finding.severity {
                Severity::Spoils => &mut summary.spoils,
                Severity::Warns => &mut summary.warns,
                Severity::Note => &mut summary.notes,
                Severity::Unchecked => &mut summary.unchecked,
                Severity::Ok => &mut summary.ok,
            } += 1;
        }
        summary
    }
}
