//! One active object: its servant, and how requests get there.

use crate::active::{Active, Batch};
use crate::context::{Agenda, Context};
use crate::desk::{Consumer, Desk, Ring};
use crate::error::{CallError, caught, panic_message};
use crate::event::Event;
use crate::guard::{Deferred, Ran};
use crate::mailbox::held::Held;
use crate::mailbox::sealed::{Consumer as _, Shared as _};
use crate::mailbox::{Heat, Kind, Pop, Position};
use crate::registry::Registration;
use crate::reply::Failure;
use crate::station::{Mine, Station};
use crate::task::{Cooling, Progress, Task, Token, Turn};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the runner's thread alone touches.
pub(crate) struct Object<S: Active, K: Kind> {
    consumer: Consumer<S, K>,
    ring: Held<Ring<S, K>>,
    /// `None` after a panic, or at the end.
    servant: Option<S>,
    /// `COLD` was set and the token not yet taken: the link may be in the ready set, so the object
    /// must stay.
    is_cold: bool,
    heat: Heat,
    /// Made with the first timer, or call that it waits for.
    agenda: Option<Box<Agenda<S>>>,
    /// Made for the first request whose guard doesn't hold.
    deferred: Option<Box<Deferred<S::Request>>>,
    registration: Registration,
}

impl<S: Active, K: Kind> Object<S, K> {
    pub(crate) fn new(
        servant: S,
        consumer: Consumer<S, K>,
        ring: Held<Ring<S, K>>,
        heat: Heat,
        registration: Registration,
    ) -> Self {
        Self {
            consumer,
            ring,
            servant: Some(servant),
            is_cold: false,
            heat,
            agenda: None,
            deferred: None,
            registration,
        }
    }

    fn desk(&self) -> &Desk<S::Request> {
        self.ring.bell()
    }

    /// Runs at most `batch` of what waits in one of the queues; returns how many requests that were.
    fn run(&mut self, batch: usize, queue: Queue<'_>, turn: &mut Turn) -> usize {
        if self.desk().is_aborted() {
            self.drop_servant();
        }
        if self.servant.is_none() {
            self.drop_deferred();
            return self.discard(batch, queue);
        }
        let served = self.serve(batch, queue, turn).unwrap_or_else(|(method, payload)| {
            self.panicked(method_name::<S>(method), payload);
            1
        });
        if S::WANTS_BATCH_END && served > 0 {
            let batch = Batch { served, queued: self.ring.len() };
            self.beside("on_batch_end", turn, |servant, cx| servant.batch_ended(batch, cx));
        }
        served
    }

    /// Tries what waits for its guard, where something else than a request has run.
    fn retry_deferred(&mut self, turn: &mut Turn) {
        let Self { ring, servant: Some(servant), agenda, deferred: Some(deferred), .. } = self
        else {
            return;
        };
        let mut context = turn.context(agenda, ring.bell());
        let mut method = 0;
        let about = |request: &S::Request| method = S::method(request);
        let tried = catch_unwind(AssertUnwindSafe(|| deferred.retry(servant, &mut context, about)));
        if let Err(payload) = tried {
            self.panicked(method_name::<S>(method), payload);
        }
    }

    /// Whether calls are pending that it will go on with: it stays for them, unless it was aborted.
    fn waits(&mut self) -> bool {
        if self.servant.is_none() || self.desk().is_aborted() {
            self.give_up();
        }
        let waits = self.agenda.as_mut().and_then(|agenda| agenda.waits());
        waits.is_some_and(|waits| !waits.is_idle())
    }

    /// Drops what waits for its guard: its calls end `Stopped`.
    fn drop_deferred(&mut self) {
        if let Some(mut deferred) = self.deferred.take() {
            self.desk().pool().mark_stopped();
            while let Some(request) = deferred.pop() {
                drop_caught(request);
            }
        }
    }

