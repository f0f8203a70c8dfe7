//! What is left to do, in words.

use super::world::SimulatedWorld;
use crate::runner::task::ObjectStatus;
use std::fmt;

/// What to say of a wait that would never end.
pub(super) struct Stuck<'a>(pub(super) &'a SimulatedWorld);

impl fmt::Display for Stuck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "nothing is left to do, and what is waited for never comes")?;
        for status in self.0.statuses() {
            if let Some(left) = left_to_do(&status) {
                writeln!(f, "  {left}")?;
            }
        }
        write!(f, "the last events:\n{}", self.0.trace().tail(20))
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
    say(*calls, "calls to it not ended");
    say(*waits, "calls that it goes on with not ended");
    if *is_suspended {
        left.push("it waits for its new servant".into());
    }
    (!left.is_empty()).then(|| format!("{name}: {}", left.join(", ")))
}
