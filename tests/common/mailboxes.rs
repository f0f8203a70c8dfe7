//! Producers and a consumer of one mailbox, of any kind, that do this and that and write it down: for a
//! [`History`] to be checked. On threads of whatever sort.

#![allow(dead_code)] // each crate that includes it uses a part

use super::history::{Clock, History, Id, Look, Nothing, Promises, Sending, Sent, Span, Taken};
use mainspring::mailbox::{Bell, Pop, PushError, lanes, mpsc, spsc};
use std::sync::{Arc, Mutex};

/// Knows of each value whether it was dropped, and how often.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<u8>>>);

impl Ledger {
    /// One more value to be dropped once.
    pub fn token(&self) -> Token {
        let mut drops = self.0.lock().unwrap();
        drops.push(0);
        Token { ledger: self.clone(), number: drops.len() - 1 }
    }

    /// How many values were made, and how many of them dropped.
    pub fn counts(&self) -> (usize, usize) {
        let drops = self.0.lock().unwrap();
        (drops.len(), drops.iter().filter(|drops| **drops > 0).count())
    }

    /// # Panics
    /// If one was not dropped.
    pub fn check(&self) {
        let (made, dropped) = self.counts();
        assert_eq!(made, dropped, "made, and dropped: the others have leaked");
    }
}

/// Panics when it is dropped twice.
#[derive(Debug)]
pub struct Token {
    ledger: Ledger,
    number: usize,
}

impl Drop for Token {
    fn drop(&mut self) {
        let drops = &mut self.ledger.0.lock().unwrap()[self.number];
        *drops += 1;
        let drops = *drops;
        assert_eq!(drops, 1, "value {} was dropped twice", self.number);
    }
}

/// What is sent.
#[derive(Debug)]
pub struct Item {
    pub id: Id,
    _token: Option<Token>,
}

/// What a producer's thread needs.
pub struct Producing<'a> {
    pub clock: &'a Clock,
    /// None where only speed counts.
    pub ledger: Option<&'a Ledger>,
    pub producer: u32,
    /// How many requests it tries to send.
    pub count: u32,
    /// One of `0..n`.
    pub choose: &'a mut dyn FnMut(u64) -> u64,
    /// Lets others run.
    pub pause: &'a dyn Fn(),
}

impl Producing<'_> {
    /// Sends in all ways that the kind has, until enough were tried or the mailbox is closed. Returns the
    /// sender, too: its drop may be a close.
    pub fn run<P: Sends>(mut self, mut sender: P) -> (Sending, P) {
        let mut log = Vec::new();
        while (log.len() as u32) < self.count {
            match (self.choose)(10) {
                0 => self.abandon(&mut sender, &mut log),
                1 => {
                    let item = self.item(&log, 0);
                    let (sent, span) = self.clock.time(|| sender.fill(item));
                    log.push((fate(&sent), span));
                }
                2 | 3 => self.send_batch(&mut sender, &mut log),
                _ => {
                    let item = self.item(&log, 0);
                    let (sent, span) = self.clock.time(|| sender.one(item));
                    log.push((fate(&sent), span));
                }
            }
            match log.last() {
                Some((Sent::Full, _)) => (self.pause)(),
                Some((Sent::Closed, _)) => break,
                _ => {}
            }
        }
        (Sending(log), sender)
    }

    fn item(&self, log: &[(Sent, Span)], ahead: u32) -> Item {
        let id = Id { producer: self.producer, number: log.len() as u32 + ahead };
        Item { id, _token: self.ledger.map(Ledger::token) }
    }

    fn abandon<P: Sends>(&self, sender: &mut P, log: &mut Vec<(Sent, Span)>) {
        let (taken, span) = self.clock.time(|| sender.abandon());
        match taken {
            Ok(true) => log.push((Sent::Abandoned, span)),
            // Nothing was changed.
            Ok(false) => {}
            refused => log.push((fate(&refused.map(drop)), span)),
        }
    }

    fn send_batch<P: Sends>(&mut self, sender: &mut P, log: &mut Vec<(Sent, Span)>) {
        let count = 1 + (self.choose)(4) as u32;
        let items: Vec<_> = (0..count).map(|ahead| self.item(log, ahead)).collect();
        let mut items = items.into_iter();
        let (sent, span) = self.clock.time(|| sender.some(&mut items));
        match sent {
            Ok(count) => log.extend((0..count).map(|_| (Sent::Accepted, span))),
            Err(refused) => log.push((fate(&Err(refused)), span)),
        }
    }
}

fn fate<T>(sent: &Result<(), PushError<T>>) -> Sent {
    match sent {
        Ok(()) => Sent::Accepted,
        Err(PushError::Full(_)) => Sent::Full,
        Err(PushError::Closed(_)) => Sent::Closed,
    }
}

/// What a consumer's thread needs.
pub struct Consuming<'a> {
    pub clock: &'a Clock,
    pub choose: &'a mut dyn FnMut(u64) -> u64,
    pub pause: &'a dyn Fn(),
    /// Sleeps until the bell has rung once more.
    pub sleep: &'a dyn Fn(),
    /// Learns how many requests it has taken.
    pub tell: &'a dyn Fn(usize),
    /// Ends admission behind so many requests.
    pub close_after: Option<usize>,
    /// Goes behind so many.
    pub leave_after: Option<usize>,
}

/// What a consumer wrote down.
#[derive(Debug, Default)]
pub struct Consumed {
    pub taken: Vec<Taken>,
    pub looks: Vec<Look>,
    pub closes: Vec<Span>,
    pub is_left: bool,
    /// How often it was cooled, and so must have been rung for.
    pub coolings: usize,
    /// How often it found a request claimed and not filled.
    pub in_flight: usize,
}

