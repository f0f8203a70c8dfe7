//! One thing that the doctor looks at.

use crate::machine::doctor::finding::Finding;
use crate::machine::doctor::system::System;
use crate::machine::root::Unreadable;

/// One thing that is looked at.
#[derive(Clone, Copy)]
pub struct Check {
    /// What it is called.
    pub name: &'static str,
    /// What it belongs to.
    pub group: &'static str,
    /// What it does to latencies unless it is ok.
    pub effect: &'static str,
    pub(super) look: fn(&System) -> Result<Finding, Unreadable>,
}
