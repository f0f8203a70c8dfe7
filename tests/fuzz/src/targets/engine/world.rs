//! What the program acts on: objects, calls, replies that are owed, and the time.

use super::super::life::{self, Record as Life, Value, meant};
use super::super::program::Program;
use super::super::trace;
use super::far::far;
use super::request::{OnDrop, Record, Ticket};
use super::victim::{Victim, VictimProxy};
use mainspring::mailbox::{Guest, Kind, Lanes, Mpsc, Spsc};
use mainspring::prelude::*;
use mainspring::{
    CallSet, EngineHandle, Publisher, Reply, Restart, SendError, Subscription, Supervisor, Topic,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Objects at a time.
const OBJECTS: usize = 4;
/// Objects in a program.
const LIVES: usize = 24;
/// User code inside user code.
const DEPTH: usize = 3;
/// Timers and delays are of this order, and now and then of any.
const SPAN: Duration = Duration::from_millis(50);

thread_local!(static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) });

/// The world of this thread; none on the other one, and behind the end.
pub fn current() -> Option<Rc<World>> {
    WORLD.with_borrow(|world| world.clone())
}

/// A proxy of any kind.
pub enum Any {
    Mpsc(VictimProxy<Mpsc>),
    Lanes(VictimProxy<Lanes>),
    Guest(VictimProxy<Guest>),
    Spsc(VictimProxy<Spsc>),
}

macro_rules! each {
    ($any:expr, $proxy:ident => $run:expr) => {
        match $any {
            Any::Mpsc($proxy) => $run,
            Any::Lanes($proxy) => $run,
            Any::Guest($proxy) => $run,
            Any::Spsc($proxy) => $run,
        }
    };
}

/// A place that an object may have.
#[derive(Default)]
struct Place {
    proxy: Option<Rc<Any>>,
    weak: Option<Weak<Victim, Mpsc>>,
    /// Which of all objects it is.
    life: usize,
}

/// What is kept of each object there was.
#[derive(Default)]
struct Past {
    /// How often its monitor has run.
    told: Arc<AtomicU32>,
    is_ordered: bool,
    /// The numbers of the last requests that began, by priority.
    last: [Cell<u32>; 3],
}

type Tracked = (Call<Value>, Arc<Record>);

pub struct World {
    program: Program,
    engine: EngineHandle,
    start: Instant,
    now: Cell<Instant>,
    places: RefCell<Vec<Place>>,
    pasts: RefCell<Vec<Past>>,
    calls: RefCell<Vec<Tracked>>,
    records: RefCell<Vec<Arc<Record>>>,
    values: RefCell<Vec<Arc<Life>>>,
    owed: RefCell<Vec<Reply<Value>>>,
    topic: Topic<u32>,
    publisher: RefCell<Option<Publisher<u32>>>,
    subscriptions: RefCell<Vec<Subscription>>,
    supervisors: [Supervisor; 3],
}

impl World {
    pub fn enter(program: Program, engine: EngineHandle) -> Rc<Self> {
        let start = Instant::now() + Duration::from_secs(3600);
        let restart = Restart::new().backoff(Duration::from_millis(1), Duration::from_millis(4));
        let topic = Topic::new();
        let publisher = RefCell::new(Some(topic.publisher()));
        let world = Rc::new(Self {
            program,
            engine,
            start,
            now: Cell::new(start),
            places: RefCell::new((0..OBJECTS).map(|_| Place::default()).collect()),
            pasts: RefCell::default(),
            calls: RefCell::default(),
            records: RefCell::default(),
            values: RefCell::default(),
            owed: RefCell::default(),
            topic,
            publisher,
            subscriptions: RefCell::default(),
            supervisors: [
                Supervisor::one_for_one(restart),
                Supervisor::one_for_all(restart),
                Supervisor::rest_for_one(restart),
            ],
        });
        WORLD.set(Some(world.clone()));
        world
    }

    pub fn leave(&self) {
        WORLD.set(None);
    }

    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Lets time pass, stand still, or go back.
    pub fn pass(&self) {
        let span = self.span();
        let now = match self.program.below(8) {
            0 => self.now().checked_sub(span).unwrap_or(self.start),
            1 => self.now(),
            _ => self.now().checked_add(span).unwrap_or(self.now()),
        };
        self.now.set(now.max(self.start));
    }

    pub fn step(&self, by: Duration) {
        self.now.set(self.now() + by);
    }

    fn span(&self) -> Duration {
        match self.program.below(16) {
            // Hours; centuries are the business of the target `timers`.
            15 => Duration::from_nanos(self.program.number() >> 20),
            part => SPAN * part as u32 / 64,
        }
    }

