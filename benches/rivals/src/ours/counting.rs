//! One object tells another a million times, then asks for the count.

use super::place::{A, B, between_objects};
use crate::work::Figure;
use mainspring::{Engine, SendError, active};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::time::{ANSWER_LIMIT, RoundSpan};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// How often the one tells the other.
const MILLION: u64 = 1_000_000;

/// Counts.
#[derive(Default)]
pub struct Tally {
    count: u64,
}

#[active]
impl Tally {
    /// Counts one more.
    #[active(oneway)]
    pub fn one(&mut self) {
        self.count += 1;
    }

    /// Answers with the count, and begins anew.
    pub fn count(&mut self) -> u64 {
        std::mem::take(&mut self.count)
    }
}

/// Tells a tally to count.
pub struct Teller {
    tally: TallyProxy,
    me: Option<TellerProxy>,
    left: u64,
    begun: Instant,
    /// Where the count goes, and the time it took.
    done: Sender<(u64, Duration)>,
}

#[active]
impl Teller {
    /// Learns its own proxy.
    #[active(oneway)]
    pub fn meet(&mut self, me: TellerProxy) {
        self.me = Some(me);
    }

    /// Begins to tell.
    #[active(oneway)]
    pub fn begin(&mut self) {
        (self.left, self.begun) = (MILLION, Instant::now());
        self.go_on();
    }

    /// Tells until the mailbox is full, and goes on later: mailboxes are bounded.
    #[active(oneway)]
    pub fn go_on(&mut self) {
        while self.left > 0 {
            match self.tally.one() {
                Ok(()) => self.left -= 1,
                Err(SendError::Full(())) => return self.later(),
                Err(_) => return,
            }
        }
        let (begun, done) = (self.begun, self.done.clone());
        match self.tally.try_count() {
            Ok(call) => call.on_complete(move |count| {
                // If the driver has given up, nobody needs it.
                let _ = done.send((count.unwrap_or(0), begun.elapsed()));
            }),
            Err(SendError::Full(())) => self.later(),
            Err(_) => {}
        }
    }
}

impl Teller {
    fn later(&self) {
        if let Some(me) = &self.me {
            // It is the only request there is, so there is room.
            let _ = me.go_on();
        }
    }
}

/// The time per message.
pub fn measure(lab: &Lab, runners: usize, length: Duration) -> Option<Result<Figure, Error>> {
    between_objects(lab, runners, |engine| run(lab, engine, runners, length))
}

/// Whole millions, as many as fit into the time; at least one, beside the one to warm up with.
fn run(lab: &Lab, engine: &Engine, runners: usize, length: Duration) -> Result<Figure, Error> {
    let (done, is_done) = channel();
    let span = RoundSpan::of(length);
    let tally = engine.spawn("tally", Tally::default).capacity(lab.capacity);
    let tally = tally.on(if runners == 2 { B } else { A }).start()?;
    let teller = engine.spawn("teller", move || Teller {
        tally,
        me: None,
        left: 0,
        begun: Instant::now(),
        done,
    });
    let teller = teller.on(A).start()?;
    teller.meet(teller.clone()).map_err(|_| Error::Stopped)?;
    let (mut count, mut time) = (0, Duration::ZERO);
    for turn in 0_u32.. {
        teller.begin().map_err(|_| Error::Stopped)?;
        let (counted, took) =
            is_done.recv_timeout(ANSWER_LIMIT).map_err(|_| Error::StopTimedOut(ANSWER_LIMIT))?;
        Error::check("messages", counted, MILLION)?;
        if turn > 0 {
            (count, time) = (count + counted, time + took);
        }
        if turn > 0 && Instant::now() >= span.end {
            break;
        }
    }
    Ok(Figure::Nanos(time.as_nanos() as f64 / count as f64))
}
