//! Weak proxies, guests and names, while the last proxies go and others want the same names.

use super::super::chance::Random;
use super::super::program::{Round, end};
use mainspring::mailbox::Lanes;
use mainspring::prelude::*;
use mainspring::{EngineHandle, StartError};
use std::thread;

const OWNERS: usize = 2;
const LIVES: u64 = 25;
const NAMES: [&str; 3] = ["one", "two", "three"];

struct Number(u64);

#[active]
impl Number {
    pub fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let lives = thread::scope(|scope| {
        let owners: Vec<_> = (0..OWNERS)
            .map(|_| {
                let (engine, mut random) = (engine.handle(), round.random.fork());
                scope.spawn(move || (0..LIVES).map(|_| own(&engine, &mut random)).sum::<u64>())
            })
            .collect();
        let (engine, mut random) = (engine.handle(), round.random.fork());
        scope.spawn(move || {
            for _ in 0..LIVES * 4 {
                let name = random.one_of(&NAMES);
                if let Ok(found) = engine.find::<Number>(name) {
                    drop(found.next().get());
                }
                drop(engine.find_in::<Number, Lanes>(name));
            }
        });
        owners.into_iter().map(|owner| owner.join().unwrap()).sum::<u64>()
    });
    round.others += lives;
    end(&mut round.random, engine);
}

/// One life of an object, if its name is free; how many there were.
fn own(engine: &EngineHandle, random: &mut Random) -> u64 {
    let name = random.one_of(&NAMES);
    let spawn = engine.spawn(name, || Number(0)).capacity(8);
    if random.once_in(4) {
        let Ok(number) = spawn.lanes().start() else { return 0 };
        let weak = number.downgrade();
        return thread::scope(|scope| {
            let upgraded = scope.spawn(|| weak.upgrade().map(|number| number.next().get()));
            let before = number.next().get();
            drop(number);
            assert!(before.is_ok());
            drop(upgraded.join().unwrap());
            1
        });
    }
    let is_kept = random.once_in(5);
    let spawn = match random.below(4) {
        _ if is_kept => spawn.keep_alive(),
        0 => spawn.on_own_runner(),
        _ => spawn,
    };
    let number = match spawn.start() {
        Ok(number) => number,
        // Another's, of the last life or the next.
        Err(StartError::DuplicateObject { .. }) => return 0,
        Err(error) => panic!("{error}"),
    };
    let weak = number.downgrade();
    thread::scope(|scope| {
        let guest = weak.guest();
        scope.spawn(move || {
            for _ in 0..5 {
                drop(guest.next().get());
            }
        });
        let weak = &weak;
        scope.spawn(move || {
            for _ in 0..5 {
                let Some(strong) = weak.upgrade() else { break };
                drop(strong.clone().next().get());
            }
        });
        assert!(number.next().get().is_ok());
        if is_kept {
            Proxy::stop(&number);
        }
        drop(number);
    });
    1
}
