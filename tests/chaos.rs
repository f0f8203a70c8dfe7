//! Fifty objects that panic, restart, stop and overflow, while callers cancel, give up and time out:
//! every accepted call ends exactly once, and each argument is dropped once.
//!
//! Five seconds, unless told otherwise:
//! `cargo test --release --package mainspring --test chaos -- --seconds 60 --seed 7`. What each thread
//! does comes from the seed; how the threads meet doesn't.

use mainspring::prelude::*;
use mainspring::{EngineHandle, Event, Executed, Exit, Restart};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const OBJECTS: usize = 50;
const CALLERS: u64 = 4;
/// Calls that one caller leaves pending at a time.
const PENDING_MAX: usize = 200;
/// Between two of the wrecker's deeds.
const PEACE: Duration = Duration::from_millis(1);
/// What panics say here.
const MEANT: &str = "as it was told to";
const END_LIMIT: Duration = Duration::from_secs(60);

// --- what both sides know of a request ---

/// One request. Nothing happens to it twice.
#[derive(Default)]
struct Record {
    begun: AtomicU32,
    ended: AtomicU32,
    dropped: AtomicU32,
}

/// An argument that says when its method begins, and when it is dropped.
struct Ticket {
    record: Arc<Record>,
    served: Arc<AtomicU64>,
}

impl Ticket {
    fn begin(&self) {
        self.record.begun.fetch_add(1, SeqCst);
        self.served.fetch_add(1, SeqCst);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.record.dropped.fetch_add(1, SeqCst);
    }
}

// --- the objects ---

struct Victim {
    is_open: bool,
}

#[active]
impl Victim {
    pub fn work(&mut self, ticket: Ticket, length: Duration) -> u64 {
        ticket.begin();
        let end = Instant::now() + length;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        1
    }

    pub fn fail(&mut self, ticket: Ticket) -> u64 {
        ticket.begin();
        std::panic::panic_any(MEANT);
    }

    /// Runs while the gate is open.
    #[active(guard = is_open)]
    pub fn pass(&mut self, ticket: Ticket) -> u64 {
        ticket.begin();
        1
    }

    /// Closes the gate for a while.
    pub fn shut(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> u64 {
        ticket.begin();
        self.is_open = false;
        cx.after(Duration::from_micros(300), |victim, _| victim.is_open = true);
        1
    }

    /// Answers after a while.
    pub fn ponder(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> Later<u64> {
        ticket.begin();
        let (later, reply) = cx.later();
        cx.after(Duration::from_micros(200), move |_, _| reply.send(1));
        later
    }

    /// Has another one do it.
    pub fn relay(&mut self, cx: &mut Context<Self>, ticket: Ticket, to: VictimProxy) -> Later<u64> {
        let (later, reply) = cx.later();
        let work = to.work(ticket, Duration::ZERO);
        cx.then(work, move |_, _, outcome| {
            if let Ok(result) = outcome {
                reply.send(result);
            }
        });
        later
    }

    #[active(priority = urgent)]
    pub fn hurry(&mut self, ticket: Ticket) -> u64 {
        ticket.begin();
        1
    }

    fn is_open(&self, _: &Ticket) -> bool {
        self.is_open
    }
}

// --- chance ---

/// Splitmix, so that a seed is a course.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn micros(&mut self, bound: u64) -> Duration {
        Duration::from_micros(self.below(bound))
    }
}

// --- the world ---

struct World {
    victims: Vec<Mutex<Option<VictimProxy>>>,
    is_over: AtomicBool,
    /// Methods that began, as the servants count them.
    served: Arc<AtomicU64>,
}

impl World {
    fn victim(&self, random: &mut Random) -> Option<VictimProxy> {
        let place = random.below(OBJECTS as u64) as usize;
        self.victims[place].lock().unwrap().clone()
    }
}

// --- the callers ---

/// How calls ended, as callers count it.
#[derive(Default)]
struct Tally {
    sent: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    done: AtomicU64,
    cancelled: AtomicU64,
    expired: AtomicU64,
    stopped: AtomicU64,
    panicked: AtomicU64,
    shed: AtomicU64,
    dropped: AtomicU64,
    /// Nobody waits for these: one-way requests, and calls whose handles were dropped.
    unwatched: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, SeqCst);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(SeqCst)
}

