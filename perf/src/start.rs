//! What an engine takes to start and to end.

use crate::lab::{Lab, closed_loop};
use crate::runners;
use crate::stats::Sample;
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
