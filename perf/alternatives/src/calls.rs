//! Calls: questions whose answers come back to where the caller looks; one at a time, or many.

use crate::cells::{Cell, Completion, Lender};
use crate::harness::Lab;
use crate::idle::{Idle, Idling};
use crate::rings::layout::{prefetch_for_read, prefetch_for_write};
use crate::rings::reply_slot::{ReplyRing, Slot};
use crate::rings::stamped::StampedRing;
use crate::rings::{Producer, Ring, Tuning};
use crate::traffic::DRAIN_MAX;
use std::collections::VecDeque;
use std::hint::spin_loop;
use std::ops::Deref;
use std::thread;
use std::time::Instant;

/// How many calls are on their way at once where there are many.
pub const WINDOW: usize = 128;
/// The question after which there is none.
const OVER: u64 = u64::MAX;
/// As the engine's shared ring.
const TUNING: Tuning = Tuning::PLAIN.ahead_to_write(26);

/// Who asks early for the lines of cells.
#[derive(Clone, Copy)]
pub enum Prefetch {
    /// Nobody.
    Never,
    /// The responder, before it serves a call, for the one that lies so many behind it; to write.
    Ahead(u64),
    /// The responder, for all calls of a batch, before the first is served; to write.
    Batch,
    /// The caller, before it takes an answer, for the call that it made so many later; to read.
    CallerToRead(usize),
    /// The same; to write, as the cell will be given back.
    CallerToWrite(usize),
}

/// Something that takes questions and gives answers, as a caller sees it.
trait Asking {
    /// Sends a question; says where to look for the answer.
    fn ask(&mut self, question: u64) -> usize;
    /// The answer at that place, once it is there.
    fn poll(&mut self, place: usize) -> Option<u64>;
    /// Asks early for the line where an answer will be.
    fn glance(&self, place: usize);
    /// For the call how many later, before an answer is taken; 0: for none.
    fn glances_ahead(&self) -> usize;
}

/// Calls through a shared ring and cells from `lender`; nanoseconds a call.
pub fn with_cells<C: Completion>(
    lab: &Lab,
    cells: &[Cell],
    lender: impl Lender,
    in_flight: usize,
    prefetch: Prefetch,
) -> f64 {
    let ring = StampedRing::<true, 2>::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            serve_cells::<C>(&ring, cells, prefetch);
        });
        let mut asking = WithCells { producer: ring.producer(TUNING), cells, lender, prefetch };
        let nanos = call_for_a_round(lab, &mut asking, in_flight);
        asking.ask(OVER);
        nanos
    })
}

struct WithCells<'a, P, L> {
    producer: P,
    cells: &'a [Cell],
    lender: L,
    prefetch: Prefetch,
}

impl<P: Producer<2>, L: Lender> Asking for WithCells<'_, P, L> {
    #[inline(always)]
    fn ask(&mut self, question: u64) -> usize {
        let cell = self.lender.take().expect("there are more cells than calls");
        while self.producer.offer(1, |_| [question, cell as u64]) == 0 {
            spin_loop();
        }
        cell
    }

    #[inline(always)]
    fn poll(&mut self, place: usize) -> Option<u64> {
        let answer = self.cells[place].poll()?;
        self.lender.give_back(place);
        Some(answer)
    }

    #[inline(always)]
    fn glance(&self, place: usize) {
        match self.prefetch {
            Prefetch::CallerToRead(_) => prefetch_for_read(&self.cells[place]),
            Prefetch::CallerToWrite(_) => prefetch_for_write(&self.cells[place]),
            Prefetch::Never | Prefetch::Ahead(_) | Prefetch::Batch => {}
        }
    }

    #[inline(always)]
    fn glances_ahead(&self) -> usize {
        match self.prefetch {
            Prefetch::CallerToRead(ahead) | Prefetch::CallerToWrite(ahead) => ahead,
            Prefetch::Never | Prefetch::Ahead(_) | Prefetch::Batch => 0,
        }
    }
}

