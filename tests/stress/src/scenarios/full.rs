//! Mailboxes that are full nearly always: priorities, shedding, waiting for room, from other threads and
//! from the object's own runner.

use super::super::book::{Book, Ticket};
use super::super::chance::Random;
use super::super::chaos::drop_arguments;
use super::super::program::{Round, end};
use mainspring::prelude::*;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const SENDERS: usize = 3;
/// Of each sender.
const REQUESTS: usize = 100;
const PRIORITIES: [Priority; 3] = [Priority::Urgent, Priority::Normal, Priority::Bulk];

/// Wants each sender's numbers of each priority in order.
struct Counter {
    last: [[usize; PRIORITIES.len()]; SENDERS],
}

#[active]
impl Counter {
    pub fn count(&mut self, sender: usize, lane: usize, number: usize, ticket: Ticket) -> u64 {
        ticket.begin();
        let last = &mut self.last[sender][lane];
        assert!(*last < number, "sender {sender}, lane {lane}: {number} after {last}");
        *last = number;
        1
    }

    /// Calls itself, from its own runner's thread.
    pub fn echo(&mut self, ticket: Ticket, tickets: Vec<Ticket>, to: CounterProxy) -> u64 {
        ticket.begin();
        for ticket in tickets {
            // Those for which there is no room are dropped, and nobody waits for any.
            let waits = Options::new().on_full(OnFull::Wait(Duration::from_secs(9)));
            drop(to.with(waits).tell().take(ticket));
        }
        1
    }

    pub fn take(&mut self, ticket: Ticket) {
        ticket.begin();
    }
}

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a"]);
    let capacity = 1 + round.random.place(6);
    let spawn = engine.spawn("counter", || Counter { last: [[0; PRIORITIES.len()]; SENDERS] });
    let spawn = spawn.capacity(capacity).priority_capacity(Priority::Bulk, 2).on_full(
        round.random.one_of(&[
            OnFull::Fail,
            OnFull::DropNewest,
            OnFull::Wait(Duration::from_micros(50)),
        ]),
    );
    let sheds = round.random.once_in(2);
    let counter = if sheds { spawn.shed_oldest().start() } else { spawn.start() }.unwrap();
    let book = &round.book;
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (counter, mut random) = (counter.clone(), round.random.fork());
            scope.spawn(move || send(book, &mut random, &counter, sender));
        }
    });
    drop(counter);
    end(&mut round.random, engine);
}

fn send(book: &Arc<Book>, random: &mut Random, counter: &CounterProxy, sender: usize) {
    let mut pending = Vec::new();
    for number in 1..=REQUESTS {
        if random.once_in(10) {
            let (tickets, lines): (Vec<_>, Vec<_>) = (0..4).map(|_| book.enter()).unzip();
            lines.into_iter().for_each(|line| line.unwatched());
            let (ticket, line) = book.enter();
            match counter.try_echo(ticket, tickets, counter.clone()).map_err(drop_arguments) {
                Ok(call) => pending.push((call, line)),
                Err(()) => line.refused(),
            }
            continue;
        }
        let lane = random.place(PRIORITIES.len());
        let options = Options::new().priority(PRIORITIES[lane]);
        let options = match random.below(4) {
            0 => options.on_full(OnFull::DropNewest),
            1 => options.on_full(OnFull::Wait(random.micros(100))),
            _ => options,
        };
        let (ticket, line) = book.enter();
        let with = counter.with(options);
        if random.once_in(2) {
            line.told(with.tell().count(sender, lane, number, ticket));
            continue;
        }
        match with.try_count(sender, lane, number, ticket).map_err(drop_arguments) {
            Ok(call) => pending.push((call, line)),
            Err(()) => line.refused(),
        }
    }
    pending.into_iter().for_each(|(call, line)| line.wait(call));
}