impl Consuming<'_> {
    /// Takes requests until the end, or until it leaves.
    pub fn run<C: Takes>(mut self, mut receiver: C) -> Consumed {
        let mut log = Consumed::default();
        loop {
            if self.close_after.take_if(|after| log.taken.len() >= *after).is_some() {
                log.closes.push(self.clock.time(|| receiver.close()).1);
            }
            if self.leave_after.is_some_and(|after| log.taken.len() >= after) {
                log.is_left = true;
                log.closes.push(self.clock.time(|| drop(receiver)).1);
                return log;
            }
            if self.drain(&mut receiver, &mut log) > 0 {
                continue;
            }
            let (found, span) = self.clock.time(|| receiver.peek());
            let taken = log.taken.len();
            let nothing = |found| Look { taken, span, found };
            match found {
                Pop::Closed => {
                    log.looks.push(nothing(Nothing::Closed));
                    return log;
                }
                Pop::Empty => {
                    log.looks.push(nothing(Nothing::Empty));
                    if (self.choose)(2) == 0 && receiver.cool() {
                        log.coolings += 1;
                        (self.sleep)();
                    } else {
                        (self.pause)();
                    }
                }
                Pop::InFlight => {
                    log.in_flight += 1;
                    (self.pause)();
                }
                Pop::Request(()) => {}
            }
        }
    }

    fn drain<C: Takes>(&mut self, receiver: &mut C, log: &mut Consumed) -> usize {
        let max = 1 + (self.choose)(6) as usize;
        let first = log.taken.len();
        let (count, span) = self.clock.time(|| {
            receiver.drain(max, |item| {
                let call = self.clock.tick();
                log.taken.push(Taken { id: item.id, span: Span { call, ret: call } });
            })
        });
        assert_eq!(log.taken.len() - first, count, "it returns how many it has passed on");
        assert!(count <= max);
        log.taken[first..].iter_mut().for_each(|taken| taken.span.ret = span.ret);
        (self.tell)(log.taken.len());
        if count == 0 {
            log.looks.push(Look { taken: first, span, found: Nothing::None });
        }
        count
    }
}

/// Puts together what all have written down.
pub fn history(producers: Vec<Sending>, consumed: Consumed, others: Vec<Span>) -> History {
    let Consumed { taken, looks, mut closes, is_left, .. } = consumed;
    closes.extend(others);
    History { producers, taken, looks, closes, is_left }
}

/// # Panics
/// If that can't have been a queue.
pub fn check(history: &History, promises: Promises) {
    let found = history.violations(promises);
    let first: Vec<_> = found.iter().take(8).collect();
    assert!(found.is_empty(), "{} violations of {promises:?}, the first: {first:?}", found.len());
}

/// The producer's end, of any kind.
pub trait Sends: Send + 'static {
    fn one(&mut self, item: Item) -> Result<(), PushError<Item>>;
    fn some(&mut self, items: &mut std::vec::IntoIter<Item>)
    -> Result<usize, PushError<Vec<Item>>>;
    /// By a claim, where there are any.
    fn fill(&mut self, item: Item) -> Result<(), PushError<()>> {
        self.one(item).map_err(|error| if error.is_full() { FULL } else { CLOSED })
    }
    /// Claims and gives up; whether that takes a slot for a while.
    fn abandon(&mut self) -> Result<bool, PushError<()>> {
        Ok(false)
    }
}

const FULL: PushError<()> = PushError::Full(());
const CLOSED: PushError<()> = PushError::Closed(());

/// The consumer's end.
pub trait Takes: Send + 'static {
    fn drain(&mut self, max: usize, each: impl FnMut(Item)) -> usize;
    fn peek(&self) -> Pop<()>;
    fn cool(&mut self) -> bool;
    fn close(&self);
}

macro_rules! ends_of {
    ($kind:ident $(, $claims:item)*) => {
        impl<B: Bell> Sends for $kind::Producer<Item, B> {
            fn one(&mut self, item: Item) -> Result<(), PushError<Item>> {
                self.push(item)
            }

            fn some(
                &mut self,
                items: &mut std::vec::IntoIter<Item>,
            ) -> Result<usize, PushError<Vec<Item>>> {
                self.push_batch(items)
            }

            $($claims)*
        }

        impl<B: Bell> Takes for $kind::Consumer<Item, B> {
            fn drain(&mut self, max: usize, mut each: impl FnMut(Item)) -> usize {
                $kind::Consumer::drain(self, max, |item, _| each(item))
            }

            fn peek(&self) -> Pop<()> {
                $kind::Consumer::peek(self)
            }

            fn cool(&mut self) -> bool {
                $kind::Consumer::cool(self)
            }

            fn close(&self) {
                $kind::Consumer::close(self);
            }
        }
    };
}

ends_of!(
    mpsc,
    fn fill(&mut self, item: Item) -> Result<(), PushError<()>> {
        self.claim().map(|claim| claim.publish(item))
    },
    fn abandon(&mut self) -> Result<bool, PushError<()>> {
        self.claim().map(|claim| {
            drop(claim);
            true
        })
    }
);
ends_of!(
    spsc,
    fn fill(&mut self, item: Item) -> Result<(), PushError<()>> {
        self.claim()?.publish(item).map_err(|_| CLOSED)
    },
    fn abandon(&mut self) -> Result<bool, PushError<()>> {
        self.claim().map(|_given_back| false)
    }
);
ends_of!(lanes);
