//! One active object: its servant, and how requests get there.

mod sides;

use crate::active::{Active, Batch};
use crate::context::{Context, Timers};
use crate::control::close;
use crate::desk::{Consumer, Desk, Ring};
use crate::error::{CallError, caught, panic_message};
use crate::event::Event;
use crate::guard::{Deferred, Ran};
use crate::mailbox::held::Held;
use crate::mailbox::sealed::{Consumer as _, Shared as _};
use crate::mailbox::{Heat, Kind, Pop, Position};
use crate::priority::Side;
use crate::registry::Registration;
use crate::reply::Failure;
use crate::station::{Mine, Station};
use crate::task::{Cooling, Progress, Task, Token, Turn};
use sides::{Extra, cool};
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
    /// Made with the first one.
    timers: Option<Box<Timers<S>>>,
    /// Made for the first request whose guard doesn't hold.
    deferred: Option<Box<Deferred<S::Request>>>,
    registration: Registration,
    /// What few objects have: then turns take another way.
    extra: Option<Box<Extra<S::Request>>>,
}

impl<S: Active, K: Kind> Object<S, K> {
    pub(crate) fn new(
        servant: S,
        consumer: Consumer<S, K>,
        ring: Held<Ring<S, K>>,
        heat: Heat,
        registration: Registration,
    ) -> Self {
        let extra = Extra::of(ring.bell().policy());
        Self {
            consumer,
            ring,
            servant: Some(servant),
            is_cold: false,
            heat,
            timers: None,
            deferred: None,
            registration,
            extra,
        }
    }

    fn desk(&self) -> &Desk<S::Request> {
        self.ring.bell()
    }

    /// Runs at most `batch` of what waits in one of the queues; returns how many requests that were.
    fn run(&mut self, batch: usize, queue: Queue<'_>, turn: &mut Turn) -> usize {
        if self.desk().is_aborted() {
            drop_caught(self.servant.take());
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
            self.end_batch(served, turn);
        }
        served
    }

    fn end_batch(&mut self, served: usize, turn: &mut Turn) {
        let queued = self.ring.len() + self.desk().sides().len();
        let batch = Batch { served, queued };
        self.beside("on_batch_end", turn, |servant, cx| servant.batch_ended(batch, cx));
    }

    /// Tries what waits for its guard, where something else than a request has run.
    fn retry_deferred(&mut self, turn: &mut Turn) {
        let Self { ring, servant: Some(servant), timers, deferred: Some(deferred), .. } = self
        else {
            return;
        };
        let mut context = turn.context(timers, ring.bell());
        let mut method = 0;
        let about = |request: &S::Request| method = S::method(request);
        let tried = catch_unwind(AssertUnwindSafe(|| deferred.retry(servant, &mut context, about)));
        if let Err(payload) = tried {
            self.panicked(method_name::<S>(method), payload);
        }
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
        let Self { ring, servant: Some(servant), timers, .. } = self else { return };
        let mut context = turn.context(timers, ring.bell());
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
        let Self { consumer, ring, servant: Some(servant), timers, deferred, .. } = self else {
            return Ok(0);
        };
        let desk = ring.bell();
        let mut context = turn.context(timers, desk);
        let mut method = 0;
        let mut count = 0;
        // One `catch_unwind` a batch, not one a request: what failed is in `method`.
        catch_unwind(AssertUnwindSafe(|| {
            let mut serve = |request: S::Request| {
                serve_one(servant, request, desk, deferred, &mut context, &mut method);
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
        close::<S, K>(&self.ring);
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
        drop_caught(self.servant.take());
    }
}

/// Runs one request, or keeps it until its guard holds. `method` is what is running when it panics.
#[inline(always)]
fn serve_one<S: Active>(
    servant: &mut S,
    request: S::Request,
    desk: &Desk<S::Request>,
    deferred: &mut Option<Box<Deferred<S::Request>>>,
    context: &mut Context<'_, S>,
    method: &mut usize,
) {
    if desk.is_aborted() {
        // The aborter may not have come to this call's cell yet.
        desk.pool().mark_stopped();
        return drop_caught(request);
    }
    *method = S::method(&request);
    // In this form the compiler leaves the other branch out before it decides what to inline: without
    // that 128 calls in flight took 67 ns each rather than 43.
    if S::HAS_GUARDS {
        let room = || Box::new(Deferred::new(desk.policy().capacity));
        let deferred = deferred.get_or_insert_with(room);
        match deferred.run_or_keep(servant, request, context) {
            Ran::Yes => {
                let about = |request: &S::Request| *method = S::method(request);
                deferred.retry(servant, context, about);
            }
            Ran::NotYet => {}
            Ran::NoRoom(request) => desk.shed(|| {
                drop_caught(request);
                1
            }),
        }
    } else {
        servant.dispatch(request, context);
    }
}

/// What a timer's panic is reported as, in place of a method.
const A_TIMER: &str = "a timer";

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
        if self.extra.is_some() {
            return self.turn_with_extra(station, turn);
        }
        // Most looks find nothing, and shall cost little.
        if !self.consumer.has_any() {
            return Progress::Idle;
        }
        Progress::of(match station.mine() {
            Some(mine) if self.desk().local_len(mine) > 0 => self.turn_local(mine, turn),
            _ => self.run(turn.batch, Queue::Mailbox, turn),
        })
    }

    fn turn_local(&mut self, mine: Mine<'_>, turn: &mut Turn) -> usize {
        if self.extra.is_some() {
            return self.turn_extra(Some(mine), turn);
        }
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

    fn start(&mut self, turn: &mut Turn) {
        self.beside("on_start", turn, S::started);
    }

    fn finish(&mut self, turn: &mut Turn) {
        self.drop_deferred();
        if !self.desk().is_aborted() {
            self.beside("on_stop", turn, S::stopping);
        }
        if let Some(timers) = self.timers.take() {
            timers.cancel_all(&mut turn.wheel);
        }
    }

    fn take_token(&mut self, token: Token) {
        match token {
            Token::Mailbox => self.is_cold = false,
            Token::Urgent => self.take_side_token(Side::Urgent),
            Token::Bulk => self.take_side_token(Side::Bulk),
        }
    }

    fn cool(&mut self) -> Cooling {
        let sides = self.cool_sides();
        if !matches!(sides, Cooling::Cold | Cooling::Over) {
            return sides;
        }
        match cool(&mut self.consumer, &mut self.is_cold, self.heat) {
            Cooling::Over if !self.desk().is_local_empty() => Cooling::Hot,
            Cooling::Over if self.are_sides_over() => Cooling::Over,
            // They are closed now, and those that were cold owe a token.
            Cooling::Over => self.cool_sides(),
            cooling => cooling,
        }
    }

    fn is_over(&mut self) -> bool {
        let is_drained =
            !self.is_cold && self.desk().is_local_empty() && self.consumer.peek() == Pop::Closed;
        is_drained && self.are_sides_over()
    }

    fn stop(&self) {
        close::<S, K>(&self.ring);
    }

    fn set_key(&mut self, key: usize) {
        self.desk().set_key(key);
        self.take_sides();
        // A note from before bore no key.
        if let Some(mine) = self.desk().station().mine()
            && self.desk().local_len(mine) > 0
        {
            self.desk().note_turned(mine);
            self.desk().note_called(mine);
        }
    }
}
