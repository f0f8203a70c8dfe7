//! One pair of CPUs: two pinned threads, and lines that pass between them.
//!
//! Where a line's memory is, its home, matters as much as who passes it: on some machines a whole
//! socket looks twice as slow as it is if another's memory is used. So half of the lines are first
//! touched by either CPU, on pages that nobody has touched before, and the median over lines is
//! taken.

use crate::error::Error;
use crate::floors::spin::Lines;
use crate::machine::pinned;
use crate::stats::{Latencies, median};
use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// The result of one pair; one of the two begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The median over lines of the median over blocks of round trips, each block timed as one.
    pub p50_ns: f64,
    /// The 99th percentile of round trips that were timed singly, so with one look at the clock in
    /// each; `None` if there were too few.
    pub p99_ns: Option<f64>,
}

/// How many round trips are timed together: the two looks at the clock are less than 1 ns of each.
const BLOCK: u64 = 100;

/// So that each line is on a page of its own, and no two homes share one.
#[repr(align(4096))]
#[derive(Default)]
struct Page(Lines);

/// More than any allocator keeps for reuse (glibc: at most 32 MiB): its pages come from the kernel,
/// and have a home only when they are touched. Only the first few ever are.
const FRESH_PAGES: usize = 40 << 20 >> 12;

/// The lines of one home, or nothing if the thread couldn't be pinned.
type Home = OnceLock<Option<Vec<Page>>>;

/// Measures the round trip between two CPUs with `lines` lines, in about the time given.
///
/// # Errors
/// As [`pinned::here`], for either CPU; [`Error::Thread`].
///
/// # Blocking
/// For about that long, while two threads spin.
pub fn pair(begins: usize, answers: usize, lines: u32, length: Duration) -> Result<Pair, Error> {
    let lines = lines.max(1) as usize;
    let (ask, answer) = (&Home::new(), &Home::new());
    std::thread::scope(|scope| {
        let asker = named(begins).spawn_scoped(scope, move || {
            let lines = enter(begins, lines.div_ceil(2), ask, answer)?;
            Ok(lines.map(|lines| ask_on(&lines, length)))
        });
        let answerer = named(answers).spawn_scoped(scope, move || {
            let lines = enter(answers, lines / 2, answer, ask)?;
            lines.into_iter().flatten().for_each(Lines::answer);
            Ok(())
        });
        // Who wasn't started must not be waited for by the other.
        if asker.is_err() {
            ask.get_or_init(|| None);
        }
        if answerer.is_err() {
            answer.get_or_init(|| None);
        }
        let (asked, answered) = (joined(asker), joined(answerer));
        answered?;
        Ok(asked?.expect("both sides were there, or one has said why not"))
    })
}

fn named(cpu: usize) -> Builder {
    Builder::new().name(format!("on CPU {cpu}"))
}

fn joined<T>(thread: io::Result<ScopedJoinHandle<'_, Result<T, Error>>>) -> Result<T, Error> {
    let joined = thread.map_err(Error::Thread)?.join();
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Pins the thread, touches its lines, and waits for the other side's. Both sides see the lines in
/// the same order only if they are told who comes first: the one with the lower address.
fn enter<'a>(
    cpu: usize,
    lines: usize,
    mine: &'a Home,
    other: &'a Home,
) -> Result<Option<Vec<&'a Lines>>, Error> {
    let pinned = pinned::here(cpu);
    let pages = pinned.is_ok().then(|| {
        let mut pages = Vec::with_capacity(FRESH_PAGES);
        pages.resize_with(lines, Page::default);
        pages
    });
    let mine = mine.get_or_init(|| pages);
    pinned?;
    let (Some(mine), Some(other)) = (mine, other.wait()) else { return Ok(None) };
    let mut all: Vec<_> = mine.iter().chain(other).map(|page| &page.0).collect();
    all.sort_by_key(|lines| std::ptr::from_ref(*lines));
    Ok(Some(all))
}

/// The side with the clock.
fn ask_on(lines: &[&Lines], length: Duration) -> Pair {
    let share = length / (2 * lines.len() as u32);
    let mut singles = Latencies::new();
    // Faults its pages in.
    singles.clear();
    let on_line = |lines: &&Lines| {
        let p50_ns = ask_on_line(lines, share, &mut singles);
        lines.end();
        p50_ns
    };
    let p50s: Vec<_> = lines.iter().map(on_line).collect();
    Pair {
        p50_ns: median(p50s).unwrap_or(f64::NAN),
        p99_ns: singles.quantile(0.99).map(|ns| ns as f64),
    }
}

/// Blocks for one share of time, then single round trips for another. Returns the blocks' median.
fn ask_on_line(lines: &Lines, share: Duration, singles: &mut Latencies) -> f64 {
    let mut number = 0;
    let mut trips = |count| {
        let from = Instant::now();
        for _ in 0..count {
            number += 1;
            lines.round_trip(number);
        }
        from.elapsed()
    };
    // The first finds the other side asleep, or the line elsewhere.
    trips(BLOCK);
    let begun = Instant::now();
    let mut blocks = vec![trips(BLOCK)];
    while begun.elapsed() < share {
        blocks.push(trips(BLOCK));
    }
    let begun = Instant::now();
    while begun.elapsed() < share {
        singles.record(trips(1));
    }
    let each = blocks.into_iter().map(|block| block.as_nanos() as f64 / BLOCK as f64);
    median(each).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_takes_a_positive_time_and_leaves_the_caller_where_it_was() {
        let before = mainspring::allowed_cpus();
        let [a, b, ..] = before[..] else { return };
        for lines in [1, 2, 5] {
            let pair = pair(a, b, lines, Duration::from_millis(10)).unwrap();
            assert!(pair.p50_ns > 1.0 && pair.p50_ns < 1e9, "{pair:?}");
        }
        assert_eq!(mainspring::allowed_cpus(), before);
    }

    #[test]
    fn whichever_side_has_no_such_cpu_is_named_and_nobody_waits_for_it() {
        let cpu = mainspring::allowed_cpus()[0];
        for (a, b) in [(cpu, 5000), (5000, cpu), (5000, 5000)] {
            let error = pair(a, b, 8, Duration::from_secs(3600)).unwrap_err();
            assert!(error.to_string().starts_with("CPU 5000: "), "{error}");
        }
    }

    #[test]
    fn lines_are_on_fresh_pages_of_their_own() {
        assert_eq!((size_of::<Page>(), align_of::<Page>()), (4096, 4096));
        assert!(FRESH_PAGES * size_of::<Page>() > 32 << 20);
    }
}
