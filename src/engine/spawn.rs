//! Making an active object: its options, its factory, and the way to its runner.

use crate::engine::engine::Engine;
use crate::engine::error::StartError;
use crate::engine::factory::{Factory, FactoryMut, keep};
use crate::engine::handle::EngineHandle;
use crate::engine::runner::Runner;
use crate::engine::spawning::{OnPanic, RestartedBy, Spawning, send_to_runner};
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

/// The default number of reply cells of an object with a small mailbox: calls that are pending, or
/// ended and not yet taken. Larger mailboxes get four times their capacity.
pub const CALLS_MIN: usize = 1024;

/// The phase of a shutdown in which objects stop by default. It leaves 128 phases before it, and 127
/// after it.
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
    factory: F,
    options: SpawnOptions,
    on_panic: OnPanic<S, F>,
    types: PhantomData<Types<S, M, K>>,
}

/// Those that don't depend on the servant's type.
struct SpawnOptions {
    name: Option<String>,
    place: Place,
    policy: MailboxPolicy,
    calls_max: Option<usize>,
    heat: Heat,
    is_kept: bool,
    phase: u8,
}

impl<S: Active, M, F: Factory<S, M>> Spawn<S, M, F> {
    pub(crate) fn new(engine: EngineHandle, name: Option<String>, factory: F) -> Self {
        let options = SpawnOptions {
            name,
            place: Place::Any,
            policy: MailboxPolicy::DEFAULT,
            calls_max: None,
            heat: Heat::default(),
            is_kept: false,
            phase: PHASE_DEFAULT,
        };
        Self { engine, factory, options, on_panic: OnPanic::Stop, types: PhantomData }
    }

    /// Makes the mailbox a ring for one producer: cheaper, and the proxy can be sent, but neither
    /// cloned nor shared.
    pub fn single_producer(self) -> Spawn<S, M, F, Spsc> {
        self.kind()
    }

    /// Gives each producer a ring of its own, of the whole capacity: for several busy ones.
    ///
    /// The proxy can be sent and cloned (each clone gets another ring), but not shared. The requests of
    /// one proxy run in the order sent. There is no order between two proxies: the object serves them
    /// in turn.
    pub fn lanes(self) -> Spawn<S, M, F, Lanes> {
        self.kind()
    }

    fn kind<K: Kind>(self) -> Spawn<S, M, F, K> {
        let Self { engine, factory, options, on_panic, .. } = self;
        Spawn { engine, factory, options, on_panic, types: PhantomData }
    }
}

impl<S: Active, M, F: Factory<S, M>, K: ClonedKind> Spawn<S, M, F, K> {
    /// The engine keeps a proxy of the object, so the object lives until it is stopped, even when nobody
    /// else holds one. It can be [found](EngineHandle::find) by its name.
    ///
    /// Not available with [`single_producer`](Self::single_producer): the only proxy is the caller's.
    pub fn keep_alive(mut self) -> Self {
        self.options.is_kept = true;
        self
    }
}

impl<S: Active, M, F: Factory<S, M>, K: Kind> Spawn<S, M, F, K> {
    /// Puts the object on the runner of that name. Default: the runners take turns.
    pub fn on(mut self, runner: impl Into<String>) -> Self {
        self.options.place = Place::On(runner.into());
        self
    }

