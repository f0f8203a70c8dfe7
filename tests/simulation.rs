//! The simulator: whole engines on one thread, by a clock of their own, in an order that a seed decides.

mod common;

use mainspring::prelude::*;
use mainspring::testkit::{Faults, Simulation, explore};
use mainspring::{CallSet, ExitReason, OnFull, Restart, StartError, WaitStrategy, select};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Does a little of everything.
#[derive(Default)]
struct Counter {
    sum: u64,
    ticks: Vec<Duration>,
}

#[active]
impl Counter {
    pub fn add(&mut self, by: u64) -> u64 {
        self.sum += by;
        self.sum
    }

    /// Ends when the counter has got so far.
    #[active(guard = is_at)]
    pub fn reach(&mut self, sum: u64) -> u64 {
        sum
    }

    pub fn add_in(&mut self, cx: &mut Context<Self>, delay: Duration, by: u64) {
        cx.after(delay, move |me, _| me.sum += by);
    }

    pub fn tick(&mut self, cx: &mut Context<Self>, period: Duration, start: Instant) {
        cx.every(period, Missed::Skip, move |me, cx| me.ticks.push(cx.now() - start));
    }

    pub fn ticks(&self) -> Vec<Duration> {
        self.ticks.clone()
    }

    /// Waits for another one, in the middle of its own method.
    pub fn ask(&mut self, other: CounterProxy, limit: Duration) -> Option<u64> {
        other.add(1).get_timeout(limit).ok()
    }

    pub fn ask_for_ever(&mut self, other: CounterProxy) -> Result<u64, CallError> {
        other.add(1).get()
    }