impl Tally {
    /// Notes how a call ended, which it does once.
    fn ended(&self, record: &Record, outcome: &Result<u64, CallError>) {
        assert_eq!(record.ended.fetch_add(1, SeqCst), 0, "a call ended twice: {outcome:?}");
        let begun = record.begun.load(SeqCst);
        match outcome {
            Ok(_) => assert_eq!(begun, 1, "a result without a method"),
            Err(error) if error.executed() == Executed::No => {
                assert_eq!(begun, 0, "{error}: yet the method began");
            }
            Err(_) => {}
        }
        count(match outcome {
            Ok(_) => &self.done,
            Err(CallError::Cancelled) => &self.cancelled,
            Err(CallError::Expired) => &self.expired,
            Err(CallError::Stopped { .. }) => &self.stopped,
            Err(CallError::Panicked { .. }) => &self.panicked,
            Err(CallError::Shed) => &self.shed,
            Err(CallError::Dropped) => &self.dropped,
            Err(other) => panic!("an accepted call can't end so: {other}"),
        });
    }

    fn watched(&self) -> u64 {
        let ways = [
            &self.done,
            &self.cancelled,
            &self.expired,
            &self.stopped,
            &self.panicked,
            &self.shed,
            &self.dropped,
        ];
        ways.into_iter().map(read).sum()
    }
}

struct Caller<'w> {
    world: &'w World,
    tally: &'w Arc<Tally>,
    random: Random,
    pending: Vec<(Call<u64>, Arc<Record>)>,
    /// Requests whose arguments may still exist.
    loose: Vec<Arc<Record>>,
}

impl Caller<'_> {
    fn run(mut self) -> Vec<Arc<Record>> {
        while !self.world.is_over.load(SeqCst) {
            let Some(victim) = self.world.victim(&mut self.random) else { continue };
            self.send(&victim);
            if self.pending.len() >= PENDING_MAX {
                self.settle(PENDING_MAX / 2);
            }
            if self.loose.len() >= 10_000 {
                self.loose.retain(|record| record.dropped.load(SeqCst) == 0);
            }
        }
        self.settle(0);
        self.loose
    }

    /// Takes the outcomes of the oldest calls, until so many are left.
    fn settle(&mut self, left: usize) {
        let ripe = self.pending.len() - left;
        for (mut call, record) in self.pending.drain(..ripe) {
            match call.get_timeout(END_LIMIT) {
                Ok(result) => self.tally.ended(&record, &Ok(result)),
                Err(WaitError::Ended(error)) => self.tally.ended(&record, &Err(error)),
                Err(error) => panic!("a call was lost: {error}"),
            }
        }
    }

    fn send(&mut self, victim: &VictimProxy) {
        let record = Arc::<Record>::default();
        let ticket = Ticket { record: record.clone(), served: self.world.served.clone() };
        count(&self.tally.sent);
        self.loose.push(record.clone());
        let options = self.options();
        let with = victim.with(options);
        if self.random.below(8) == 0 {
            let length = self.random.micros(5);
            let told = with.tell().work(ticket, length);
            return self.note_told(&record, told.map_err(drop));
        }
        let sent = match self.random.below(100) {
            0 => with.try_fail(ticket).map_err(drop_arguments),
            1..10 => with.try_shut(ticket).map_err(drop_arguments),
            10..30 => with.try_pass(ticket).map_err(drop_arguments),
            30..40 => with.try_ponder(ticket).map_err(drop_arguments),
            40..50 => match self.world.victim(&mut self.random) {
                Some(to) => with.try_relay(ticket, to).map_err(drop_arguments),
                None => with.try_hurry(ticket).map_err(drop_arguments),
            },
            50..60 => with.try_hurry(ticket).map_err(drop_arguments),
            _ => with.try_work(ticket, self.random.micros(20)).map_err(drop_arguments),
        };
        match sent {
            Ok(call) => self.follow(call, record),
            Err(()) => self.note_refused(&record),
        }
    }

    fn options(&mut self) -> Options {
        let options = match self.random.below(10) {
            0 => Options::new().timeout(Duration::ZERO),
            1 | 2 => Options::new().timeout(self.random.micros(400)),
            _ => Options::new(),
        };
        let options = match self.random.below(10) {
            0 => options.priority(Priority::Urgent),
            1 => options.priority(Priority::Bulk),
            _ => options,
        };
        match self.random.below(10) {
            0 => options.on_full(OnFull::DropNewest),
            1 => options.on_full(OnFull::Wait(Duration::from_micros(100))),
            _ => options,
        }
    }

    fn note_told(&self, record: &Record, told: Result<(), ()>) {
        match told {
            Ok(()) => {
                count(&self.tally.accepted);
                count(&self.tally.unwatched);
            }
            Err(()) => self.note_refused(record),
        }
    }

    fn note_refused(&self, record: &Record) {
        count(&self.tally.refused);
        assert_eq!(record.begun.load(SeqCst), 0, "a refused request ran");
    }

    /// Does something with an accepted call.
    fn follow(&mut self, mut call: Call<u64>, record: Arc<Record>) {
        count(&self.tally.accepted);
        match self.random.below(10) {
            0 => {
                count(&self.tally.unwatched);
                return call.detach();
            }
            1 | 2 => {
                let tally = self.tally.clone();
                return call.on_complete(move |outcome| tally.ended(&record, &outcome));
            }
            3 => drop(call.cancel()),
            4 => {
                let limit = self.random.micros(50);
                match call.get_timeout(limit) {
                    Ok(result) => return self.tally.ended(&record, &Ok(result)),
                    Err(WaitError::Ended(error)) => return self.tally.ended(&record, &Err(error)),
                    Err(_) => {}
                }
            }
            _ => {}
        }
        self.pending.push((call, record));
    }
}