    /// Gives the object a thread of its own, which ends with it.
    pub fn on_own_runner(self) -> Self {
        // Relaxed: a number to tell threads apart.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = match &self.options.name {
            Some(name) => format!("{name}#{number}"),
            None => format!("{}#{number}", S::NAME),
        };
        self.on_private_runner(Runner::named(name))
    }

    /// Gives the object a thread of its own with these options, which ends with it.
    pub fn on_private_runner(mut self, mut runner: Runner) -> Self {
        runner.is_private = true;
        self.options.place = Place::Own(runner);
        self
    }

    /// How many requests may be accepted and not yet served. Default:
    /// [`CAPACITY_DEFAULT`](crate::CAPACITY_DEFAULT).
    ///
    /// Exact between batches. While a batch is being served, its slots are freed in groups: at most 64,
    /// and at most an eighth of the capacity. Calls from the object's own runner thread have a queue of
    /// their own, with the same capacity.
    pub fn capacity(mut self, requests: usize) -> Self {
        self.options.policy.capacity = requests;
        self
    }

    /// How many requests of a priority may be accepted and not yet served. Default, for each: the
    /// object's [`capacity`](Self::capacity), which is that of [`Priority::Normal`].
    pub fn priority_capacity(mut self, priority: Priority, requests: usize) -> Self {
        self.options.policy.set_capacity(priority, requests);
        self
    }

    /// What happens to requests that find no room, unless the request's own
    /// [`Options::on_full`](crate::Options::on_full) says otherwise. Default: [`OnFull::Fail`].
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.options.policy.on_full = on_full;
        self
    }

    /// Drops the oldest requests when more than the capacity wait, instead of refusing the newest. For
    /// readings of which only the latest matter.
    ///
    /// The object itself drops them, at the beginning of each turn. Each lane has room for twice the
    /// capacity; before the object serves, it drops the oldest requests beyond the capacity. Their calls
    /// end with [`CallError::Shed`](crate::CallError), and [`Proxy::shed`] counts them. If one method
    /// runs so long that the second half fills up too, a new request finds no room, and
    /// [`on_full`](Self::on_full) decides. With [`lanes`](Self::lanes) the capacity covers all producers
    /// together. Calls from the object's own runner are never dropped; there is room for twice the
    /// capacity of them.
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
        self.options.policy.sheds_oldest = true;
        self
    }

    /// Gives each call a deadline this long after it is made, unless the call sets its own with
    /// [`Options::deadline`](crate::Options::deadline). Default: none.
    ///
    /// One-way requests have no deadline. If one must not run late, make a call and
    /// [`detach`](crate::Call::detach) it.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.options.policy.call_timeout = Some(limit);
        self
    }

    /// How many calls may be pending, or ended and not yet taken, before further ones are refused
    /// as full. Default: four times the capacity, at least [`CALLS_MIN`]; at most 1,048,576.
    pub fn calls_max(mut self, calls: usize) -> Self {
        self.options.calls_max = Some(calls);
        self
    }

    /// The runner polls the object in every turn for as long as the object lives, even when nothing is
    /// sent.
    ///
    /// With [`single_producer`](Self::single_producer) or [`lanes`](Self::lanes) a one-way request
    /// then costs its producer no fence and no locked instruction. The runner must never park, and pays
    /// for one look per turn. See [`Heat::Always`].
    pub fn always_hot(mut self) -> Self {
        self.options.heat = Heat::Always;
        self
    }

    /// Keeps the servant when one of its methods panics, and continues with the next request.
    ///
    /// The call that panicked ends with [`Panicked`](crate::CallError::Panicked) in any case. Beware: a
    /// method that unwinds may leave the servant's fields half changed. Use this only if every method
    /// keeps them consistent up to the point where it may panic. Default: the object stops.
    ///
    /// Panics of timers and hooks are treated in the same way. `on_batch_end` sees the batch that the
    /// panic cut short as a batch of one request.
    pub fn resume_on_panic(mut self) -> Self {
        self.on_panic = OnPanic::Resume;
        self
    }

    /// Replaces the servant after a panic, as often and as soon as `restart` allows.
    ///
    /// The factory is called again on the runner's thread, so the servant need not be `Send`; what the
    /// factory captures stays with the object. The call that panicked ends with
    /// [`Panicked`](crate::CallError::Panicked) and is never repeated. The old servant is dropped without
    /// `on_stop`, and its timers are cancelled. Everything else stays: proxies, the requests that wait in
    /// the mailbox or for a guard, and their order. The new servant begins with `on_start`.
    ///
    /// During a delay the object accepts requests until its mailbox is full, and serves none: calls stay
    /// pending. A factory that fails counts as another failure. When the restarts are used up, the object
    /// stops, the requests that wait end with [`Stopped`](crate::CallError::Stopped), and its exit says
    /// [`RestartsExhausted`](crate::ExitReason::RestartsExhausted).
    ///
    /// A stop doesn't wait for the delay to pass: the object gets its servant at once, serves what it has
    /// accepted, and ends. With `panic = "abort"` none of this applies.
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

    /// Like [`restart_on_panic`](Self::restart_on_panic), as one of a group: `supervisor` decides which
    /// objects are restarted, if any.
    pub fn supervised_by(mut self, supervisor: &Supervisor) -> Self
    where
        F: FactoryMut<S, M>,
    {
        let by = RestartedBy::Supervisor(supervisor.clone());
        self.on_panic = OnPanic::Restart { keep: keep::<S, M, F>, by };
        self
    }

    /// The phase in which [`stop_in_phases`](EngineHandle::stop_in_phases) stops the object; lower phases
    /// stop first. Default: [`PHASE_DEFAULT`]. Give low phases to objects that take work in, and high
    /// phases to objects that others send their last results to.
    pub fn phase(mut self, phase: u8) -> Self {
        self.options.phase = phase;
        self
    }

    /// Makes the object, and returns its proxy.
    ///
    /// # Errors
    /// Options that conflict, a factory that failed or panicked, or a runner that has stopped.
    /// # Blocking
    /// Until the factory has returned. A servant that spawns on its own runner runs the factory
    /// immediately. A servant that spawns on another runner doesn't wait: if the factory fails, the
    /// proxy's calls end with [`Stopped`](crate::CallError::Stopped) and the engine reports
    /// [`FactoryFailed`](crate::Event::FactoryFailed).
    pub fn start(mut self) -> Result<S::Proxy<K>, StartError> {
        let remote = match std::mem::replace(&mut self.options.place, Place::Any) {
            Place::Any => self.engine.registry().place_of(self.options.name.as_deref())?,
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
        let Self { engine, factory, options, on_panic, .. } = self;
        let SpawnOptions { name, policy, calls_max, heat, is_kept, phase, .. } = options;
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
        send_to_runner(remote, engine.registry(), spawning, factory, on_panic)?;
        Ok(S::Proxy::<K>::from_handle(Handle::new(producer)))
    }
}

impl<S: Active, M, F: Factory<S, M>, K: Kind> fmt::Debug for Spawn<S, M, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Spawn");
        debug.field("servant", &S::NAME).field("name", &self.options.name);
        debug.field("policy", &self.options.policy).finish_non_exhaustive()
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
