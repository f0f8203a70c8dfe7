//! Making an active object: its options, its factory, and the way to its runner.

use crate::active::Active;
use crate::control::{Controller, close};
use crate::desk::{Consumer, Desk, Ring};
use crate::engine::{Engine, EngineHandle};
use crate::error::{StartError, panic_message};
use crate::event::Event;
use crate::full::{OnFull, Policy};
use crate::mailbox::held::Held;
use crate::mailbox::sealed::{Consumer as _, Producer as _, Shared as _};
use crate::mailbox::{Heat, Kind, Lanes, Mpsc, Pop, Spsc, sealed};
use crate::object::{Object, drop_caught};
use crate::priority::Priority;
use crate::proxy::{Handle, Proxy};
use crate::registry::Registration;
use crate::runner::Runner;
use crate::station::{self, Station};
use crate::sync::Arc;
use crate::task::Task;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many requests a mailbox holds unless told otherwise. Its slots are allocated at the first
/// request, and a page is touched only when it is used.
pub const CAPACITY_DEFAULT: usize = 256;

/// The least number of reply cells an object may use: calls that are pending, or ended and not yet
/// taken. More capacity allows four times itself.
pub const CALLS_MIN: usize = 1024;

/// What makes a servant: a closure that returns it, or a `Result` with it.
///
/// It runs once, on the runner's thread, so the servant itself need not be `Send`.
pub trait Factory<S, M>: Send + 'static {
    /// Makes the servant, or says why not.
    fn make(self) -> Result<S, String>;
}

/// Marks factories that can't fail.
#[derive(Debug)]
pub enum Plain {}

/// Marks factories that return a `Result` with this error.
pub struct Fallible<E>(PhantomData<E>);

impl<S: Active, F: FnOnce() -> S + Send + 'static> Factory<S, Plain> for F {
    fn make(self) -> Result<S, String> {
        Ok(self())
    }
}

impl<S, E, F> Factory<S, Fallible<E>> for F
where
    S: Active,
    E: fmt::Display,
    F: FnOnce() -> Result<S, E> + Send + 'static,
{
    fn make(self) -> Result<S, String> {
        self().map_err(|error| error.to_string())
    }
}

/// Where an object goes.
enum Place {
    Any,
    On(String),
    Own(Runner),
}

type Types<S, M, K> = (fn() -> S, fn() -> M, K);

/// The options of one object; [`start`](Spawn::start) checks them and makes it.
///
/// ```
/// use mainspring::prelude::*;
///
/// struct Log(Vec<String>);
/// #[active]
/// impl Log {
///     pub fn line(&mut self, text: String) -> usize { self.0.push(text); self.0.len() }
/// }
///
/// let engine = Engine::builder().runner(Runner::named("io")).start()?;
/// let log = engine.spawn("log", || Log(Vec::new())).on("io").capacity(1000).start()?;
/// assert_eq!(log.line("hello".into()).get()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an object exists only after `start`"]
pub struct Spawn<S: Active, M, F: Factory<S, M>, K: Kind = Mpsc> {
    engine: EngineHandle,
    name: Option<String>,
    factory: F,
    place: Place,
    policy: Policy,
    calls_max: Option<usize>,
    heat: Heat,
    types: PhantomData<Types<S, M, K>>,
}

impl<S: Active, M, F: Factory<S, M>> Spawn<S, M, F> {
    pub(crate) fn new(engine: EngineHandle, name: Option<String>, factory: F) -> Self {
        let (place, policy) = (Place::Any, Policy::new(CAPACITY_DEFAULT));
        let (calls_max, heat) = (None, Heat::default());
        Self { engine, name, factory, place, policy, calls_max, heat, types: PhantomData }
    }

    /// Makes the mailbox a ring for one producer: cheaper, and the proxy can be sent, but neither
    /// cloned nor shared.
    pub fn single_producer(self) -> Spawn<S, M, F, Spsc> {
        self.kind()
    }

