//! What an engine takes to start and to end.

use crate::lab::lab::Lab;
use crate::lab::loops::closed_loop;
use crate::lab::sample::Sample;
use crate::suites::runners;
use crate::trouble::Trouble;
use std::time::Duration;

/// Starts an engine with so many runners, and ends it.
pub fn engine(lab: &Lab, runners: usize, length: Duration) -> Result<Sample, Trouble> {
    closed_loop(length, || {
        let engine = runners::builder(lab, runners).start()?;
        Trouble::check("runners", engine.runners().len() as u64, runners as u64)?;
        lab.end(engine)
    })
}
