//! How an object ended, and who is told.
//!
//! The state is allocated with the first monitor, or at the object's end: an object that nobody watches
//! has a null pointer here. It is behind a mutex, since no request needs it. Monitors run outside the
//! mutex.
//!
//! | state | meaning | moved by |
//! |---|---|---|
//! | null | alive, and not watched | the first who watches, or the runner at the end: to `Watched` |
//! | `Watched` | alive; monitors and sleeping threads wait | the object's runner, once: to `Over` |
//! | `Over` | it has ended; whoever asks is told at once | nobody |

use crate::panics::caught;
use crate::runner::caller_wait::wait_until;
use crate::runner::park::Parker;
use crate::runner::wait::WaitStrategy;
use crate::sync::{Arc, AtomicPtr, Mutex};
use std::fmt;
use std::mem;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::Instant;

/// The end of an object: which one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exit {
    /// The object's name, or that of its type if it has none.
    pub object: String,
    /// Why it ended.
    pub reason: ExitReason,
}

/// Why an object ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitReason {
    /// It was stopped through a proxy, with its runner or with its engine. It has served what it
    /// had accepted.
    Stopped,
    /// Its last proxy was dropped. It has served what it had accepted.
    Deserted,
    /// It was aborted.
    Aborted,
    /// Its servant panicked, and it was not to be restarted. Requests that waited ended
    /// [`Stopped`](crate::CallError::Stopped).
    Panicked {
        /// The method that panicked, or the timer, continuation or hook.
        method: &'static str,
        /// The panic's message, if it was text.
        message: Box<str>,
    },
    /// Its servant failed more often than its [`Restart`](crate::Restart) allows, or failed
    /// during a restart after the object was stopped. Requests that waited ended
    /// [`Stopped`](crate::CallError::Stopped).
    RestartsExhausted {
        /// The last failure.
        failure: Box<str>,
    },
    /// Another member used up the restarts of its [`Supervisor`](crate::Supervisor). It has
    /// served what it had accepted.
    SupervisorGaveUp,
    /// It never had a servant: its factory failed, or its runner ended first.
    NotStarted {
        /// Why.
        failure: Box<str>,
    },
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("it was stopped"),
            Self::Deserted => f.write_str("its last proxy was dropped"),
            Self::Aborted => f.write_str("it was aborted"),
            Self::Panicked { method, message } => {
                write!(f, "its method {method} panicked: {message}")
            }
            Self::RestartsExhausted { failure } => {
                write!(f, "its restarts were used up; last failure: {failure}")
            }
            Self::SupervisorGaveUp => f.write_str("its supervisor's restarts were used up"),
            Self::NotStarted { failure } => write!(f, "it never started: {failure}"),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object {:?} has ended: {}", self.object, self.reason)
    }
}

type Monitor = Box<dyn FnOnce(Exit) + Send>;

/// See the module.
pub(crate) struct ExitNotifier(AtomicPtr<Mutex<State>>);

enum State {
    Watched { monitors: Vec<Monitor>, asleep: Vec<Arc<Parker>> },
    Over(Exit),
}

impl ExitNotifier {
    pub(crate) fn unwatched() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The end, once it was notified.
    pub(crate) fn end(&self) -> Option<Exit> {
        match &*self.made()?.lock() {
            State::Over(exit) => Some(exit.clone()),
            State::Watched { .. } => None,
        }
    }

    /// Runs `monitor` once: at the object's end, on its runner's thread; or here, if it has ended.
    pub(crate) fn watch(&self, monitor: Monitor) {
        let over = {
            let mut state = self.state().lock();
            match &mut *state {
                State::Over(exit) => exit.clone(),
                State::Watched { monitors, .. } => return monitors.push(monitor),
            }
        };
        caught(|| monitor(over));
    }

    /// Sleeps until the end or the deadline. The parker is the calling thread's own.
    pub(crate) fn wait_until(
        &self,
        deadline: Option<Instant>,
        parker: &Arc<Parker>,
    ) -> Option<Exit> {
        let mut is_listed = false;
        let sleep = |is_listed: &mut bool, left| {
            match &mut *self.state().lock() {
                State::Over(_) => return,
                State::Watched { .. } if *is_listed => {}
                State::Watched { asleep, .. } => asleep.push(parker.clone()),
            }
            *is_listed = true;
            parker.park(left);
        };
        let strategy = WaitStrategy::Park;
        let end = wait_until(&mut is_listed, deadline, strategy, |_| false, |_| self.end(), sleep);
        if end.is_some() || !is_listed {
            return end;
        }
        match &mut *self.state().lock() {
            State::Over(exit) => Some(exit.clone()),
            State::Watched { asleep, .. } => {
                asleep.retain(|other| !Arc::ptr_eq(other, parker));
                None
            }
        }
    }

    /// Tells everyone of the end; only the first one counts.
    pub(crate) fn notify(&self, exit: Exit) {
        let over = State::Over(exit.clone());
        let before = {
            let mut state = self.state().lock();
            match &*state {
                State::Over(_) => return,
                State::Watched { .. } => mem::replace(&mut *state, over),
            }
        };
        let State::Watched { monitors, asleep } = before else { return };
        asleep.iter().for_each(|parker| parker.unpark());
        for monitor in monitors {
            caught(|| monitor(exit.clone()));
        }
    }

    fn made(&self) -> Option<&Mutex<State>> {
        // Acquire [exits.made]: sees the state that was made.
        let state = self.0.load(Acquire);
        // SAFETY: what was stored came from a box, and is freed with `self` only.
        unsafe { state.as_ref() }
    }

    fn state(&self) -> &Mutex<State> {
        if let Some(state) = self.made() {
            return state;
        }
        let watched = State::Watched { monitors: Vec::new(), asleep: Vec::new() };
        let state = Box::into_raw(Box::new(Mutex::new(watched)));
        // AcqRel: Release [exits.made] shows the state made here; Acquire on failure [exits.made]: sees
        // the other one's.
        match self.0.compare_exchange(ptr::null_mut(), state, AcqRel, Acquire) {
            // SAFETY: as in `made`.
            Ok(_) => unsafe { &*state },
            Err(other) => {
                // SAFETY: it came from the box above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(state) });
                // SAFETY: as in `made`.
                unsafe { &*other }
            }
        }
    }
}

impl Drop for ExitNotifier {
    fn drop(&mut self) {
        // Acquire [exits.made]: as in `made`.
        let state = self.0.load(Acquire);
        if !state.is_null() {
            // SAFETY: it came from a box, and nobody else is left to see it.
            drop(unsafe { Box::from_raw(state) });
        }
    }
}