fn drop_arguments<A>(refused: SendError<A>) {
    drop(refused.into_inner());
}

// --- the wrecker ---

/// Which life of which object has ended, and how.
type Ended = (usize, u64, Exit);

/// Stops objects, aborts them, lets go of them, and makes the next ones.
struct Wrecker<'w> {
    world: &'w World,
    engine: &'w EngineHandle,
    random: Random,
    exits: (Sender<Ended>, Receiver<Ended>),
    /// By life: how often its end was told.
    told: Vec<u32>,
    /// How they ended, by the words for it.
    ways: BTreeMap<String, u64>,
}

impl Wrecker<'_> {
    fn run(mut self) -> Self {
        (0..OBJECTS).for_each(|place| self.begin(place));
        while !self.world.is_over.load(SeqCst) {
            thread::sleep(PEACE);
            let place = self.random.below(OBJECTS as u64) as usize;
            match self.random.below(8) {
                0 => self.with(place, Proxy::stop),
                1 => self.with(place, Proxy::abort),
                2 => drop(self.world.victims[place].lock().unwrap().take()),
                _ => {}
            }
            while let Ok(ended) = self.exits.1.try_recv() {
                let place = self.note(ended);
                self.begin(place);
            }
        }
        self
    }

    fn with(&self, place: usize, deed: impl FnOnce(&VictimProxy)) {
        if let Some(victim) = &*self.world.victims[place].lock().unwrap() {
            deed(victim);
        }
    }

    fn note(&mut self, (place, life, exit): Ended) -> usize {
        self.told[life as usize] += 1;
        // Without what the panic said.
        let way = exit.reason.to_string();
        let way = way.split([':', ';']).next().unwrap_or_default().to_owned();
        *self.ways.entry(way).or_default() += 1;
        place
    }

    fn begin(&mut self, place: usize) {
        let life = self.told.len() as u64;
        self.told.push(0);
        let capacity = 1 << self.random.below(8);
        let spawn = self.engine.spawn(format!("victim {place}"), || Victim { is_open: true });
        let spawn = spawn.capacity(capacity).calls_max(1 << 14);
        let at_once = Restart::new().times(20).backoff(Duration::ZERO, Duration::ZERO);
        let victim = match self.random.below(6) {
            0 => spawn.start(),
            1 => spawn.resume_on_panic().start(),
            2 => spawn.restart_on_panic(Restart::new()).start(),
            3 => spawn.restart_on_panic(at_once).shed_oldest().start(),
            4 => spawn.on_full(OnFull::Wait(Duration::from_micros(20))).start(),
            _ => spawn.call_timeout(Duration::from_millis(2)).keep_alive().start(),
        };
        let victim = victim.expect("the name is free again");
        let exits = self.exits.0.clone();
        // A test that has failed listens no more.
        victim.on_exit(move |exit| drop(exits.send((place, life, exit))));
        *self.world.victims[place].lock().unwrap() = Some(victim);
    }
}

// --- the whole ---

struct Plan {
    length: Duration,
    seed: u64,
}