    /// Gives each producer a ring of its own, of the whole capacity: for several busy ones.
    ///
    /// The proxy can be sent and cloned (for another ring), not shared. The requests of one proxy
    /// run in the order sent; between two proxies there is no order, and the object serves them by
    /// turns.
    pub fn lanes(self) -> Spawn<S, M, F, Lanes> {
        self.kind()
    }

    fn kind<K: Kind>(self) -> Spawn<S, M, F, K> {
        let Self { engine, name, factory, place, policy, calls_max, heat, .. } = self;
        Spawn { engine, name, factory, place, policy, calls_max, heat, types: PhantomData }
    }
}

impl<S: Active, M, F: Factory<S, M>, K: Kind> Spawn<S, M, F, K> {
    /// Puts the object on the runner of that name. Default: the runners take turns.
    pub fn on(mut self, runner: impl Into<String>) -> Self {
        self.place = Place::On(runner.into());
        self
    }

    /// Gives the object a thread of its own, which ends with it.
    pub fn on_own_runner(self) -> Self {
        // Relaxed: a number to tell threads apart.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = match &self.name {
            Some(name) => format!("{name}#{number}"),
            None => format!("{}#{number}", S::NAME),
        };
        self.on_private_runner(Runner::named(name))
    }

    /// Gives the object a thread of its own with these options, which ends with it.
    pub fn on_private_runner(mut self, mut runner: Runner) -> Self {
        runner.is_private = true;
        self.place = Place::Own(runner);
        self
    }

    /// How many requests may be accepted and not yet served. Default: [`CAPACITY_DEFAULT`].
    ///
    /// Exact for calls from other threads, but that an object gives the slots it has served back in
    /// groups, of up to 64 and an eighth of the capacity, while more requests wait. Calls from its
    /// own runner's thread are queued apart, and so many of them have room there.
    pub fn capacity(mut self, requests: usize) -> Self {
        self.policy.capacity = requests;
        self
    }

    /// How many requests of a priority may be accepted and not yet served. Default, for each: the
    /// object's [`capacity`](Self::capacity), which is that of [`Priority::Normal`].
    pub fn priority_capacity(mut self, priority: Priority, requests: usize) -> Self {
        self.policy.set_capacity(priority, requests);
        self
    }

    /// What becomes of requests that find no room, unless they say it themselves
    /// ([`Options::on_full`](crate::Options::on_full)). Default: [`OnFull::Fail`].
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.policy.on_full = on_full;
        self
    }

    /// Drops the oldest requests when there are more than the capacity, in place of refusing the newest:
    /// for readings of which the last ones count.
    ///
    /// It is the object that drops them, at the beginning of its turns. Each lane has twice the
    /// capacity for that, and before the object serves, it drops the oldest beyond the capacity; their
    /// calls end [`CallError::Shed`](crate::CallError), and [`Proxy::shed`] counts them. Only while the
    /// object is so long in a method that the other half fills up too, a request finds no room, and
    /// [`on_full`](Self::on_full) decides. With [`lanes`](Self::lanes) the capacity is that of all
    /// producers together. Calls from the object's own runner are never dropped; twice the capacity of
    /// them have room.
    ///
    /// ```
    /// use mainspring::prelude::*;
    /// use std::time::Instant;
    ///
    /// #[derive(Default)]
    /// struct Gauge(Vec<u32>);
    /// #[active]
    /// impl Gauge {
    ///     pub fn read(&mut self, value: u32) -> usize { self.0.push(value); self.0.len() }
    /// }
    ///
    /// let engine = Engine::builder().start()?;
    /// let mut scheduler = engine.invoker("loop")?;
    /// let gauge = engine.spawn("gauge", Gauge::default).capacity(2).shed_oldest().start()?;
    /// let mut calls = std::thread::scope(|scope| {
    ///     let send = || [1, 2, 3].map(|value| gauge.read(value));
    ///     scope.spawn(send).join().expect("nothing panics")
    /// });
    /// scheduler.turn(Instant::now());
    /// let ends = calls.each_mut().map(|call| call.try_get().unwrap());
    /// assert_eq!(ends, [Err(CallError::Shed), Ok(1), Ok(2)]);
    /// assert_eq!(gauge.shed(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shed_oldest(mut self) -> Self {
        self.policy.sheds_oldest = true;
        self
    }

    /// Gives each call a deadline, so long after it was made, unless it has one of its own: see
    /// [`Options::deadline`](crate::Options::deadline). Default: none.
    ///
    /// One-way requests have none: call and [`detach`](crate::Call::detach) what must not run late.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.policy.call_timeout = Some(limit);
        self
    }

    /// How many calls may be pending, or ended and not yet taken, before further ones are refused
    /// as full. Default: four times the capacity, at least [`CALLS_MIN`]; at most 1,048,576.
    pub fn calls_max(mut self, calls: usize) -> Self {
        self.calls_max = Some(calls);
        self
    }

    /// Has the runner poll the object for as long as it lives, also while nothing is sent.
    ///
    /// With [`single_producer`](Self::single_producer) or [`lanes`](Self::lanes) a one-way request
    /// then costs its producer no fence and no locked instruction. It needs a runner that never
    /// parks, and costs that runner a look each turn. See [`Heat::Always`].
    pub fn always_hot(mut self) -> Self {
        self.heat = Heat::Always;
        self
    }

    /// Makes the object, and returns its proxy.
    ///
    /// # Errors
    /// What is wrong with the options; what the factory returned, or its panic; a runner that has
    /// stopped.
    /// # Blocking
    /// Until the factory has returned. A servant that spawns on its own runner runs the factory on
    /// the spot; on another runner it doesn't wait: if the factory fails then, the proxy's calls end
    /// [`Stopped`](crate::CallError::Stopped) and the engine reports
    /// [`FactoryFailed`](crate::Event::FactoryFailed).
    pub fn start(mut self) -> Result<S::Proxy<K>, StartError> {
        let station = match std::mem::replace(&mut self.place, Place::Any) {
            Place::Any => self.engine.shared().any_station()?,
            Place::On(name) => self.engine.shared().station(&name)?,
            Place::Own(runner) => {
                let station = self.engine.launch(runner)?;
                self.engine.shared().settle_spinning();
                return self.start_on(&station).inspect_err(|_| station.stop());
            }
        };
        self.start_on(&station)
    }

    fn start_on(self, station: &Arc<Station>) -> Result<S::Proxy<K>, StartError> {
        let Self { engine, name, factory, policy, calls_max, heat, .. } = self;
        if heat == Heat::Always && !station.polls() {
            let object = name.unwrap_or_else(|| S::NAME.into());
            return Err(StartError::AlwaysHot { object, runner: station.name().into() });
        }
        policy.check()?;
        let calls_max =
            calls_max.unwrap_or_else(|| CALLS_MIN.max(policy.capacity.saturating_mul(4)));
        let slots = policy.slots(policy.capacity);
        let desk = Desk::new(station.clone(), name.as_deref(), S::REPLY_BYTES, calls_max, policy);
        let (producer, consumer) = <K as sealed::Kind>::mailbox(slots, heat, desk)?;
        let ring = producer.ring().clone();
        let control = std::sync::Arc::new(Controller::<S, K>(ring.clone()));
        let registration = engine.shared().register(control)?;
        let seed = Seed::<S, K> { consumer: Some((consumer, registration)), ring, heat };
        deliver(station, &engine, seed, factory)?;
        Ok(S::Proxy::<K>::from_handle(Handle::new(producer)))
    }
}

