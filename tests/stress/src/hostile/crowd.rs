//! Many more runners than CPUs, all of the same strategy, pinned or not: tokens go round among them, and
//! each arrives.

use super::super::program::{Round, STRATEGIES, end};
use super::super::watch::END_LIMIT;
use mainspring::prelude::*;
use std::sync::mpsc::{Sender, channel};

const RUNNERS_PER_CPU: usize = 10;
const TOKENS: usize = 4;
/// Of each token.
const HOPS: u32 = 200;

/// One of the ring.
struct Hop {
    next: Option<HopProxy>,
    home: Sender<usize>,
}

#[active]
impl Hop {
    pub fn meet(&mut self, next: HopProxy) {
        self.next = Some(next);
    }

    pub fn part(&mut self) {
        self.next = None;
    }

    pub fn pass(&mut self, token: usize, left: u32) {
        match &self.next {
            Some(next) if left > 0 => next.tell().pass(token, left - 1).expect("there is room"),
            _ => self.home.send(token).expect("somebody is at home"),
        }
    }
}

pub fn round(round: &mut Round) {
    let cpus = mainspring::allowed_cpus();
    let count = cpus.len() * RUNNERS_PER_CPU;
    let strategy = round.random.one_of(&STRATEGIES);
    let is_pinned = round.random.once_in(2);
    let mut builder = round.builder();
    for number in 0..count {
        let runner = Runner::named(format!("r{number}")).wait(strategy);
        builder = builder.runner(match is_pinned {
            true => runner.cpu(cpus[number % cpus.len()]),
            false => runner,
        });
    }
    let engine = builder.start().unwrap();
    let (home, at_home) = channel();
    let hops: Vec<_> = (0..count)
        .map(|number| {
            let home = home.clone();
            let hop = engine.spawn_unnamed(move || Hop { next: None, home });
            hop.on(format!("r{number}")).start().unwrap()
        })
        .collect();
    for (number, hop) in hops.iter().enumerate() {
        hop.meet(hops[(number + 1) % count].clone()).get().unwrap();
    }
    for token in 0..TOKENS {
        hops[round.random.place(count)].tell().pass(token, HOPS).unwrap();
    }
    let mut arrived: Vec<_> =
        (0..TOKENS).map(|_| at_home.recv_timeout(END_LIMIT).expect("a token is lost")).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, (0..TOKENS).collect::<Vec<_>>());
    round.others += u64::from(HOPS) * TOKENS as u64;
    hops.iter().for_each(|hop| hop.part().get().unwrap());
    drop(hops);
    end(&mut round.random, engine);
}
