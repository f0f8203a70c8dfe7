//! Fifty objects that panic, restart, stop and overflow, while callers cancel, give up and time out:
//! every accepted call ends exactly once, and each argument is dropped once.

use super::book::{Book, Line, Totals};
use super::chance::Random;
use super::victim::{Victim, VictimProxy};
use super::watch::END_LIMIT;
use mainspring::prelude::*;
use mainspring::{EngineHandle, Event, Exit, Restart};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const OBJECTS: usize = 50;
const CALLERS: usize = 4;
/// Calls that one caller leaves pending at a time.
const PENDING_MAX: usize = 200;
/// Between two of the wrecker's deeds.
const PEACE: Duration = Duration::from_millis(1);

/// What has happened.
pub struct Summary {
    pub totals: Totals,
    /// Objects that ended.
    pub lives: u64,
    /// How, by the words for it.
    pub ways: BTreeMap<String, u64>,
    /// Rings and wake-ups of all runners.
    pub rings: usize,
    pub wakes: usize,
}

struct World {
    victims: Vec<Mutex<Option<VictimProxy>>>,
    is_over: AtomicBool,
}

impl World {
    fn victim(&self, random: &mut Random) -> Option<VictimProxy> {
        self.victims[random.place(OBJECTS)].lock().unwrap().clone()
    }
}

/// Lets it happen until `wait` returns; what each thread does comes from the seed, how they meet doesn't.
///
/// # Panics
/// If something was lost or doubled.
pub fn run(seed: u64, wait: impl FnOnce()) -> Summary {
    let book = Book::new();
    let noted = book.clone();
    let engine = Engine::builder().on_event(move |event| {
        if matches!(event, Event::Restarted { .. }) {
            noted.restarted();
        }
    });
    let runners = ["a", "b", "c"].map(Runner::named);
    let engine = runners.into_iter().fold(engine, |e, runner| e.runner(runner)).start().unwrap();
    let victims = (0..OBJECTS).map(|_| Mutex::default()).collect();
    let world = World { victims, is_over: AtomicBool::new(false) };
    let mut random = Random(seed);
    let wrecker = Wrecker {
        world: &world,
        engine: &engine,
        random: random.fork(),
        exits: channel(),
        begun: 0,
        alive: HashSet::new(),
        ways: BTreeMap::new(),
    };
    let mut wrecker = thread::scope(|scope| {
        let wrecker = scope.spawn(|| wrecker.run());
        for _ in 0..CALLERS {
            let random = random.fork();
            let caller = Caller { world: &world, book: &book, random, pending: Vec::new() };
            scope.spawn(|| caller.run());
        }
        wait();
        world.is_over.store(true, SeqCst);
        wrecker.join().unwrap()
    });

    // Everything accepted is served; then each count must agree with its counterpart.
    let wakeups = ["a", "b", "c"].map(|runner| engine.wakeups(runner).unwrap());
    assert!(engine.stop_within(END_LIMIT), "the engine ends");
    while let Ok(ended) = wrecker.exits.1.try_recv() {
        wrecker.note(ended);
    }
    assert!(wrecker.alive.is_empty(), "each end is told: {:?}", wrecker.alive);
    Summary {
        totals: book.balance(),
        lives: wrecker.begun,
        ways: wrecker.ways,
        rings: wakeups.iter().map(|wakeups| wakeups.rings).sum(),
        wakes: wakeups.iter().map(|wakeups| wakeups.wakes).sum(),
    }
}

// --- the callers ---

struct Caller<'w> {
    world: &'w World,
    book: &'w Arc<Book>,
    random: Random,
    pending: Vec<(Call<u64>, Line)>,
}

impl Caller<'_> {
    fn run(mut self) {
        while !self.world.is_over.load(SeqCst) {
            let Some(victim) = self.world.victim(&mut self.random) else { continue };
            self.send(&victim);
            if self.pending.len() >= PENDING_MAX {
                self.settle(PENDING_MAX / 2);
            }
        }
        self.settle(0);
    }

    /// Takes the outcomes of the oldest calls, until so many are left.
    fn settle(&mut self, left: usize) {
        let ripe = self.pending.len() - left;
        self.pending.drain(..ripe).for_each(|(call, line)| line.wait(call));
    }

    fn send(&mut self, victim: &VictimProxy) {
        let (ticket, line) = self.book.enter();
        let with = victim.with(self.options());
        if self.random.once_in(8) {
            let length = self.random.micros(5);
            return line.told(with.tell().work(ticket, length));
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
            Ok(call) => self.follow(call, line),
            Err(()) => line.refused(),
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

    /// Does something with an accepted call.
    fn follow(&mut self, mut call: Call<u64>, line: Line) {
        match self.random.below(10) {
            0 => {
                line.unwatched();
                return call.detach();
            }
            1 | 2 => return call.on_complete(move |outcome| line.ended(&outcome)),
            3 => drop(call.cancel()),
            4 => {
                let limit = self.random.micros(50);
                return self.pending.extend(line.wait_for(call, limit));
            }
            _ => {}
        }
        self.pending.push((call, line));
    }
}

pub fn drop_arguments<A>(refused: SendError<A>) {
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
    begun: u64,
    /// Lives whose ends weren't told yet.
    alive: HashSet<u64>,
    ways: BTreeMap<String, u64>,
}

impl Wrecker<'_> {
    fn run(mut self) -> Self {
        (0..OBJECTS).for_each(|place| self.begin(place));
        while !self.world.is_over.load(SeqCst) {
            thread::sleep(PEACE);
            let place = self.random.place(OBJECTS);
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
        assert!(self.alive.remove(&life), "an end was told twice: {exit:?}");
        // Without what the panic said.
        let way = exit.reason.to_string();
        let way = way.split([':', ';']).next().unwrap_or_default().to_owned();
        *self.ways.entry(way).or_default() += 1;
        place
    }

    fn begin(&mut self, place: usize) {
        let life = self.begun;
        self.begun += 1;
        self.alive.insert(life);
        let capacity = 1 << self.random.below(8);
        let spawn = self.engine.spawn(format!("victim {place}"), Victim::default);
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
        // A run that has failed listens no more.
        victim.on_exit(move |exit| drop(exits.send((place, life, exit))));
        *self.world.victims[place].lock().unwrap() = Some(victim);
    }
}
