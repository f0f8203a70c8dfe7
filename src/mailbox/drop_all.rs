//! Dropping what is left in a ring. The destructors are the user's, and each of them may panic.

use crate::panics::caught;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Drops values, all of them. The first panic resumes at the end, as it would from a collection of
/// the standard library. Further panics are dropped.
#[derive(Default)]
pub(super) struct DropAll(Option<Box<dyn Any + Send>>);

impl DropAll {
    pub(super) fn drop(&mut self, destructor: impl FnOnce()) {
        match (catch_unwind(AssertUnwindSafe(destructor)), &self.0) {
            (Ok(()), _) => {}
            (Err(payload), None) => self.0 = Some(payload),
            (Err(payload), Some(_)) => caught(|| drop(payload)),
        }
    }

    /// Resumes the panic, unless the thread is already panicking: two panics would end the process.
    pub(super) fn end(self) {
        match self.0 {
            Some(payload) if thread::panicking() => caught(|| drop(payload)),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}
