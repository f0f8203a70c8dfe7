//! As much work as fits into the time.

use crate::work::Figure;
use mainspring_perf::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};

/// How many operations the first try has.
const FIRST: u64 = 1000;

/// Operations that are timed together.
pub trait Load: Send {
    /// Does so many, or a few more, and says how many.
    fn work(&mut self, count: u64) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// Does ever more operations until a tenth of the time is over, and then as many as fit into the
/// rest; those count. There are never more than `at_most` at once.
pub async fn fill(length: Duration, at_most: u64, load: &mut impl Load) -> Result<Figure, Error> {
    let begun = Instant::now();
    let mut count = FIRST;
    let nanos_each = loop {
        let nanos_each = timed(load, count, at_most).await?;
        if begun.elapsed() >= length / 10 {
            break nanos_each;
        }
        count *= 2;
    };
    let left = length.saturating_sub(begun.elapsed()).as_nanos() as f64;
    let count = FIRST.max((left / nanos_each) as u64);
    Ok(Figure::Nanos(timed(load, count, at_most).await?))
}

/// The nanoseconds of one of so many.
async fn timed(load: &mut impl Load, count: u64, at_most: u64) -> Result<f64, Error> {
    let (begun, mut done) = (Instant::now(), 0);
    while done < count {
        done += load.work(at_most.min(count - done)).await?;
    }
    Ok(begun.elapsed().as_nanos() as f64 / done as f64)
}
