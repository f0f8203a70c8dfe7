//! Objects, runners and engines begin and end by the thousand: at the end of a round there are as many
//! threads and descriptors as before. That the memory doesn't grow either is for the program to say that
//! runs rounds, as there is no second round here.

use super::super::machine::{Held, fds};
use super::super::program::{Round, end};
use super::super::victim::Victim;
use super::super::watch::END_LIMIT;
use mainspring::prelude::*;
use std::time::{Duration, Instant};

const OBJECTS: usize = 2000;
const RUNNERS: usize = 30;
const ENGINES: usize = 20;

pub fn round(round: &mut Round) {
    let before = Held::now();
    let engine = round.engine(&["a", "b"]);
    for number in 0..OBJECTS {
        let spawn = engine.spawn_unnamed(Victim::default).capacity(1 << (number % 8));
        let victim = match number % 50 {
            0 => spawn.on_own_runner().start(),
            _ => spawn.start(),
        };
        let victim = victim.unwrap();
        match number % 4 {
            0 => {
                let (ticket, line) = round.book.enter();
                line.wait(victim.work(ticket, Duration::ZERO));
            }
            1 => {
                let (ticket, line) = round.book.enter();
                line.told(victim.tell().tick(ticket));
            }
            2 => victim.abort(),
            _ => {}
        }
    }
    for number in 0..RUNNERS {
        let name = format!("runner {number}");
        engine.add_runner(Runner::named(&name)).unwrap();
        let victim = engine.spawn_unnamed(Victim::default).on(&name).start().unwrap();
        let (ticket, line) = round.book.enter();
        let call = victim.work(ticket, Duration::ZERO);
        engine.stop_runner(&name).unwrap();
        line.wait(call);
        assert!(victim.wait_exit(END_LIMIT).is_some());
    }
    end(&mut round.random, engine);
    for _ in 0..ENGINES {
        let mut engine = round.builder().runner(Runner::named("a")).start().unwrap();
        let victim = engine.spawn_unnamed(Victim::default).start().unwrap();
        let scheduler = engine.invoker("loop").unwrap();
        scheduler.wake_fd().unwrap();
        let (ticket, line) = round.book.enter();
        line.wait(victim.work(ticket, Duration::ZERO));
        drop((victim, scheduler));
        if round.random.once_in(2) {
            // Half of them with another one inside.
            let inner = std::mem::replace(&mut engine, round.builder().start().unwrap());
            drop(inner);
        }
        drop(engine);
    }
    round.others += (OBJECTS + RUNNERS + 2 * ENGINES) as u64;
    if !round.is_alone {
        return;
    }
    // A thread that has been joined may be counted by the kernel for a moment.
    let deadline = Instant::now() + END_LIMIT;
    while Held::now().threads > before.threads && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!((Held::now().threads, fds()), (before.threads, before.fds), "threads, descriptors");
}
