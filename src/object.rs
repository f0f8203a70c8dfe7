//! One active object: what its callers share ([`Desk`]), and what its runner owns ([`Object`]).

use crate::active::{Active, Batch};
use crate::context::{Context, Request, Timers};
use crate::error::{CallError, SendError, caught, panic_message};
use crate::event::Event;
use crate::fan_out;
use crate::guard::{Deferred, Ran};
use crate::local::LocalQueue;
use crate::mailbox::held::Held;
use crate::mailbox::sealed::{Consumer as _, Shared as _};
use crate::mailbox::{Bell, Heat, Kind, Pop, Position, sealed};
use crate::pool::{OwnedPool, Pool};
use crate::ready::Link;
use crate::registry::Registration;
use crate::reply::Failure;
use crate::station::{Mine, Station};
use crate::sync::{Arc, AtomicU32, IS_MODEL};
use crate::wheel::Wheel;
use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

/// The ring of an object's mailbox, with its desk inside.
pub(crate) type Ring<S, K> =
    <K as sealed::Kind>::Ring<<S as Active>::Request, Desk<<S as Active>::Request>>;
pub(crate) type Producer<S, K> =
    <K as sealed::Kind>::Producer<<S as Active>::Request, Desk<<S as Active>::Request>>;
pub(crate) type Consumer<S, K> =
    <K as sealed::Kind>::Consumer<<S as Active>::Request, Desk<<S as Active>::Request>>;

/// What everybody shares who calls the object, beside the ring. It is the ring's bell, so that a
/// proxy reaches all of it through one pointer.
///
/// In the order given: what every request reads comes first, what is written while requests flow
/// last, in other cache lines.
#[repr(C)]
pub(crate) struct Desk<R> {
    station: Arc<Station>,
    pool: OwnedPool,
    aborted: AtomicU32,
    reply_bytes: u32,
    calls_max: u32,
    name: Option<Box<str>>,
    link: Link,
    /// Calls from the runner's own thread.
    local: LocalQueue<LocalCall<R>>,
}

/// A request on the short way, and what had come the long way before it.
struct LocalCall<R> {
    /// The mailbox's end when this was accepted: what lies before it goes first.
    end: Position,
    request: R,
}

const _: () = assert!(
    IS_MODEL || mem::offset_of!(Desk<()>, name) <= 40,
    "what every request reads shares a line with the address and the size of the ring"
);

impl<R: Send + 'static> Bell for Desk<R> {
    fn ring(&self) {
        // SAFETY: whoever cleared `COLD` rings, so the link isn't in the stack; the runner keeps
        // the object, and so the desk, until it has taken the link off (`Object::is_over`).
        let asleep = unsafe { self.station.ready().push(&self.link) };
        debug_assert!(asleep.is_some(), "a runner outlives its objects");
        if asleep == Some(true) {
            fan_out::wake(&self.station);
        }
    }

    fn late(&self) {
        // An aborter may have looked at the reply cells before this call's was to be seen.
        if self.is_aborted() {
            self.end_calls();
        }
    }
}

