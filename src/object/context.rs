//! What a method may use of its runner: the clock, timers, late answers, calls that it goes on with.

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

/// The runner's side of a method call: take `&mut Context<Self>` as an argument of any method.
///
/// It isn't part of the request: callers don't see it. A method that takes none costs nothing for it.
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
/// // Driven by hand, with a clock of its own.
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
/// Timers are the object's own: they end with it, and don't keep it alive. One fires on the runner's
/// thread, between requests, at the first tick of 65.5 µs that isn't before its time; later, if the
/// runner is busy with a method then. Among timers of one tick there is no order. A timer's panic is
/// the servant's.
///
/// Arming allocates what the closure captures, nothing if it captures nothing; tables grow as needed,
/// so in a steady state nothing is allocated.
pub struct Context<'a, S: Active> {
    pub(crate) now: Instant,
    pub(crate) wheel: &'a mut TimerWheel,
    /// Made with the first timer, or call that is waited for.
    pub(crate) agenda: &'a mut Option<Box<Agenda<S>>>,
    /// `None` outside any engine, and at the object's end: nothing comes back there.
    pub(crate) shared: Option<&'a Shared<S::Request>>,
    /// The clock may be read; else `now` is all there is.
    pub(crate) is_live: bool,
    pub(crate) request: Request,
}

/// The call that is being served, for a method that takes the context.
#[derive(Default)]
pub(crate) struct Request {
    cell: Option<NonNull<Cell>>,
    deadline: Option<Instant>,
    /// For a method that answers later, until it has taken the reply: the result's type.
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
    /// The time at which this turn of the runner began: a coarse clock that costs nothing to read, and
    /// the one that timers go by. With [`Scheduler::turn`](crate::Scheduler::turn) it is what you pass.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// When the call that is being served should have started, if it has a deadline: the caller may
    /// have given up by then.
    pub fn deadline(&self) -> Option<Instant> {
        self.request.deadline
    }

    /// Whether the caller has tried to cancel the call that is being served. It has started, so it goes
    /// on and its result counts; a long method may look now and then, and return early.
    pub fn is_cancelled(&self) -> bool {
        self.request.cell.is_some_and(Cell::is_unwanted)
    }

    /// Reads the clock that deadlines are compared with.
    #[inline(always)]
    pub(crate) fn clock(&self) -> Instant {
        if self.is_live { environment::now() } else { self.now }
    }

    /// Runs the method of a call, which the context knows meanwhile and not longer, also if the method
    /// unwinds: its cell may be another call's then.
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

    /// Leaves the reply of a call for [`later`](Self::later); none for a one-way request.
    pub(crate) fn park_reply<R: 'static>(
        &mut self,
        cell: Option<NonNull<Cell>>,
        deadline: Option<Instant>,
    ) {
        self.request = Request { cell, deadline, later: Some(TypeId::of::<R>) };
    }

    /// Forgets the call; whether its reply was still there.
    pub(crate) fn unpark_reply(&mut self) -> bool {
        mem::take(&mut self.request).later.is_some()
    }

    /// For a method that returns [`Later`]: what to return, and the reply to send when the answer is
    /// known.
    ///
    /// With a context from [`detached`](Self::detached) nobody gets the answer.
    ///
    /// # Panics
    /// In a method that doesn't return `Later<R>`, for another `R`, and the second time in one call.
    /// As any panic it is the servant's, and ends the call with
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
        // With the reply the call may end, and its cell be another's while this method still runs.
        (Later::new(), self.request.cell.take().map_or_else(Reply::none, Reply::to))
    }

    /// Goes on with `next` when a call of another object has ended: on this object's runner, between
    /// requests, with its outcome. Nothing waits for it meanwhile: the object serves other requests, and
    /// may be called by the very object that it has called.
    ///
    /// It runs once; at the earliest when this method has returned, also for a call that has ended.
    /// Those that have ended run in the order in which they did. A panic in it is the servant's. An
    /// object that was stopped, or whose last proxy is gone, ends only after all of them have run. It
    /// is dropped without having run if the object panics or is aborted before; the call is detached
    /// then, as are those of `on_stop`.
    ///
    /// Objects that wait for each other's late answers in a circle wait for ever, and
    /// [`stop_within`](crate::EngineHandle::stop_within) ends them.
    ///
    /// What `next` captures is put into a box, nothing if it captures nothing; tables grow as needed, so
    /// in a steady state nothing else is allocated. [`Later`] has an example.
    pub fn then<R: Send + 'static>(
        &mut self,
        call: Call<R>,
        next: impl FnOnce(&mut S, &mut Context<'_, S>, Outcome<R>) + 'static,
    ) {
        let shared = self.shared;
        let agenda = self.agenda.get_or_insert_with(Agenda::new);
        agenda.then(shared, call, next);
    }

    /// How many calls this object waits for with [`then`](Self::then): not ended yet, or not gone on
    /// with.
    pub fn waiting(&self) -> usize {
        self.agenda.as_ref().map_or(0, |agenda| agenda.waiting())
    }

    /// Runs `action` once, when so much time has passed.
    ///
    /// A time beyond the clock's range never comes.
    pub fn after(
        &mut self,
        delay: Duration,
        action: impl FnOnce(&mut S, &mut Context<'_, S>) + 'static,
    ) -> TimerId {
        let at = later(self.now, delay);
        self.add(at, Action::Once(Box::new(action)))
    }

    /// The same, at that time.
    pub fn at(
        &mut self,
        time: Instant,
        action: impl FnOnce(&mut S, &mut Context<'_, S>) + 'static,
    ) -> TimerId {
        self.add(time, Action::Once(Box::new(action)))
    }

    /// Runs `action` again and again, first when one period has passed.
    ///
    /// It doesn't drift: the times are multiples of the period, however late it fires. A period below
    /// a tick is one tick.
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

    /// Takes a timer back; whether it would have fired (again).
    pub fn cancel_timer(&mut self, timer: TimerId) -> bool {
        let Some(agenda) = self.agenda else { return false };
        let Some(slot) = agenda.timers.armed(timer) else { return false };
        self.wheel.cancel(slot.armed);
        agenda.timers.free(timer.slot);
        true
    }

    /// Moves a timer: it fires (next) when so much time has passed from now; `false` if it has fired for
    /// the last time, or was cancelled.
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

    /// Calls `run` with a context outside any engine, whose timers never fire, whose calls are never
    /// gone on with, and whose late answers nobody gets: to test methods that take one.
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

    /// Runs what a timer of this object is for.
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
                // Unless it has cancelled itself. Also after a panic: the servant may be kept.
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