impl<S: Active, M, F: Factory<S, M>, K: Kind> fmt::Debug for Spawn<S, M, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Spawn");
        debug.field("servant", &S::NAME).field("name", &self.name);
        debug.field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// An object whose servant has not been made.
struct Seed<S: Active, K: Kind> {
    consumer: Option<(Consumer<S, K>, Registration)>,
    ring: Held<Ring<S, K>>,
    heat: Heat,
}

impl<S: Active, K: Kind> Seed<S, K> {
    fn grow<M>(mut self, factory: impl Factory<S, M>) -> Result<Box<dyn Task>, StartError> {
        let object = || self.ring.bell().name().unwrap_or(S::NAME).to_owned();
        let servant = match catch_unwind(AssertUnwindSafe(|| factory.make())) {
            Ok(Ok(servant)) => servant,
            Ok(Err(message)) => return Err(StartError::Factory { object: object(), message }),
            Err(payload) => {
                let message = panic_message(&*payload).into();
                drop_caught(payload);
                return Err(StartError::FactoryPanicked { object: object(), message });
            }
        };
        let gone = || StartError::RunnerStopped { name: self.ring.bell().station().name().into() };
        let (consumer, registration) = self.consumer.take().ok_or_else(gone)?;
        Ok(Box::new(Object::<S, K>::new(
            servant,
            consumer,
            self.ring.clone(),
            self.heat,
            registration,
        )))
    }
}

