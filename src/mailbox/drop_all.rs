//! Dropping what is left in a ring: its destructors are the user's, and any of them may panic.

use crate::panics::caught;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// Drops values, all of them. Their first panic goes on at the end, as it would from a collection of
/// the standard library; further ones have nobody left to tell.
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

    /// Goes on with the panic, unless another one is under way: two would end the process.
    pub(super) fn end(self) {
        match self.0 {
            Some(payload) if thread::panicking() => caught(|| drop(payload)),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}
