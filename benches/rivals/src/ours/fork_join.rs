//! One object tells 60 others 1000 messages each, by turns; they report when they have them all.

use super::place::{A, B, between_objects};
use crate::work::Figure;
use mainspring::{Engine, SendError, active};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::time::{ANSWER_LIMIT, RoundSpan};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

const WORKERS: usize = 60;
/// How many messages each worker gets.
const EACH: u64 = 1000;

/// Takes messages, and says when it has had a thousand.
#[derive(Default)]
pub struct Worker {
    boss: Option<BossProxy>,
    count: u64,
    sum: u64,
}

#[active]
impl Worker {
    /// Learns whom to report to.
    #[active(oneway)]
    pub fn meet(&mut self, boss: BossProxy) {
        self.boss = Some(boss);
    }

    /// Takes a message.
    #[active(oneway)]
    pub fn work(&mut self, number: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
        if self.count == EACH {
            let sum = std::mem::take(&mut self.sum);
            self.count = 0;
            if let Some(boss) = &self.boss {
                // There is room for every worker's; if the engine stops, nobody waits.
                let _ = boss.done(sum);
            }
        }
    }
}

/// Hands out messages by turns.
pub struct Boss {
    workers: Vec<WorkerProxy>,
    me: Option<BossProxy>,
    /// How many messages of this turn were sent, to all workers together.
    sent: u64,
    reports: usize,
    sum: u64,
    begun: Instant,
    /// Where the sum goes, and the time it took.
    done: Sender<(u64, Duration)>,
}

#[active]
impl Boss {
    /// Learns its own proxy.
    #[active(oneway)]
    pub fn meet(&mut self, me: BossProxy) {
        self.me = Some(me);
    }

    /// Begins to hand out.
    #[active(oneway)]
    pub fn begin(&mut self) {
        (self.sent, self.reports, self.sum, self.begun) = (0, 0, 0, Instant::now());
        self.go_on();
    }

    /// Hands out until a mailbox is full, and goes on later.
    #[active(oneway)]
    pub fn go_on(&mut self) {
        let mut number = self.sent / WORKERS as u64;
        let mut place = (self.sent % WORKERS as u64) as usize;
        while number < EACH {
            while place < WORKERS {
                match self.workers[place].work(number) {
                    Ok(()) => place += 1,
                    Err(SendError::Full(_)) => {
                        self.sent = number * WORKERS as u64 + place as u64;
                        return self.later();
                    }
                    Err(_) => return,
                }
            }
            (number, place) = (number + 1, 0);
        }
    }

    /// A worker has had all of its messages, with this sum.
    #[active(oneway)]
    pub fn done(&mut self, sum: u64) {
        self.reports += 1;
        self.sum += sum;
        if self.reports == WORKERS {
            // If the driver has given up, nobody needs it.
            let _ = self.done.send((self.sum, self.begun.elapsed()));
        }
    }
}

impl Boss {
    fn later(&self) {
        if let Some(me) = &self.me {
            // There is room for it beside every worker's report.
            let _ = me.go_on();
        }
    }
}

/// The time per message; with two runners, every second worker lives on the other one.
pub fn measure(lab: &Lab, runners: usize, length: Duration) -> Option<Result<Figure, Error>> {
    between_objects(lab, runners, |engine| run(lab, engine, runners, length))
}

/// As many turns as fit into the time; at least one, beside those to warm up with.
fn run(lab: &Lab, engine: &Engine, runners: usize, length: Duration) -> Result<Figure, Error> {
    let (done, is_done) = channel();
    let span = RoundSpan::of(length);
    let boss = hire(lab, engine, runners, done)?;
    let (mut count, mut time) = (0, Duration::ZERO);
    while count == 0 || Instant::now() < span.end {
        let is_warm = Instant::now() >= span.warm;
        boss.begin().map_err(|_| Error::Stopped)?;
        let (sum, took) =
            is_done.recv_timeout(ANSWER_LIMIT).map_err(|_| Error::StopTimedOut(ANSWER_LIMIT))?;
        Error::check("the workers' sum", sum, WORKERS as u64 * (0..EACH).sum::<u64>())?;
        if is_warm {
            (count, time) = (count + WORKERS as u64 * EACH, time + took);
        }
    }
    Ok(Figure::Nanos(time.as_nanos() as f64 / count as f64))
}

fn hire(
    lab: &Lab,
    engine: &Engine,
    runners: usize,
    done: Sender<(u64, Duration)>,
) -> Result<BossProxy, Error> {
    let mut workers = Vec::with_capacity(WORKERS);
    for place in 0..WORKERS {
        let runner = if runners == 2 && place % 2 == 1 { B } else { A };
        let worker = engine.spawn_unnamed(Worker::default).capacity(lab.capacity);
        workers.push(worker.on(runner).start()?);
    }
    let own = workers.clone();
    let boss = engine.spawn("boss", move || Boss {
        workers: own,
        me: None,
        sent: 0,
        reports: 0,
        sum: 0,
        begun: Instant::now(),
        done,
    });
    let boss = boss.capacity(lab.capacity).on(A).start()?;
    boss.meet(boss.clone()).map_err(|_| Error::Stopped)?;
    for worker in &workers {
        worker.meet(boss.clone()).map_err(|_| Error::Stopped)?;
    }
    Ok(boss)
}
