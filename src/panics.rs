//! Panics of the user's code, caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the user's code where a panic can be reported to nobody; its payload is dropped.
pub(crate) fn caught(run: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(run)) else { return };
    // The payload is the user's too, and may panic in its drop. The payload of that panic is
    // leaked.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

/// Drops a value of the user's. A panic of its destructor must not end the runner.
pub(crate) fn drop_caught<T>(value: T) {
    caught(|| drop(value));
}

/// The text of a panic, if it has one.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> Box<str> {
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("(the panic carried no text)").into()
}
