//! The scenarios.

mod bombs;
mod ends;
mod flows;
mod full;
mod kinds;
mod later;
mod lives;
mod loops;
mod names;
mod replies;
mod restarts;
mod tiny_chaos;
mod topics;

use super::hostile;
use super::program::Scenario;

const fn checked(
    name: &'static str,
    about: &'static str,
    round: fn(&mut super::program::Round),
) -> Scenario {
    Scenario { name, about, round, is_native: false }
}

const fn native(
    name: &'static str,
    about: &'static str,
    round: fn(&mut super::program::Round),
) -> Scenario {
    Scenario { name, about, round, is_native: true }
}

/// All of them.
pub const ALL: &[Scenario] = &[
    checked("kinds", "each kind of mailbox keeps order and count", kinds::round),
    checked("full", "priorities, shedding, waiting for room", full::round),
    checked("replies", "calls waited for, cancelled, observed, awaited, in sets", replies::round),
    checked("flows", "guards, timers, deadlines", flows::round),
    checked("later", "late answers, continuations, answers from other threads", later::round),
    checked("restarts", "restarts, supervisors, monitors", restarts::round),
    checked("bombs", "panics in destructors, observers, hooks and factories", bombs::round),
    checked("topics", "subscribers that come, go and stop", topics::round),
    checked("names", "weak proxies, guests, names", names::round),
    checked("loops", "invokers with and without a descriptor", loops::round),
    checked("ends", "stops, aborts, phases, drops; runners come and go", ends::round),
    checked("chaos", "all of it at once", tiny_chaos::round),
    native("lives", "objects, runners and engines begin and end; nothing grows", lives::round),
    native("crowd", "many more runners than CPUs", hostile::crowd::round),
    native("one_cpu", "everything on one CPU", hostile::one_cpu::round),
    native("stalled", "a producer is suspended inside its claim", hostile::stalled::round),
    native("suspended", "the process is suspended at random moments", hostile::suspended::round),
    native("clocks", "turns whose times jump", hostile::clocks::round),
    native("threads", "threads can't be made", hostile::threads::round),
    native("memory", "there is no memory", hostile::memory::round),
    native("descriptors", "there are no descriptors", hostile::descriptors::round),
];

/// Those with this in their names.
pub fn named(part: &str) -> Vec<&'static Scenario> {
    ALL.iter().filter(|scenario| scenario.name.contains(part)).collect()
}