impl<R: Send + 'static> Desk<R> {
    /// `reply_bytes` and `calls_max` are for the reply cells.
    pub(crate) fn new(
        station: Arc<Station>,
        name: Option<&str>,
        reply_bytes: usize,
        calls_max: usize,
    ) -> Self {
        Self {
            station,
            pool: OwnedPool::unmade(),
            aborted: AtomicU32::new(0),
            reply_bytes: u32::try_from(reply_bytes).expect("a type's size is bounded"),
            calls_max: u32::try_from(calls_max).unwrap_or(u32::MAX),
            name: name.map(Into::into),
            link: Link::new(0),
            local: LocalQueue::new(),
        }
    }

    pub(crate) fn station(&self) -> &Arc<Station> {
        &self.station
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The reply cells.
    #[inline(always)]
    pub(crate) fn pool(&self) -> &Pool {
        let make = || self.pool.make(self.reply_bytes, self.calls_max, &self.station);
        self.pool.get().unwrap_or_else(make)
    }

    /// Queues a request on the runner's own thread. `end` is the mailbox's, unless it is closed.
    #[inline]
    pub(crate) fn push_local(
        &self,
        mine: Mine<'_>,
        request: R,
        end: Option<Position>,
        capacity: usize,
    ) -> Result<(), SendError<R>> {
        let Some(end) = end else { return Err(SendError::Stopped(request)) };
        if self.local.len(mine) >= capacity {
            return Err(SendError::Full(request));
        }
        self.local.push(mine, LocalCall { end, request }, capacity.min(LOCAL_RESERVE));
        self.note_called(mine);
        Ok(())
    }

    /// Whether [`push_local`](Self::push_local) would accept a request now.
    pub(crate) fn has_local_room(&self, mine: Mine<'_>, is_closed: bool, capacity: usize) -> bool {
        !is_closed && self.local.len(mine) < capacity
    }

    /// Takes the oldest local call, if the mailbox ended there when it came.
    #[inline(always)]
    fn pop_local(&self, mine: Mine<'_>, end: Position) -> Option<R> {
        self.local.pop_if(mine, |call| call.end == end).map(|call| call.request)
    }

    /// Notes the object as called, once.
    #[inline]
    fn note_called(&self, mine: Mine<'_>) {
        if !self.local.note(mine, true) {
            mine.wake(self.link.key());
        }
    }

    /// Whether no call of the runner's own thread waits; others can't know, and are told so.
    fn is_local_empty(&self) -> bool {
        self.station.mine().is_none_or(|mine| self.local.len(mine) == 0)
    }

    /// Ends every call that is neither done nor cancelled.
    fn end_calls(&self) {
        if let Some(pool) = self.pool.get() {
            pool.end_all();
        }
    }

    #[inline(always)]
    fn is_aborted(&self) -> bool {
        // Acquire [desk.aborted]: what the aborter did before is seen.
        self.aborted.load(Acquire) != 0
    }
}

/// The local queue starts with room for this many; it grows to the capacity, and never beyond.
const LOCAL_RESERVE: usize = 64;

/// Stopping an object from anywhere, without knowing its type.
pub(crate) trait Control: Send + Sync {
    /// Ends admission; what was accepted still runs.
    fn stop(&self);
    /// Ends admission and every call that isn't done, at once, even if the servant is stuck.
    fn abort(&self);
    /// The object's name, if it has one.
    fn name(&self) -> Option<&str>;
}

/// A ring, as its controller.
pub(crate) struct Controller<S: Active, K: Kind>(pub(crate) Held<Ring<S, K>>);

impl<S: Active, K: Kind> Control for Controller<S, K> {
    fn stop(&self) {
        self.0.close();
    }

    fn abort(&self) {
        abort::<S, K>(&self.0);
    }

    fn name(&self) -> Option<&str> {
        self.0.bell().name()
    }
}

/// See [`Control::abort`].
pub(crate) fn abort<S: Active, K: Kind>(ring: &Ring<S, K>) {
    let desk = ring.bell();
    // Release [desk.aborted]: for whoever sees the flag without the close.
    desk.aborted.store(1, Release);
    ring.close();
    // After the close no call is accepted, and every accepted one's cell is visible: its claim and
    // the close changed the same word (pair `tail.claimed`), or each fenced before it looked at what
    // the other had done (pair `door.passed`).
    desk.end_calls();
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

/// What a turn of an object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It served that many requests (or dropped them): turn to it again.
    Worked(usize),
    /// Nothing was there.
    Idle,
}

/// What cooling an object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cooling {
    /// Its bell will ring.
    Cold,
    /// Something arrived: turn to it again.
    Hot,
    /// Its bell can't be asked for: the head slot is claimed and not yet filled, or it is always hot.
    Polled,
    /// It has ended, and nothing of it is left.
    Over,
}

