//! Answers that come late, from timers, from other objects, from other threads, or not at all; and
//! objects that go away with answers owed.

use super::super::book::Book;
use super::super::chance::Random;
use super::super::program::{Round, end};
use super::super::victim::{Errands, Victim, VictimProxy};
use mainspring::prelude::*;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

const CALLERS: usize = 2;
/// Of each caller.
const REQUESTS: usize = 60;

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let victims: Vec<_> = (0..4)
        .map(|number| {
            let spawn = engine.spawn(format!("victim {number}"), Victim::default);
            spawn.resume_on_panic().capacity(256).start().unwrap()
        })
        .collect();
    let (errands, asked) = channel::<Box<dyn FnOnce() + Send>>();
    let (book, random) = (&round.book, &mut round.random);
    thread::scope(|scope| {
        // Answers for the objects, until nobody can ask any more.
        let mut lazy = random.fork();
        scope.spawn(move || {
            for errand in asked {
                match lazy.below(8) {
                    0 => drop(errand),
                    1 => {
                        thread::sleep(lazy.micros(200));
                        errand();
                    }
                    _ => errand(),
                }
            }
        });
        for _ in 0..CALLERS {
            let (mut random, victims, errands) = (random.fork(), &victims, errands.clone());
            scope.spawn(move || call(book, &mut random, victims, errands));
        }
        drop(errands);
        thread::sleep(random.micros(1500));
        match random.below(3) {
            0 => victims[0].abort(),
            1 => Proxy::stop(&victims[0]),
            _ => {}
        }
    });
    drop(victims);
    end(&mut round.random, engine);
}

fn call(book: &Arc<Book>, random: &mut Random, victims: &[VictimProxy], errands: Errands) {
    let mut pending = Vec::new();
    for _ in 0..REQUESTS {
        let victim = random.one_of(victims);
        let (ticket, line) = book.enter();
        let mut call = match random.below(6) {
            0 => victim.ponder(ticket),
            1 => victim.forget(ticket),
            2 | 3 => victim.delegate(ticket, errands.clone()),
            _ => victim.relay(ticket, random.one_of(victims)),
        };
        match random.below(6) {
            0 => {
                call.cancel();
                pending.push((call, line));
            }
            1 => pending.extend(line.wait_for(call, random.micros(100))),
            2 => line.unwatched(),
            _ => pending.push((call, line)),
        }
    }
    // The objects hold senders only while they hold requests, so all errands come to an end.
    drop(errands);
    pending.into_iter().for_each(|(call, line)| line.wait(call));
}
