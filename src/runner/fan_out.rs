//! Waking the runners of many objects after all of them have their requests.

use crate::runner::ready::Link;
use crate::runner::remote::Remote;
use crate::sync::{Arc, thread_local};
use std::cell::{Cell, RefCell};

thread_local! {
    /// How many nested [`fan_out`]s this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The runners that were found asleep, and are still to be woken.
    static ASLEEP: RefCell<Vec<Arc<Remote>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `send`, then wakes the runners that its requests found asleep.
///
/// Waking a sleeping thread is a system call: it costs the sender several microseconds. Within `send`
/// every request is accepted and visible at once, and runners that are awake serve it. Runners that
/// sleep are woken at the end, or before this thread waits for a reply. So requests to the last object
/// of a fan-out aren't delayed by waking the runner of the first, and a runner is woken once, however
/// many of its objects were sent something.
///
/// # Panics
/// Only if `send` does; the runners are woken then, too.
///
/// # Examples
/// ```
/// use mainspring::prelude::*;
///
/// struct Ear(u64);
/// #[active]
/// impl Ear {
///     pub fn hear(&mut self) { self.0 += 1 }
///     pub fn heard(&self) -> u64 { self.0 }
/// }
///
/// let engine = Engine::builder().runner(Runner::named("a")).runner(Runner::named("b")).start()?;
/// let ear = |runner| engine.spawn_unnamed(|| Ear(0)).on(runner).start();
/// let ears = [ear("a")?, ear("a")?, ear("b")?];
/// mainspring::fan_out(|| ears.iter().try_for_each(|ear| ear.tell().hear()))?;
/// for ear in &ears {
///     assert_eq!(ear.heard().get()?, 1);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fan_out<R>(send: impl FnOnce() -> R) -> R {
    let _waking = Waking::begin();
    send()
}

/// Wakes the runners when it is dropped, also while unwinding.
struct Waking;

impl Waking {
    fn begin() -> Self {
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        Self
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
        if DEPTH.with(Cell::get) == 0 {
            wake_all();
        }
    }
}

/// Pushes an object's link onto its runner's ready set, and wakes the runner if it sleeps.
///
/// # Safety
/// As of [`ReadySet::push`](crate::runner::ready::ReadySet::push).
pub(crate) unsafe fn wake_by_link(remote: &Arc<Remote>, link: &Link) {
    // SAFETY: the caller's promise.
    let asleep = unsafe { remote.ready().push(link) };
    debug_assert!(asleep.is_some(), "a runner outlives its objects");
    if asleep == Some(true) {
        wake(remote);
    }
}

/// Wakes a runner that a request of this thread found asleep: now, or at the fan-out's end.
fn wake(remote: &Arc<Remote>) {
    if DEPTH.with(Cell::get) == 0 {
        remote.ready().unpark();
    } else {
        ASLEEP.with(|asleep| asleep.borrow_mut().push(remote.clone()));
    }
}

/// Wakes the runners that a fan-out would wake later, as this thread is about to wait.
#[inline]
pub(crate) fn wake_before_waiting() {
    if DEPTH.with(Cell::get) > 0 {
        wake_all();
    }
}

#[cold]
fn wake_all() {
    // Waking runs none of the user's code; the list keeps its memory for the next fan-out.
    let wake = |remote: Arc<Remote>| remote.ready().unpark();
    ASLEEP.with(|asleep| asleep.borrow_mut().drain(..).for_each(wake));
}
