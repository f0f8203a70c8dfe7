//! Servants that fail and are made anew, alone or together, while they are called, stopped and watched.

use super::super::book::Book;
use super::super::chance::Random;
use super::super::program::{Round, end};
use super::super::victim::{Victim, VictimProxy};
use super::super::watch::panic_as_meant;
use mainspring::prelude::*;
use mainspring::{Restart, Supervisor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const OBJECTS: usize = 6;
const CALLERS: usize = 2;
/// Of each caller.
const REQUESTS: usize = 80;

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let times = 1 + round.random.below(30) as u32;
    let restart = match round.random.below(3) {
        0 => Restart::new().times(times).backoff(Duration::ZERO, Duration::ZERO),
        _ => {
            let first = Duration::from_micros(100 + round.random.below(300));
            Restart::new().times(times).backoff(first, first * 4)
        }
    };
    let supervisor = match round.random.below(4) {
        0 => Supervisor::one_for_one(restart),
        1 => Supervisor::one_for_all(restart),
        _ => Supervisor::rest_for_one(restart),
    };
    let told: Arc<[AtomicU32; OBJECTS]> = Arc::default();
    let victims: Vec<_> = (0..OBJECTS)
        .map(|place| {
            let mut chance = round.random.fork();
            let mut is_first = true;
            let factory = move || {
                // The first one works, others fail now and then.
                let fails = !std::mem::take(&mut is_first) && chance.once_in(12);
                match (fails, chance.once_in(2)) {
                    (true, true) => panic_as_meant(),
                    (true, false) => Err("no servant"),
                    _ => Ok(Victim::default()),
                }
            };
            let spawn = engine.spawn(format!("victim {place}"), factory).capacity(32);
            let victim = match place {
                0 => spawn.restart_on_panic(restart).start(),
                1 => spawn.resume_on_panic().start(),
                _ => spawn.supervised_by(&supervisor).start(),
            };
            let (victim, told) = (victim.unwrap(), told.clone());
            victim.on_exit(move |_| {
                told[place].fetch_add(1, SeqCst);
            });
            victim
        })
        .collect();
    let book = &round.book;
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (mut random, victims) = (round.random.fork(), &victims);
            scope.spawn(move || call(book, &mut random, victims));
        }
        thread::sleep(round.random.micros(2000));
        match round.random.below(3) {
            0 => victims[2].abort(),
            1 => Proxy::stop(&victims[3]),
            _ => {}
        }
    });
    drop(victims);
    end(&mut round.random, engine);
    let told = told.each_ref().map(|told| told.load(SeqCst));
    assert_eq!(told, [1; OBJECTS], "each end is told once");
    assert!(supervisor.is_empty(), "who has ended is forgotten");
}

fn call(book: &Arc<Book>, random: &mut Random, victims: &[VictimProxy]) {
    let mut pending = Vec::new();
    for _ in 0..REQUESTS {
        let victim = random.one_of(victims);
        let (ticket, line) = book.enter();
        let call = match random.below(20) {
            0 | 1 => victim.fail(ticket),
            2 => victim.fail_soon(ticket),
            3 => victim.tick(ticket),
            4..7 => victim.ponder(ticket),
            7..10 => victim.relay(ticket, random.one_of(victims)),
            10..12 => victim.shut(ticket),
            12..15 => victim.pass(ticket),
            _ => victim.work(ticket, random.micros(5)),
        };
        match random.below(6) {
            0 => line.wait(call),
            1 => line.unwatched(),
            _ => pending.push((call, line)),
        }
    }
    pending.into_iter().for_each(|(call, line)| line.wait(call));
}