    fn is_at(&self, sum: &u64) -> bool {
        self.sum >= *sum
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An engine with these runners.
fn engine(runners: &[&str]) -> Engine {
    let engine = Engine::builder().on_event(|_| ());
    let add = |engine: mainspring::Builder, name: &&str| engine.runner(Runner::named(*name));
    runners.iter().fold(engine, add).start().unwrap()
}

fn counter(engine: &Engine, runner: &str, name: &str) -> CounterProxy {
    engine.spawn(name, Counter::default).on(runner).start().unwrap()
}

#[test]
fn whoever_waits_lets_the_runners_go_on() {
    let simulation = Simulation::new(1);
    let engine = engine(&["a", "b"]);
    let (a, b) = (counter(&engine, "a", "one"), counter(&engine, "b", "two"));
    assert_eq!(a.add(2).get(), Ok(2));
    let mut set: CallSet<u64> = [a.add(1), b.add(5)].into_iter().collect();
    let mut sums: Vec<_> = std::iter::from_fn(|| set.next()).map(|(_, sum)| sum.unwrap()).collect();
    sums.sort_unstable();
    assert_eq!(sums, [3, 5]);
    let sums = simulation.block_on({
        let (a, b) = (a.clone(), b.clone());
        async move { (a.add(1).await, b.add(1).await) }
    });
    assert_eq!(sums, (Ok(4), Ok(6)));
    a.tell().add(1).unwrap();
    simulation.run_until_idle();
    assert_eq!(a.add(0).get(), Ok(5));
    simulation.assert_quiescent();
}

#[test]
fn time_moves_on_when_nobody_has_anything_to_do() {
    let simulation = Simulation::new(2);
    let engine = engine(&["a"]);
    let counter = counter(&engine, "a", "counter");
    let start = simulation.now();
    counter.tick(ms(10_000), start).get().unwrap();
    counter.add_in(Duration::from_secs(3600), 7).get().unwrap();
    simulation.advance(ms(35_000));
    let ticks = counter.ticks().get().unwrap();
    let seconds: Vec<_> = ticks.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [10, 20, 30], "each at its time");
    // Nothing else happens for an hour, and it takes no time.
    simulation.advance(Duration::from_secs(3600));
    assert_eq!(counter.add(0).get(), Ok(7));
    assert!(simulation.elapsed() >= Duration::from_secs(3600));
    assert!(simulation.run_until(|| simulation.elapsed() > Duration::from_secs(3700)));
    assert!(!simulation.run_until(|| false), "at its limit");
}

#[test]
fn limits_and_deadlines_go_by_the_simulated_clock() {
    let simulation = Simulation::new(3);
    let engine = engine(&["a"]);
    let counter = counter(&engine, "a", "counter");
    let mut reached = counter.reach(1);
    let before = simulation.elapsed();
    assert_eq!(reached.get_timeout(ms(500)), Err(WaitError::TimedOut));
    let waited = simulation.elapsed() - before;
    assert!((ms(500)..ms(501)).contains(&waited), "{waited:?}");
    let late = counter.with(Options::new().timeout(ms(20))).reach(9);
    assert_eq!(late.get(), Err(CallError::Expired));
    assert!(simulation.elapsed() - before < ms(600));
    assert_eq!(counter.add(1).get(), Ok(1));
    assert_eq!(reached.get(), Ok(1));
    simulation.stall("counter", ms(30));
    let expired = counter.with(Options::new().timeout(ms(20))).add(1);
    assert_eq!(expired.get(), Err(CallError::Expired));
}

#[test]
fn a_wait_that_would_never_end_says_what_is_left() {
    let simulation = Simulation::new(4);
    let engine = engine(&["a"]);
    let counter = counter(&engine, "a", "counter");
    let wait = || counter.reach(1).get();
    let payload = catch_unwind(AssertUnwindSafe(wait)).expect_err("it never comes");
    let said = payload.downcast_ref::<String>().expect("a message");
    assert!(said.starts_with("nothing is left to do"), "{said}");
    assert!(said.contains("counter: 1 requests wait for their guard, 1 calls to it"), "{said}");
    let payload = catch_unwind(AssertUnwindSafe(|| simulation.assert_quiescent()));
    let payload = payload.expect_err("a call has not ended");
    let said = payload.downcast_ref::<String>().expect("a message");
    assert!(said.contains("not quiescent"), "{said}");
    counter.add(1).get().unwrap();
    simulation.assert_quiescent();
}

#[test]
fn a_method_may_wait_for_another_runner_s_object() {
    for seed in 0..50 {
        let simulation = Simulation::new(seed);
        let engine = engine(&["a", "b"]);
        let (a, b) = (counter(&engine, "a", "one"), counter(&engine, "b", "two"));
        // Meanwhile its own runner is busy, as a thread would be.
        let (asked, behind) = (a.ask(b.clone(), ms(10)), a.add(1));
        assert_eq!(asked.get(), Ok(Some(1)));
        assert_eq!(behind.get(), Ok(1));
        // Both at once, for each other: the waits end.
        let both = [a.ask(b.clone(), ms(5)), b.ask(a.clone(), ms(5))];
        both.into_iter().for_each(|call| assert!(call.get().is_ok()));
        let own = a.ask(a.clone(), ms(5)).get();
        assert_eq!(own, Ok(None), "its own would never come");
        assert_eq!(a.ask_for_ever(b.clone()).get(), Ok(Err(CallError::WouldDeadlock)));
        simulation.assert_quiescent();
    }
}

#[test]
fn runners_and_objects_come_and_go() {
    let simulation = Simulation::new(5);
    let engine = engine(&["a"]);
    engine.add_runner(Runner::named("b").cpu(5000)).expect("it is pinned to nothing here");
    let error = engine.add_runner(Runner::named("b")).unwrap_err();
    assert!(matches!(error, StartError::DuplicateRunner { .. }));
    let b = counter(&engine, "b", "b's");
    let own = engine.spawn("own", Counter::default).on_own_runner().start().unwrap();
    assert_eq!(own.add(1).get(), Ok(1));
    assert_eq!(engine.runners().len(), 3);
    let monitor = own.downgrade();
    drop(own);
    simulation.run_until_idle();
    assert!(monitor.upgrade().is_none());
    assert_eq!(engine.runners(), ["a", "b"], "it has ended with its object");
    assert!(matches!(
        engine.spawn("bad", || Err::<Counter, _>("no")).on("a").start(),
        Err(StartError::Factory { .. })
    ));
    let waiting = b.reach(10);
    b.stop();
    assert_eq!(b.wait_exit(ms(5)).unwrap().reason, ExitReason::Stopped);
    assert_eq!(waiting.get(), Err(CallError::Stopped { started: false }));
    assert_eq!(mainspring::spawn(Counter::default()).unwrap().add(3).get(), Ok(3));
    assert!(engine.stop_in_phases(ms(5)));
    engine.join();
}

#[test]
fn every_kind_of_mailbox_and_of_waiting_takes_part() {
    for seed in 0..20 {
        let simulation = Simulation::new(seed);
        let spin = Runner::named("hot").wait(WaitStrategy::Spin);
        thread_local!(static POLLS: Cell<usize> = const { Cell::new(0) });
        POLLS.set(0);
        let polling = Runner::named("polling").wait(WaitStrategy::Spin).poll(|| {
            POLLS.set(POLLS.get() + 1);
            0
        });
        let engine = Engine::builder().runner(spin).runner(polling).start().unwrap();
        let spawn = || engine.spawn_unnamed(Counter::default).on("hot").always_hot();
        let (single, lanes) =
            (spawn().single_producer().start().unwrap(), spawn().lanes().start().unwrap());
        let other = lanes.clone();
        for _ in 0..100 {
            single.tell().add(1).unwrap();
            lanes.tell().add(1).unwrap();
            other.tell().add(1).unwrap();
        }
        assert_eq!(single.add(0).get(), Ok(100));
        simulation.run_until_idle();
        assert_eq!(lanes.add(0).get(), Ok(200));
        assert!(POLLS.get() > 0, "its hook had a turn");
        simulation.assert_quiescent();
    }
}

#[test]
fn faults_are_those_that_were_asked_for() {
    let simulation = Simulation::new(6);
    let engine = engine(&["a"]);
    let restart = Restart::new().backoff(ms(10), ms(10));
    let spawn = engine.spawn("plain", Plain::default).restart_on_panic(restart).capacity(4);
    let plain = spawn.start().unwrap();
    assert_eq!(plain.add(1).get(), Ok(1));
    simulation.panic_next("plain");
    let panicked = plain.add(1).get();
    let injected = "an injected fault".into();
    assert_eq!(panicked, Err(CallError::Panicked { method: "add", message: injected }));
    let before = simulation.elapsed();
    assert_eq!(plain.add(5).get(), Ok(5), "of the next servant");
    assert!(simulation.elapsed() - before > ms(9), "after its delay");

    simulation.stall("plain", ms(20));
    let waiting: Vec<_> = (0..5).map(|by| plain.add(by)).collect();
    let ends: Vec<_> = waiting.into_iter().map(Call::get).collect();
    assert_eq!(ends[4], Err(CallError::Full), "it took nothing meanwhile");
    assert_eq!(ends[3], Ok(11));

    assert!(simulation.fill("plain"));
    assert_eq!(plain.add(1).get(), Err(CallError::Full));
    assert!(!simulation.fill("nobody"));
    simulation.run_until_idle();
    let patient = Options::new().on_full(OnFull::Wait(ms(5)));
    assert!(simulation.fill("plain"));
    assert_eq!(plain.with(patient).add(1).get(), Ok(12), "the next turn makes room");

    let before = simulation.elapsed();
    simulation.slow("a", ms(40));
    assert_eq!(plain.add(1).get(), Ok(13));
    assert!(simulation.elapsed() - before >= ms(40));
    let trace = simulation.trace();
    for kind in ["panic", "slow runner"] {
        assert_eq!(trace.faults(kind), 1, "{kind}");
    }
    assert_eq!((trace.faults("stall"), trace.faults("full mailbox")), (1, 2));
    simulation.assert_quiescent();
}

/// Without guards: it fails in its requests.
#[derive(Default)]
struct Plain(u64);

#[active]
impl Plain {
    pub fn add(&mut self, by: u64) -> u64 {
        self.0 += by;
        self.0
    }
}

#[test]
fn a_simulation_in_another_is_refused_and_ends_give_the_machine_back() {
    let simulation = Simulation::new(7);
    assert!(catch_unwind(|| Simulation::new(8)).is_err());
    let late = engine(&["a"]);
    let counter = counter(&late, "a", "counter");
    let pending = counter.reach(1);
    drop(simulation);
    // What it ran has ended with it.
    assert_eq!(pending.get(), Err(CallError::Stopped { started: false }));
    assert_eq!(counter.add(1).get(), Err(CallError::Stopped { started: false }));
    drop(late);
    let real = engine(&["a"]);
    let counter = self::counter(&real, "a", "counter");
    assert_eq!(counter.add(1).get(), Ok(1), "by a thread");
}

#[test]
fn a_client_whose_destructor_panics_leaves_the_thread_free() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any("as told");
        }
    }
    let simulation = Simulation::new(9);
    let bomb = Bomb;
    simulation.client("bad", async move {
        std::future::pending::<()>().await;
        drop(bomb);
    });
    simulation.run_until_idle();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(simulation))).is_err());
    drop(Simulation::new(10));
}