    /// How the whole ends is no longer part of what the bytes say, if there are none.
    pub fn program_for_end(&self) -> usize {
        self.records.borrow().len() % 4
    }

    // --- requests ---

    fn ticket(&self, life: Option<usize>, lane: usize) -> Ticket {
        let mut records = self.records.borrow_mut();
        let record = Record::new(records.len() as u32 + 1);
        records.push(record.clone());
        let on_drop = match self.program.below(32) {
            31 => OnDrop::Panic,
            30 | 29 => OnDrop::Deed,
            _ => OnDrop::Nothing,
        };
        Ticket { record, on_drop, order: life.map(|life| (life, lane)) }
    }

    /// A method of an object that promises order begins with a request.
    pub fn note_order(&self, (life, lane): (usize, usize), number: u32) {
        let pasts = self.pasts.borrow();
        let past = &pasts[life];
        if past.is_ordered {
            let last = past.last[lane].replace(number);
            assert!(last < number, "{number} after {last}, of one priority of one object");
        }
    }

    fn somebody(&self) -> Option<(Rc<Any>, usize)> {
        let places = self.places.borrow();
        let place = &places[self.program.below(OBJECTS)];
        place.proxy.clone().map(|proxy| (proxy, place.life))
    }

    /// Sends a request of any sort, from here or from the other thread.
    fn send(&self) {
        let Some((proxy, life)) = self.somebody() else { return };
        let options = self.options();
        let method = self.program.below(12);
        let is_far = self.program.once_in(3);
        let tells = self.program.once_in(8);
        let extra = self.program.below(8);
        // What the call asks for, if it has options; else its method's key.
        let asked = if matches!(method, 0 | 10) { None } else { options.1 };
        let key = [(8, Priority::Urgent), (9, Priority::Bulk)];
        let key = key.iter().find(|(keyed, _)| *keyed == method).map(|(_, key)| *key);
        let lane = match asked.or(key) {
            Some(Priority::Urgent) => 1,
            Some(Priority::Bulk) => 2,
            _ => 0,
        };
        // What waits for a guard goes when it may; lanes' order is that of each producer. What an object
        // sends itself waits until its batch is over, so that others may overtake it.
        let is_ordered = !matches!(method, 3 | 4) && !life::is_nested();
        let ticket = self.ticket(is_ordered.then_some(life), lane);
        let record = ticket.record.clone();
        trace!(
            "{} to {life}, method {method}, lane {lane}, far {is_far}, tell {tells}",
            record.number
        );
        let order = Order { method, options: options.0, tells, extra };
        let sent = match (&*proxy, is_far) {
            (Any::Mpsc(proxy), true) => {
                let proxy = proxy.clone();
                far(move || send_to(&proxy, order, ticket))
            }
            (Any::Lanes(proxy), true) => {
                let proxy = proxy.clone();
                far(move || send_to(&proxy, order, ticket))
            }
            (Any::Guest(proxy), true) => {
                let proxy = proxy.clone();
                far(move || send_to(&proxy, order, ticket))
            }
            (proxy, _) => each!(proxy, proxy => send_to(proxy, order, ticket)),
        };
        match sent {
            Sent::Told => {}
            Sent::Refused(ticket) => {
                record.void();
                meant(|| drop(ticket));
            }
            Sent::Called(call) => self.follow(call, record),
        }
    }

    fn options(&self) -> (Options, Option<Priority>) {
        let mut options = Options::new();
        let mut priority = None;
        if self.program.once_in(6) {
            let at = match self.program.once_in(2) {
                true => self.now().checked_add(self.span()),
                false => self.now().checked_sub(self.span()),
            };
            options = options.deadline(at.unwrap_or(self.start));
        }
        if self.program.once_in(4) {
            let chosen = self.program.pick(&[Priority::Normal, Priority::Urgent, Priority::Bulk]);
            priority = Some(chosen);
            options = options.priority(chosen);
        }
        match self.program.below(12) {
            10 => options = options.on_full(OnFull::DropNewest),
            11 => options = options.on_full(OnFull::Wait(Duration::from_micros(1))),
            _ => {}
        }
        (options, priority)
    }

