//! Futures that take part in a simulation: its callers.

use crate::runner::environment;
use crate::sync::Arc;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

type Course = Pin<Box<dyn Future<Output = ()>>>;

/// See the module.
pub(super) struct Client {
    pub(super) name: Rc<str>,
    /// `None` while it runs, and when it has ended.
    course: RefCell<Option<Course>>,
    is_finished: std::cell::Cell<bool>,
    flag: std::sync::Arc<Flag>,
}

/// Whether a future was woken. All wakers are called on the one thread, but their type doesn't say so.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        // Relaxed: one thread sets and reads it.
        self.0.store(true, Relaxed);
    }
}

impl Client {
    pub(super) fn new(name: &str, course: impl Future<Output = ()> + 'static) -> Self {
        Self {
            name: name.into(),
            course: RefCell::new(Some(Box::pin(course))),
            is_finished: false.into(),
            flag: std::sync::Arc::new(Flag(AtomicBool::new(true))),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished.get()
    }

    pub(super) fn is_ready(&self) -> bool {
        // Relaxed: as in `wake`.
        self.flag.0.load(Relaxed) && self.course.borrow().is_some()
    }

    pub(super) fn poll(&self) {
        let Some(mut course) = self.course.take() else { return };
        // Relaxed: as in `wake`.
        self.flag.0.store(false, Relaxed);
        let waker = Waker::from(self.flag.clone());
        match course.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => self.is_finished.set(true),
            Poll::Pending => _ = self.course.replace(Some(course)),
        }
    }

    /// Drops what is left of its future.
    pub(super) fn give_up(&self) {
        drop(self.course.take());
    }
}

/// Who sleeps, and until when.
#[derive(Default)]
pub(super) struct Sleepers(Mutex<Vec<(Instant, Waker)>>);

impl Sleepers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Waker)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().iter().map(|(at, _)| *at).min()
    }

    pub(super) fn wake(&self, now: Instant) {
        let due: Vec<_> = self.lock().extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// Ends when its simulated time has passed: see [`SimulationHandle::sleep`](super::SimulationHandle::sleep).
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    pub(super) at: Instant,
    pub(super) sleepers: Arc<Sleepers>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if environment::now() >= self.at {
            return Poll::Ready(());
        }
        self.sleepers.lock().push((self.at, context.waker().clone()));
        Poll::Pending
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
