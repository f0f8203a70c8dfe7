//! What measures the library and the floor of the machine it runs on.
//!
//! The `mainspring` command makes suites of it; `benches/rivals` puts other libraries beside it. A
//! floor is a minimal program that does the same work: two threads and two cache lines, a bare
//! ring, a raw futex. A figure without its floor says more about the machine than about a library.
//!
//! Each folder imports only from folders below it in this list and from the ground; the command,
//! `bin/mainspring`, is on top of them all.

/// How a run is made: planned, measured round by round, summarized and reported.
pub mod run;

/// The work that the library is measured with: one file for each kind.
pub mod suites;

/// Finds a placement of runners and objects on CPUs, and proves it by measuring.
pub mod tune;

/// The results of a run: the document, and what reads it: the table, the report, the comparison.
pub mod results;

/// What the machine is, and how it disturbs measurements.
pub mod machine;

/// Minimal programs that do the same work without the library.
pub mod floors;

/// What every measurement uses: CPUs, engines, loops, plans of requests, settings.
pub mod lab;

// The ground: everything may import it.

pub mod cli;
pub mod format;
pub mod json;
pub mod stats;
pub mod error;

#[cfg(test)]
#[path = "../../tests/common/machines.rs"]
mod machines;
