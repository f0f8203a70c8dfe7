//! Bugs in the lanes beside a mailbox.

use super::{Mutant, mutant};

const LANES: &str = "src/object/priority/lanes.rs";
const CONTROL: &str = "src/object/control.rs";
const SCHEDULING: &str = "src/object/priority/scheduling.rs";

/// See the module.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "priority lanes: made and shown without Release",
        LANES,
        "self.0.compare_exchange(seen, fresh, AcqRel, Acquire)",
        "self.0.compare_exchange(seen, fresh, Acquire, Acquire)",
        "priority",
        "making_the_lanes_races_a_stop",
    ),
    mutant(
        "priority lanes: shown by a store",
        LANES,
        "match self.0.compare_exchange(seen, fresh, AcqRel, Acquire) {",
        "self.0.store(fresh, Release);\n            match Ok::<_, *mut LanePair<R>>(seen) {",
        "priority",
        "making_the_lanes_races_a_stop",
    ),
    mutant(
        "priority lanes: found without Acquire",
        LANES,
        "        let seen = self.0.load(Acquire);\n        let made = match is_made(seen) {",
        "        let seen = self.0.load(Relaxed);\n        let made = match is_made(seen) {",
        "priority",
        "two_makers_race",
    ),
    mutant(
        "priority lanes: those made too much ring at their drop",
        LANES,
        "consumers.iter().for_each(LaneConsumer::clear_cold);",
        "let _ = consumers;",
        "priority",
        "two_makers_race",
    ),
    mutant(
        "priority lanes: a close looks at the mailbox alone",
        CONTROL,
        "    ring.bell().priority_lanes().close();\n",
        "",
        "priority",
        "abort_races_an_urgent_call",
    ),
    mutant(
        "priority lanes: a close ends one lane",
        LANES,
        "producers.iter().for_each(LaneProducer::close);",
        "producers.iter().take(1).for_each(LaneProducer::close);",
        "priority",
        "two_makers_race",
    ),
    mutant(
        "priority lanes: a close forbids lanes, but ends none that came first",
        LANES,
        "                Ok(_) => return,\n                Err(now) => seen = now,\n            }\n        }\n        // SAFETY: as in `producer`.\n        unsafe",
        "                Ok(_) => return,\n                Err(_) => return,\n            }\n        }\n        // SAFETY: as in `producer`.\n        unsafe",
        "priority",
        "abort_races_an_urgent_call",
    ),
    mutant(
        "priority lanes: the token is taken and forgotten",
        SCHEDULING,
        "            lane.is_cold = false;\n",
        "",
        "priority",
        "making_the_lanes_races_a_stop",
    ),
    mutant(
        "priority lanes: over although a token is on its way",
        SCHEDULING,
        "!lane.is_cold && lane.consumer.peek()",
        "lane.consumer.peek()",
        "priority",
        "the_first_urgent_call_races_parking",
    ),
    mutant(
        "priority lanes: the mailbox's end is the object's",
        SCHEDULING,
        "self.lanes().all(|lane| !lane.is_cold && lane.consumer.peek() == Pop::Closed)",
        "true",
        "priority",
        "making_the_lanes_races_a_stop",
    ),
    mutant(
        "priority lanes: the last proxy's going leaves the lanes open",
        SCHEDULING,
        "        self.shared().priority_lanes().close();\n",
        "",
        "priority",
        "an_urgent_call_races_cooling_and_parking",
    ),
];
