//! A producer that is suspended between its claim and its publication: an iterator that doesn't go on.
//!
//! With the shared ring, what was claimed behind it waits; other lanes, cancels and aborts don't. With a
//! ring for each producer, nobody waits.

use super::super::book::{Line, Ticket};
use super::super::program::{Round, end};
use super::super::victim::{Victim, VictimProxy, VictimRequest};
use super::super::watch::{END_LIMIT, MEANT, panic_as_meant};
use mainspring::Reply;
use mainspring::mailbox::{Kind, Lanes};
use mainspring::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

const BATCH: usize = 4;

/// Requests, of which one lets itself be waited for.
struct Stalling {
    tickets: Vec<Ticket>,
    /// So many before.
    before: usize,
    inside: SyncSender<()>,
    go_on: Receiver<()>,
    panics: bool,
}

impl Iterator for Stalling {
    type Item = VictimRequest;

    fn next(&mut self) -> Option<VictimRequest> {
        if self.before == 0 {
            self.inside.send(()).unwrap();
            self.go_on.recv().unwrap();
            if self.panics {
                panic_as_meant();
            }
        }
        self.before = self.before.wrapping_sub(1);
        let ticket = self.tickets.pop()?;
        Some(VictimRequest::Work { ticket, length: Duration::ZERO, reply: Reply::none() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.tickets.len(), Some(self.tickets.len()))
    }
}

impl ExactSizeIterator for Stalling {}

pub fn round(round: &mut Round) {
    for deed in 0..6 {
        shared(round, deed);
    }
    lanes(round);
}

/// Starts a producer, and returns when it is suspended; what it returns tells it to go on.
fn stall<'s, K: Kind>(
    scope: &'s thread::Scope<'s, '_>,
    round: &mut Round,
    victim: VictimProxy<K>,
    panics: bool,
) -> std::sync::mpsc::Sender<()> {
    let (tickets, lines): (Vec<_>, Vec<Line>) = (0..BATCH).map(|_| round.book.enter()).unzip();
    let (inside, is_inside) = sync_channel(0);
    let (let_go, go_on) = channel();
    let before = round.random.place(BATCH);
    let mut requests = Stalling { tickets, before, inside, go_on, panics };
    scope.spawn(move || {
        let batch = AssertUnwindSafe(|| victim.handle().tell_batch(&mut requests));
        match catch_unwind(batch) {
            Ok(Ok(sent)) => assert_eq!(sent, BATCH, "all that was claimed"),
            Ok(Err(refused)) => panic!("a claim that was accepted: {refused}"),
            Err(payload) => assert_eq!(payload.downcast_ref(), Some(&MEANT)),
        }
        lines.into_iter().for_each(Line::unwatched);
    });
    is_inside.recv_timeout(END_LIMIT).expect("it is in the middle of its batch");
    let_go
}

fn shared(round: &mut Round, deed: u64) {
    let engine = round.engine(&["a"]);
    let victim = engine.spawn("victim", Victim::default).capacity(64).start().unwrap();
    thread::scope(|scope| {
        let let_go = stall(scope, round, victim.clone(), deed == 3);
        let mut behind: Vec<_> = (0..8)
            .map(|_| {
                let (ticket, line) = round.book.enter();
                (victim.work(ticket, Duration::ZERO), line)
            })
            .collect();
        // Another lane.
        let (ticket, line) = round.book.enter();
        line.wait(victim.hurry(ticket));
        let (mut cancelled, line) = behind.pop().expect("there are eight");
        assert!(cancelled.cancel(), "it hasn't begun");
        line.ended(&cancelled.get());
        assert!(behind.iter().all(|(call, _)| !call.is_ready()), "they are behind the claim");
        let mut let_go = Some(let_go);
        let mut go = || let_go.take().expect("once").send(()).expect("it waits");
        match deed {
            0 | 3 => go(),
            1 => {
                victim.abort();
                // At once: before the producer goes on.
                for (call, line) in behind.drain(..) {
                    assert!(call.is_ready(), "an abort waits for nobody");
                    line.wait(call);
                }
                go();
                assert!(victim.wait_exit(END_LIMIT).is_some());
            }
            2 => {
                Proxy::stop(&victim);
                assert!(victim.exit().is_none(), "it has accepted what isn't published");
                go();
                assert!(victim.wait_exit(END_LIMIT).is_some());
            }
            4 => {
                // The engine doesn't hang, and says that it isn't done.
                assert!(!engine.stop_within(Duration::ZERO));
                go();
                assert!(engine.stop_within(END_LIMIT));
            }
            _ => {
                assert!(!engine.stop_in_phases(Duration::from_millis(1)));
                go();
                assert!(engine.stop_within(END_LIMIT));
            }
        }
        behind.into_iter().for_each(|(call, line)| line.wait(call));
    });
    drop(victim);
    end(&mut round.random, engine);
}

fn lanes(round: &mut Round) {
    let engine = round.engine(&["a"]);
    let victim = engine.spawn("victim", Victim::default).lanes().capacity(64).start().unwrap();
    thread::scope(|scope| {
        let other: VictimProxy<Lanes> = victim.clone();
        let let_go = stall(scope, round, other, false);
        for _ in 0..8 {
            let (ticket, line) = round.book.enter();
            let outcome = victim.work(ticket, Duration::ZERO).get();
            assert_eq!(outcome, Ok(1), "a stalled producer delays itself alone");
            line.ended(&outcome);
        }
        let_go.send(()).unwrap();
    });
    drop(victim);
    end(&mut round.random, engine);
}
