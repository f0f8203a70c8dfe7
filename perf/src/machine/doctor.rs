//! What about a machine would spoil a measurement, and what its user can do about it.
//!
//! Every check says on what it rests (a file and its value), what that does to latencies, how to
//! change it and how to change it back. Nothing is changed here. What can't be read is reported as
//! unchecked, never as well; what a guest can't change is said, and counts as a note.

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