fn serve_cells<C: Completion>(ring: &StampedRing<true, 2>, cells: &[Cell], prefetch: Prefetch) {
    let mut consumer = ring.consumer(TUNING);
    let mut idle = Idle::new(Idling::Linger);
    let (mut last, mut to_wake) = (0, 0_u64);
    let glance = |[_, cell]: [u64; 2]| prefetch_for_write(&cells[cell as usize]);
    let distance = if let Prefetch::Ahead(distance) = prefetch { distance } else { 0 };
    while last != OVER {
        if let Prefetch::Batch = prefetch {
            consumer.peek(DRAIN_MAX, glance);
        }
        let served =
            consumer.drain_looking_ahead(DRAIN_MAX, distance, glance, |[question, cell]| {
                last = question;
                to_wake +=
                    u64::from(C::complete(&cells[cell as usize], || question.wrapping_add(1)));
            });
        if served > 0 { idle.worked(served) } else { idle.idle() }
    }
    assert_eq!(to_wake, 0, "no caller sleeps here");
}

/// Calls through a ring whose slots hold the answers too; nanoseconds a call.
pub fn in_slots<S>(lab: &Lab, in_flight: usize) -> f64
where
    S: Deref<Target = Slot> + From<Slot> + Send + Sync,
{
    let ring = ReplyRing::<S>::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.pin(lab.receiver);
            serve_slots(&ring);
        });
        let mut asking = InSlots(&ring);
        let nanos = call_for_a_round(lab, &mut asking, in_flight);
        asking.ask(OVER);
        nanos
    })
}

struct InSlots<'a, S>(&'a ReplyRing<S>);

impl<S: Deref<Target = Slot> + From<Slot>> Asking for InSlots<'_, S> {
    #[inline(always)]
    fn ask(&mut self, question: u64) -> usize {
        self.0.ask(question).expect("there are more slots than calls") as usize
    }

    #[inline(always)]
    fn poll(&mut self, place: usize) -> Option<u64> {
        self.0.poll(place as u64)
    }

    fn glance(&self, _: usize) {}

    fn glances_ahead(&self) -> usize {
        0
    }
}

fn serve_slots<S: Deref<Target = Slot> + From<Slot>>(ring: &ReplyRing<S>) {
    let mut idle = Idle::new(Idling::Linger);
    let (mut last, mut position) = (0, 0);
    while last != OVER {
        let mut served = 0;
        let mut answer = |question: u64| {
            last = question;
            question.wrapping_add(1)
        };
        while served < DRAIN_MAX && ring.serve(position, &mut answer) {
            position += 1;
            served += 1;
        }
        if served > 0 { idle.worked(served) } else { idle.idle() }
    }
}

/// Keeps so many calls on their way; takes the oldest answer, checks it, and asks again.
#[inline(always)]
fn call_for_a_round(lab: &Lab, asking: &mut impl Asking, in_flight: usize) -> f64 {
    const CHUNK: u64 = 1024;
    let mut calls = VecDeque::with_capacity(in_flight);
    let mut asked = 0;
    let mut call_a_chunk = |asking: &mut _| {
        for question in asked..asked + CHUNK {
            if calls.len() == in_flight {
                take_oldest(asking, &mut calls);
            }
            calls.push_back((question, Asking::ask(asking, question)));
        }
        asked += CHUNK;
    };
    call_a_chunk(asking);
    let (begun, mut count) = (Instant::now(), 0);
    let nanos = loop {
        call_a_chunk(asking);
        count += CHUNK;
        let time = begun.elapsed();
        if time >= lab.round {
            break time.as_nanos() as f64 / count as f64;
        }
    };
    while !calls.is_empty() {
        take_oldest(asking, &mut calls);
    }
    nanos
}

#[inline(always)]
fn take_oldest(asking: &mut impl Asking, calls: &mut VecDeque<(u64, usize)>) {
    let ahead = asking.glances_ahead();
    if let Some((_, later)) = calls.get(ahead)
        && ahead > 0
    {
        asking.glance(*later);
    }
    let Some((question, place)) = calls.pop_front() else { return };
    let answer = loop {
        match asking.poll(place) {
            Some(answer) => break answer,
            None => spin_loop(),
        }
    };
    assert_eq!(answer, question + 1, "an answer to another question");
}
