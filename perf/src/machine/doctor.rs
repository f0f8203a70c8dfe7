//! What about a machine would spoil a measurement, and what its user can do about it.
//!
//! Every check says on what it rests (a file and its value), what that does to latencies, how to
//! change it and how to change it back. Nothing is changed here. What can't be read is reported as
//! unchecked, never as well; what a guest can't change is said, and counts as a note.

mod counts;
mod cpus;
mod finding;
mod frequency;
mod guest;
mod interrupts;
mod kernel;
mod memory;
mod patient;
mod process;
mod quiet;
mod share;
mod text;

pub use finding::{Evidence, Finding, Fix, Severity};
pub use patient::Patient;
pub use quiet::Quiet;

use crate::machine::jitter::CpuJitter;
use crate::machine::machine::{self, Machine};
use serde::Serialize;
use std::time::Duration;

/// The schema's name and version.
pub const SCHEMA: &str = "mainspring-doctor/1";

/// One thing that is looked at.
pub struct Check {
    /// What it is called.
    pub name: &'static str,
    /// What it belongs to.
    pub group: &'static str,
    /// What it does to latencies if it isn't well.
    pub effect: &'static str,
    look: fn(&Patient) -> Result<Finding, crate::machine::root::Unreadable>,
}

/// All of them, group by group.
pub fn checks() -> Vec<Check> {
    [
        process::CHECKS,
        cpus::CHECKS,
        share::CHECKS,
        interrupts::CHECKS,
        frequency::CHECKS,
        guest::CHECKS,
        memory::CHECKS,
        kernel::CHECKS,
    ]
    .concat()
}

impl Clone for Check {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Check {}

/// What a check came to.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// [`Check::name`].
    pub check: &'static str,
    /// [`Check::group`].
    pub group: &'static str,
    /// [`Check::effect`].
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
    /// How many checks came to what.
    pub summary: Summary,
    /// The checks, worst first.
    pub checks: Vec<Checked>,
    /// The CPUs that the process may use, quietest first.
    pub quietest: Vec<Quiet>,
    /// The machine.
    pub machine: Machine,
}

/// How many checks came to what.
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
    /// Those that are well.
    pub ok: usize,
}

/// Watches a CPU for hiccups; `None` if it can't be.
pub type Scan<'a> = &'a dyn Fn(usize, Duration) -> Option<CpuJitter>;

impl Diagnosis {
    /// Makes every check, then scans the allowed CPUs one after the other, if it is told how.
    pub fn of(patient: &Patient, scan: Option<Scan<'_>>) -> Self {
        let made = checks().into_iter().map(|check| Checked {
            check: check.name,
            group: check.group,
            effect: check.effect,
            finding: (check.look)(patient).unwrap_or_else(Finding::unchecked),
        });
        let mut checks: Vec<_> = made.collect();
        // Stable: groups stay together among what is equally bad.
        checks.sort_by_key(|checked| std::cmp::Reverse(checked.finding.severity));
        let allowed: Vec<_> = patient.topology.allowed().map(|cpu| cpu.id).collect();
        Self {
            schema: SCHEMA,
            cpus: patient.cpus.clone(),
            summary: Summary::of(&checks),
            checks,
            quietest: quiet::rank(patient, scan),
            machine: machine::look_below(patient.root.path(), &allowed, None),
        }
    }

    /// Whether a measurement on these CPUs would be spoilt.
    pub fn is_spoilt(&self) -> bool {
        self.summary.spoils > 0
    }

    /// What people read: worst first, what is well in one line.
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

/// The names of all checks, with what each is about.
pub fn list() -> String {
    text::list(&checks())
}

/// Whether there is a check of this name.
pub fn is_check(name: &str) -> bool {
    checks().iter().any(|check| check.name == name)
}
