//! All that a caller can do with calls, while their objects stop and are aborted.

use super::super::book::{Book, Line, Ticket};
use super::super::chance::Random;
use super::super::program::{Round, end};
use super::super::victim::{Victim, VictimProxy};
use super::super::watch::END_LIMIT;
use mainspring::prelude::*;
use mainspring::{CallSet, join_all, select};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const OBJECTS: usize = 3;
const CALLERS: usize = 3;
/// Of each caller.
const DEEDS: usize = 60;

/// Gets other objects' outcomes as requests.
struct Sink;

#[active]
impl Sink {
    pub fn take(&mut self, line: Line, outcome: Result<u64, CallError>) {
        line.ended(&outcome);
    }
}

struct Caller<'b> {
    book: &'b Arc<Book>,
    random: Random,
    victims: Vec<VictimProxy>,
    sink: SinkProxy,
}

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let victim = |number| {
        let spawn = engine.spawn(format!("victim {number}"), Victim::default).resume_on_panic();
        spawn.capacity(64).start().unwrap()
    };
    let victims: Vec<_> = (0..OBJECTS).map(victim).collect();
    // Outcomes must find room: each is a line of the book.
    let sink = engine.spawn("sink", || Sink).capacity(4096).start().unwrap();
    let (book, random) = (&round.book, &mut round.random);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (victims, sink, random) = (victims.clone(), sink.clone(), random.fork());
            let caller = Caller { book, random, victims, sink };
            scope.spawn(move || caller.run());
        }
        // One of them doesn't live to see the end.
        thread::sleep(random.micros(2000));
        match random.below(3) {
            0 => victims[0].abort(),
            1 => Proxy::stop(&victims[0]),
            _ => {}
        }
    });
    // What is observed isn't waited for; and the sink must be there for it.
    book.settle();
    drop((victims, sink));
    end(&mut round.random, engine);
}

impl Caller<'_> {
    fn run(mut self) {
        for _ in 0..DEEDS {
            self.deed();
        }
    }

    /// A call, not asked whether it was accepted.
    fn call(&mut self) -> (Call<u64>, Line) {
        let (ticket, line): (Ticket, _) = self.book.enter();
        let victim = self.random.one_of(&self.victims);
        let call = match self.random.below(6) {
            0 => victim.hurry(ticket),
            1 => victim.ponder(ticket),
            2 => victim.with(Options::new().timeout(self.random.micros(300))).hurry(ticket),
            3 => victim.relay(ticket, self.random.one_of(&self.victims)),
            _ => victim.work(ticket, self.random.micros(10)),
        };
        (call, line)
    }

    fn deed(&mut self) {
        let (mut call, line) = self.call();
        match self.random.below(13) {
            0 => line.ended(&call.get()),
            1 => {
                let limit = self.random.micros(60);
                if let Some((call, line)) = line.wait_for(call, limit) {
                    line.wait(call);
                }
            }
            2 => {
                let was_first = call.cancel();
                let outcome = call.get();
                assert!(!was_first || outcome == Err(CallError::Cancelled));
                line.ended(&outcome);
            }
            3 => call.on_complete(move |outcome| line.ended(&outcome)),
            4 => call.on_complete_in(self.sink.clone(), move |sink, outcome| {
                sink.tell().take(line, outcome)
            }),
            5 => line.ended(&pollster::block_on(call)),
            6 => self.polled_then_left(call, line),
            7 => {
                line.unwatched();
                drop(call);
            }
            8 => thread::scope(|scope| {
                // Taken on another thread, which may well come first.
                scope.spawn(move || line.wait(call));
            }),
            9 => self.set(call, line),
            10 => {
                let (others, lines): (Vec<_>, Vec<_>) = (0..3).map(|_| self.call()).unzip();
                line.ended(&call.get());
                let outcomes = match self.random.once_in(2) {
                    true => join_all(others).get(),
                    false => pollster::block_on(join_all(others)),
                };
                lines.into_iter().zip(outcomes).for_each(|(line, outcome)| line.ended(&outcome));
            }
            11 => self.select(call, line),
            _ => {
                while !call.is_ready() {
                    thread::yield_now();
                }
                line.ended(&call.try_get().expect("it has ended"));
            }
        }
    }

    /// Leaves a waker behind, then does something else.
    fn polled_then_left(&mut self, mut call: Call<u64>, line: Line) {
        use std::future::Future;
        use std::task::{Context, Poll, Waker};
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(outcome) = std::pin::Pin::new(&mut call).poll(&mut context) {
            return line.ended(&outcome);
        }
        match self.random.below(4) {
            0 => {
                call.cancel();
                line.wait(call);
            }
            1 => call.on_complete(move |outcome| line.ended(&outcome)),
            2 => line.unwatched(),
            _ => line.ended(&pollster::block_on(call)),
        }
    }

    fn set(&mut self, call: Call<u64>, line: Line) {
        let mut set = CallSet::new();
        set.insert(call);
        let mut lines = vec![Some(line)];
        for _ in 0..self.random.below(6) {
            let (call, line) = self.call();
            set.insert(call);
            lines.push(Some(line));
        }
        for _ in 0..self.random.below(8) {
            let limit = Duration::from_micros(self.random.below(200));
            let next = match self.random.below(3) {
                0 => set.try_next(),
                1 => set.next_timeout(limit),
                _ => set.next_timeout(END_LIMIT),
            };
            if let Some((key, outcome)) = next {
                lines[key].take().expect("once").ended(&outcome);
            }
        }
        // Those that are left are detached with the set.
        drop(set);
        lines.into_iter().flatten().for_each(Line::unwatched);
    }

    fn select(&mut self, call: Call<u64>, line: Line) {
        let (other, other_line) = self.call();
        let mut lines = [Some(line), Some(other_line)];
        let selected = match self.random.once_in(2) {
            true => select([call, other]).get(),
            false => pollster::block_on(select([call, other])),
        };
        let (place, outcome, mut others) = selected.expect("there are two");
        lines[place].take().expect("once").ended(&outcome);
        let (key, outcome) = others.next().expect("there is another");
        lines[key].take().expect("once").ended(&outcome);
    }
}
