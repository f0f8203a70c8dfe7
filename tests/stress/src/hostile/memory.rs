//! No memory.
//!
//! An allocation that fails ends the process, as everywhere in Rust: with the allocator's message and
//! `SIGABRT`, at once. What a mailbox could never have is an error before that. Slots are allocated with
//! an object's first request, so that is when it happens.

use super::super::program::Round;
use super::super::victim::Victim;
use super::command;
use mainspring::StartError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

pub fn round(round: &mut Round) {
    impossible(round);
    for part in ["memory_huge", "memory_many"] {
        let output = command(round, part).output().expect("a process can be made");
        let said = String::from_utf8_lossy(&output.stderr);
        let is_abort = output.status.signal() == Some(libc::SIGABRT);
        assert!(is_abort && said.contains("memory allocation of"), "{}: {said}", output.status);
        round.others += 1;
    }
}

/// Capacities that no machine could have.
fn impossible(round: &mut Round) {
    let engine = round.engine(&["a"]);
    for capacity in [0, usize::MAX, usize::MAX / 2, 1 << 60] {
        let started = engine.spawn("victim", Victim::default).capacity(capacity).start();
        assert!(matches!(started, Err(StartError::Capacity(_))), "{capacity}");
    }
    assert!(engine.is_empty());
    engine.spawn("victim", Victim::default).start().unwrap();
}

fn limit() {
    let limit = Rlimit { current: Some(1 << 30), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, limit).expect("a lower limit");
    // A core of this is nobody's interest.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).expect("a lower limit");
}

/// One object with a mailbox larger than the memory.
pub fn huge(round: &mut Round) {
    limit();
    let engine = round.engine(&["a"]);
    let victim = engine.spawn("victim", Victim::default).capacity(1 << 30).start();
    let victim = victim.expect("its slots aren't allocated yet");
    let (ticket, line) = round.book.enter();
    line.wait(victim.work(ticket, Duration::ZERO));
    panic!("there was memory");
}

/// As many as there is memory for, and one more.
pub fn many(round: &mut Round) {
    limit();
    let engine = round.engine(&["a"]);
    let mut victims = Vec::new();
    loop {
        let victim = engine.spawn_unnamed(Victim::default).capacity(1 << 16).start().unwrap();
        let (ticket, line) = round.book.enter();
        line.wait(victim.work(ticket, Duration::ZERO));
        victims.push(victim);
    }
}
