//! Each kind of mailbox, with several producers that send one by one, in batches and as calls: every
//! producer's requests run in the order sent, and all that were accepted run.

use super::super::book::{Book, Ticket};
use super::super::chance::Random;
use super::super::program::{Round, end};
use super::super::watch::END_LIMIT;
use mainspring::mailbox::{Kind, Lanes};
use mainspring::prelude::*;
use mainspring::{Reply, WaitStrategy};
use std::sync::Arc;
use std::thread;

const PRODUCERS: usize = 3;
/// Of each producer.
const REQUESTS: u64 = 120;

/// Wants each producer's numbers in order.
struct Log {
    next: [u64; PRODUCERS],
}

#[active]
impl Log {
    pub fn note(&mut self, producer: usize, number: u64, ticket: Ticket) -> u64 {
        ticket.begin();
        assert_eq!(number, self.next[producer], "producer {producer} in order");
        self.next[producer] += 1;
        1
    }

    pub fn next(&self) -> [u64; PRODUCERS] {
        self.next
    }
}

fn new_log() -> Log {
    Log { next: [0; PRODUCERS] }
}

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    engine.add_runner(Runner::named("polls").wait(WaitStrategy::Spin)).unwrap();
    let capacity = round.random.one_of(&[1, 2, 7, 64]);
    let spawn = || engine.spawn_unnamed(new_log).capacity(capacity);
    let shared = spawn().start().unwrap();
    let single = spawn().single_producer().start().unwrap();
    let lanes = spawn().lanes().start().unwrap();
    let hot = spawn().lanes().always_hot().on("polls").start().unwrap();
    let guest = shared.downgrade().guest();
    let book = &round.book;
    let random = &mut round.random;
    thread::scope(|scope| {
        for producer in 0..2 {
            let (shared, mut random) = (shared.clone(), random.fork());
            scope.spawn(move || send(book, &mut random, &shared, producer));
        }
        let mut guests = random.fork();
        scope.spawn(move || send(book, &mut guests, &guest, 2));
        let (mut singles, single) = (random.fork(), single);
        scope.spawn(move || {
            send(book, &mut singles, &single, 0);
            assert_eq!(ask(&single), [REQUESTS, 0, 0]);
        });
        for lanes in [&lanes, &hot] {
            for producer in 0..PRODUCERS {
                let (lane, mut random): (LogProxy<Lanes>, _) = (lanes.clone(), random.fork());
                scope.spawn(move || send(book, &mut random, &lane, producer));
            }
        }
    });
    assert_eq!(ask(&shared), [REQUESTS; PRODUCERS]);
    for lanes in [&lanes, &hot] {
        // Between two lanes there is no order, so the question may be the first.
        while ask(lanes) != [REQUESTS; PRODUCERS] {
            thread::yield_now();
        }
    }
    drop((shared, lanes, hot));
    end(&mut round.random, engine);
}

/// How many of each producer have run, as soon as there is room for the question.
fn ask<K: Kind>(log: &LogProxy<K>) -> [u64; PRODUCERS] {
    loop {
        match log.next().get_timeout(END_LIMIT) {
            Ok(next) => return next,
            Err(WaitError::Ended(CallError::Full)) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends them all, each until it is accepted.
fn send<K: Kind>(book: &Arc<Book>, random: &mut Random, log: &LogProxy<K>, producer: usize) {
    let mut number = 0;
    while number < REQUESTS {
        let sent = match random.below(3) {
            0 => {
                let (ticket, line) = book.enter();
                let told = log.tell().note(producer, number, ticket);
                let is_sent = told.is_ok();
                line.told(told);
                u64::from(is_sent)
            }
            1 => {
                let (ticket, line) = book.enter();
                match log.try_note(producer, number, ticket) {
                    Ok(call) => {
                        line.wait(call);
                        1
                    }
                    Err(refused) => {
                        drop(refused);
                        line.refused();
                        0
                    }
                }
            }
            _ => {
                let length = (1 + random.below(9)).min(REQUESTS - number);
                send_batch(book, log, producer, number..number + length)
            }
        };
        if sent == 0 {
            thread::yield_now();
        }
        number += sent;
    }
}

/// Sends what there is room for; how many.
fn send_batch<K: Kind>(
    book: &Arc<Book>,
    log: &LogProxy<K>,
    producer: usize,
    numbers: std::ops::Range<u64>,
) -> u64 {
    let (mut lines, mut requests) = (Vec::new(), Vec::new());
    for number in numbers {
        let (ticket, line) = book.enter();
        lines.push(line);
        requests.push(LogRequest::Note { producer, number, ticket, reply: Reply::none() });
    }
    let mut requests = requests.into_iter();
    let sent = log.handle().tell_batch(&mut requests).unwrap_or_default();
    drop(requests);
    for (place, line) in lines.into_iter().enumerate() {
        if place < sent { line.unwatched() } else { line.refused() }
    }
    sent as u64
}