/// Two clients and a wrecker, with all that goes wrong; and what came of it.
fn busy(simulation: &Simulation) {
    let engine = engine(&["a", "b"]);
    simulation.set_faults(
        Faults::none()
            .panics(0.02)
            .stalls(0.05, ms(2))
            .full_mailboxes(0.05)
            .slow_runners(0.05, ms(2))
            .late_timers(0.2, ms(1)),
    );
    let restart = Restart::new().backoff(ms(1), ms(4));
    let spawn = |name, runner| engine.spawn(name, Counter::default).on(runner).capacity(8);
    let one = spawn("one", "a").restart_on_panic(restart).start().unwrap();
    let two = spawn("two", "b").resume_on_panic().start().unwrap();
    let done = Rc::new(Cell::new(0));
    for client in 0..3 {
        let (one, two) = (one.clone(), two.clone());
        let (handle, done) = (simulation.handle(), done.clone());
        simulation.client(&format!("client {client}"), async move {
            for _ in 0..20 {
                let counter = if handle.below(2) == 0 { &one } else { &two };
                match handle.below(4) {
                    0 => drop(counter.add_in(ms(handle.below(5)), 1).await),
                    1 => drop(counter.with(Options::new().timeout(ms(3))).reach(10).await),
                    2 => drop(select([one.add(1), two.add(1)]).await),
                    _ => drop(counter.ask(two.clone(), ms(1)).await),
                }
                handle.sleep(Duration::from_micros(handle.below(300))).await;
            }
            done.set(done.get() + 1);
        });
    }
    assert!(simulation.run_until(|| done.get() == 3));
}

