//! Making an active object: its options, its factory, and the way to its runner.

use crate::engine::engine::Engine;
use crate::engine::error::StartError;
use crate::engine::factory::{Factory, FactoryMut, keep};
use crate::engine::handle::EngineHandle;
use crate::engine::runner::Runner;
use crate::engine::spawning::{OnPanic, RestartedBy, Source, Spawning, send_to_runner};
use crate::mailbox::sealed::Producer as _;
use crate::mailbox::{ClonedKind, Heat, Kind, Lanes, Mpsc, Spsc, sealed};
use crate::object::active::Active;
use crate::object::control::TypedControl;
use crate::object::failure::restart::Restart;
use crate::object::failure::supervisor::Supervisor;
use crate::object::overflow::{MailboxPolicy, OnFull};
use crate::object::priority::Priority;
use crate::object::shared::Shared;
use crate::proxy::handle::Handle;
use crate::proxy::proxy::Proxy;
use crate::runner::remote::Remote;
use crate::sync::Arc;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The least number of reply cells an object may use: calls that are pending, or ended and not yet
/// taken. More capacity allows four times itself.
pub const CALLS_MIN: usize = 1024;

/// The phase of a shutdown in which objects are stopped unless told otherwise: room for 128 phases
/// before, and 127 after.
pub const PHASE_DEFAULT: u8 = 128;

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
    policy: MailboxPolicy,
    calls_max: Option<usize>,
    heat: Heat,
    is_kept: bool,
    on_panic: OnPanic<S, F>,
    phase: u8,
    types: PhantomData<Types<S, M, K>>,
}

impl<S: Active, M, F: Factory<S, M>> Spawn<S, M, F> {
    pub(crate) fn new(engine: EngineHandle, name: Option<String>, factory: F) -> Self {
        Self {
            engine,
            name,
            factory,
            place: Place::Any,
            policy: MailboxPolicy::DEFAULT,
            calls_max: None,
            heat: Heat::default(),
            is_kept: false,
            on_panic: OnPanic::Stop,
            phase: PHASE_DEFAULT,
            types: PhantomData,
        }
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
        Spawn {
            engine: self.engine,
            name: self.name,
            factory: self.factory,
            place: self.place,
            policy: self.policy,
            calls_max: self.calls_max,
            heat: self.heat,
            is_kept: self.is_kept,
            on_panic: self.on_panic,
            phase: self.phase,
            types: PhantomData,
        }
    }
}

