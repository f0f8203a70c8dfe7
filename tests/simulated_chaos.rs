//! Ten objects that panic, stall, restart, stop and overflow in a simulation, while clients cancel, give up
//! and time out: for each seed, every accepted call ends exactly once, and each argument is dropped once.
//!
//! A hundred seeds, unless told otherwise: `cargo simulate --seeds 10000 --first 0`.

use mainspring::prelude::*;
use mainspring::testkit::{Faults, Simulation, SimulationHandle, explore};
use mainspring::{CallSet, Engine, Executed, ExitReason, Restart};
use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const OBJECTS: usize = 10;
const CLIENTS: u64 = 5;
const REQUESTS: u64 = 60;

/// What became of one request.
#[derive(Default)]
struct Record {
    begun: AtomicU32,
    ended: AtomicU32,
    dropped: AtomicU32,
}

/// An argument that says when its method begins, and when it is dropped.
struct Ticket(Arc<Record>);

impl Ticket {
    fn begin(&self) {
        self.0.begun.fetch_add(1, SeqCst);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

struct Victim {
    is_open: bool,
}

#[active]
impl Victim {
    pub fn work(&mut self, ticket: Ticket) {
        ticket.begin();
    }

    #[active(guard = is_open)]
    pub fn pass(&mut self, ticket: Ticket) {
        ticket.begin();
    }

    pub fn shut(&mut self, cx: &mut Context<Self>, ticket: Ticket) {
        ticket.begin();
        self.is_open = false;
        cx.after(ms(1), |victim, _| victim.is_open = true);
    }

    pub fn ponder(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> Later<()> {
        ticket.begin();
        let (later, reply) = cx.later();
        cx.after(ms(2), move |_, _| reply.send(()));
        later
    }

    pub fn relay(&mut self, cx: &mut Context<Self>, ticket: Ticket, to: VictimProxy) -> Later<()> {
        let (later, reply) = cx.later();
        cx.then(to.work(ticket), move |_, _, outcome| {
            if outcome.is_ok() {
                reply.send(());
            }
        });
        later
    }

    /// Waits for another object, on its own runner or not.
    pub fn ask(&mut self, ticket: Ticket, other: VictimProxy) {
        let _ = other.work(ticket).get_timeout(ms(3));
    }

    #[active(priority = urgent)]
    pub fn hurry(&mut self, ticket: Ticket) {
        ticket.begin();
    }

    fn is_open(&self, _: &Ticket) -> bool {
        self.is_open
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What all clients share.
struct World {
    engine: Engine,
    victims: RefCell<Vec<Option<VictimProxy>>>,
    records: RefCell<Vec<(Arc<Record>, Fate)>>,
    exits: (Sender<ExitReason>, Receiver<ExitReason>),
    lives: Cell<usize>,
    left: Cell<u64>,
}

/// What is known of a request when it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Refused,
    Watched,
    Unwatched,
}

impl World {
    /// One victim with what a seed decides.
    fn begin(&self, simulation: &SimulationHandle, place: usize) {
        let runner = ["a", "b", "c"][simulation.below(3) as usize];
        let spawn = self.engine.spawn(format!("victim {place}"), || Victim { is_open: true });
        let spawn = spawn.on(runner).capacity(1 << simulation.below(4));
        let at_once = Restart::new().times(5).backoff(Duration::ZERO, Duration::ZERO);
        let started = match simulation.below(6) {
            0 => spawn.start(),
            1 => spawn.resume_on_panic().start(),
            2 => spawn.restart_on_panic(Restart::new().backoff(ms(1), ms(8))).start(),
            3 => spawn.restart_on_panic(at_once).shed_oldest().start(),
            4 => spawn.on_full(OnFull::Wait(ms(1))).start(),
            _ => spawn.call_timeout(ms(4)).keep_alive().start(),
        };
        // The name may not be free yet.
        if let Ok(victim) = started {
            let exits = self.exits.0.clone();
            victim.on_exit(move |exit| drop(exits.send(exit.reason)));
            self.lives.set(self.lives.get() + 1);
            self.victims.borrow_mut()[place] = Some(victim);
        }
    }

    fn victim(&self, simulation: &SimulationHandle) -> Option<VictimProxy> {
        self.victims.borrow()[simulation.below(OBJECTS as u64) as usize].clone()
    }

    /// Sends a request that a seed decides on; the call, if it is accepted and there is one.
    fn send(&self, simulation: &SimulationHandle) -> Option<(Call<()>, Arc<Record>)> {
        let victim = self.victim(simulation)?;
        let record = Arc::<Record>::default();
        let ticket = Ticket(record.clone());
        let options = match simulation.below(8) {
            0 => Options::new().timeout(Duration::ZERO),
            1 => Options::new().timeout(ms(1 + simulation.below(5))),
            2 => Options::new().priority(Priority::Bulk),
            3 => Options::new().on_full(OnFull::DropNewest),
            4 => Options::new().on_full(OnFull::Wait(ms(1))),
            _ => Options::new(),
        };
        let with = victim.with(options);
        let sent = match simulation.below(9) {
            0 => {
                let told = with.tell().work(ticket);
                let fate = if told.is_ok() { Fate::Unwatched } else { Fate::Refused };
                drop(told);
                self.records.borrow_mut().push((record, fate));
                return None;
            }
            1 => with.try_shut(ticket).map_err(drop),
            2 => with.try_pass(ticket).map_err(drop),
            3 => with.try_ponder(ticket).map_err(drop),
            4 => match self.victim(simulation) {
                Some(to) => with.try_relay(ticket, to).map_err(drop),
                None => with.try_hurry(ticket).map_err(drop),
            },
            5 => match self.victim(simulation) {
                Some(other) => with.try_ask(ticket, other).map_err(drop),
                None => with.try_hurry(ticket).map_err(drop),
            },
            6 => with.try_hurry(ticket).map_err(drop),
            _ => with.try_work(ticket).map_err(drop),
        };
        let fate = if sent.is_ok() { Fate::Watched } else { Fate::Refused };
        self.records.borrow_mut().push((record.clone(), fate));
        Some((sent.ok()?, record))
    }
}

/// Notes how a call ended.
fn ended(record: &Record, outcome: &Result<(), CallError>) {
    let before = record.ended.fetch_add(1, SeqCst);
    assert_eq!(before, 0, "a call ended twice, at last so: {outcome:?}");
    if let Err(error) = outcome
        && error.executed() == Executed::No
    {
        assert_eq!(record.begun.load(SeqCst), 0, "{error}: yet the method began");
    }
}

/// A caller.
async fn call(simulation: SimulationHandle, world: Rc<World>) {
    let simulation = &simulation;
    let mut set = CallSet::new();
    let mut records = Vec::new();
    for _ in 0..REQUESTS {
        let Some((mut call, record)) = world.send(simulation) else { continue };
        match simulation.below(8) {
            0 => {
                call.detach();
                let mut all = world.records.borrow_mut();
                all.iter_mut().filter(|(one, _)| Arc::ptr_eq(one, &record)).for_each(
                    |(_, fate)| {
                        *fate = Fate::Unwatched;
                    },
                );
            }
            1 => call.on_complete(move |outcome| ended(&record, &outcome)),
            2 => {
                let won = call.cancel();
                let outcome = call.await;
                assert!(!won || outcome == Err(CallError::Cancelled));
                ended(&record, &outcome);
            }
            3 => match call.get_timeout(ms(1)) {
                Ok(()) => ended(&record, &Ok(())),
                Err(WaitError::Ended(error)) => ended(&record, &Err(error)),
                Err(_) => ended(&record, &call.await),
            },
            4 => ended(&record, &call.await),
            _ => {
                records.push(record);
                set.insert(call);
            }
        }
    }
    while let Some((key, outcome)) = set.next_async().await {
        ended(&records[key], &outcome);
    }
    world.left.set(world.left.get() - 1);
}

/// Stops objects, aborts them, lets go of them, and makes the next ones.
async fn wreck(simulation: SimulationHandle, world: Rc<World>) {
    let simulation = &simulation;
    // Should a caller wait for ever, there is an end all the same.
    while world.left.get() > 0 && simulation.elapsed() < Duration::from_secs(2) {
        simulation.sleep(ms(1)).await;
        let place = simulation.below(OBJECTS as u64) as usize;
        let victim = world.victims.borrow_mut()[place].take();
        match (simulation.below(6), victim) {
            (_, None) => world.begin(simulation, place),
            (0, Some(victim)) => victim.stop(),
            (1, Some(victim)) => victim.abort(),
            (2, Some(_)) => {}
            (_, victim) => world.victims.borrow_mut()[place] = victim,
        }
    }
}

fn scenario(simulation: &Simulation) {
    let runners = ["a", "b", "c"].map(Runner::named);
    let engine = Engine::builder().on_event(|_| ());
    let engine = runners.into_iter().fold(engine, |e, runner| e.runner(runner)).start().unwrap();
    let world = Rc::new(World {
        engine,
        victims: RefCell::new(vec![None; OBJECTS]),
        records: RefCell::default(),
        exits: channel(),
        lives: Cell::new(0),
        left: Cell::new(CLIENTS),
    });
    (0..OBJECTS).for_each(|place| world.begin(simulation, place));
    simulation.set_faults(
        Faults::none()
            .panics(0.02)
            .stalls(0.02, ms(3))
            .full_mailboxes(0.03)
            .slow_runners(0.02, ms(3))
            .late_timers(0.1, ms(1)),
    );
    for number in 1..=CLIENTS {
        simulation.client(&format!("caller {number}"), call(simulation.handle(), world.clone()));
    }
    simulation.client("wrecker", wreck(simulation.handle(), world.clone()));
    let is_over = simulation.run_until(|| world.left.get() == 0);
    if !is_over {
        simulation.assert_quiescent();
        panic!("callers wait for ever");
    }
    simulation.set_faults(Faults::none());
    assert!(world.engine.stop_within(Duration::from_secs(60)), "the engine ends");
    assert!(world.engine.is_empty());
    assert_eq!(world.exits.1.try_iter().count(), world.lives.get(), "each end is told once");
    for (record, fate) in world.records.borrow().iter() {
        let [begun, ended, dropped] = [&record.begun, &record.ended, &record.dropped];
        let [begun, ended, dropped] = [begun, ended, dropped].map(|count| count.load(SeqCst));
        assert_eq!(dropped, 1, "an argument was lost, or dropped twice");
        assert!(begun <= 1, "a method ran twice");
        match fate {
            Fate::Refused => assert_eq!((begun, ended), (0, 0), "a refused request"),
            Fate::Watched => assert_eq!(ended, 1, "a call was lost"),
            Fate::Unwatched => assert_eq!(ended, 0),
        }
    }
}

fn main() -> ExitCode {
    let (mut seeds, mut first) = (100, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = match argument.as_str() {
            "--seeds" => &mut seeds,
            "--first" => &mut first,
            // What cargo and its users pass to every test.
            _ => continue,
        };
        let value = arguments.next().unwrap_or_default();
        let Ok(given) = value.parse() else {
            eprintln!("simulated_chaos: {argument} {value:?}: give a whole number");
            return ExitCode::from(2);
        };
        *number = given;
    }
    match explore(first..first.saturating_add(seeds), scenario) {
        Ok(explored) => {
            println!(
                "{} seeds, {} events, {} faults, {:.1} s simulated, 0 violations",
                explored.seeds,
                explored.events,
                explored.faults,
                explored.elapsed.as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Err(found) => {
            println!("{found}");
            ExitCode::FAILURE
        }
    }
}