impl Plan {
    /// Leaves what cargo and its users pass to every test alone.
    fn read() -> Result<Self, String> {
        let mut plan = Self { length: Duration::from_secs(5), seed: 1 };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || {
                let value = arguments.next().unwrap_or_default();
                let number = value.parse::<u64>();
                number.map_err(|_| format!("{argument} {value:?}: give a whole number"))
            };
            match argument.as_str() {
                "--seconds" => plan.length = Duration::from_secs(number()?),
                "--seed" => plan.seed = number()?,
                _ => {}
            }
        }
        Ok(plan)
    }
}

fn main() -> ExitCode {
    let plan = match Plan::read() {
        Ok(plan) => plan,
        Err(rule) => {
            eprintln!("chaos: {rule}");
            return ExitCode::from(2);
        }
    };
    // The panics here are meant, but for the test's own.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(MEANT) {
            usual(panic);
        }
    }));
    run(&plan);
    ExitCode::SUCCESS
}

fn run(plan: &Plan) {
    let restarts = Arc::new(AtomicU64::new(0));
    let restarted = restarts.clone();
    let engine = Engine::builder().on_event(move |event| {
        if matches!(event, Event::Restarted { .. }) {
            count(&restarted);
        }
    });
    let runners = ["a", "b", "c"].map(Runner::named);
    let engine = runners.into_iter().fold(engine, |e, runner| e.runner(runner)).start().unwrap();
    let world = World {
        victims: (0..OBJECTS).map(|_| Mutex::default()).collect(),
        is_over: AtomicBool::new(false),
        served: Arc::default(),
    };
    let tally = Arc::new(Tally::default());
    let wrecker = Wrecker {
        world: &world,
        engine: &engine,
        random: Random(plan.seed),
        exits: channel(),
        told: Vec::new(),
        ways: BTreeMap::new(),
    };
    let (mut wrecker, loose) = thread::scope(|scope| {
        let wrecker = scope.spawn(|| wrecker.run());
        let callers: Vec<_> = (1..=CALLERS)
            .map(|number| {
                let random = Random(plan.seed.wrapping_add(number << 32));
                let caller =
                    Caller { world: &world, tally: &tally, random, pending: vec![], loose: vec![] };
                scope.spawn(|| caller.run())
            })
            .collect();
        thread::sleep(plan.length);
        world.is_over.store(true, SeqCst);
        let loose = callers.into_iter().flat_map(|caller| caller.join().unwrap());
        let loose: Vec<_> = loose.collect();
        (wrecker.join().unwrap(), loose)
    });

    // Everything accepted is served; then each count must agree with its counterpart.
    assert!(engine.stop_within(END_LIMIT), "the engine ends");
    while let Ok(ended) = wrecker.exits.1.try_recv() {
        wrecker.note(ended);
    }
    let lives = wrecker.told.len();
    assert!(wrecker.told.iter().all(|told| *told == 1), "each end is told once");
    for record in &loose {
        assert_eq!(record.dropped.load(SeqCst), 1, "an argument was lost, or dropped twice");
        assert!(record.begun.load(SeqCst) <= 1, "a method ran twice");
    }
    let [sent, accepted, refused] = [&tally.sent, &tally.accepted, &tally.refused].map(read);
    let unwatched = read(&tally.unwatched);
    assert_eq!(accepted + refused, sent, "accepted or refused");
    assert_eq!(tally.watched() + unwatched, accepted, "each accepted call ended once");
    let [done, cancelled, expired, stopped] =
        [&tally.done, &tally.cancelled, &tally.expired, &tally.stopped].map(read);
    let [panicked, shed, dropped] = [&tally.panicked, &tally.shed, &tally.dropped].map(read);
    println!(
        "chaos: seed {}, {} s: {accepted} requests accepted and {refused} refused; {done} done, \
         {cancelled} cancelled, {expired} expired, {stopped} stopped, {panicked} panicked, {shed} \
         shed, {dropped} dropped, {unwatched} not watched; lost 0, doubled 0",
        plan.seed,
        plan.length.as_secs(),
    );
    let ways: Vec<_> = wrecker.ways.iter().map(|(way, count)| format!("{way}: {count}")).collect();
    let (served, restarts) = (read(&world.served), read(&restarts));
    println!(
        "{served} methods ran; {restarts} restarts; {lives} objects ended: {}",
        ways.join(", ")
    );
}
