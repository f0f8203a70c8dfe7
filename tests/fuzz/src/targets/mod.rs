//! The targets that need nothing but the library: also the main package's `tests/properties.rs`.
//!
//! Each is a function from bytes to a program that is run against a model. A finding is a panic that
//! leaves the function, or one that isn't [meant](life::fail) anywhere.

pub mod engine;
pub mod life;
pub mod mailbox;
pub mod program;
pub mod timers;

/// Says what a program does, if the environment's `MAINSPRING_FUZZ_TRACE` is set: for who replays one.
macro_rules! trace {
    ($($what:tt)*) => {
        if $crate::targets::is_traced() {
            eprintln!($($what)*);
        }
    };
}
pub(crate) use trace;

/// See `trace`.
pub fn is_traced() -> bool {
    static IS_TRACED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *IS_TRACED.get_or_init(|| std::env::var_os("MAINSPRING_FUZZ_TRACE").is_some())
}
