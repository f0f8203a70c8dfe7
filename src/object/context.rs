//! What a method may use of its runner: the clock, timers, late answers and continuations.

use crate::object::active::Active;
use crate::object::agenda::{Agenda, TimerAction};
use crate::object::shared::Shared;
use crate::object::timers::{Action, Missed, TimerId, later};
use crate::reply::call::Call;
use crate::reply::cell::Cell;
use crate::reply::error::Outcome;
use crate::reply::later::Later;
use crate::reply::reply::Reply;
use crate::runner::environment;
use crate::runner::task::Turn;
use crate::runner::timer_wheel::{TICK, TimerTarget, TimerWheel};
use std::any::TypeId;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

/// What a method may use of its runner. Take `&mut Context<Self>` as an argument of any method.
///
/// The context isn't part of the request, so callers don't see it. A method that doesn't take one
/// pays nothing for it.
///
/// ```
/// use mainspring::prelude::*;
/// use std::time::{Duration, Instant};
///
/// #[derive(Default)]
/// struct Session { is_open: bool, expiry: Option<TimerId> }
///
/// #[active]
/// impl Session {
///     pub fn touch(&mut self, cx: &mut Context<Self>) {
///         self.is_open = true;
///         let expired = |session: &mut Self, _: &mut Context<Self>| session.is_open = false;
///         if let Some(old) = self.expiry.replace(cx.after(Duration::from_secs(30), expired)) {
///             cx.cancel_timer(old);
///         }
///     }
///     pub fn is_open(&self) -> bool { self.is_open }
/// }
///
/// // Turns by hand, with a clock of its own.
/// let engine = Engine::builder().start()?;
/// let mut scheduler = engine.invoker("loop")?;
/// let session = engine.spawn("session", Session::default).on("loop").start()?;
/// let start = Instant::now();
/// let ask = |scheduler: &mut Scheduler, seconds| {
///     let mut is_open = session.is_open();
///     while scheduler.turn(start + Duration::from_secs(seconds)) > 0 {}
///     is_open.try_get().unwrap()
/// };
/// session.tell().touch()?;
/// assert!(ask(&mut scheduler, 0)?);
/// session.tell().touch()?;
/// assert!(ask(&mut scheduler, 20)?); // touched again: it expires at 50
/// assert!(ask(&mut scheduler, 40)?);
/// assert!(!ask(&mut scheduler, 60)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Timers
/// Timers belong to the object: its end cancels them, and they don't keep it alive. A timer fires
/// on the runner's thread, between two requests, at the first tick (65.5 µs) that isn't before
/// its time, or later if the runner is busy. Timers of the same tick fire in no particular order.
/// A panic in a timer is the servant's.
///
/// Arming a timer allocates what the closure captures, and nothing if it captures nothing. The
/// tables grow as needed and are reused, so a steady state allocates nothing else.
pub struct Context<'a, S: Active> {
    pub(crate) now: Instant,
    pub(crate) wheel: &'a mut TimerWheel,
    /// Made with the first timer or continuation.
    pub(crate) agenda: &'a mut Option<Box<Agenda<S>>>,
    /// `None` outside any engine and in `on_stop`, where no continuation can run.
    pub(crate) shared: Option<&'a Shared<S::Request>>,
    /// Whether the clock may be read; otherwise `now` is the time.
    pub(crate) is_live: bool,
    pub(crate) request: Request,
}

/// The call being served, for a method that takes the context.
#[derive(Default)]
pub(crate) struct Request {
    cell: Option<NonNull<Cell>>,
    deadline: Option<Instant>,
    /// The result's type, for a method that answers later and hasn't taken the reply yet.
    later: Option<fn() -> TypeId>,
}

impl Turn {
    /// What a method of this object sees of the turn.
    #[inline(always)]
    pub(crate) fn context<'a, S: Active>(
        &'a mut self,
        agenda: &'a mut Option<Box<Agenda<S>>>,
        shared: &'a Shared<S::Request>,
    ) -> Context<'a, S> {
        let shared = Some(shared);
        let Self { now, wheel, is_live, .. } = self;
        let request = Request::default();
        Context { now: *now, wheel, agenda, shared, is_live: *is_live, request }
    }
}

