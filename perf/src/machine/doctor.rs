//! What would spoil a measurement on this machine, and what its user can do about it.
//!
//! Every check names its evidence (a file and its value), what that does to latencies, how to change
//! it, and how to undo the change. The doctor itself changes nothing. What can't be read is reported as
//! unchecked, never as ok. What a guest can't change is reported as a note.

mod check;
mod checks;
mod counts;
mod diagnosis;
mod finding;
mod quietest;
mod system;
mod text;

pub use check::Check;
pub use checks::{checks, is_check, list};
pub use diagnosis::{Checked, Diagnosis, SCHEMA, Summary};
pub use finding::{Evidence, Finding, Fix, Severity};
pub use quietest::{QuietCpu, Scan};
pub use system::System;
