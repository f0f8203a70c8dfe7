//! What measures the library and the floor of the machine it runs on.
//!
//! The `mainspring` command makes suites of it; `benches/rivals` puts other libraries beside it. A
//! floor is a minimal program that does the same work: two threads and two cache lines, a bare
//! ring, a raw futex. A figure without its floor says more about the machine than about a library.

pub mod floor;
pub mod futex;
pub mod lab;
pub mod ring;
pub mod stats;

pub mod call;
pub mod idle;
pub mod kind;
pub mod meter;
pub mod nursery;
pub mod pairs;
pub mod servant;
pub mod tell;
pub mod timers;
pub mod wake;

pub mod clock;
pub mod jitter;
pub mod machine;
pub mod matrix;
pub mod pinned;

pub mod digits;
pub mod document;
pub mod table;
pub mod trouble;
