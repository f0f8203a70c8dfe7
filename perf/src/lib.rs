//! What measures the library and the floor of the machine it runs on.
//!
//! The `mainspring` command makes suites of it; `benches/rivals` puts other libraries beside it. A
//! floor is a minimal program that does the same work: two threads and two cache lines, a bare
//! ring, a raw futex. A figure without its floor says more about the machine than about a library.

// Where and how things are measured, and the floors.

pub mod floor;
pub mod futex;
pub mod lab;
pub mod ring;
pub mod stats;

// A run, from the command line to the document.

pub mod cli;
pub mod settings;
pub mod plan;
pub mod scenario;
pub mod arrivals;
pub mod open_loop;
pub mod loads;
pub mod counters;
pub mod run;
pub mod summary;
pub mod session;
pub mod harness;
pub mod output;

// Work: what scenarios do, grouped as the suites are.

pub mod servant;
pub mod meter;
pub mod kind;
pub mod call;
pub mod tell;
pub mod bare;
pub mod payload;
pub mod producers;
pub mod fan_out;
pub mod pipeline;
pub mod pairs;
pub mod wake;
pub mod timers;
pub mod idle;
pub mod nursery;
pub mod crowd;
pub mod runners;
pub mod start;

// The machine.

pub mod clock;
pub mod jitter;
pub mod machine;
pub mod matrix;
pub mod pinned;
pub mod root;
pub mod interrupts;
pub mod layout;
pub mod doctor;
pub mod tune;

pub mod compare;
pub mod digits;
pub mod document;
pub mod report;
pub mod table;
pub mod trouble;

#[cfg(test)]
#[path = "../../tests/common/machines.rs"]
mod machines;