impl<S: Active> Context<'_, S> {
    /// The time at which the runner's current turn began. This coarse clock costs nothing to
    /// read, and timers go by it. With [`Scheduler::turn`](crate::Scheduler::turn) it is the time
    /// you pass.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The time by which the call being served had to start, if it has a deadline. After that
    /// time its caller may have given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.request.deadline
    }

    /// Whether the caller has tried to cancel the call being served. The call has started, so it
    /// continues and its result counts. A long method may check this now and then, and return
    /// early.
    pub fn is_cancelled(&self) -> bool {
        self.request.cell.is_some_and(Cell::is_unwanted)
    }

    /// Reads the clock that deadlines are compared with.
    #[inline(always)]
    pub(crate) fn clock(&self) -> Instant {
        if self.is_live { environment::now() } else { self.now }
    }

    /// Runs the method of a call. The context knows the call until the method returns or unwinds,
    /// and no longer: its cell may belong to another call then.
    #[inline(always)]
    pub(crate) fn serving<R>(
        &mut self,
        cell: Option<NonNull<Cell>>,
        deadline: Option<Instant>,
        method: impl FnOnce(&mut Self) -> R,
    ) -> R {
        struct Leave<'c, 'a, S: Active>(&'c mut Context<'a, S>);
        impl<S: Active> Drop for Leave<'_, '_, S> {
            fn drop(&mut self) {
                self.0.request = Request::default();
            }
        }
        self.request = Request { cell, deadline, later: None };
        method(Leave(self).0)
    }

    /// Keeps the reply of a call for [`later`](Self::later); a one-way request has none.
    pub(crate) fn park_reply<R: 'static>(
        &mut self,
        cell: Option<NonNull<Cell>>,
        deadline: Option<Instant>,
    ) {
        self.request = Request { cell, deadline, later: Some(TypeId::of::<R>) };
    }

    /// Forgets the call; returns whether its reply was still there.
    pub(crate) fn unpark_reply(&mut self) -> bool {
        mem::take(&mut self.request).later.is_some()
    }

    /// For a method that returns [`Later`]: gives the value to return, and the reply to send once
    /// the answer is known.
    ///
    /// With a context from [`detached`](Self::detached) nobody receives the answer.
    ///
    /// # Panics
    /// If the method doesn't return `Later<R>`, or on the second use within one call. As any
    /// panic in a method it is the servant's, and ends the call with
    /// [`CallError::Panicked`](crate::CallError::Panicked).
    #[track_caller]
    pub fn later<R: 'static>(&mut self) -> (Later<R>, Reply<R>) {
        let Some(result) = self.request.later else {
            assert!(
                self.shared.is_none(),
                "`Context::later` works once in each call of a method that returns `Later<R>`: \
                 change the method's result, or keep the first reply"
            );
            return (Later::new(), Reply::none());
        };
        assert!(
            result() == TypeId::of::<R>(),
            "this method doesn't return `Later<{}>`: take the reply of the result that it has",
            std::any::type_name::<R>()
        );
        self.request.later = None;
        // The reply may end the call while this method still runs; the cell may then belong to another.
        (Later::new(), self.request.cell.take().map_or_else(Reply::none, Reply::to))
    }

    /// Runs `next` with the outcome of a call to another object, once that call has ended: on
    /// this object's runner, between two requests. Nothing blocks meanwhile. The object serves
    /// other requests, and the object that it called may call it back.
    ///
    /// `next` runs once, and not before this method has returned, even if the call has ended
    /// already. Continuations run in the order in which their calls ended. A panic in `next` is
    /// the servant's. An object that was stopped, or whose last proxy is gone, ends only after
    /// all its continuations have run. If it panics or is aborted first, they are dropped without
    /// running and their calls are detached. So are those that `on_stop` registers.
    ///
    /// Objects that wait for each other's late answers in a circle wait forever;
    /// [`stop_within`](crate::EngineHandle::stop_within) ends them.
    ///
    /// What `next` captures is put into a box, which allocates nothing if it captures nothing.
    /// The tables grow as needed and are reused, so a steady state allocates nothing else.
    /// [`Later`] has an example.
    pub fn then<R: Send + 'static>(
        &mut self,
        call: Call<R>,
        next: impl FnOnce(&mut S, &mut Context<'_, S>, Outcome<R>) + 'static,
    ) {
        let shared = self.shared;
        let agenda = self.agenda.get_or_insert_with(Agenda::new);
        agenda.then(shared, call, next);
    }

    /// How many calls this object waits for with [`then`](Self::then): those that haven't ended,
    /// and those whose continuation hasn't run yet.
    pub fn waiting(&self) -> usize {
        self.agenda.as_ref().map_or(0, |agenda| agenda.waiting())
    }

    /// Runs `action` once, after `delay`.
    ///
    /// A delay beyond the clock's range never elapses.
    pub fn after(
        &mut self,
        delay: Duration,
        action: impl FnOnce(&mut S, &mut Context<'_, S>) + 'static,
    ) -> TimerId {
        let at = later(self.now, delay);
        self.add(at, Action::Once(Box::new(action)))
    }

    /// Runs `action` once, at `time`.
    pub fn at(
        &mut self,
        time: Instant,
        action: impl FnOnce(&mut S, &mut Context<'_, S>) + 'static,
    ) -> TimerId {
        self.add(time, Action::Once(Box::new(action)))
    }

    /// Runs `action` once in each period, first after one period.
    ///
    /// It doesn't drift: it is due at multiples of the period, however late it fires. A period
    /// shorter than a tick counts as one tick.
    pub fn every(
        &mut self,
        period: Duration,
        missed: Missed,
        action: impl FnMut(&mut S, &mut Context<'_, S>) + 'static,
    ) -> TimerId {
        let period = period.max(TICK);
        let at = later(self.now, period);
        self.add(at, Action::Every { period, missed, action: Box::new(action) })
    }

    /// Cancels a timer; returns whether it would have fired (again).
    pub fn cancel_timer(&mut self, timer: TimerId) -> bool {
        let Some(agenda) = self.agenda else { return false };
        let Some(slot) = agenda.timers.armed(timer) else { return false };
        self.wheel.cancel(slot.armed);
        agenda.timers.free(timer.slot);
        true
    }

    /// Moves a timer: it fires next after `delay` from now. Returns `false` if it has fired for
    /// the last time or was cancelled.
    pub fn rearm(&mut self, timer: TimerId, delay: Duration) -> bool {
        let object = self.object();
        let Some(slot) = self.agenda.as_mut().and_then(|agenda| agenda.timers.armed(timer)) else {
            return false;
        };
        self.wheel.cancel(slot.armed);
        slot.at = later(self.now, delay);
        let target = TimerTarget { object, timer: timer.slot };
        slot.armed = self.wheel.arm(slot.at, target);
        true
    }

    /// How many timers of this object are armed.
    pub fn timers(&self) -> usize {
        self.agenda.as_ref().map_or(0, |agenda| agenda.timers.len)
    }

    /// Where the runner keeps the object.
    fn object(&self) -> u32 {
        self.shared.map_or(0, |shared| shared.key() as u32)
    }

    /// Calls `run` with a context outside any engine, to test methods that take one. Its timers
    /// never fire, its continuations never run, and nobody receives its late answers.
    pub fn detached<R>(now: Instant, run: impl FnOnce(&mut Context<'_, S>) -> R) -> R {
        let (mut wheel, mut agenda) = (TimerWheel::new(now), None);
        let request = Request::default();
        let (wheel, agenda) = (&mut wheel, &mut agenda);
        run(&mut Context { now, wheel, agenda, shared: None, is_live: false, request })
    }

    fn add(&mut self, at: Instant, action: TimerAction<S>) -> TimerId {
        let (object, wheel) = (self.object(), &mut *self.wheel);
        let agenda = self.agenda.get_or_insert_with(Agenda::new);
        agenda.timers.add(at, action, |timer| wheel.arm(at, TimerTarget { object, timer }))
    }

    /// Runs the action of a timer of this object.
    pub(crate) fn fire(&mut self, servant: &mut S, timer: u32) {
        let object = self.object();
        let Some(Agenda { timers, .. }) = self.agenda.as_deref_mut() else { return };
        let Some(slot) = timers.slots.get_mut(timer as usize) else { return };
        let generation = slot.generation;
        match mem::replace(&mut slot.action, Action::Running) {
            Action::Once(action) => {
                timers.free(timer);
                action(servant, self);
            }
            Action::Every { period, missed, mut action } => {
                slot.at = missed.next(slot.at, period, self.now);
                slot.armed = self.wheel.arm(slot.at, TimerTarget { object, timer });
                let ran = catch_unwind(AssertUnwindSafe(|| action(servant, self)));
                // Unless the action has cancelled its timer. After a panic as well: the servant may be kept.
                let agenda = self.agenda.as_mut();
                let slot = agenda.map(|agenda| &mut agenda.timers.slots[timer as usize]);
                if let Some(slot) = slot.filter(|slot| slot.generation == generation) {
                    slot.action = Action::Every { period, missed, action };
                }
                ran.unwrap_or_else(|payload| resume_unwind(payload));
            }
            idle @ (Action::Vacant | Action::Running) => {
                debug_assert!(false, "such a timer isn't in the wheel");
                slot.action = idle;
            }
        }
    }
}

impl<S: Active> fmt::Debug for Context<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("servant", &S::NAME).finish_non_exhaustive()
    }
}
