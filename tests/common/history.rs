//! Whether what a mailbox did can have been done by a bounded first-in-first-out queue, one operation
//! after the other: checked in linear time, on histories of any length.
//!
//! Every operation has two stamps of one clock, taken before its call and after its return. If one
//! returns before another is called, it comes first; else both orders are right. The rules are those of
//! the patterns by which a queue that isn't linearizable shows itself, for values that are all
//! different, and what a bounded queue that can be closed promises beside.
//!
//! # Source
//! T. A. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-oriented linearizability proofs" (CONCUR 2013):
//! their VFresh, VRepet, VOrd and VWit.

#![allow(dead_code)] // each crate that includes it uses a part

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The one clock: its ticks are all different.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// The next tick.
    pub fn tick(&self) -> u64 {
        // SeqCst: the stamps of all threads are in one order.
        self.0.fetch_add(1, SeqCst)
    }

    /// Runs `operate` between two ticks.
    pub fn time<R>(&self, operate: impl FnOnce() -> R) -> (R, Span) {
        let call = self.tick();
        let result = operate();
        (result, Span { call, ret: self.tick() })
    }
}

/// When an operation was called, and when it had returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub call: u64,
    pub ret: u64,
}

/// Which request it was: no two are the same. A producer numbers its own from 0, in its order, and
/// leaves no number out: the refused ones have theirs too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub producer: u32,
    pub number: u32,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Accepted,
    Full,
    Closed,
    /// Claimed, and given up: it takes a slot until the consumer has passed it.
    Abandoned,
}

/// A request that was taken. `span.call` lies before it was handled, while it still had its slot;
/// `span.ret` behind the return of the call that took it.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub id: Id,
    pub span: Span,
}

/// A look of the consumer's that found nothing, behind so many requests taken.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub taken: usize,
    pub span: Span,
    pub found: Nothing,
}

/// What it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// Nothing is there.
    Empty,
    /// It took nothing, and didn't say whether something is claimed.
    None,
    /// The end.
    Closed,
}

/// What one producer did, in its order.
#[derive(Clone, Debug, Default)]
pub struct Sending(pub Vec<(Sent, Span)>);

/// What a kind of mailbox promises beside what all do.
#[derive(Clone, Copy, Debug)]
pub struct Promises {
    /// How many requests fit.
    pub capacity: usize,
    /// Each producer has room of its own, and its requests have no order with those of others.
    pub by_producer: bool,
}

/// Everything that happened to one mailbox.
#[derive(Clone, Debug)]
pub struct History {
    pub producers: Vec<Sending>,
    /// In the order taken.
    pub taken: Vec<Taken>,
    /// In the consumer's order.
    pub looks: Vec<Look>,
    /// Calls of `close`, by anyone, and the consumer's drop.
    pub closes: Vec<Span>,
    /// The consumer was dropped before the end: what it left isn't lost, but gone with it.
    pub is_left: bool,
}

