//! What happened in a simulation, in order.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// What happened in a simulation, in order, each with its time.
///
/// The same seed and the same scenario make the same trace, in each process: compare them whole, or by their
/// [`hash`](Self::hash). Printed, it is one line for each event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    events: Vec<(Duration, Happening)>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// A runner began.
    Began(Rc<str>),
    /// It ended.
    Ended(Rc<str>),
    /// An object has served so many requests in a row, the last by this method.
    Served { object: Rc<str>, method: &'static str, count: usize },
    /// A runner did something besides requests, such as firing timers, so many times.
    Did { runner: Rc<str>, count: usize },
    /// A client took a step.
    WentOn(Rc<str>),
    /// It has ended.
    Finished(Rc<str>),
    /// A fault was injected.
    Fault { what: &'static str, at: Rc<str> },
    /// Time advanced, as nothing was left to do before.
    Waited,
}

impl Trace {
    pub(super) fn note(&mut self, at: Duration, what: Happening) {
        self.events.push((at, what));
    }

    /// How many events it has.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// A hash: two traces that differ have different ones, most probably. It is the same in each process and
    /// on each machine.
    ///
    /// Source: G. Fowler, L. C. Noll, K.-P. Vo, FNV-1a with 64 bits.
    pub fn hash(&self) -> u64 {
        let mut hash = Hash(0xcbf2_9ce4_8422_2325);
        let _ = fmt::Write::write_fmt(&mut hash, format_args!("{self}"));
        hash.0
    }

    /// How often a fault of this kind was injected: `"panic"`, `"stall"`, `"full mailbox"`,
    /// `"slow runner"` or `"late timer"`.
    pub fn faults(&self, kind: &str) -> usize {
        let is_it = |event: &&(_, Happening)| matches!(&event.1, Happening::Fault { what, .. } if *what == kind);
        self.events.iter().filter(is_it).count()
    }

    pub(super) fn all_faults(&self) -> usize {
        self.events.iter().filter(|(_, what)| matches!(what, Happening::Fault { .. })).count()
    }

    /// Its last events, for a message.
    pub(super) fn tail(&self, count: usize) -> Self {
        Self { events: self.events[self.events.len().saturating_sub(count)..].to_vec() }
    }
}

struct Hash(u64);

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, what) in &self.events {
            writeln!(f, "{:>12.1} us  {what}", at.as_nanos() as f64 / 1000.0)?;
        }
        Ok(())
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began(runner) => write!(f, "runner {runner} begins"),
            Self::Ended(runner) => write!(f, "runner {runner} ends"),
            Self::Served { object, method, count: 1 } => write!(f, "{object} serves {method}"),
            Self::Served { object, method, count } => {
                write!(f, "{object} serves {count}, the last by {method}")
            }
            Self::Did { runner, count } => {
                write!(f, "runner {runner} does {count} beside requests")
            }
            Self::WentOn(client) => write!(f, "client {client} goes on"),
            Self::Finished(client) => write!(f, "client {client} ends"),
            Self::Fault { what, at } => write!(f, "fault: {what} at {at}"),
            Self::Waited => write!(f, "nothing is left to do until now"),
        }
    }
}
