//! Time, waiting and threads as the calling thread finds them: the machine's, or a simulation's.
//!
//! Everything here is off the path of a request: it is asked where a clock is read, where a thread is
//! about to wait, and where one is to be made. [`testkit`](crate::testkit) answers for threads that
//! simulate; for all others nothing changes.

use crate::engine::handle::EngineHandle;
use crate::engine::runner::Runner;
use crate::runner::remote::Remote;
use crate::sync::Arc;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// What stands in for the machine.
pub(crate) trait Environment {
    /// Lets the runners go on until `is_over`, or that time.
    fn wait(self: Rc<Self>, deadline: Option<Instant>, is_over: &mut dyn FnMut() -> bool);
    /// Takes a runner in, that would have a thread otherwise.
    fn launch(self: Rc<Self>, runner: Runner, remote: Arc<Remote>, engine: EngineHandle);
}

thread_local! {
    /// The time of a thread that simulates.
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
    static WORLD: RefCell<Option<Rc<dyn Environment>>> = const { RefCell::new(None) };
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
pub(crate) fn simulated() -> Option<Rc<dyn Environment>> {
    if is_simulated() { WORLD.with_borrow(Option::clone) } else { None }
}

/// Waits until `is_over`, or that time, if the calling thread simulates; whether it does.
#[inline]
pub(crate) fn wait(deadline: Option<Instant>, mut is_over: impl FnMut() -> bool) -> bool {
    let Some(world) = simulated() else { return false };
    world.wait(deadline, &mut is_over);
    true
}

/// Has the calling thread simulate from that time on; `false` if it does already.
pub(crate) fn enter(world: Rc<dyn Environment>, now: Instant) -> bool {
    if is_simulated() {
        return false;
    }
    WORLD.set(Some(world));
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
    WORLD.set(None);
}
