//! A servant that does all that servants can, and fails on demand.

use super::book::Ticket;
use super::watch::panic_as_meant;
use mainspring::prelude::*;
use std::time::{Duration, Instant};

/// Each method takes a ticket, and returns 1.
pub struct Victim {
    is_open: bool,
    ticks: u64,
    timer: Option<TimerId>,
}

impl Default for Victim {
    fn default() -> Self {
        Self { is_open: true, ticks: 0, timer: None }
    }
}

impl Victim {
    fn is_open(&self, _: &Ticket) -> bool {
        self.is_open
    }
}

#[active]
impl Victim {
    pub fn work(&mut self, ticket: Ticket, length: Duration) -> u64 {
        ticket.begin();
        let end = Instant::now() + length;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        1
    }

    pub fn fail(&mut self, ticket: Ticket) -> u64 {
        ticket.begin();
        panic_as_meant();
    }

    /// Runs while the gate is open.
    #[active(guard = is_open)]
    pub fn pass(&mut self, ticket: Ticket) -> u64 {
        ticket.begin();
        1
    }

    /// Closes the gate for a while.
    pub fn shut(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> u64 {
        ticket.begin();
        self.is_open = false;
        cx.after(Duration::from_micros(300), |victim, _| victim.is_open = true);
        1
    }

    /// Answers after a while.
    pub fn ponder(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> Later<u64> {
        ticket.begin();
        let (later, reply) = cx.later();
        cx.after(Duration::from_micros(200), move |_, _| reply.send(1));
        later
    }

    /// Has another one do it.
    pub fn relay(&mut self, cx: &mut Context<Self>, ticket: Ticket, to: VictimProxy) -> Later<u64> {
        let (later, reply) = cx.later();
        let work = to.work(ticket, Duration::ZERO);
        cx.then(work, move |_, _, outcome| {
            if let Ok(result) = outcome {
                reply.send(result);
            }
        });
        later
    }

    /// Has another thread answer.
    pub fn delegate(&mut self, cx: &mut Context<Self>, ticket: Ticket, to: Errands) -> Later<u64> {
        ticket.begin();
        let (later, reply) = cx.later();
        // Nobody takes errands any more: the reply is dropped, and the call ends so.
        drop(to.send(Box::new(move || reply.send(1))));
        later
    }

    /// Never answers.
    pub fn forget(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> Later<u64> {
        ticket.begin();
        cx.later().0
    }

    /// Ticks from now on, and rearms the timer the second time.
    pub fn tick(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> u64 {
        ticket.begin();
        let period = Duration::from_micros(150);
        if let Some(timer) = self.timer.take() {
            if cx.rearm(timer, period) && self.ticks.is_multiple_of(2) {
                cx.cancel_timer(timer);
            }
            return 1;
        }
        self.timer = Some(cx.every(period, Missed::Skip, |victim, cx| {
            victim.ticks += 1;
            if victim.ticks > 50
                && let Some(timer) = victim.timer.take()
            {
                cx.cancel_timer(timer);
            }
        }));
        1
    }

    /// Fails a little later, in a timer.
    pub fn fail_soon(&mut self, cx: &mut Context<Self>, ticket: Ticket) -> u64 {
        ticket.begin();
        cx.after(Duration::from_micros(100), |_, _| panic_as_meant());
        1
    }

    #[active(priority = urgent)]
    pub fn hurry(&mut self, ticket: Ticket) -> u64 {
        ticket.begin();
        1
    }
}

/// Where other threads find what they shall do.
pub type Errands = std::sync::mpsc::Sender<Box<dyn FnOnce() + Send>>;
