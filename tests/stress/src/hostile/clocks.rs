//! Time that jumps.
//!
//! The library knows no clock that can be set: `tests/tidy` looks for its name in the sources. What
//! can jump is the time that turns are given, which is the user's: ahead by years, and back. And a
//! monotonic clock may begin anywhere: where the system lets us, a child has one that is years ahead.

use super::super::program::{Round, end};
use super::super::victim::Victim;
use super::{note, prepare};
use mainspring::prelude::*;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const STEPS: usize = 300;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Sets timers, and looks at the clock when they fire.
struct Alarm {
    fired: Arc<AtomicU64>,
    latest: Latest,
    ticks: u64,
}

/// The latest time of any turn. Timers don't go back: what a turn after that one is armed for before it
/// is due at once.
type Latest = Arc<Mutex<Instant>>;

#[active]
impl Alarm {
    pub fn set(&mut self, cx: &mut Context<Self>, delay: Duration) {
        let at = cx.now().checked_add(delay);
        cx.after(delay, move |alarm, cx| {
            let latest = *alarm.latest.lock().unwrap();
            assert!(at.is_some_and(|at| latest >= at), "a timer fired early");
            assert!(latest >= cx.now());
            alarm.fired.fetch_add(1, SeqCst);
        });
    }

    /// Ticks for ever.
    pub fn tick(&mut self, cx: &mut Context<Self>, period: Duration) {
        cx.every(period, Missed::Skip, |alarm, _| {
            alarm.ticks += 1;
        });
    }
}

pub fn round(round: &mut Round) {
    virtual_times(round);
    // Needs rights, and util-linux; without either, the rest is all there is.
    let mut child = Command::new("unshare");
    child.args(["--time", "--monotonic", "300000000"]);
    child.arg(std::env::current_exe().expect("a program knows itself"));
    prepare(round, "clock_ahead", &mut child);
    if may_unshare() {
        note(round, &child.output().expect("it could be run just now"));
    }
}

fn may_unshare() -> bool {
    let mut trial = Command::new("unshare");
    trial.args(["--time", "--monotonic", "1", "true"]);
    trial.output().is_ok_and(|output| output.status.success())
}

fn virtual_times(round: &mut Round) {
    let engine = round.builder().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let fired = Arc::<AtomicU64>::default();
    let start = Instant::now();
    let shown = Latest::new(Mutex::new(start));
    let (of, latest) = (fired.clone(), shown.clone());
    let alarm = engine.spawn("alarm", move || Alarm { fired: of, latest, ticks: 0 });
    let alarm = alarm.capacity(4096).start().unwrap();
    let victim = engine.spawn("victim", Victim::default).capacity(4096).start().unwrap();
    let (mut now, mut latest) = (start, start);
    let mut set = 0;
    let mut pending = Vec::new();
    let periods = [Duration::from_millis(1), Duration::from_secs(60)];
    periods.iter().for_each(|period| alarm.tell().tick(*period).unwrap());
    for _ in 0..STEPS {
        now = match round.random.below(8) {
            0 => start + YEAR * round.random.below(100) as u32,
            1 => start.checked_sub(round.random.micros(1_000_000)).unwrap_or(start),
            2 => start,
            3 => now.checked_sub(round.random.micros(100)).unwrap_or(start),
            _ => now + round.random.micros(10_000),
        };
        latest = latest.max(now);
        *shown.lock().unwrap() = latest;
        for _ in 0..round.random.below(4) {
            let delay = round.random.one_of(&[
                Duration::ZERO,
                Duration::from_micros(70),
                Duration::from_secs(1),
                YEAR,
                YEAR * 50,
            ]);
            alarm.tell().set(delay).unwrap();
            set += 1;
            let (ticket, line) = round.book.enter();
            pending.push((victim.ponder(ticket), line));
        }
        // A bounded number: what ticks while the time stands still is over soon.
        for _ in 0..200 {
            if scheduler.turn(now) == 0 {
                break;
            }
        }
    }
    // Later than all of them; the periodic ones don't catch up.
    let last = latest + YEAR * 51;
    *shown.lock().unwrap() = last;
    for _ in 0..100_000 {
        if scheduler.turn(last) == 0 && fired.load(SeqCst) == set {
            break;
        }
    }
    assert_eq!(fired.load(SeqCst), set, "each timer fires once");
    for (mut call, line) in pending {
        line.ended(&call.try_get().expect("its timer has fired"));
    }
    drop((alarm, victim, scheduler));
    end(&mut round.random, engine);
}

/// With a clock that is years ahead.
pub fn ahead(round: &mut Round) {
    virtual_times(round);
    for scenario in ["flows", "loops"] {
        let length = super::super::program::Length { rounds: 1, time: Duration::ZERO };
        for scenario in super::super::scenarios::named(scenario) {
            let done =
                super::super::program::run(scenario, round.random.number(), length, || false);
            round.others += done.totals.sent;
        }
    }
}
