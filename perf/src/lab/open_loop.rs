//! Sends each request at its planned time, whether or not earlier ones were answered.
//!
//! A closed loop waits for each answer before it sends the next request: while the server stalls it
//! sends nothing, and the stall counts once. Users don't wait for each other. So a latency begins
//! here at the moment for which its request was *planned*: a request that couldn't be sent in time, because
//! the mailbox was full or the sender late, has waited since then. Late requests are sent as fast as
//! possible. (The trap is called coordinated omission; wrk2 and Aeron's benchmarks avoid it the same way.)
//! The latency from the actual send is kept as well, to show what it hides.

use crate::error::Error;
use crate::format::figure;
use crate::lab::arrivals::Arrivals;
use crate::lab::time::{ANSWER_LIMIT, RoundSpan};
use crate::stats::Latencies;
use mainspring::Call;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A request still unsent this long after the plan's end is lost.
const GRACE: Duration = Duration::from_secs(1);
/// A rate counts as reached from this share of the planned one: a hiccup at the very end of a round
/// lengthens it although nothing was too slow.
pub const REACHED: f64 = 0.95;

/// A planned load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How requests are spread.
    pub arrivals: Arrivals,
    /// Requests a second.
    pub rate: f64,
    /// How many come at once, if they come in bursts.
    pub burst: u32,
}

/// Its result, after the warm-up.
pub struct LoadResult {
    /// The plan.
    pub load: Load,
    /// From the planned moments to the answers.
    pub latencies: Latencies,
    /// From the real sends to the answers.
    pub service: Latencies,
    /// As `latencies`, for each second of the plan.
    pub seconds: Vec<Latencies>,
    /// How many requests were planned.
    pub planned: u64,
    /// How many were sent.
    pub sent: u64,
    /// How many were answered.
    pub received: u64,
    /// How long requests were planned for.
    pub plan: Duration,
    /// From the plan's beginning to its end or the last answer, whichever came later.
    pub time: Duration,
}

impl LoadResult {
    fn new(load: Load, length: Duration) -> Self {
        let plan = length - length / 10;
        let seconds = (0..plan.as_secs_f64().ceil() as u64).map(|_| Latencies::new()).collect();
        Self {
            load,
            latencies: Latencies::new(),
            service: Latencies::new(),
            seconds,
            planned: 0,
            sent: 0,
            received: 0,
            plan,
            time: plan,
        }
    }

    /// Answers a second.
    pub fn achieved(&self) -> f64 {
        self.received as f64 / self.time.as_secs_f64()
    }

    /// Adds another round.
    pub fn add(&mut self, other: Self) {
        self.latencies.add(&other.latencies);
        self.service.add(&other.service);
        self.seconds.extend(other.seconds);
        // Shares of the most differ from round to round, as that does.
        let (ours, theirs) = (self.plan.as_secs_f64(), other.plan.as_secs_f64());
        self.load.rate = (self.load.rate * ours + other.load.rate * theirs) / (ours + theirs);
        self.planned += other.planned;
        self.sent += other.sent;
        self.received += other.received;
        self.plan += other.plan;
        self.time += other.time;
    }

    /// Why the load fell short of the plan; `None` if it didn't.
    pub fn shortfall(&self) -> Option<String> {
        let (planned, received) = (self.planned, self.received);
        if received < planned {
            let lost = planned - received;
            return Some(format!("{lost} of {planned} planned requests were never answered"));
        }
        let (planned, achieved) = (planned as f64 / self.plan.as_secs_f64(), self.achieved());
        let is_reached = achieved >= REACHED * planned;
        (!is_reached).then(|| {
            let (planned, achieved) = (figure(planned), figure(achieved));
            format!("{planned} requests a second were planned, but only {achieved} answered")
        })
    }

    fn note(&mut self, since_warm: Duration, planned: Instant, sent: Instant, answered: Instant) {
        let latency = answered - planned;
        self.latencies.record(latency);
        self.service.record(answered - sent);
        if let Some(second) = self.seconds.get_mut(since_warm.as_secs() as usize) {
            second.record(latency);
        }
        self.received += 1;
        self.time = self.time.max(since_warm + latency);
    }
}

struct Pending<R> {
    call: Call<R>,
    planned: Instant,
    sent: Instant,
}