    /// Does something with a call.
    fn follow(&self, mut call: Call<Value>, record: Arc<Record>) {
        record.watch();
        let way = self.program.below(12);
        trace!("{}: followed by way {way}", record.number);
        match way {
            0 => {
                record.unwatch();
                call.detach();
            }
            1 => {
                if call.cancel() {
                    record.void();
                }
                self.keep(call, record);
            }
            2 => {
                let fails = self.program.once_in(4);
                let observe = move |outcome| {
                    record.end(outcome);
                    nested_deed(None);
                    if fails {
                        life::fail();
                    }
                };
                call.on_complete(observe);
            }
            3 => {
                let Some((to, _)) = self.somebody() else { return self.keep(call, record) };
                record.unwatch();
                match &*to {
                    Any::Mpsc(to) => {
                        call.on_complete_in(to.clone(), |to, outcome| to.tell().hear(outcome));
                    }
                    Any::Lanes(to) => {
                        call.on_complete_in(to.clone(), |to, outcome| to.tell().hear(outcome));
                    }
                    _ => call.on_complete(drop),
                }
            }
            4 => {
                // A set that is looked at once and given up.
                let mut set = CallSet::new();
                let mut records = vec![record];
                set.insert(call);
                let count = self.calls.borrow().len().min(3);
                let others: Vec<_> = self.calls.borrow_mut().drain(..count).collect();
                for (call, record) in others {
                    set.insert(call);
                    records.push(record);
                }
                while let Some((place, outcome)) = set.try_next() {
                    records[place].end(outcome);
                    records[place].watch();
                }
                records.iter().for_each(|record| record.unwatch());
                drop(set);
            }
            _ => self.keep(call, record),
        }
    }

    fn keep(&self, call: Call<Value>, record: Arc<Record>) {
        self.calls.borrow_mut().push((call, record));
    }

    /// Takes the outcomes of what has ended.
    fn settle(&self) {
        let calls = std::mem::take(&mut *self.calls.borrow_mut());
        for (mut call, record) in calls {
            match call.try_get() {
                Some(outcome) => {
                    record.end(outcome);
                    assert!(matches!(call.try_get(), Some(Err(CallError::Taken))));
                }
                None => self.keep(call, record),
            }
        }
    }

    // --- objects ---

    fn spawn(&self) {
        let place = self.program.below(OBJECTS);
        let life = self.pasts.borrow().len();
        if self.places.borrow()[place].proxy.is_some() || life >= LIVES {
            return;
        }
        let kind = self.program.below(8);
        self.pasts.borrow_mut().push(Past { is_ordered: kind < 5, ..Past::default() });
        let told = self.pasts.borrow()[life].told.clone();
        trace!("spawn {life}, kind {kind}");
        macro_rules! spawn {
            ($($kind:ident)?) => {{
                let bad = self.program.below(12);
                let mut made = 0;
                let factory = move || {
                    made += 1;
                    match made == bad {
                        true if bad % 2 == 0 => Err("as the program says"),
                        true => life::fail(),
                        false => Ok(Victim::new()),
                    }
                };
                // Names may meet: an object that has one is refused then.
                let name = format!("victim {}", self.program.below(6));
                let spawn = self.engine.spawn(name, factory).on("loop")$(.$kind())?;
                let spawn = spawn.capacity(1 + self.program.below(6));
                let spawn = match self.program.below(8) {
                    0 => spawn.resume_on_panic(),
                    1 => spawn.restart_on_panic(Restart::new()),
                    2 => spawn.restart_on_panic(
                        Restart::new().times(30).backoff(Duration::ZERO, Duration::ZERO),
                    ),
                    3 => spawn.supervised_by(&self.supervisors[self.program.below(3)]),
                    _ => spawn,
                };
                let spawn = match self.program.below(12) {
                    0 => spawn.shed_oldest(),
                    1 => spawn.on_full(OnFull::DropNewest),
                    2 => spawn.calls_max(1 + self.program.below(4)),
                    3 => spawn.always_hot(),
                    4 => spawn.priority_capacity(Priority::Urgent, 1 + self.program.below(3)),
                    5 => spawn.call_timeout(Duration::MAX),
                    _ => spawn,
                };
                meant(|| spawn.start()).and_then(Result::ok)
            }};
        }
        let any = match kind {
            0..5 => spawn!().map(Any::Mpsc),
            5 => spawn!(single_producer).map(Any::Spsc),
            _ => spawn!(lanes).map(Any::Lanes),
        };
        let Some(any) = any else {
            // Nobody will tell.
            return told.store(1, SeqCst);
        };
        each!(&any, proxy => proxy.on_exit(move |_| {
            life::once(&told, "an end was told");
            nested_deed(None);
        }));
        let weak = match &any {
            Any::Mpsc(proxy) => Some(proxy.downgrade()),
            _ => None,
        };
        // Somebody else may have taken the place meanwhile: its proxy goes.
        let place = &mut self.places.borrow_mut()[place];
        let old = std::mem::replace(place, Place { proxy: Some(Rc::new(any)), weak, life });
        drop(old);
    }

