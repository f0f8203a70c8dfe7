//! No descriptors: a loop without one gets an error, and goes on without.

use super::super::machine::fds;
use super::super::program::{Round, end};
use super::super::victim::Victim;
use super::{finish, start};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

pub fn round(round: &mut Round) {
    let child = start(round, "descriptors");
    finish(round, child);
}

pub fn part(round: &mut Round) {
    let before = fds();
    let usual = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..usual }).expect("a lower limit");
    let engine = round.engine(&["a"]);
    let mut scheduler = engine.invoker("loop").unwrap();
    let victims = ["a", "loop"].map(|on| engine.spawn(on, Victim::default).on(on).start().unwrap());
    for _ in 0..100 {
        let error = scheduler.wake_fd().expect_err("there are none");
        assert_ne!(error.kind(), ErrorKind::Unsupported, "{error}");
        let calls = victims.each_ref().map(|victim| {
            let (ticket, line) = round.book.enter();
            (
                std::thread::scope(|scope| scope.spawn(|| victim.ponder(ticket)).join().unwrap()),
                line,
            )
        });
        while !calls.iter().all(|(call, _)| call.is_ready()) {
            scheduler.turn(Instant::now());
            scheduler.park_for(Duration::from_millis(1));
        }
        calls.into_iter().for_each(|(call, line)| line.wait(call));
    }
    setrlimit(Resource::Nofile, usual).expect("what it was");
    scheduler.wake_fd().expect("there are some again");
    drop((victims, scheduler));
    end(&mut round.random, engine);
    assert_eq!(fds(), before, "the descriptor is closed with its loop");
}
