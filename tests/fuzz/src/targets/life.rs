//! What lives once: values that count their ends, and panics that are meant.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// What a panic carries that is part of a program.
pub const MEANT: &str = "as the program says";

/// Panics, as the program says. No panic hook runs, so one that runs has found something.
pub fn fail() -> ! {
    resume_unwind(Box::new(MEANT))
}

/// Runs a part of a program; `None` if it panicked as it was meant to.
pub fn meant<R>(run: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => Some(result),
        Err(payload) => {
            assert_eq!(payload.downcast_ref::<&str>(), Some(&MEANT), "a panic of another's");
            None
        }
    }
}

/// One value's life.
#[derive(Debug, Default)]
pub struct Record {
    pub begun: AtomicU32,
    pub ended: AtomicU32,
    pub dropped: AtomicU32,
}

impl Record {
    pub fn begun(&self) -> u32 {
        self.begun.load(SeqCst)
    }

    pub fn ended(&self) -> u32 {
        self.ended.load(SeqCst)
    }

    pub fn dropped(&self) -> u32 {
        self.dropped.load(SeqCst)
    }
}

/// Notes one more end; there must be no second one.
pub fn once(count: &AtomicU32, what: &str) {
    assert_eq!(count.fetch_add(1, SeqCst), 0, "twice: {what}");
}

/// A value that notes its drop, and may panic then.
#[derive(Debug)]
pub struct Value {
    pub number: u32,
    record: Arc<Record>,
    is_bomb: bool,
}

impl Value {
    pub fn new(number: u32, is_bomb: bool) -> (Self, Arc<Record>) {
        let record = Arc::<Record>::default();
        (Self { number, record: record.clone(), is_bomb }, record)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        super::trace!("value {} is dropped, {}", self.number, self.is_bomb);
        once(&self.record.dropped, "a value was dropped");
        burst(self.is_bomb);
    }
}

/// Panics in a destructor, unless another panic is under way: that would end the process, and does so
/// with any value in any container.
pub fn burst(is_bomb: bool) {
    if is_bomb && !std::thread::panicking() {
        fail();
    }
}

thread_local!(static DEPTH: Cell<usize> = const { Cell::new(0) });

/// Whether user code runs from inside the library.
pub fn is_nested() -> bool {
    DEPTH.get() > 0
}

/// Runs user code from inside the library, unless it is too deep inside itself already.
pub fn nested(deepest: usize, run: impl FnOnce()) {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    if DEPTH.get() < deepest {
        DEPTH.set(DEPTH.get() + 1);
        let _leave = Leave;
        run();
    }
}
