//! What a simulation has left to do, in words.

use super::trace::Trace;
use crate::runner::task::ObjectStatus;
use std::fmt;

/// What to say of a wait that would never end.
pub(super) struct Stuck {
    pub(super) statuses: Vec<ObjectStatus>,
    pub(super) trace: Trace,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "nothing is left to do, and what is waited for never happens")?;
        for left in self.statuses.iter().filter_map(left_to_do) {
            writeln!(f, "  {left}")?;
        }
        write!(f, "the last events:\n{}", self.trace.tail(20))
    }
}

/// What an object has left to do, if anything.
pub(super) fn left_to_do(status: &ObjectStatus) -> Option<String> {
    let ObjectStatus { name, requests, deferred, calls, waits, is_suspended } = status;
    let mut left = Vec::new();
    let mut say = |count: usize, what: &str| {
        if count > 0 {
            left.push(format!("{count} {what}"));
        }
    };
    say(*requests, "requests not served");
    say(*deferred, "requests wait for their guard");
    say(*calls, "calls to it haven't ended");
    say(*waits, "calls that it waits for haven't ended");
    if *is_suspended {
        left.push("it waits for its new servant".into());
    }
    (!left.is_empty()).then(|| format!("{name}: {}", left.join(", ")))
}
