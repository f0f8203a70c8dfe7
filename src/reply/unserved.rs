//! How a call ends when its request is dropped without being served.

use crate::reply::error::CallError;
use crate::reply::pool::Pool;
use crate::sync::thread_local;
use std::cell::Cell;
use std::ptr;

/// Why requests are dropped.
#[derive(Clone, Copy)]
pub(crate) enum DropReason {
    /// There is no room for them.
    Shed,
    /// Their method has failed; its name.
    Failed(&'static str),
}

thread_local!(static DROPPING: Cell<Option<(*const Pool, DropReason)>> = const { Cell::new(None) });

/// Runs `drop_requests`. The calls of this pool whose requests it drops end with that reason.
///
/// Only those of this pool: a request's arguments may hold replies of other objects' calls.
pub(crate) fn dropping<R>(
    pool: Option<&Pool>,
    reason: DropReason,
    drop_requests: impl FnOnce() -> R,
) -> R {
    struct Restore(Option<(*const Pool, DropReason)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            DROPPING.with(|before| before.set(self.0));
        }
    }
    let reason = pool.map(|pool| (ptr::from_ref(pool), reason));
    let _restore = Restore(DROPPING.with(|before| before.replace(reason)));
    drop_requests()
}

/// How a call of this pool ends when its request is dropped on this thread.
pub(crate) fn end_of_dropped(pool: &Pool) -> CallError {
    match DROPPING.with(Cell::get).filter(|(dropping, _)| ptr::eq(*dropping, pool)) {
        None => CallError::Dropped,
        Some((_, DropReason::Shed)) => CallError::Shed,
        Some((_, DropReason::Failed(method))) => {
            CallError::Panicked { method, message: INJECTED.into() }
        }
    }
}

/// The message of an injected panic.
pub(crate) const INJECTED: &str = "an injected fault";
