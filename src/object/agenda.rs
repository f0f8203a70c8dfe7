//! What an object will be called back for: its timers and continuations.

use crate::object::active::Active;
use crate::object::context::Context;
use crate::object::continuations::{Continuation, Continuations};
use crate::object::shared::Shared;
use crate::object::timers::{Action, Timers};
use crate::reply::any_call::AnyCall;
use crate::reply::call::Call;
use crate::reply::error::{CallError, Outcome};
use crate::runner::timer_wheel::TimerWheel;
use std::mem;

type Once<S> = Box<dyn FnOnce(&mut S, &mut Context<'_, S>)>;
type Every<S> = Box<dyn FnMut(&mut S, &mut Context<'_, S>)>;
type Next<S> = dyn FnOnce(&mut S, &mut Context<'_, S>, AnyCall);
/// What a timer of this servant's does.
pub(super) type TimerAction<S> = Action<Once<S>, Every<S>>;

/// See the module.
pub(crate) struct Agenda<S: Active> {
    pub(super) timers: Timers<Once<S>, Every<S>>,
    continuations: Option<Continuations<Next<S>>>,
}

impl<S: Active> Agenda<S> {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self { timers: Timers::new(), continuations: None })
    }

    /// The calls that the object waits for, and what follows each.
    pub(crate) fn continuations(&mut self) -> Option<&mut Continuations<Next<S>>> {
        self.continuations.as_mut()
    }

    /// Whether a call may have ended whose continuation has not run.
    pub(crate) fn goes_on(&self) -> bool {
        self.continuations.as_ref().is_some_and(Continuations::has_more)
    }

    /// How many calls it waits for.
    pub(crate) fn waiting(&self) -> usize {
        self.continuations.as_ref().map_or(0, Continuations::len)
    }

    /// Drops the continuations; each has run or was given up.
    pub(crate) fn end_continuations(&mut self) {
        debug_assert!(
            self.continuations.as_ref().is_none_or(Continuations::is_idle),
            "its link may be on its way"
        );
        self.continuations = None;
    }

    /// Cancels all timers. The result owns what their actions capture, and does nothing else.
    pub(crate) fn cancel_timers(&mut self, wheel: &mut TimerWheel) -> impl Sized + use<S> {
        let timers = mem::replace(&mut self.timers, Timers::new());
        timers.cancel(wheel);
        timers
    }

    /// Runs `next` once that call has ended.
    pub(super) fn then<R: Send + 'static>(
        &mut self,
        shared: Option<&Shared<S::Request>>,
        call: Call<R>,
        next: impl FnOnce(&mut S, &mut Context<'_, S>, Outcome<R>) + 'static,
    ) {
        // It captures only `next`, so the box allocates nothing if that captures nothing.
        let next = move |servant: &mut S, context: &mut Context<'_, S>, call: AnyCall| {
            let outcome = call.typed::<R>().and_then(|mut call| call.try_get());
            next(servant, context, outcome.unwrap_or(Err(CallError::Taken)));
        };
        let continuations = self.continuations.get_or_insert_with(|| Continuations::new(shared));
        continuations.add(Continuation { call: call.into(), next: Box::new(next) });
    }
}

impl<S: Active> Continuation<Next<S>> {
    pub(crate) fn run(self, servant: &mut S, context: &mut Context<'_, S>) {
        (self.next)(servant, context, self.call);
    }
}