/// What can't have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Taken, and never accepted.
    FromNowhere(Id),
    Twice(Id),
    Lost(Id),
    /// Taken before it was sent.
    TooEarly(Id),
    /// A later one of the same producer came before it.
    Overtaken(Id),
    /// One that was sent after it had been accepted came before it.
    OutOfOrder(Id),
    /// More requests than fit were accepted and not yet taken.
    OverCapacity,
    /// Refused as full, with room all the time.
    NotFull(Id),
    /// Found empty, although this one had been accepted and not taken.
    NotEmpty(Id),
    /// Accepted behind the close.
    BehindTheEnd(Id),
    /// Refused as closed, before anybody closed.
    NotClosed(Id),
    /// The end was found before this one was taken.
    EndTooEarly(Id),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl History {
    /// Everything that can't have been; nothing if all is well.
    pub fn violations(&self, promises: Promises) -> BTreeSet<Violation> {
        let mut found = BTreeSet::new();
        let index = self.index(&mut found);
        // The order of what is wrong in itself means nothing.
        if found.is_empty() {
            self.check_order(promises, &mut found);
            self.check_room(promises, &index, &mut found);
            self.check_end(&mut found);
        }
        found
    }

    fn send(&self, id: Id) -> Option<(Sent, Span)> {
        self.producers.get(id.producer as usize)?.0.get(id.number as usize).copied()
    }

    /// All that was sent, with how it ended.
    fn sends(&self) -> impl Iterator<Item = (Id, Sent, Span)> {
        self.producers.iter().enumerate().flat_map(|(producer, Sending(sends))| {
            sends.iter().enumerate().map(move |(number, (sent, span))| {
                (Id { producer: producer as u32, number: number as u32 }, *sent, *span)
            })
        })
    }

    fn accepted(&self) -> impl Iterator<Item = (Id, Span)> {
        self.sends().filter(|(_, sent, _)| *sent == Sent::Accepted).map(|(id, _, span)| (id, span))
    }

    /// Where each request was taken, by producer and number: each once, and each that was accepted.
    fn index(&self, found: &mut BTreeSet<Violation>) -> Vec<Vec<Option<usize>>> {
        let empty = |sending: &Sending| vec![None; sending.0.len()];
        let mut index: Vec<Vec<Option<usize>>> = self.producers.iter().map(empty).collect();
        for (at, taken) in self.taken.iter().enumerate() {
            let id = taken.id;
            match self.send(id) {
                Some((Sent::Accepted, span)) => {
                    let place = &mut index[id.producer as usize][id.number as usize];
                    if place.replace(at).is_some() {
                        found.insert(Violation::Twice(id));
                    }
                    if taken.span.ret < span.call {
                        found.insert(Violation::TooEarly(id));
                    }
                }
                _ => _ = found.insert(Violation::FromNowhere(id)),
            }
        }
        for (id, _) in self.accepted().filter(|_| !self.is_left) {
            if index[id.producer as usize][id.number as usize].is_none() {
                found.insert(Violation::Lost(id));
            }
        }
        index
    }

    /// The order of what was taken, and whether it may have been empty where it was found so.
    fn check_order(&self, promises: Promises, found: &mut BTreeSet<Violation>) {
        // From the back: the earliest return of a send that is taken here or later. Who was called
        // after that and is taken before can't be: they had an order.
        let mut first_return = vec![(u64::MAX, None); self.taken.len() + 1];
        let mut next_number = vec![u32::MAX; self.producers.len()];
        for (at, taken) in self.taken.iter().enumerate().rev() {
            let id = taken.id;
            let Some((_, span)) = self.send(id) else { continue };
            let (earliest, whose) = first_return[at + 1];
            if let Some(whose) = whose.filter(|_| earliest < span.call && !promises.by_producer) {
                found.insert(Violation::OutOfOrder(whose));
            }
            let next = &mut next_number[id.producer as usize];
            if *next < id.number {
                found.insert(Violation::Overtaken(Id { number: *next, ..id }));
            }
            *next = id.number;
            let here = (span.ret, Some(id));
            first_return[at] = if span.ret < earliest { here } else { first_return[at + 1] };
        }
        let given_up = self.given_up();
        for look in &self.looks {
            let id = match look.found {
                // What is next may be claimed and not filled, and hide what is behind it; so may a claim
                // that was then given up.
                Nothing::None if !promises.by_producer => {
                    if given_up[look.span.ret as usize] >= look.span.call {
                        continue;
                    }
                    let next = self.taken.get(look.taken).map(|taken| taken.id);
                    let span = next.and_then(|id| self.send(id)).map(|(_, span)| span);
                    next.filter(|_| span.is_some_and(|span| span.ret < look.span.call))
                }
                Nothing::Empty | Nothing::None => {
                    let (earliest, whose) = first_return[look.taken];
                    whose.filter(|_| earliest < look.span.call)
                }
                Nothing::Closed => {
                    let next = self.taken.get(look.taken).map(|taken| taken.id);
                    found.extend(next.map(Violation::EndTooEarly));
                    None
                }
            };
            found.extend(id.map(Violation::NotEmpty));
        }
    }

    /// By stamp: when the last of the claims had been given up that were begun before.
    fn given_up(&self) -> Vec<u64> {
        let mut until = vec![0; self.end() as usize + 1];
        for (_, _, span) in self.sends().filter(|(_, sent, _)| *sent == Sent::Abandoned) {
            until[span.call as usize] = span.ret;
        }
        for at in 1..until.len() {
            until[at] = until[at].max(until[at - 1]);
        }
        until
    }

    /// That never more lay there than fit, and that who was refused may have found it full.
    fn check_room(
        &self,
        promises: Promises,
        index: &[Vec<Option<usize>>],
        found: &mut BTreeSet<Violation>,
    ) {
        let groups = if promises.by_producer { self.producers.len() } else { 1 };
        for group in 0..groups {
            let is_ours = |id: Id| !promises.by_producer || id.producer as usize == group;
            self.check_room_of(promises.capacity, is_ours, index, found);
        }
    }

    fn check_room_of(
        &self,
        capacity: usize,
        is_ours: impl Fn(Id) -> bool,
        index: &[Vec<Option<usize>>],
        found: &mut BTreeSet<Violation>,
    ) {
        let end = self.end() as usize + 1;
        // By stamp: what certainly lies there from then on, and what may.
        let (mut surely, mut came, mut gone) = (vec![0_i64; end], vec![0_u64; end], vec![0; end]);
        for (id, sent, span) in self.sends().filter(|(id, ..)| is_ours(*id)) {
            if matches!(sent, Sent::Accepted | Sent::Abandoned) {
                came[span.call as usize] += 1;
            }
            if sent == Sent::Abandoned
                && let Some(passed) = self.passed(span)
            {
                gone[passed as usize] += 1;
            }
            if sent == Sent::Accepted
                && let Some(at) = index[id.producer as usize][id.number as usize]
            {
                let taken = self.taken[at].span;
                // Taken while it was being sent, it lay there for no time that anybody knows of.
                if span.ret < taken.call {
                    surely[span.ret as usize] += 1;
                    surely[taken.call as usize] -= 1;
                }
                gone[taken.ret as usize] += 1;
            }
        }
        let mut there = 0;
        for change in surely {
            there += change;
            if there > capacity as i64 {
                found.insert(Violation::OverCapacity);
            }
        }
        for at in 1..end {
            came[at] += came[at - 1];
            gone[at] += gone[at - 1];
        }
        for (id, sent, span) in self.sends().filter(|(id, ..)| is_ours(*id)) {
            // Its own call counts neither way.
            let may_be_there = came[span.ret as usize].saturating_sub(gone[span.call as usize]);
            if sent == Sent::Full && may_be_there < capacity as u64 {
                found.insert(Violation::NotFull(id));
            }
        }
    }

    /// When the consumer had certainly come past a slot that was given up: it had taken what was sent
    /// after that.
    fn passed(&self, abandoned: Span) -> Option<u64> {
        // Found from the front: few are given up, and soon passed.
        let later =
            |taken: &&Taken| self.send(taken.id).is_some_and(|(_, span)| abandoned.ret < span.call);
        // What was taken before it was given up can't have been sent after that.
        let from = self.taken.partition_point(|taken| taken.span.ret < abandoned.ret);
        self.taken[from..].iter().find(later).map(|taken| taken.span.ret)
    }

    /// That nothing was accepted behind the end, nor refused before it.
    fn check_end(&self, found: &mut BTreeSet<Violation>) {
        let refused = self.sends().filter(|(_, sent, _)| *sent == Sent::Closed);
        let ended = self.looks.iter().filter(|look| look.found == Nothing::Closed);
        let seen = refused.map(|(.., span)| span).chain(ended.map(|look| look.span));
        // Who has closed it, or was told that it is closed, knows that nothing comes any more.
        let known = seen.chain(self.closes.iter().copied()).map(|span| span.ret).min();
        let begun = self.closes.iter().map(|span| span.call).min();
        for (id, sent, span) in self.sends() {
            match sent {
                Sent::Accepted if known.is_some_and(|known| known < span.call) => {
                    found.insert(Violation::BehindTheEnd(id));
                }
                Sent::Closed if begun.is_none_or(|begun| span.ret < begun) => {
                    found.insert(Violation::NotClosed(id));
                }
                _ => {}
            }
        }
    }

    /// The last stamp.
    fn end(&self) -> u64 {
        let sent = self.sends().map(|(.., span)| span.ret);
        let taken = self.taken.iter().map(|taken| taken.span.ret);
        let looked = self.looks.iter().map(|look| look.span.ret);
        sent.chain(taken).chain(looked).max().unwrap_or(0)
    }
}