impl<S: Active, M, F: Factory<S, M>, K: ClonedKind> Spawn<S, M, F, K> {
    /// Has the engine keep a proxy of the object: it lives until it is stopped, also while nobody else
    /// has one. It can be [found](EngineHandle::find) by its name.
    ///
    /// Not with [`single_producer`](Self::single_producer): there is only one proxy, the caller's.
    pub fn keep_alive(mut self) -> Self {
        self.is_kept = true;
        self
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

    /// How many requests may be accepted and not yet served. Default:
    /// [`CAPACITY_DEFAULT`](crate::CAPACITY_DEFAULT).
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

    /// Keeps the servant when a method of its panics, and goes on with the next request.
    ///
    /// The call that panicked ends [`Panicked`](crate::CallError::Panicked) in any case. Beware: a method
    /// that unwinds may leave the servant's fields half changed; ask for this only if every method
    /// keeps them sound up to the point where it may panic. Default: the object stops.
    ///
    /// The same goes for its timers and hooks. The batch that the panic broke off is reported to
    /// `on_batch_end` as one of a single request.
    pub fn resume_on_panic(mut self) -> Self {
        self.on_panic = OnPanic::Resume;
        self
    }

    /// Gives the object a new servant when one panics, as often and as soon as `restart` says.
    ///
    /// The factory is called again, on the runner's thread, so the servant need not be `Send`; what it
    /// captures stays with the object. The call that panicked ends
    /// [`Panicked`](crate::CallError::Panicked) and is never repeated. The servant is dropped, without
    /// `on_stop`; its timers are cancelled. Everything else stays: proxies, what waits in the mailbox or
    /// for a guard, and their order. The new one begins with `on_start`.
    ///
    /// During a delay the object accepts requests until its mailbox is full, and serves none: calls stay
    /// pending. A factory that fails counts as another failure. When the restarts are used up the
    /// object stops, what waits ends [`Stopped`](crate::CallError::Stopped), and its exit says
    /// [`RestartsExhausted`](crate::ExitReason::RestartsExhausted).
    ///
    /// Whoever stops an object doesn't wait for a delay: it gets its servant at once, serves what it has
    /// accepted, and ends. Where panics abort the process (`panic = "abort"`) none of this applies.
    ///
    /// ```
    /// use mainspring::prelude::*;
    /// use mainspring::Restart;
    /// use std::rc::Rc;
    ///
    /// struct Parser { seen: Rc<Vec<u64>> } // !Send
    /// #[active]
    /// impl Parser {
    ///     pub fn parse(&mut self, text: String) -> u64 {
    ///         let number = text.parse().expect("a number");
    ///         Rc::make_mut(&mut self.seen).push(number);
    ///         self.seen.iter().sum()
    ///     }
    /// }
    ///
    /// let engine = Engine::builder().runner(Runner::named("a")).start()?;
    /// let parser = engine.spawn("parser", || Parser { seen: Rc::default() });
    /// let parser = parser.restart_on_panic(Restart::new()).start()?;
    /// assert_eq!(parser.parse("40".into()).get(), Ok(40));
    /// assert!(parser.parse("forty".into()).get().is_err());
    /// assert_eq!(parser.parse("2".into()).get(), Ok(2)); // another servant
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restart_on_panic(mut self, restart: Restart) -> Self
    where
        F: FactoryMut<S, M>,
    {
        let by = RestartedBy::Itself(restart);
        self.on_panic = OnPanic::Restart { keep: keep::<S, M, F>, by };
        self
    }

    /// As [`restart_on_panic`](Self::restart_on_panic), together with others: `supervisor` decides who is
    /// restarted, and whether.
    pub fn supervised_by(mut self, supervisor: &Supervisor) -> Self
    where
        F: FactoryMut<S, M>,
    {
        let by = RestartedBy::Supervisor(supervisor.clone());
        self.on_panic = OnPanic::Restart { keep: keep::<S, M, F>, by };
        self
    }

    /// In which phase [`stop_in_phases`](EngineHandle::stop_in_phases) stops the object: lower ones first.
    /// Default: [`PHASE_DEFAULT`]. Give those lower ones that take work in, and those higher ones that
    /// others send their last results to.
    pub fn phase(mut self, phase: u8) -> Self {
        self.phase = phase;
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
        let remote = match std::mem::replace(&mut self.place, Place::Any) {
            Place::Any => self.engine.registry().place_of(self.name.as_deref())?,
            Place::On(name) => self.engine.registry().remote(&name)?,
            Place::Own(runner) => {
                let remote = self.engine.launch(runner)?;
                self.engine.registry().settle_spinning();
                return self.start_on(&remote).inspect_err(|_| remote.stop());
            }
        };
        self.start_on(&remote)
    }

    fn start_on(self, remote: &Arc<Remote>) -> Result<S::Proxy<K>, StartError> {
        let Self { engine, name, factory, policy, calls_max, heat, is_kept, .. } = self;
        let Self { on_panic, phase, .. } = self;
        if heat == Heat::Always && !remote.polls() {
            let object = name.unwrap_or_else(|| S::NAME.into());
            return Err(StartError::AlwaysHot { object, runner: remote.name().into() });
        }
        policy.check()?;
        let calls_max =
            calls_max.unwrap_or_else(|| CALLS_MIN.max(policy.capacity.saturating_mul(4)));
        let slots = policy.slots(policy.capacity);
        let shared =
            Shared::new(remote.clone(), name.as_deref(), S::REPLY_BYTES, calls_max, policy);
        let (producer, consumer) = <K as sealed::Kind>::mailbox(slots, heat, shared)?;
        let ring = producer.ring().clone();
        let control = std::sync::Arc::new(TypedControl::<S, K>(ring.clone()));
        let object = || name.as_deref().unwrap_or(S::NAME).into();
        let registration = engine.registry().register(control.clone(), phase)?;
        if is_kept {
            let kept = <K as sealed::Kind>::upgrade(&ring);
            let kept = kept.ok_or_else(|| StartError::KeepAlive { object: object() })?;
            engine.registry().keep_proxy(registration.id(), Box::new(kept));
        }
        let consumer = Some((consumer, registration));
        let spawning = Spawning::<S, K> { consumer, ring, heat, control, failure: None };
        send_to_runner(remote, &engine, spawning, Source::new(factory, on_panic))?;
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