    /// Runs what is no request, if there is a servant. Its panic is reported by that name.
    fn beside(
        &mut self,
        name: &'static str,
        turn: &mut Turn,
        run: impl FnOnce(&mut S, &mut Context<'_, S>),
    ) {
        let Self { ring, servant: Some(servant), agenda, .. } = self else { return };
        let mut context = turn.context(agenda, ring.bell());
        let ran = catch_unwind(AssertUnwindSafe(|| run(servant, &mut context)));
        if let Err(payload) = ran {
            self.panicked(name, payload);
        }
    }

    /// As [`run`](Self::run), with a servant; or the panic and its method.
    fn serve(
        &mut self,
        batch: usize,
        queue: Queue<'_>,
        turn: &mut Turn,
    ) -> Result<usize, (usize, Box<dyn Any + Send>)> {
        let Self { consumer, ring, servant: Some(servant), agenda, deferred, .. } = self else {
            return Ok(0);
        };
        let capacity = ring.capacity();
        let desk = ring.bell();
        let mut context = turn.context(agenda, desk);
        let mut method = 0;
        let mut count = 0;
        // One `catch_unwind` a batch, not one a request: what failed is in `method`.
        catch_unwind(AssertUnwindSafe(|| {
            let mut serve = |request: S::Request| {
                if desk.is_aborted() {
                    // The aborter may not have come to this call's cell yet.
                    desk.pool().mark_stopped();
                    return drop_caught(request);
                }
                method = S::method(&request);
                // In this form the compiler leaves the other branch out before it decides what to
                // inline: without that 128 calls in flight took 67 ns each rather than 43.
                if S::HAS_GUARDS {
                    let deferred =
                        deferred.get_or_insert_with(|| Box::new(Deferred::new(capacity)));
                    match deferred.run_or_keep(servant, request, &mut context) {
                        Ran::Yes => {
                            let about = |request: &S::Request| method = S::method(request);
                            deferred.retry(servant, &mut context, about);
                        }
                        Ran::NotYet => {}
                        // Its call ends `Dropped`.
                        Ran::NoRoom(request) => drop_caught(request),
                    }
                } else {
                    servant.dispatch(request, &mut context);
                }
            };
            match queue {
                Queue::Mailbox => count = consumer.drain(batch, |request, _last| serve(request)),
                Queue::Local(mine, end) => {
                    while count < batch {
                        let Some(request) = desk.pop_local(mine, end) else { break };
                        count += 1;
                        serve(request);
                    }
                }
            }
        }))
        .map_err(|payload| (method, payload))?;
        Ok(count)
    }

    /// Drops what waits: each call's reply ends it with `Stopped`.
    fn discard(&mut self, batch: usize, queue: Queue<'_>) -> usize {
        self.desk().pool().mark_stopped();
        match queue {
            Queue::Mailbox => self.consumer.drain(batch, |request, _| drop_caught(request)),
            Queue::Local(mine, end) => {
                let requests = std::iter::from_fn(|| self.desk().pop_local(mine, end));
                requests.take(batch).map(drop_caught).count()
            }
        }
    }

    #[cold]
    fn panicked(&mut self, method: &'static str, payload: Box<dyn Any + Send>) {
        let message = panic_message(&*payload);
        drop_caught(payload);
        // Close first: a caller who learns of the panic finds the object stopped.
        self.consumer.close();
        let unanswered = Failure::take();
        let awaited = unanswered.is_some();
        if let Some(call) = unanswered {
            call.end(CallError::Panicked { method, message: message.clone() });
        }
        let object = self.desk().name().unwrap_or(S::NAME).to_owned();
        self.registration.tell(Event::Panicked {
            object,
            method,
            message: message.into(),
            awaited,
        });
        self.drop_servant();
    }

    /// Drops the servant and what it would have gone on with; answers that it owes end `Stopped`.
    fn drop_servant(&mut self) {
        let Some(servant) = self.servant.take() else { return };
        self.desk().mark_stopped();
        drop_caught(servant);
        self.give_up();
    }
}

/// What a timer's panic is reported as, in place of a method.
const A_TIMER: &str = "a timer";
/// The same for what goes on after a call has ended.
const A_CONTINUATION: &str = "a continuation";

fn method_name<S: Active>(method: usize) -> &'static str {
    S::METHODS.get(method).map_or("?", |method| method.name)
}

/// Where requests come from.
#[derive(Clone, Copy)]
enum Queue<'a> {
    Mailbox,
    /// The runner's own thread: what came when the mailbox ended there.
    Local(Mine<'a>, Position),
}

/// Drops a value of the user's: its destructor's panic must not take the runner along.
pub(crate) fn drop_caught<T>(value: T) {
    caught(|| drop(value));
}

impl<S: Active, K: Kind> Drop for Object<S, K> {
    fn drop(&mut self) {
        drop_caught(self.servant.take());
        self.drop_deferred();
    }
}

impl<S: Active, K: Kind> Task for Object<S, K> {
    fn turn(&mut self, station: &Station, turn: &mut Turn) -> Progress {
        // Most looks find nothing, and shall cost little.
        if !self.consumer.has_any() {
            return Progress::Idle;
        }
        let served = match station.mine() {
            Some(mine) if self.desk().local_len(mine) > 0 => self.turn_local(mine, turn),
            _ => self.run(turn.batch, Queue::Mailbox, turn),
        };
        match served {
            0 => Progress::Idle,
            count => Progress::Worked(count),
        }
    }

