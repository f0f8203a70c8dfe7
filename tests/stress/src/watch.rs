//! What must never happen is noticed wherever it happens, also where the engine catches panics.

use std::panic;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

/// What meant panics say.
pub const MEANT: &str = "as it was told to";

/// Longer than anything here takes, also under valgrind on a busy machine: who waits so long has lost.
pub const END_LIMIT: Duration = Duration::from_secs(120);

/// Panics that weren't meant.
static VIOLATIONS: AtomicU64 = AtomicU64::new(0);

/// What is going on, and by when it must be over.
static DEADLINE: Mutex<Option<(String, Instant)>> = Mutex::new(None);

/// Panics as it is meant to.
pub fn panic_as_meant() -> ! {
    panic::panic_any(MEANT)
}

/// From now on each panic that isn't meant is counted: observers, destructors and servants are caught by
/// the engine, so what they find wrong would be lost otherwise.
pub fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some(MEANT) {
                VIOLATIONS.fetch_add(1, SeqCst);
                usual(panic);
            }
        }));
        thread::spawn(guard);
    });
}

/// How many panics weren't meant.
pub fn violations() -> u64 {
    VIOLATIONS.load(SeqCst)
}

/// Ends the process if `what` isn't over by then, which says where all threads are: a core is left where
/// the system leaves one.
pub fn expect(what: String) {
    *DEADLINE.lock().unwrap() = Some((what, Instant::now() + 2 * END_LIMIT));
}

/// Nothing is going on that has to end.
pub fn expect_nothing() {
    *DEADLINE.lock().unwrap() = None;
}

fn guard() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let deadline = DEADLINE.lock().unwrap();
        if let Some((what, at)) = &*deadline
            && Instant::now() > *at
        {
            eprintln!("{what} hangs");
            process::abort();
        }
    }
}
