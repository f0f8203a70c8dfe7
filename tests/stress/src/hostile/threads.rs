//! Threads that can't be made: an error each time, and everything else goes on.

use super::super::program::{Round, end};
use super::super::victim::{Victim, VictimProxy};
use super::{finish, start};
use mainspring::prelude::*;
use mainspring::{Engine, StartError};
use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};
use std::time::Duration;

/// More than any address space has.
const STACK_BYTES: usize = 1 << 50;
/// A user who has no other processes.
const NOBODY: u32 = 65_534;

pub fn round(round: &mut Round) {
    huge_stacks(round);
    for part in ["threads_by_count", "threads_by_memory"] {
        let child = start(round, part);
        finish(round, child);
    }
}

fn huge(name: &str) -> Runner {
    Runner::named(name).stack_bytes(STACK_BYTES)
}

fn is_no_thread<T>(result: Result<T, StartError>) -> bool {
    matches!(result, Err(StartError::Thread { .. }))
}

fn call(round: &mut Round, victim: &VictimProxy) {
    let (ticket, line) = round.book.enter();
    let outcome = victim.work(ticket, Duration::ZERO).get();
    assert_eq!(outcome, Ok(1), "the rest goes on");
    line.ended(&outcome);
}

fn huge_stacks(round: &mut Round) {
    let engine = round.engine(&["a"]);
    let victim = engine.spawn("victim", Victim::default).start().unwrap();
    for _ in 0..20 {
        assert!(is_no_thread(engine.add_runner(huge("b"))));
        let own = engine.spawn("own", Victim::default).on_private_runner(huge("c"));
        assert!(is_no_thread(own.start()));
        call(round, &victim);
    }
    assert_eq!(engine.runners(), ["a"]);
    assert_eq!(engine.len(), 1);
    // The names are free.
    engine.add_runner(Runner::named("b")).unwrap();
    let own = engine.spawn("own", Victim::default).on_private_runner(Runner::named("c"));
    call(round, &own.start().unwrap());
    drop(victim);
    end(&mut round.random, engine);
    let builder = round.builder().runner(Runner::named("a")).runner(huge("b"));
    assert!(is_no_thread(builder.start()));
}

/// No more threads than this, by the number that a user may have.
pub fn by_count(round: &mut Round) {
    if getuid().is_root() {
        // Root may have any number.
        let nobody = rustix::process::Uid::from_raw(NOBODY);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).expect("root may");
    }
    let limit = Rlimit { current: Some(20), maximum: Some(20) };
    setrlimit(Resource::Nproc, limit).expect("a lower limit");
    exhaust(round);
}

/// The same, by the memory for their stacks.
pub fn by_memory(round: &mut Round) {
    let limit = Rlimit { current: Some(1 << 30), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, limit).expect("a lower limit");
    exhaust(round);
}

/// Adds runners until there are no more threads, then some; twice.
fn exhaust(round: &mut Round) {
    for _ in 0..2 {
        let Ok(engine) = round.builder().runner(Runner::named("a")).start() else {
            // Others have them all.
            return;
        };
        let victim = engine.spawn("victim", Victim::default).start().unwrap();
        let refused = fill(&engine);
        assert!(refused > 0, "there is a limit");
        call(round, &victim);
        let own = engine.spawn("own", Victim::default).on_own_runner().start();
        assert!(own.is_err() || engine.len() == 2);
        call(round, &victim);
        let left = engine.runners();
        left[1..].iter().for_each(|runner| engine.stop_runner(runner).unwrap());
        drop(own);
        call(round, &victim);
        drop(victim);
        end(&mut round.random, engine);
    }
}

/// How many runners didn't start.
fn fill(engine: &Engine) -> usize {
    let add = |number| {
        // Stacks large enough for the memory to be the first to go.
        let runner = Runner::named(format!("r{number}")).stack_bytes(32 << 20);
        match engine.add_runner(runner) {
            Ok(()) => false,
            Err(StartError::Thread { .. }) => true,
            Err(error) => panic!("{error}"),
        }
    };
    (0..100).map(add).filter(|was_refused| *was_refused).count()
}
