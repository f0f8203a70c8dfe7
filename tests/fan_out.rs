//! What a sender pays for a receiver's attention, and when.

mod common;

use common::{eventually, quiet};
use mainspring::prelude::*;
use mainspring::{COOL_AFTER, Wakeups, fan_out};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Ear(u64);

#[active]
impl Ear {
    pub fn hear(&mut self) {
        self.0 += 1;
    }

    pub fn heard(&self) -> u64 {
        self.0
    }
}

#[test]
fn a_hot_object_is_never_rung_for_and_a_cold_one_once() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let ear = engine.spawn("ear", Ear::default).capacity(8).start().unwrap();
    let rings = || engine.wakeups("loop").unwrap().rings;
    let mut now = Instant::now();
    scheduler.turn(now);
    for _ in 0..3 {
        // Hot: polled each turn.
        assert_eq!(scheduler.hot_len(), 1);
        let before = rings();
        tell_five(&ear);
        assert_eq!(rings(), before);
        assert_eq!(scheduler.turn(now), 5);
        // Idle for long enough, so it is cooled.
        scheduler.turn(now);
        now += 2 * COOL_AFTER;
        scheduler.turn(now);
        assert_eq!(scheduler.hot_len(), 0);
        tell_five(&ear);
        assert_eq!(rings(), before + 1);
        assert_eq!(scheduler.turn(now), 5);
    }
    assert_eq!(engine.wakeups("loop").unwrap().wakes, 0, "an invoker doesn't sleep");
    assert!(engine.wakeups("other").is_err());
}

/// From another thread: this one's calls would take the way of a runner's own.
fn tell_five(ear: &EarProxy) {
    thread::scope(|scope| {
        scope.spawn(|| (0..5).for_each(|_| ear.tell().hear().unwrap()));
    });
}

#[test]
fn runners_are_woken_at_the_end_of_a_fan_out_or_before_a_wait() {
    let engine = quiet().runner(Runner::named("a")).runner(Runner::named("b")).start().unwrap();
    let ear = |runner| engine.spawn_unnamed(Ear::default).on(runner).start().unwrap();
    let ears = [ear("a"), ear("a"), ear("b")];
    let hear = || ears.iter().for_each(|ear| ear.tell().hear().unwrap());
    let wakeups = |runner| -> Wakeups { engine.wakeups(runner).unwrap() };
    let mut rounds = 0;
    // Until both runners were found asleep in one fan-out.
    eventually("both runners sleep", || {
        rounds += 1;
        let before = [wakeups("a"), wakeups("b")];
        let within = fan_out(|| {
            fan_out(hear);
            [wakeups("a"), wakeups("b")]
        });
        for ear in &ears {
            assert_eq!(ear.heard().get_timeout(LONG), Ok(rounds));
        }
        // Two objects of the first runner were called; it is found asleep at most once.
        assert!(within[0].wakes - before[0].wakes <= 1);
        within[0].wakes > before[0].wakes && within[1].wakes > before[1].wakes
    });
    // A thread that waits within a fan-out has woken what it waits for.
    fan_out(|| {
        hear();
        for ear in &ears {
            assert_eq!(ear.heard().get_timeout(LONG), Ok(rounds + 1));
        }
    });
}

#[test]
fn a_fan_out_that_panics_wakes_all_the_same() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let ear = engine.spawn_unnamed(Ear::default).start().unwrap();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        fan_out(|| {
            ear.tell().hear().unwrap();
            panic!("as asked");
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(ear.heard().get_timeout(LONG), Ok(1));
}

#[test]
fn sleeps_and_spins_that_paid_are_counted() {
    let park = Runner::named("park").wait(mainspring::WaitStrategy::Park);
    let engine = quiet().runner(park).runner(Runner::named("spin")).start().unwrap();
    let ear = |runner| engine.spawn_unnamed(Ear::default).on(runner).start().unwrap();
    let (parks, spins) = (ear("park"), ear("spin"));
    let wakeups = |runner| -> Wakeups { engine.wakeups(runner).unwrap() };
    eventually("it has slept", || {
        parks.heard().get_timeout(LONG).unwrap();
        wakeups("park").parks > 0
    });
    // Who parks at once finds nothing while it spins, but for what comes before it has looked.
    eventually("a spin has paid, or the runner may not spin here", || {
        spins.heard().get_timeout(LONG).unwrap();
        let wakeups = wakeups("spin");
        wakeups.spin_hits > 0 || wakeups.parks > 0
    });
}