/// How long a failed spawn leaves the CPU to a producer that is in the middle of a push.
const SUSPENDED_NAP: Duration = Duration::from_micros(50);

impl<S: Active, K: Kind> Drop for Seed<S, K> {
    fn drop(&mut self) {
        if let Some((consumer, _)) = &mut self.consumer {
            // Nobody will serve what came before the servant: it ends `Stopped`.
            self.ring.bell().pool().mark_stopped();
            close::<S, K>(&self.ring);
            let sides = self.ring.bell().sides().take();
            let mut sides =
                sides.map(|ends| ends.consumers).into_iter().flatten().collect::<Vec<_>>();
            loop {
                consumer.drain(usize::MAX, |request, _| drop_caught(request));
                let mut is_over = consumer.peek() == Pop::Closed;
                for side in &mut sides {
                    side.drain(usize::MAX, |request, _| drop_caught(request));
                    is_over &= side.peek() == Pop::Closed;
                }
                if is_over {
                    return;
                }
                // A producer was suspended between claim and stamp; what is behind it must end too.
                // Sleeps rather than yields: the producer may have the lower priority.
                std::thread::sleep(SUSPENDED_NAP);
            }
        }
    }
}

fn deliver<S: Active, K: Kind, M>(
    station: &Arc<Station>,
    engine: &EngineHandle,
    seed: Seed<S, K>,
    factory: impl Factory<S, M>,
) -> Result<(), StartError> {
    if let Some(mine) = station.mine() {
        station.leave_newcomer(mine, seed.grow(factory)?);
        return Ok(());
    }
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    // Two runners that wait for each other would wait for ever. Decided before the command is
    // sent: a failure that nobody waits for is reported.
    let is_done = (!station::is_runner()).then_some(is_done);
    let reporter = engine.clone();
    station.send(Box::new(move |scheduler| {
        let grown = seed.grow(factory).map(|task| scheduler.adopt(task));
        if grown.is_err() {
            scheduler.note_failure();
        }
        if let Err(std::sync::mpsc::SendError(Err(error))) = done.send(grown) {
            reporter.shared().tell(&Event::FactoryFailed { reason: error.to_string() });
        }
    }));
    let gone = StartError::RunnerStopped { name: station.name().into() };
    is_done.map_or(Ok(()), |is_done| is_done.recv().unwrap_or(Err(gone)))
}

/// Makes an active object on a thread of its own, in an engine of its own: both end when its last
/// proxy is dropped.
///
/// # Errors
/// The thread could not be started.
///
/// # Examples
/// ```
/// use mainspring::prelude::*;
///
/// struct Greeter;
/// #[active]
/// impl Greeter {
///     pub fn greet(&self, name: String) -> String { format!("Hello, {name}!") }
/// }
///
/// let greeter = mainspring::spawn(Greeter)?;
/// assert_eq!(greeter.greet("world".into()).get()?, "Hello, world!");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spawn<S: Active + Send>(servant: S) -> Result<S::Proxy<Mpsc>, StartError> {
    let engine = Engine::builder().start()?;
    let proxy = engine.spawn_unnamed(move || servant).on_own_runner().start()?;
    engine.detach();
    Ok(proxy)
}