/// Sends requests as planned; the first tenth of the time is for warming up. What couldn't be sent in
/// time is sent for another second.
///
/// `send` sends one request, or returns `None` if there is no room, and is then called again. Answers
/// are taken in the order of the requests, so they should all come from one object. `wait` is called
/// whenever nothing is due.
pub fn drive<R>(
    load: Load,
    length: Duration,
    mut send: impl FnMut() -> Result<Option<Call<R>>, Error>,
    wait: impl Fn(),
) -> Result<LoadResult, Error> {
    let mut loaded = LoadResult::new(load, length);
    let mut pending: VecDeque<Pending<R>> = VecDeque::new();
    // Different each time: rounds with one and the same plan would be one sample.
    let mut schedule = load.arrivals.schedule(load.rate, load.burst, fastrand::u64(..));
    let span = RoundSpan::of(length);
    let begun = span.end - length;
    let beyond = span.end + length;
    let mut moment = || schedule.next().and_then(|at| begun.checked_add(at)).unwrap_or(beyond);
    let mut planned = moment();
    loop {
        while let Some(oldest) = pending.front_mut() {
            let Some(outcome) = oldest.call.try_get() else { break };
            let answered = Instant::now();
            outcome?;
            if let Some(since_warm) = oldest.planned.checked_duration_since(span.warm) {
                loaded.note(since_warm, oldest.planned, oldest.sent, answered);
            }
            pending.pop_front();
        }
        let now = Instant::now();
        let is_over = planned >= span.end || now > span.end + GRACE;
        if is_over && (pending.is_empty() || now > span.end + ANSWER_LIMIT) {
            break;
        }
        let is_due = !is_over && planned <= now;
        match if is_due { send()? } else { None } {
            Some(call) => {
                pending.push_back(Pending { call, planned, sent: now });
                count(&mut loaded, &span, planned, true);
                planned = moment();
            }
            None => wait(),
        }
    }
    while planned < span.end {
        count(&mut loaded, &span, planned, false);
        planned = moment();
    }
    Ok(loaded)
}

/// Sends whenever there is room and rarely reads the clock; returns answers a second.
pub fn flood<R>(
    length: Duration,
    mut send: impl FnMut() -> Result<Option<Call<R>>, Error>,
) -> Result<f64, Error> {
    const STRIDE: u32 = 256;
    let mut pending: VecDeque<Call<R>> = VecDeque::new();
    let begun = Instant::now();
    let mut received = 0_u64;
    while begun.elapsed() < length {
        for _ in 0..STRIDE {
            while let Some(outcome) = pending.front_mut().and_then(Call::try_get) {
                outcome?;
                pending.pop_front();
                received += 1;
            }
            pending.extend(send()?);
        }
    }
    let rate = received.max(1) as f64 / begun.elapsed().as_secs_f64();
    for mut call in pending {
        call.get_timeout(ANSWER_LIMIT)?;
    }
    Ok(rate)
}

fn count(loaded: &mut LoadResult, span: &RoundSpan, planned: Instant, is_sent: bool) {
    if planned >= span.warm {
        loaded.planned += 1;
        loaded.sent += u64::from(is_sent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(rate: f64, planned: u64, received: u64, time: Duration) -> LoadResult {
        let load = Load { arrivals: Arrivals::Fixed, rate, burst: 1 };
        let plan = Duration::from_secs(1);
        let loaded = LoadResult::new(load, plan + plan / 9);
        LoadResult { planned, sent: planned, received, plan, time, ..loaded }
    }

    #[test]
    fn rounds_add_up_to_one_load_with_their_mean_rate() {
        let second = Duration::from_secs(1);
        let mut all = round(100.0, 100, 100, second);
        all.add(round(300.0, 300, 300, second));
        assert_eq!((all.load.rate, all.planned, all.achieved()), (200.0, 400, 200.0));
        assert_eq!(all.shortfall(), None);
    }

    #[test]
    fn what_is_lost_or_late_is_a_shortfall_and_a_hiccup_at_the_end_is_none() {
        let millis = Duration::from_millis;
        assert_eq!(round(100.0, 100, 100, millis(1040)).shortfall(), None);
        let late = round(100.0, 100, 100, millis(1500)).shortfall().unwrap();
        assert_eq!(late, "100 requests a second were planned, but only 66.7 answered");
        let lost = round(100.0, 100, 99, millis(1000)).shortfall().unwrap();
        assert_eq!(lost, "1 of 100 planned requests were never answered");
    }
}
