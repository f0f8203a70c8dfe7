//! Bugs that the checkers must report, each by its name; a checker that is silent about one can't see.

#![allow(unsafe_code)] // bugs

#[path = "../told.rs"]
mod told;

use mainspring::prelude::*;
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

/// What two threads touch without asking each other.
#[derive(Default)]
struct Shared(UnsafeCell<u64>);

impl Shared {
    /// A method, so that closures capture the whole.
    fn place(&self) -> *mut u64 {
        self.0.get().cast()
    }
}

// SAFETY: none: that is the bug.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

struct Writer;

#[active]
impl Writer {
    pub fn write(&mut self, to: Arc<Shared>) -> u64 {
        // SAFETY: none.
        unsafe { *to.place() += 1 };
        1
    }

    pub fn read(&mut self, place: usize) -> u64 {
        // SAFETY: none: the caller has freed it.
        unsafe { std::ptr::read_volatile(place as *const u64) }
    }

    pub fn keep(&mut self, what: Vec<u64>) {
        std::mem::forget(what);
    }
}

fn main() -> ExitCode {
    let bug = std::env::args().nth(1).unwrap_or_default();
    match bug.as_str() {
        "race-in-a-method" => race_in_a_method(),
        "race-by-a-relaxed-flag" => race_by_a_relaxed_flag(),
        "use-after-free" => use_after_free(),
        "leak" => leak(),
        "uninitialised" => uninitialised(),
        "none" => {}
        _ => {
            eprintln!("planted: {bug:?} is no bug of mine");
            return ExitCode::from(2);
        }
    }
    println!("planted: {bug}");
    ExitCode::SUCCESS
}

/// The caller looks at what the method writes, without waiting for the reply.
fn race_in_a_method() {
    let engine = Engine::builder().on_event(|_| ()).runner(Runner::named("a")).start().unwrap();
    let writer = engine.spawn("writer", || Writer).start().unwrap();
    let shared = Arc::<Shared>::default();
    for _ in 0..100 {
        let written = writer.write(shared.clone());
        // SAFETY: none.
        black_box(unsafe { std::ptr::read_volatile(shared.place()) });
        written.get().unwrap();
    }
}

/// A publication without a release: right on this processor, wrong in the language.
fn race_by_a_relaxed_flag() {
    let (shared, flag) = (Shared::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: none.
            unsafe { *shared.place() = 7 };
            flag.store(true, Relaxed);
        });
        while !flag.load(Relaxed) {
            thread::yield_now();
        }
        // SAFETY: none.
        black_box(unsafe { std::ptr::read_volatile(shared.place()) });
    });
}

fn use_after_free() {
    let engine = Engine::builder().on_event(|_| ()).runner(Runner::named("a")).start().unwrap();
    let writer = engine.spawn("writer", || Writer).start().unwrap();
    let freed = Box::new(7_u64);
    let place = (&raw const *freed) as usize;
    drop(black_box(freed));
    black_box(writer.read(place).get().unwrap());
}

fn leak() {
    let engine = Engine::builder().on_event(|_| ()).runner(Runner::named("a")).start().unwrap();
    let writer = engine.spawn("writer", || Writer).start().unwrap();
    for length in 10..20 {
        writer.keep(black_box(vec![7; length])).get().unwrap();
    }
}

fn uninitialised() {
    let value = Box::<[u64; 8]>::new_uninit();
    // SAFETY: none.
    let value = black_box(unsafe { value.assume_init() });
    if value[3] == 42 {
        println!("by chance");
    }
}
