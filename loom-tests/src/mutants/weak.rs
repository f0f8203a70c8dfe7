//! Bugs in weak proxies, and in what publishers know of their topic.

use super::{Mutant, mutant};

const INTRUSIVE_ARC: &str = "src/mailbox/intrusive_arc.rs";
const LANES: &str = "src/mailbox/lanes.rs";
const MPSC: &str = "src/mailbox/mpsc.rs";
const TOPIC: &str = "src/proxy/topic.rs";

/// See the module.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "weak: an upgrade brings back an object whose last proxy has gone",
        INTRUSIVE_ARC,
        "while count > 0 {",
        "while count < usize::MAX {",
        "weak",
        "upgrade_races_last_drop",
    ),
    mutant(
        "weak: an upgrade counts by a plain store",
        INTRUSIVE_ARC,
        "match producers.compare_exchange_weak(count, count + 1, Relaxed, Relaxed) {",
        "producers.store(count + 1, Relaxed);\n        match Ok::<usize, usize>(count) {",
        "weak",
        "upgrade_races_clone",
    ),
    mutant(
        "weak: an upgrade of a shared ring doesn't count",
        MPSC,
        "try_increment(&ring.producers).then(",
        "try_increment(&crate::sync::AtomicUsize::new(ring.producers.load(Relaxed))).then(",
        "weak",
        "upgrade_races_last_drop",
    ),
    mutant(
        "weak: an upgrade beside lanes doesn't count",
        LANES,
        "try_increment(&ring.producers).then(",
        "try_increment(&AtomicUsize::new(ring.producers.load(Relaxed))).then(",
        "weak",
        "upgrade_races_clone",
    ),
    mutant(
        "topic: the version changes before the list",
        TOPIC,
        "        let mut subscribers = self.subscribers.lock();\n        subscribers.push(subscriber);\n        self.note_changed();",
        "        self.version.fetch_add(1, Relaxed);\n        self.subscribers.lock().push(subscriber);",
        "topics",
        "publish_races_subscribe",
    ),
    mutant(
        "topic: who leaves doesn't say so",
        TOPIC,
        "let removed = subscribers.remove(place);\n        self.note_changed();",
        "let removed = subscribers.remove(place);",
        "topics",
        "publish_races_unsubscribe",
    ),
    mutant(
        "topic: a publisher takes a list for that of a later version",
        TOPIC,
        "        *seen = topic.shared.version.load(Relaxed);\n        drop(subscribers);",
        "        drop(subscribers);\n        *seen = topic.shared.version.load(Relaxed);",
        "topics",
        "publish_races_unsubscribe",
    ),
];
