//! How much memory the process uses, and by how much it grew.

use crate::error::Error;
use std::io;

/// The process's resident memory.
pub fn resident_bytes() -> Result<u64, Error> {
    let path = "/proc/self/statm";
    let unreadable = |error| Error::System { what: path.into(), error };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| unreadable(io::ErrorKind::InvalidData.into()))?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// By how much the process has grown per object, for `count` objects.
pub fn growth_each(before: u64, count: usize) -> Result<f64, Error> {
    Ok(resident_bytes()?.saturating_sub(before) as f64 / count as f64)
}
