//! The objects.

use super::super::life::{Value, burst, fail};
use super::super::trace;
use super::request::Ticket;
use super::world;
use mainspring::Reply;
use mainspring::prelude::*;
use std::time::Duration;

/// Does what the program says, and counts what happens to it.
pub struct Victim {
    is_open: bool,
    owed: Vec<Reply<Value>>,
    is_bomb: bool,
}

#[active]
impl Victim {
    pub fn work(&mut self, ticket: Ticket) -> Value {
        serve(ticket)
    }

    pub fn fail(&mut self, ticket: Ticket) -> Value {
        ticket.begin();
        fail()
    }

    /// Does things meanwhile, with the context and without.
    pub fn act(&mut self, cx: &mut Context<Self>, ticket: Ticket, count: usize) -> Value {
        ticket.begin();
        for _ in 0..count {
            self.deed(cx);
        }
        drop(ticket);
        world::value()
    }

    /// Waits until the gate is open.
    #[active(guard = is_open)]
    pub fn pass(&mut self, ticket: Ticket) -> Value {
        serve(ticket)
    }

    #[active(guard = may_pass, boxed)]
    pub fn force(&mut self, ticket: Ticket, fails: bool) -> Value {
        assert!(!fails, "its guard has panicked");
        serve(ticket)
    }

    pub fn gate(&mut self, ticket: Ticket, is_open: bool) -> Value {
        self.is_open = is_open;
        serve(ticket)
    }

    /// Answers later, or never.
    pub fn ponder(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> Later<Value> {
        ticket.begin();
        if world::below(8) == 7 {
            drop(ticket);
            fail();
        }
        let (later, reply) = cx.later();
        match world::below(6) {
            0 => self.owed.push(reply),
            1 => drop(reply),
            2 => reply.send(world::value()),
            3 => world::owe(reply),
            4 => fail(),
            _ => _ = cx.after(world::delay(), move |_, _| reply.send(world::value())),
        }
        later
    }

    /// Has another object do it.
    pub fn relay(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> Later<Value> {
        ticket.begin();
        let (later, reply) = cx.later();
        if let Some((call, record)) = world::call_somebody() {
            record.unwatch();
            cx.then(call, move |victim, cx, outcome| {
                match outcome {
                    Ok(value) => reply.send(value),
                    Err(_) => drop(reply),
                }
                victim.deed(cx);
            });
        }
        later
    }

    #[active(priority = urgent)]
    pub fn hurry(&mut self, ticket: Ticket) -> Value {
        serve(ticket)
    }

    #[active(priority = bulk, oneway)]
    pub fn note(&mut self, ticket: Ticket) {
        ticket.begin();
    }

    /// Gets another call's outcome.
    #[active(oneway)]
    pub fn hear(&mut self, _outcome: Result<Value, CallError>) {}

    #[active(on_start)]
    fn begin(&mut self, cx: &mut Context<Self>) {
        self.hook(cx);
    }

    #[active(on_stop)]
    fn end(&mut self, cx: &mut Context<Self>) {
        self.hook(cx);
    }

    #[active(on_batch_end)]
    fn flush(&mut self, cx: &mut Context<Self>) {
        if world::below(8) == 7 {
            self.hook(cx);
        }
    }
}

impl Victim {
    pub fn new() -> Self {
        Self { is_open: world::below(2) == 0, owed: Vec::new(), is_bomb: world::below(16) == 15 }
    }

    fn is_open(&self, _: &Ticket) -> bool {
        if world::below(16) == 15 {
            world::nested_deed(None);
        }
        self.is_open
    }

    fn may_pass(&self, _: &Ticket, fails: &bool) -> bool {
        if *fails {
            fail();
        }
        self.is_open
    }

    fn hook(&mut self, cx: &mut Context<'_, Self>) {
        match world::below(8) {
            6 => self.deed(cx),
            7 if world::below(4) == 3 => fail(),
            _ => {}
        }
    }

    /// One of the things that need a context, or any other.
    fn deed(&mut self, cx: &mut Context<'_, Self>) {
        if !world::goes_on() {
            return;
        }
        let delay = world::delay();
        let deed = world::below(12);
        trace!("from inside: {deed}");
        match deed {
            0 => _ = cx.after(delay, |victim, cx| victim.deed(cx)),
            1 => {
                let value = world::value();
                cx.after(delay, move |victim, _| {
                    drop(value);
                    victim.is_open = !victim.is_open;
                });
            }
            2 => {
                let mut left = world::below(8);
                let missed = if left.is_multiple_of(2) { Missed::Skip } else { Missed::CatchUp };
                // Where time jumps, those that catch up fire for each.
                let least = if missed == Missed::Skip { 1 } else { 1000 };
                let slow = delay.max(Duration::from_millis(least));
                let timer = cx.every(slow, missed, move |victim, cx| {
                    left = left.saturating_sub(1);
                    if left == 0 {
                        victim.deed(cx);
                    }
                });
                if world::below(3) > 0 {
                    cx.after(slow * 3, move |_, cx| _ = cx.cancel_timer(timer));
                }
            }
            3 => {
                let Some((call, record)) = world::call_somebody() else { return };
                record.unwatch();
                let value = world::value();
                cx.then(call, move |victim, cx, outcome| {
                    drop(outcome);
                    drop(value);
                    victim.deed(cx);
                });
            }
            4 => self.owed.drain(..).for_each(|reply| reply.send(world::value())),
            5 => self.owed.clear(),
            6 => fail(),
            7 => {
                assert!(cx.deadline().is_none_or(|at| cx.now() < at), "it began too late");
                let _ = (cx.is_cancelled(), cx.waiting(), cx.timers());
            }
            8 => self.is_open = !self.is_open,
            _ => world::nested_deed(Some(cx.now())),
        }
    }
}

/// The argument goes first: the compiler forgets a result that is made already when the drop of an
/// argument panics (rust-lang/rust#47949).
fn serve(ticket: Ticket) -> Value {
    ticket.begin();
    drop(ticket);
    world::value()
}

impl Drop for Victim {
    fn drop(&mut self) {
        world::nested_deed(None);
        burst(self.is_bomb);
    }
}
