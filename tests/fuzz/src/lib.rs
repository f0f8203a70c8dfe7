//! What arbitrary programs must not do to Mainspring.
//!
//! A target is a function from bytes; what it finds is a panic. `cargo fuzz-all` lets libFuzzer choose
//! the bytes, and `tests/corpus.rs` gives it those that are kept in `corpus`.

pub mod control;
pub mod syntax;
pub mod targets;

/// The macro's own sources: a macro's crate can't be linked as a library.
#[path = "../../../macros/src"]
#[allow(missing_docs, dead_code)]
mod macros {
    pub mod attributes;
    pub mod block;
    pub mod errors;
    pub mod expand;
    pub mod keys;
    pub mod model;
    pub mod names;
    pub mod rules;
}
// As they call each other.
use macros::{attributes, block, errors, expand, keys, model, names, rules};

/// A function that a fuzzer calls.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in `corpus`.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
    /// Bytes in one input at most.
    pub bytes_max: usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "mailbox", run: targets::mailbox::target, bytes_max: 512 },
    Target { name: "engine", run: targets::engine::target, bytes_max: 1024 },
    Target { name: "macro", run: syntax::target, bytes_max: 1024 },
    Target { name: "timers", run: targets::timers::target, bytes_max: 512 },
];

/// What must be found.
pub const CONTROL: Target = Target { name: "control", run: control::target, bytes_max: 64 };

/// Every target, and the control.
pub fn all() -> impl Iterator<Item = Target> {
    TARGETS.iter().copied().chain([CONTROL])
}