/// What a runner gives its objects for their turns.
pub(crate) struct Turn {
    /// When the runner's turn began.
    pub(crate) now: Instant,
    pub(crate) wheel: Wheel,
    /// How many requests an object may serve.
    pub(crate) batch: usize,
    /// `now` is the system's clock, as is what may be read later.
    pub(crate) is_live: bool,
}

impl Turn {
    #[inline(always)]
    fn context<'a, S: Active>(
        &'a mut self,
        timers: &'a mut Option<Box<Timers<S>>>,
        desk: &Desk<S::Request>,
    ) -> Context<'a, S> {
        let object = desk.link.key() as u32;
        let Self { now, wheel, is_live, .. } = self;
        let request = Request::default();
        Context { now: *now, wheel, timers, object, is_live: *is_live, request }
    }
}

/// An object as its runner sees it.
pub(crate) trait Task {
    /// Serves requests from its mailbox, at most a batch, unless calls of the runner's own thread wait:
    /// then as [`turn_local`](Self::turn_local).
    fn turn(&mut self, station: &Station, turn: &mut Turn) -> Progress;
    /// Serves calls from the runner's own thread, at most a batch, and first what came through the
    /// mailbox before them; returns how many. If more wait, it notes itself as called again.
    fn turn_local(&mut self, mine: Mine<'_>, turn: &mut Turn) -> usize;
    /// Runs what one of its timers is for.
    fn fire(&mut self, timer: u32, turn: &mut Turn);
    /// Lets the servant begin; before anything else of it runs.
    fn start(&mut self, turn: &mut Turn);
    /// Lets the servant end, and takes its timers back; before the runner lets it go.
    fn finish(&mut self, turn: &mut Turn);
    /// The token was taken off the ready set.
    fn take_token(&mut self);
    /// Asks the mailbox to ring when something arrives, instead of being polled.
    fn cool(&mut self) -> Cooling;
    /// Whether it was stopped, and nothing of it is left.
    fn is_over(&self) -> bool;
    fn stop(&self);
    /// Tells where the runner keeps the object. Before its first cooling, and before the runner looks
    /// at what was called.
    fn set_key(&self, key: usize);
}

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
            timers: None,
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
            let batch = Batch { served, queued: self.ring.len() };
            self.beside("on_batch_end", turn, |servant, cx| servant.batch_ended(batch, cx));
        }
        served
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
        let capacity = ring.capacity();
        let desk = ring.bell();
        let mut context = turn.context(timers, desk);
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
        drop_caught(self.servant.take());
    }
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
            Some(mine) if self.desk().local.len(mine) > 0 => self.turn_local(mine, turn),
            _ => self.run(turn.batch, Queue::Mailbox, turn),
        };
        match served {
            0 => Progress::Idle,
            count => Progress::Worked(count),
        }
    }

    fn turn_local(&mut self, mine: Mine<'_>, turn: &mut Turn) -> usize {
        let batch = turn.batch;
        self.desk().local.note(mine, false);
        // What it calls itself meanwhile has its turn after the others.
        let mut waiting = self.desk().local.len(mine).min(batch);
        let mut count = 0;
        while waiting > 0
            && count < batch
            && let Some(end) = self.desk().local.first(mine, |call| call.end)
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
        if self.desk().local.len(mine) > 0 {
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

    fn take_token(&mut self) {
        self.is_cold = false;
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
            _ => Cooling::Hot,
        }
    }

    fn is_over(&self) -> bool {
        !self.is_cold && self.desk().is_local_empty() && self.consumer.peek() == Pop::Closed
    }

    fn stop(&self) {
        self.consumer.close();
    }

    fn set_key(&self, key: usize) {
        self.desk().link.set_key(key);
        // A note from before bore no key.
        if let Some(mine) = self.desk().station().mine()
            && self.desk().local.len(mine) > 0
        {
            self.desk().local.note(mine, false);
            self.desk().note_called(mine);
        }
    }
}
