//! The user's own loops: one that sleeps in a poller, one without; and one that is dropped half-way.

use super::super::book::Book;
use super::super::chance::Random;
use super::super::program::{Round, end};
use super::super::victim::{Victim, VictimProxy};
use mainspring::prelude::*;
use mainspring::{EngineHandle, Parked};
use rustix::event::{PollFd, PollFlags, poll};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const CALLERS: usize = 2;
/// Of each caller.
const REQUESTS: usize = 80;

pub fn round(round: &mut Round) {
    let engine = round.engine(&["thread"]);
    let (book, random) = (&round.book, &mut round.random);
    thread::scope(|scope| {
        let (found, loops) = channel();
        for (name, uses_poller) in [("polled", true), ("parked", false)] {
            let (engine, found) = (engine.handle(), found.clone());
            scope.spawn(move || repeat(&engine, name, uses_poller, &found));
        }
        let mut victims: Vec<_> = (0..2).map(|_| loops.recv().unwrap()).collect();
        victims.push(engine.spawn("threaded", Victim::default).on("thread").start().unwrap());
        // The engine has all loops, and nobody turns this one any more.
        let left = engine.invoker("left").unwrap();
        let lost = engine.spawn("lost", Victim::default).on("left").start().unwrap();
        let pending = book_call(book, &lost);
        drop(left);
        let (call, line) = pending;
        line.wait(call);
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                let (mut random, victims) = (random.fork(), &victims);
                scope.spawn(move || call_all(book, &mut random, victims));
            }
        });
        // The loops end with the engine.
        match random.below(3) {
            0 => engine.abort(),
            _ => engine.stop(),
        }
        drop(victims);
    });
    end(random, engine);
}

fn book_call(book: &Arc<Book>, victim: &VictimProxy) -> (Call<u64>, super::super::book::Line) {
    let (ticket, line) = book.enter();
    (victim.work(ticket, Duration::ZERO), line)
}

/// A whole loop, with an object of its own.
fn repeat(engine: &EngineHandle, name: &str, uses_poller: bool, found: &Sender<VictimProxy>) {
    let mut scheduler = engine.invoker(name).unwrap();
    let spawn = engine.spawn(name, Victim::default).on(name).resume_on_panic().capacity(16);
    found.send(spawn.start().unwrap()).unwrap();
    if uses_poller {
        scheduler.wake_fd().unwrap();
    }
    loop {
        scheduler.turn_for(Duration::from_micros(200));
        if !uses_poller {
            if scheduler.is_over() {
                return;
            }
            scheduler.park_for(Duration::from_secs(600));
            continue;
        }
        let until = match scheduler.park() {
            Parked::No => continue,
            Parked::Until(until) => until,
            Parked::Over => return,
        };
        let limit = until.map(|at| at.saturating_duration_since(Instant::now()));
        let limit = limit.map(|limit| limit.try_into().expect("a timer of milliseconds"));
        let mut sources = [PollFd::from_borrowed_fd(scheduler.wake_fd().unwrap(), PollFlags::IN)];
        poll(&mut sources, limit.as_ref()).unwrap();
    }
}

fn call_all(book: &Arc<Book>, random: &mut Random, victims: &[VictimProxy]) {
    let mut pending = Vec::new();
    for _ in 0..REQUESTS {
        let victim = random.one_of(victims);
        let (ticket, line) = book.enter();
        let call = match random.below(8) {
            0 => victim.tick(ticket),
            1 => victim.ponder(ticket),
            2 => victim.relay(ticket, random.one_of(victims)),
            3 => victim.fail(ticket),
            4 => victim.hurry(ticket),
            _ => victim.work(ticket, random.micros(10)),
        };
        match random.below(3) {
            // The sleeper must be woken for this.
            0 => line.wait(call),
            1 => line.unwatched(),
            _ => pending.push((call, line)),
        }
    }
    pending.into_iter().for_each(|(call, line)| line.wait(call));
}