    fn with_object(&self, deed: usize) {
        let Some((proxy, life)) = self.somebody() else { return };
        let is_far = self.program.once_in(4);
        trace!("to {life}: deed {deed}, far {is_far}");
        macro_rules! end {
            ($proxy:expr) => {
                if deed == 0 { $proxy.stop() } else { $proxy.abort() }
            };
        }
        match &*proxy {
            Any::Mpsc(proxy) if is_far => {
                let proxy = proxy.clone();
                far(move || end!(proxy));
            }
            Any::Lanes(proxy) if is_far => {
                let proxy = proxy.clone();
                far(move || end!(proxy));
            }
            proxy => each!(proxy, proxy => end!(proxy)),
        }
    }

    /// Drops a proxy, upgrades a weak one, or has a guest in its place.
    fn change_proxy(&self) {
        let place = self.program.below(OBJECTS);
        let weak = self.places.borrow()[place].weak.clone();
        let proxy = match (self.program.below(4), weak) {
            (0, Some(weak)) => Some(Any::Guest(weak.guest())),
            (1, Some(weak)) => weak.upgrade().map(Any::Mpsc),
            _ => None,
        };
        trace!("place {place}: another proxy: {}", proxy.is_some());
        let old = std::mem::replace(&mut self.places.borrow_mut()[place].proxy, proxy.map(Rc::new));
        drop(old);
    }

    fn find(&self) {
        let name = format!("victim {}", self.program.below(6));
        drop(self.engine.find::<Victim>(&name));
    }

    // --- topics ---

    fn publish(&self) {
        if self.program.once_in(2) {
            // From inside a subscriber's closure it is in use.
            let publisher = self.publisher.borrow_mut().take();
            if let Some(mut publisher) = publisher {
                publisher.publish(&7);
                *self.publisher.borrow_mut() = Some(publisher);
            }
        } else if self.program.once_in(2) {
            let Some((proxy, _)) = self.somebody() else { return };
            let Any::Mpsc(proxy) = &*proxy else { return };
            let fails = self.program.once_in(8);
            let subscription = self.topic.subscribe(proxy, move |guest, _| {
                if fails {
                    life::fail();
                }
                let Some(world) = current() else { return Ok(()) };
                let ticket = world.ticket(None, 0);
                let record = ticket.record.clone();
                guest.tell().note(ticket).inspect_err(|_| record.void())
            });
            self.subscriptions.borrow_mut().push(subscription);
        } else {
            let subscription = self.subscriptions.borrow_mut().pop();
            drop(subscription);
        }
    }

    // --- everything ---

    /// One thing that programs do; inside an object's code with its time.
    pub fn deed(&self, now: Option<Instant>) {
        meant(|| match self.program.below(24) {
            0..3 => self.spawn(),
            3..14 => self.send(),
            14 => self.with_object(self.program.below(2)),
            15 | 16 => self.change_proxy(),
            17 => self.settle(),
            18 => self.publish(),
            19 => self.answer(),
            20 => self.find(),
            21 => {
                let call = self.calls.borrow_mut().pop();
                if let Some((mut call, record)) = call {
                    if call.cancel() {
                        record.void();
                    }
                    self.keep(call, record);
                }
            }
            22 if now.is_none() && self.program.once_in(8) => self.engine.abort(),
            23 if self.program.once_in(16) => self.engine.stop(),
            _ => mainspring::fan_out(|| self.send()),
        });
    }

    /// Answers a call that somebody owes outside, or doesn't.
    fn answer(&self) {
        let reply = self.owed.borrow_mut().pop();
        let Some(reply) = reply else { return };
        match self.program.below(4) {
            0 => drop(reply),
            1 => {
                let value = self.value();
                far(move || reply.send(value));
            }
            _ => reply.send(self.value()),
        }
    }

    pub fn answer_all(&self) {
        let owed = std::mem::take(&mut *self.owed.borrow_mut());
        drop(owed);
    }

    fn value(&self) -> Value {
        let mut values = self.values.borrow_mut();
        let (value, life) = Value::new(values.len() as u32, self.program.once_in(32));
        trace!("value {value:?}");
        values.push(life);
        value
    }

    /// Lets go of every proxy.
    pub fn let_go(&self) {
        let places = std::mem::take(&mut *self.places.borrow_mut());
        *self.places.borrow_mut() = (0..OBJECTS).map(|_| Place::default()).collect();
        drop(places);
    }

    pub fn check(&self) {
        if self.calls.borrow().len() > 64 {
            self.settle();
        }
    }

