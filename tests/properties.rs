//! The fuzzer's targets (`tests/fuzz`) on its inputs, and on some that chance chooses: so that their
//! properties are checked with every run of the tests, without a fuzzer. It shrinks what it finds;
//! `cargo fuzz-all` says how.

// What the targets need is written once, and in the other package used as well.
#![allow(dead_code)]

#[path = "fuzz/src/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{catch_unwind, set_hook};
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

/// Inputs that chance chooses, for each target.
const RANDOM: u64 = if cfg!(miri) { 10 } else { 3_000 };

/// Panics that nobody meant; the library may have caught them.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Runs a target on its inputs, one target at a time: panics of all threads are counted together.
fn check(name: &str, target: fn(&[u8])) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, SeqCst);
            usual(panic);
        }));
    });
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut files: Vec<_> =
        fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        run(&file.display().to_string(), target, &fs::read(&file).unwrap());
    }
    for seed in 1..=RANDOM {
        run(&format!("seed {seed} of {name}"), target, &random(seed));
    }
}

fn run(what: &str, target: fn(&[u8]), bytes: &[u8]) {
    let before = PANICS.load(SeqCst);
    let found = catch_unwind(|| target(bytes)).is_err();
    assert!(!found, "{what}: see above");
    assert_eq!(PANICS.load(SeqCst), before, "{what}: a panic was caught that nobody meant");
}

/// Bytes of a seed: short ones and long ones, and many small numbers among them.
fn random(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (length, is_small) = (next() % 400, next() % 2 == 0);
    (0..length)
        .map(|_| if is_small { (next() >> 32) as u8 % 32 } else { (next() >> 32) as u8 })
        .collect()
}

#[test]
fn mailboxes_are_queues_whatever_is_done_to_them() {
    check("mailbox", targets::mailbox::target);
}

#[test]
fn timers_fire_when_a_sorted_map_says_so() {
    check("timers", targets::timers::target);
}

#[test]
fn whatever_a_program_does_each_call_ends_once_and_the_engine_ends() {
    check("engine", targets::engine::target);
}
