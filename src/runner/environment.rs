//! Time and waiting as the calling thread finds them: the machine's, or a simulation's.
//!
//! Everything here is off the path of a request: it is asked where a clock is read, and where a thread
//! is about to wait. The testkit answers for threads that simulate; for all others nothing changes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// What stands in for the machine.
pub(crate) trait Environment {
    /// Lets the runners work until `is_over`, or that time.
    fn wait(self: Rc<Self>, deadline: Option<Instant>, is_over: &mut dyn FnMut() -> bool);
}

thread_local! {
    /// The time of a thread that simulates.
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
    static ENVIRONMENT: RefCell<Option<Rc<dyn Environment>>> = const { RefCell::new(None) };
}

/// What the clock says.
#[inline]
pub(crate) fn now() -> Instant {
    NOW.get().unwrap_or_else(Instant::now)
}

/// Whether the calling thread simulates.
#[inline(always)]
pub(crate) fn is_simulated() -> bool {
    NOW.get().is_some()
}

/// What stands in for the machine, if anything does.
fn simulated() -> Option<Rc<dyn Environment>> {
    if is_simulated() { ENVIRONMENT.with_borrow(Option::clone) } else { None }
}

/// Waits until `is_over`, or that time, if the calling thread simulates; whether it does.
#[inline]
pub(crate) fn wait(deadline: Option<Instant>, mut is_over: impl FnMut() -> bool) -> bool {
    let Some(environment) = simulated() else { return false };
    environment.wait(deadline, &mut is_over);
    true
}

/// Has the calling thread simulate from that time on; `false` if it does already.
pub(crate) fn enter(environment: Rc<dyn Environment>, now: Instant) -> bool {
    if is_simulated() {
        return false;
    }
    ENVIRONMENT.set(Some(environment));
    NOW.set(Some(now));
    true
}

/// Moves the time.
pub(crate) fn set_now(now: Instant) {
    debug_assert!(is_simulated(), "the machine's time isn't ours");
    NOW.set(Some(now));
}

/// Back to the machine.
pub(crate) fn leave() {
    NOW.set(None);
    ENVIRONMENT.set(None);
}
