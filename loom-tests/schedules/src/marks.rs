//! States that a scenario must reach at least once: one that never finds its mailbox full proves
//! nothing of full mailboxes.

use std::collections::BTreeSet;
use std::sync::Mutex;

static REACHED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Forgets all.
pub fn begin() {
    REACHED.lock().unwrap().clear();
}

/// Reached.
pub fn hit(mark: &'static str) {
    REACHED.lock().unwrap().insert(mark);
}

/// Reached, if so.
pub fn hit_if(mark: &'static str, is_so: bool) {
    if is_so {
        hit(mark);
    }
}

/// Those reached since.
pub fn reached() -> BTreeSet<&'static str> {
    REACHED.lock().unwrap().clone()
}
