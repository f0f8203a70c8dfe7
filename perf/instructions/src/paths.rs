//! The paths: what is repeated.
//!
//! Each function prepares as much for few repetitions as for many, repeats, and leaves the program on
//! the spot: what would be dropped afterwards is not what it is about. The ids are those of
//! [`ALL`](ALL), which leaves out what an older library doesn't have.

mod reply;
mod ring;
mod send;
mod stage;
#[cfg(feature = "timers")]
mod timer;
mod turn;

use crate::trouble::Trouble;
#[cfg(feature = "lanes")]
use mainspring::mailbox::Lanes;
use mainspring::mailbox::{Mpsc, Spsc};

/// How often a path is repeated in the shorter of the two runs: a multiple of a full turn's requests.
pub const REPETITIONS: usize = 200 * mainspring::BATCH_MAX;
/// How often at most: so much is prepared in either run.
const ALL_REPETITIONS: usize = 2 * REPETITIONS;

/// Repeats so often, and leaves the program.
pub type Repeat = fn(usize) -> !;

/// One thing that is counted.
pub struct Path {
    /// What it is called.
    pub id: &'static str,
    /// In words.
    pub what: &'static str,
    repeat: Repeat,
    /// What stands in for its surroundings, and is taken off: an id and a path.
    pub without: Option<(&'static str, Repeat)>,
}

const fn path(id: &'static str, what: &'static str, repeat: Repeat) -> Path {
    Path { id, what, repeat, without: None }
}

const ALONE: &str = "a ring alone: push";
const DRAIN: &str = "a ring alone: take, one at a time";
const DRAINS: &str = "a ring alone: take, 64 at a time";
const TELL: &str = "proxy: a one-way request";
const CALL: &str = "proxy: a call: a reply cell, a request";

/// All of them, in the order that a request travels.
pub const ALL: &[Path] = &[
    path("push/shared", ALONE, ring::push_shared),
    path("push/spsc", ALONE, ring::push_spsc),
    #[cfg(feature = "lanes")]
    path("push/spsc_hot", ALONE, ring::push_spsc_hot),
    #[cfg(feature = "lanes")]
    path("push/lanes", ALONE, ring::push_lanes),
    #[cfg(feature = "lanes")]
    path("push/lanes_hot", ALONE, ring::push_lanes_hot),
    path("drain/shared/1", DRAIN, ring::drain_shared::<1>),
    path("drain/spsc/1", DRAIN, ring::drain_spsc::<1>),
    #[cfg(feature = "lanes")]
    path("drain/lanes/1", DRAIN, ring::drain_lanes::<1>),
    path("drain/shared/64", DRAINS, ring::drain_shared::<64>),
    path("drain/spsc/64", DRAINS, ring::drain_spsc::<64>),
    #[cfg(feature = "lanes")]
    path("drain/lanes/64", DRAINS, ring::drain_lanes::<64>),
    path("tell/shared", TELL, send::tell::<Mpsc, false>),
    path("tell/spsc", TELL, send::tell::<Spsc, false>),
    #[cfg(feature = "lanes")]
    path("tell/spsc_hot", TELL, send::tell::<Spsc, true>),
    #[cfg(feature = "lanes")]
    path("tell/lanes", TELL, send::tell::<Lanes, false>),
    #[cfg(feature = "lanes")]
    path("tell/lanes_hot", TELL, send::tell::<Lanes, true>),
    path("call/shared", CALL, send::call::<Mpsc, false>),
    path("call/spsc", CALL, send::call::<Spsc, false>),
    #[cfg(feature = "lanes")]
    path("call/spsc_hot", CALL, send::call::<Spsc, true>),
    #[cfg(feature = "lanes")]
    path("call/lanes", CALL, send::call::<Lanes, false>),
    #[cfg(feature = "lanes")]
    path("call/lanes_hot", CALL, send::call::<Lanes, true>),
    path("turn/idle/0", "a turn without objects", turn::idle::<0>),
    path("turn/idle/1", "a turn of one idle object", turn::idle::<1>),
    path("turn/idle/8", "a turn of eight idle objects", turn::idle::<8>),
    #[cfg(feature = "timers")]
    path("turn/armed", "a turn in which none of its timers is due", timer::armed),
    #[cfg(feature = "timers")]
    path("turn/timer", "a turn that fires one timer, which is armed again", timer::fired),
    Path {
        without: Some(("turn/serve/1-not", turn::no_turn)),
        ..path("turn/serve/1", "a turn that serves one request", turn::one_each)
    },
    path("turn/serve/64", "a turn that serves 64: each request", turn::full),
    path("turn/calls/64", "a turn that serves 64 calls: each", turn::full_of_calls),
    path("dispatch", "the generated dispatch of a one-way request", reply::dispatch),
    path("reply/serve", "the method's result into the reply cell", reply::serve),
    path("reply/get", "the result out of it, when it is there", reply::get),
    path("local/tell", "a one-way request on its own runner, and the turn", turn::local_tell),
    path("local/call", "a call on its own runner, the turn, the result", turn::local_call),
    path("local/hop", "from an object to its neighbour, and the turn", turn::hop),
];

/// Repeats the path of that id.
pub fn repeat(id: &str, count: usize) -> Result<(), Trouble> {
    let parts = ALL.iter().flat_map(|path| [Some((path.id, path.repeat)), path.without]);
    let mut parts = parts.flatten();
    match parts.find(|(known, _)| *known == id) {
        Some((_, repeat)) => repeat(count.min(ALL_REPETITIONS)),
        None => Err(Trouble::NoPath { name: id.into() }),
    }
}

/// The end of a path.
fn leave() -> ! {
    std::process::exit(0)
}