    /// What must hold when everything is over.
    pub fn check_end(&self) {
        meant(|| self.let_go());
        self.answer_all();
        let subscriptions = std::mem::take(&mut *self.subscriptions.borrow_mut());
        drop(subscriptions);
        let publisher = self.publisher.borrow_mut().take();
        drop(publisher);
        self.settle();
        assert!(self.calls.borrow().is_empty(), "calls that never end");
        self.records.borrow().iter().for_each(|record| record.check());
        let lost = self.values.borrow().iter().filter(|value| value.dropped() != 1).count();
        assert_eq!(lost, 0, "results and captures that were never dropped");
        for (life, past) in self.pasts.borrow().iter().enumerate() {
            assert_eq!(past.told.load(SeqCst), 1, "the end of {life} was not told");
        }
    }
}

/// A request's sort.
#[derive(Clone, Copy)]
struct Order {
    method: usize,
    options: Options,
    tells: bool,
    extra: usize,
}

/// What became of it at once.
enum Sent {
    Told,
    Refused(Option<Ticket>),
    Called(Call<Value>),
}

fn send_to<K: Kind>(proxy: &VictimProxy<K>, order: Order, ticket: Ticket) -> Sent {
    let Order { method, options, tells, extra } = order;
    let with = proxy.with(options);
    let told = |told: Result<(), SendError<Ticket>>| match told {
        Ok(()) => Sent::Told,
        Err(refused) => Sent::Refused(Some(refused.into_inner())),
    };
    let called = |called: Result<Call<Value>, SendError<Ticket>>| match called {
        Ok(call) => Sent::Called(call),
        Err(refused) => Sent::Refused(Some(refused.into_inner())),
    };
    fn first<A>(called: Result<Call<Value>, SendError<(Ticket, A)>>) -> Sent {
        match called {
            Ok(call) => Sent::Called(call),
            Err(refused) => Sent::Refused(Some(refused.into_inner().0)),
        }
    }
    match method {
        9 => told(with.note(ticket)),
        0 if tells => told(proxy.tell().work(ticket)),
        1 if tells => told(with.tell().fail(ticket)),
        0 => Sent::Called(proxy.work(ticket)),
        1 if extra == 0 => called(with.try_fail(ticket)),
        2 => first(with.try_act(ticket, extra)),
        3 => called(with.try_pass(ticket)),
        4 => first(with.try_force(ticket, extra == 0)),
        5 => first(with.try_gate(ticket, extra % 2 == 0)),
        6 => called(with.try_ponder(ticket)),
        7 => called(with.try_relay(ticket)),
        8 => called(with.try_hurry(ticket)),
        10 => {
            let mut batch = [ticket].into_iter().map(request_of);
            match proxy.handle().tell_batch(&mut batch) {
                Ok(1) => Sent::Told,
                Ok(_) => Sent::Refused(None),
                Err(_) => Sent::Refused(None),
            }
        }
        _ => called(with.try_work(ticket)),
    }
}

fn request_of(ticket: Ticket) -> super::victim::VictimRequest {
    super::victim::VictimRequest::Work { ticket, reply: Reply::none() }
}

// --- for objects, on the thread of the world ---

pub fn below(bound: usize) -> usize {
    current().map_or(0, |world| world.program.below(bound))
}

/// Whether the program isn't over.
pub fn goes_on() -> bool {
    current().is_some_and(|world| world.program.more())
}

pub fn delay() -> Duration {
    current().map_or(SPAN, |world| world.span())
}

pub fn value() -> Value {
    current().map_or_else(|| Value::new(0, false).0, |world| world.value())
}

/// Keeps a reply outside of its object.
pub fn owe(reply: Reply<Value>) {
    if let Some(world) = current() {
        world.owed.borrow_mut().push(reply);
    }
}

pub fn call_somebody() -> Option<(Call<Value>, Arc<Record>)> {
    let world = current()?;
    let (proxy, _) = world.somebody()?;
    // From inside a method: as in `send`.
    let ticket = world.ticket(None, 0);
    let record = ticket.record.clone();
    let call = match world.program.below(4) {
        0 => each!(&*proxy, proxy => proxy.relay(ticket)),
        1 => each!(&*proxy, proxy => proxy.ponder(ticket)),
        _ => each!(&*proxy, proxy => proxy.work(ticket)),
    };
    Some((call, record))
}

/// Something that programs do, from inside the library.
pub fn nested_deed(now: Option<Instant>) {
    let Some(world) = current().filter(|world| world.program.more()) else { return };
    if world.program.once_in(3) {
        life::nested(DEPTH, || world.deed(now));
    }
}