/// The traces of some seeds, as one number.
fn fingerprint() -> u64 {
    let hashes = (0..5).map(|seed| {
        let simulation = Simulation::new(seed);
        busy(&simulation);
        simulation.trace().hash()
    });
    hashes.fold(0, |all, hash| all.rotate_left(7) ^ hash)
}

#[test]
fn a_seed_makes_the_same_trace_in_each_process() {
    const ASKED: &str = "MAINSPRING_TEST_FINGERPRINT";
    let fingerprint = fingerprint().to_string();
    if std::env::var_os(ASKED).is_some() {
        println!("fingerprint {fingerprint}.");
        return;
    }
    for _ in 0..2 {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "a_seed_makes_the_same_trace_in_each_process", "--nocapture"]);
        let output = again.env(ASKED, "1").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(&format!("fingerprint {fingerprint}.")), "{said}");
    }
}

#[test]
fn seeds_make_different_traces_and_faults_are_among_them() {
    let mut hashes = Vec::new();
    let explored = explore(0..20, busy).unwrap();
    assert_eq!(explored.seeds, 20);
    assert!(explored.faults > 200, "{explored:?}");
    for seed in 0..20 {
        let simulation = Simulation::new(seed);
        busy(&simulation);
        let trace = simulation.trace();
        assert!(!trace.is_empty());
        hashes.push(trace.hash());
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 20);
}

/// A look and a change with something between them, if the order and the time are right.
fn race(simulation: &Simulation) {
    let engine = engine(&["a"]);
    let plain = engine.spawn("plain", Plain::default).start().unwrap();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for name in ["one", "two", "three"] {
        let (plain, seen, handle) = (plain.clone(), seen.clone(), simulation.handle());
        simulation.client(name, async move {
            handle.sleep(ms(handle.below(20))).await;
            let before = plain.add(0).await.unwrap();
            let after = plain.add(1).await.unwrap();
            seen.borrow_mut().push(after - before);
        });
    }
    simulation.run_until(|| false);
    assert_eq!(*seen.borrow(), [1, 1, 1], "somebody came between");
}

#[test]
fn the_first_seed_that_fails_is_made_simpler_and_fails_again() {
    let found = explore(0..1000, race).expect_err("there is a race");
    assert!(found.message.contains("somebody came between"), "{found}");
    assert_eq!(found.replay(race), Some(found.message.clone()));
    let alone = Simulation::new(found.seed);
    let failed = catch_unwind(AssertUnwindSafe(|| race(&alone))).is_err();
    drop(alone);
    assert!(failed, "the seed alone fails too");
    let told = found.to_string();
    assert!(told.contains(&format!("MAINSPRING_SEED={}", found.seed)), "{told}");
    let steps = found.trace.len();
    assert!(steps < 40, "the simplest course is short: {told}");
}

#[test]
fn what_a_client_fails_with_fails_the_test() {
    let found = explore(0..1, |simulation| {
        simulation.client("bad", async { panic!("as told") });
        simulation.run_until(|| false);
    });
    assert_eq!(found.expect_err("it fails").message, "as told");
}
