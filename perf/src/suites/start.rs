//! How long an engine takes to start and to stop.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::closed_loop;
use crate::lab::sample::Sample;
use crate::suites::runners;
use std::time::Duration;

/// Starts an engine with `runners` runners, and stops it.
pub fn engine(lab: &Lab, runners: usize, length: Duration) -> Result<Sample, Error> {
    closed_loop(length, || {
        let engine = runners::builder(lab, runners).start()?;
        Error::check("runners", engine.runners().len() as u64, runners as u64)?;
        lab.end(engine)
    })
}
