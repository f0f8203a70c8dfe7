//! The result of a check, and its evidence.

use crate::machine::root::Unreadable;
use serde::Serialize;
use std::fmt::Display;

/// How bad it is, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to fix.
    Ok,
    /// Nobody can tell: what says so can't be read.
    Unchecked,
    /// The reader of figures should know it, but it doesn't spoil them; or nothing can be done about
    /// it here.
    Note,
    /// It makes figures worse, or rarely so: worth fixing.
    Warns,
    /// Figures would say more about it than about the program.
    Spoils,
}

/// A file and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The file, or what was counted.
    pub path: String,
    /// Its text, or the count.
    pub value: String,
}

/// How to change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// A command for a shell, or a step in words.
    pub command: String,
    /// How to change it back.
    pub undo: String,
    /// Whether that takes root's rights.
    pub needs_root: bool,
    /// Whether it takes effect with the next start of the machine.
    pub needs_reboot: bool,
}

impl Fix {
    /// A command that needs no rights.
    pub fn plain(command: impl Into<String>, undo: impl Into<String>) -> Self {
        let (command, undo) = (command.into(), undo.into());
        Self { command, undo, needs_root: false, needs_reboot: false }
    }

    /// A command for root.
    pub fn root(command: impl Into<String>, undo: impl Into<String>) -> Self {
        Self { needs_root: true, ..Self::plain(command, undo) }
    }

    /// Writes a value into a file, and what was there back.
    pub fn write(path: impl Display, value: impl Display, now: impl Display) -> Self {
        let command = |value: &dyn Display| format!("echo {value} | sudo tee {path}");
        Self::root(command(&value), command(&now))
    }

    /// Adds parameters to the kernel's command line.
    pub fn boot(parameters: impl Display) -> Self {
        let command = format!("add to the kernel's command line: {parameters}");
        let undo = format!("remove from the kernel's command line: {parameters}");
        Self { needs_reboot: true, ..Self::root(command, undo) }
    }
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// In one line.
    pub says: String,
    /// The evidence.
    pub evidence: Vec<Evidence>,
    /// What to do about it.
    pub fix: Option<Fix>,
    /// Why it can't be changed from inside of this machine, if it can't.
    pub out_of_reach: Option<&'static str>,
}

/// What is known of things that the hypervisor decides.
pub const BY_HYPERVISOR: &str = "can't be changed from inside: the hypervisor decides";

impl Finding {
    /// What was found, in one line.
    pub fn new(severity: Severity, says: impl Into<String>) -> Self {
        let (says, evidence) = (says.into(), Vec::new());
        Self { severity, says, evidence, fix: None, out_of_reach: None }
    }

    /// Nothing to fix.
    pub fn ok(says: impl Into<String>) -> Self {
        Self::new(Severity::Ok, says)
    }

    /// It has to be known.
    pub fn note(says: impl Into<String>) -> Self {
        Self::new(Severity::Note, says)
    }

    /// It is worth fixing.
    pub fn warns(says: impl Into<String>) -> Self {
        Self::new(Severity::Warns, says)
    }

    /// It spoils figures.
    pub fn spoils(says: impl Into<String>) -> Self {
        Self::new(Severity::Spoils, says)
    }

    /// Nobody can tell.
    pub fn unchecked(why: Unreadable) -> Self {
        Self::new(Severity::Unchecked, why.to_string())
    }

    /// Adds evidence: a file below the root, without its first slash.
    pub fn seen(self, path: impl Display, value: impl Display) -> Self {
        self.counted(format!("/{path}"), value)
    }

    /// Adds evidence that is not a file.
    pub fn counted(mut self, what: impl Into<String>, value: impl Display) -> Self {
        // One line each, also of files with several.
        let value = value.to_string().lines().collect::<Vec<_>>().join("; ");
        self.evidence.push(Evidence { path: what.into(), value });
        self
    }

    /// What to do about it.
    pub fn fix(self, fix: Fix) -> Self {
        Self { fix: Some(fix), ..self }
    }

    /// Nothing can be done about it here.
    pub fn out_of_reach(self, why: &'static str) -> Self {
        Self { out_of_reach: Some(why), ..self }
    }
}