    fn turn_local(&mut self, mine: Mine<'_>, turn: &mut Turn) -> usize {
        let batch = turn.batch;
        self.desk().note_turned(mine);
        // What it calls itself meanwhile has its turn after the others.
        let mut waiting = self.desk().local_len(mine).min(batch);
        let mut count = 0;
        while waiting > 0
            && count < batch
            && let Some(end) = self.desk().local_end(mine)
        {
            let before = self.consumer.before(end);
            if before > 0 {
                count += self.run(before.min(batch - count), Queue::Mailbox, turn);
                continue;
            }
            let served = self.run(waiting, Queue::Local(mine, end), turn);
            waiting -= served;
            count += served;
        }
        // More than a batch, or what a panic has left behind it.
        if self.desk().local_len(mine) > 0 {
            self.desk().note_called(mine);
        }
        count
    }

    fn fire(&mut self, timer: u32, turn: &mut Turn) {
        self.beside(A_TIMER, turn, |servant, context| context.fire(servant, timer));
        if S::HAS_GUARDS {
            self.retry_deferred(turn);
        }
    }

    fn go_on(&mut self, turn: &mut Turn) -> usize {
        let mut count = 0;
        while count < turn.batch
            && let Some(wait) = self.agenda.as_mut().and_then(|a| a.waits()?.take())
        {
            count += 1;
            if self.desk().is_aborted() {
                self.drop_servant();
            }
            if self.servant.is_none() {
                drop_caught(wait);
                continue;
            }
            self.beside(A_CONTINUATION, turn, |servant, context| wait.run(servant, context));
            if S::HAS_GUARDS {
                self.retry_deferred(turn);
            }
        }
        count
    }

    fn goes_on(&self) -> bool {
        self.agenda.as_ref().is_some_and(|agenda| agenda.goes_on())
    }

    fn give_up(&mut self) {
        if let Some(waits) = self.agenda.as_mut().and_then(|agenda| agenda.waits()) {
            // What it would have gone on with may owe answers.
            self.ring.bell().mark_stopped();
            waits.give_up();
        }
    }

    fn start(&mut self, turn: &mut Turn) {
        self.beside("on_start", turn, S::started);
    }

    fn finish(&mut self, turn: &mut Turn) {
        self.drop_deferred();
        if let Some(agenda) = &mut self.agenda {
            agenda.end_waits();
        }
        if !self.desk().is_aborted() {
            self.beside("on_stop", turn, |servant, context| {
                // What it begins here is not waited for.
                context.desk = None;
                servant.stopping(context);
            });
        }
        if let Some(agenda) = &self.agenda {
            agenda.cancel_timers(&mut turn.wheel);
        }
        // Before whatever owes an answer is dropped.
        self.desk().mark_stopped();
        drop_caught(self.agenda.take());
    }

    fn take_token(&mut self, token: Token) {
        match token {
            Token::Mailbox => self.is_cold = false,
            Token::Ended => {
                if let Some(waits) = self.agenda.as_mut().and_then(|agenda| agenda.waits()) {
                    waits.tell();
                }
            }
        }
    }

    fn cool(&mut self) -> Cooling {
        if self.is_cold {
            return Cooling::Cold;
        }
        if self.heat != Heat::Always && self.consumer.cool() {
            self.is_cold = true;
            return Cooling::Cold;
        }
        match self.consumer.peek() {
            Pop::InFlight => Cooling::Polled,
            Pop::Empty if self.heat == Heat::Always => Cooling::Polled,
            Pop::Closed if self.is_over() => Cooling::Over,
            // It has served everything, and the calls that it waits for ring.
            Pop::Closed if self.desk().is_local_empty() => Cooling::Cold,
            _ => Cooling::Hot,
        }
    }

    fn is_over(&mut self) -> bool {
        let is_closed =
            !self.is_cold && self.desk().is_local_empty() && self.consumer.peek() == Pop::Closed;
        is_closed && !self.waits()
    }

    fn stop(&self) {
        self.consumer.close();
    }

    fn set_key(&self, key: usize) {
        self.desk().set_key(key);
        // A note from before bore no key.
        if let Some(mine) = self.desk().station().mine()
            && self.desk().local_len(mine) > 0
        {
            self.desk().note_turned(mine);
            self.desk().note_called(mine);
        }
    }
}
