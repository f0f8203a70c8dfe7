//! Guards that open late or never, timers that are armed, moved and cancelled, deadlines that pass.

use super::super::book::Book;
use super::super::chance::Random;
use super::super::chaos::drop_arguments;
use super::super::program::{Round, end};
use super::super::victim::{Victim, VictimProxy};
use mainspring::prelude::*;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const CALLERS: usize = 3;
/// Of each caller.
const REQUESTS: usize = 80;

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let capacity = round.random.one_of(&[2, 8, 64]);
    let victims: Vec<_> = (0..4)
        .map(|number| {
            let spawn =
                engine.spawn(format!("victim {number}"), Victim::default).capacity(capacity);
            spawn.call_timeout(Duration::from_millis(5)).start().unwrap()
        })
        .collect();
    let book = &round.book;
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (mut random, victims) = (round.random.fork(), &victims);
            scope.spawn(move || call(book, &mut random, victims));
        }
    });
    if round.random.once_in(3) {
        // With timers armed and guards shut.
        victims.iter().for_each(Proxy::abort);
    }
    drop(victims);
    end(&mut round.random, engine);
}

fn call(book: &Arc<Book>, random: &mut Random, victims: &[VictimProxy]) {
    let mut pending = Vec::new();
    for _ in 0..REQUESTS {
        let victim = random.one_of(victims);
        let options = match random.below(4) {
            0 => Options::new().timeout(random.micros(500)),
            1 => Options::new().timeout(Duration::MAX),
            _ => Options::new(),
        };
        let (ticket, line) = book.enter();
        let with = victim.with(options);
        let sent = match random.below(6) {
            0 => with.try_shut(ticket).map_err(drop_arguments),
            1 => with.try_tick(ticket).map_err(drop_arguments),
            2 => with.try_ponder(ticket).map_err(drop_arguments),
            _ => with.try_pass(ticket).map_err(drop_arguments),
        };
        let Ok(mut call) = sent else {
            line.refused();
            continue;
        };
        if random.once_in(8) {
            call.cancel();
        }
        match random.below(8) {
            0 => line.unwatched(),
            1 => line.wait(call),
            _ => pending.push((call, line)),
        }
    }
    pending.into_iter().for_each(|(call, line)| line.wait(call));
}
