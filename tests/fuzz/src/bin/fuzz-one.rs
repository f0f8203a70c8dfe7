//! The fuzzer around one target, which `MAINSPRING_FUZZ` names. Made and run by `fuzz-all`.

#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fn chosen() -> fn(&[u8]) {
    let name = std::env::var("MAINSPRING_FUZZ").unwrap_or_default();
    let found = mainspring_fuzz::all().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("MAINSPRING_FUZZ={name:?} names no target")).run
}

// In optimised builds too, a panic hook that runs ends the process: a finding, caught or not.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(chosen)(bytes);
});
