//! What an engine takes to start and to end.

use super::runners;
use mainspring_perf::lab::{Lab, closed_loop};
use mainspring_perf::stats::Sample;
use mainspring_perf::trouble::Trouble;
use std::time::Duration;

/// Starts an engine with so many runners, and ends it.
pub fn engine(lab: &Lab, runners: usize, length: Duration) -> Result<Sample, Trouble> {
    closed_loop(length, || {
        let engine = runners::builder(lab, runners).start()?;
        Trouble::check("runners", engine.runners().len() as u64, runners as u64)?;
        lab.end(engine)
    })
}
