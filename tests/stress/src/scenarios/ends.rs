//! Objects, runners and the engine end in every way, in the middle of calls; others are added meanwhile,
//! also by servants.

use super::super::book::Book;
use super::super::chance::Random;
use super::super::program::{Round, STRATEGIES};
use super::super::victim::{Victim, VictimProxy};
use super::super::watch::END_LIMIT;
use mainspring::prelude::*;
use mainspring::{EngineHandle, StartError};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const CALLERS: usize = 3;
const OBJECTS: usize = 6;

/// Makes objects from inside the engine.
struct Mother {
    engine: EngineHandle,
}

#[active]
impl Mother {
    /// An object on any runner, also on this one.
    pub fn bear(&mut self, runner: Option<String>) -> Result<VictimProxy, StartError> {
        let spawn = self.engine.spawn_unnamed(Victim::default).capacity(8);
        match runner {
            Some(runner) => spawn.on(runner).start(),
            None => spawn.start(),
        }
    }
}

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let mut chance = round.random.fork();
    let phase = |random: &mut Random| random.below(3) as u8;
    let mother = {
        let of = engine.handle();
        engine.spawn("mother", move || Mother { engine: of }).phase(0).start().unwrap()
    };
    let victims: Vec<_> = (0..OBJECTS)
        .map(|_| {
            let spawn = engine.spawn_unnamed(Victim::default).capacity(16);
            Mutex::new(Some(spawn.phase(phase(&mut chance)).start().unwrap()))
        })
        .collect();
    let is_over = AtomicBool::new(false);
    let book = &round.book;
    let handle = engine.handle();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (mut random, victims, is_over) = (round.random.fork(), &victims, &is_over);
            let mother = mother.clone();
            scope.spawn(move || call(book, &mut random, victims, &mother, is_over));
        }
        let (mut random, of) = (round.random.fork(), engine.handle());
        let is_over = &is_over;
        scope.spawn(move || {
            for number in 0.. {
                if is_over.load(SeqCst) || come_and_go(&of, &mut random, number).is_err() {
                    return;
                }
            }
        });
        thread::sleep(chance.micros(4000));
        match chance.below(6) {
            0 => drop(engine),
            1 => engine.join(),
            2 => assert!(engine.stop_within(Duration::ZERO), "no method is long"),
            3 => {
                engine.abort();
                engine.join();
            }
            4 => drop(engine.stop_in_phases(chance.micros(3000))),
            _ => {
                engine.stop();
                engine.stop();
            }
        }
        is_over.store(true, SeqCst);
        assert!(handle.stop_within(END_LIMIT), "the engine ends");
    });
    // Not before: somebody may just have been spawning, and must give up first.
    assert_eq!((handle.runners(), handle.len()), (Vec::new(), 0), "nothing is left");
}

/// A runner begins, has an object, and ends.
fn come_and_go(engine: &EngineHandle, random: &mut Random, number: u64) -> Result<(), StartError> {
    let name = format!("runner {number}");
    engine.add_runner(Runner::named(&name).wait(random.one_of(&STRATEGIES)))?;
    let victim = engine.spawn_unnamed(Victim::default).on(&name).start()?;
    let watched = Arc::new(AtomicBool::new(false));
    let exited = watched.clone();
    victim.on_exit(move |_| exited.store(true, SeqCst));
    match random.below(3) {
        0 => drop(engine.stop_runner(&name)),
        1 => victim.abort(),
        _ => Proxy::stop(&victim),
    }
    assert!(victim.wait_exit(END_LIMIT).is_some(), "an object that was stopped ends");
    // The runner may have been stopped with its engine already.
    drop(engine.stop_runner(&name));
    Ok(())
}

fn call(
    book: &Arc<Book>,
    random: &mut Random,
    victims: &[Mutex<Option<VictimProxy>>],
    mother: &MotherProxy,
    is_over: &AtomicBool,
) {
    let mut pending = Vec::new();
    for number in 0_u64.. {
        if is_over.load(SeqCst) && number >= 20 {
            break;
        }
        let place = &victims[random.place(victims.len())];
        if random.once_in(12) {
            let runner = random.one_of(&[None, Some("a".to_owned()), Some("runner 1".to_owned())]);
            if let Ok(Ok(victim)) = mother.bear(runner).get() {
                *place.lock().unwrap() = Some(victim);
            }
            continue;
        }
        let Some(victim) = place.lock().unwrap().clone() else { continue };
        let (ticket, line) = book.enter();
        let call = match random.below(6) {
            0 => victim.ponder(ticket),
            1 => victim.tick(ticket),
            2 => victim.pass(ticket),
            3 => victim.shut(ticket),
            _ => victim.work(ticket, random.micros(20)),
        };
        match random.below(40) {
            0 => victim.abort(),
            1 => Proxy::stop(&victim),
            2 => drop(place.lock().unwrap().take()),
            _ => {}
        }
        match random.below(5) {
            0 => line.unwatched(),
            1 => line.wait(call),
            2 => call.on_complete(move |outcome| line.ended(&outcome)),
            _ => pending.push((call, line)),
        }
        if pending.len() > 100 {
            pending.drain(..).for_each(|(call, line)| line.wait(call));
        }
    }
    pending.into_iter().for_each(|(call, line)| line.wait(call));
}
