//! The seeded bugs: steps that are left out, counts that are off by one, changes in two halves. Orderings
//! are none: all accesses are in one order here.

use crate::seeding::Place;

/// One of them, and the scenario that must notice.
pub struct Mutant {
    pub place: Place,
    pub scenario: &'static str,
}

const fn mutant(
    name: &'static str,
    file: &'static str,
    find: &'static str,
    replace: &'static str,
    scenario: &'static str,
) -> Mutant {
    Mutant { place: Place { name, file, find, replace }, scenario }
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "mpsc: a slot of the lap before counts as free",
        "src/mailbox/mpsc/ring.rs",
        "if seen >> STATE_BITS < lap {",
        "if (seen >> STATE_BITS) + 1 < lap {",
        "mailbox_mpsc",
    ),
    mutant(
        "mpsc: a batch has room for one more",
        "src/mailbox/mpsc/ring.rs",
        "let room = (geometry.capacity() as u64).saturating_sub(used);",
        "let room = (geometry.capacity() as u64 + u64::from(used > 0)).saturating_sub(used);",
        "mailbox_mpsc",
    ),
    mutant(
        "mpsc: a tombstone is taken for a request",
        "src/mailbox/mpsc/consumer.rs",
        "if found == FULL {",
        "if found == FULL || found == crate::mailbox::stamped::VOID {",
        "mailbox_mpsc",
    ),
    mutant(
        "mpsc: a claim that is given up leaves no tombstone",
        "src/mailbox/mpsc.rs",
        "self.ring.span().stamp(claimed.position, VOID);",
        "let _ = VOID;",
        "mailbox_mpsc",
    ),
    mutant(
        "mpsc: the slot is given back before its request is read",
        "src/mailbox/mpsc/consumer.rs",
        "            batch.unfreed += 1;\n",
        "            batch.unfreed += 1;\n            batch.free();\n",
        "mailbox_mpsc",
    ),
    mutant(
        "mpsc: published before it is written",
        "src/mailbox/mpsc/ring.rs",
        "        span.slot(position).value.with_mut(|v| unsafe { (*v).write(value) });\n        span.stamp(position, FULL);",
        "        span.stamp(position, FULL);\n        span.slot(position).value.with_mut(|v| unsafe { (*v).write(value) });",
        "mailbox_mpsc",
    ),
    mutant(
        "mpsc: a claim doesn't ring",
        "src/mailbox/mpsc/ring.rs",
        "        if cold {",
        "        if cold && false {",
        "mailbox_mpsc",
    ),
    mutant(
        "tail: a close forgets the position",
        "src/mailbox/tail.rs",
        "let closed = (seen.0 | CLOSED) & !COLD;",
        "let closed = (seen.0 | CLOSED) & !COLD & !(1 << FLAG_BITS);",
        "mailbox_mpsc",
    ),
    mutant(
        "lane: room for one more",
        "src/mailbox/lane/producing.rs",
        "self.room.set(geometry.capacity() as u64 - used);",
        "self.room.set(geometry.capacity() as u64 + 1 - used);",
        "mailbox_spsc",
    ),
    mutant(
        "lane: the end isn't sealed",
        "src/mailbox/lane.rs",
        "match self.last.compare_exchange(OPEN, tail, AcqRel, Acquire) {",
        "let seal = Ok::<u64, u64>(tail);\n        match seal {",
        "mailbox_lanes",
    ),
    mutant(
        "lanes: a lane is given to two producers",
        "src/mailbox/lanes/list.rs",
        "node.taken.compare_exchange(0, 1, Acquire, Relaxed).is_ok()",
        "node.taken.load(Acquire) == 0 && node.taken.swap(1, Acquire) < 2",
        "callers_lanes",
    ),
    mutant(
        "lanes: a new lane isn't looked for before a sleep",
        "src/mailbox/lanes/consumer.rs",
        "!self.ring.lanes.has_grown(self.known) && self.lanes.iter().all(is_empty)",
        "self.lanes.iter().all(is_empty)",
        "mailbox_lanes",
    ),
    mutant(
        "gate: cooled without a second look",
        "src/mailbox/gate.rs",
        "is_empty() || !self.word.clear_cold()",
        "is_empty() || true",
        "mailbox_lanes",
    ),
    mutant(
        "ready: a sleep is announced over a link",
        "src/runner/ready.rs",
        "self.head.compare_exchange(ptr::null_mut(), parked(), Release, Relaxed).is_ok()",
        "{ self.head.store(parked(), Release); true }",
        "ready",
    ),
    mutant(
        "ready: a push in two halves",
        "src/runner/ready.rs",
        "match self.head.compare_exchange(head, link.cast_mut(), Release, Relaxed) {",
        "self.head.store(link.cast_mut(), Release);\n            match Ok::<*mut Link, *mut Link>(head) {",
        "ready",
    ),
    mutant(
        "park: a token left while it goes to sleep is forgotten",
        "src/runner/park.rs",
        "if word.compare_exchange(EMPTY, PARKED, Relaxed, Relaxed).is_err() {",
        "word.store(PARKED, Relaxed);\n        if false {",
        "callers_mpsc",
    ),
    mutant(
        "pool: no version beside the first cell",
        "src/reply/pool.rs",
        "((self.0 | Self::MASK).wrapping_add(1)) | first",
        "(self.0 & !Self::MASK) | first",
        "replies",
    ),
    mutant(
        "pool: the list is shown before the chunk's cells are in it",
        "src/reply/pool.rs",
        "self.grown.store(grown + 1, Release);",
        "self.grown.store(grown + 2, Release);",
        "replies",
    ),
    mutant(
        "reply: the waiter isn't woken",
        "src/reply/cell/responder.rs",
        "        if seen & WAITER != 0 {\n            // SAFETY: the outcome is",
        "        if false && seen & WAITER != 0 {\n            // SAFETY: the outcome is",
        "replies",
    ),
    mutant(
        "reply: recycled while the waiter is being read",
        "src/reply/cell.rs",
        "const OVER: u32 = CALLER_GONE | RESPONDER_GONE | WAITER;",
        "const OVER: u32 = CALLER_GONE | RESPONDER_GONE;",
        "replies",
    ),
    mutant(
        "reply: cancelled although it has started",
        "src/reply/call.rs",
        "Cell::withdraw(self.cell, waiting, CANCELLED, STARTED)",
        "Cell::withdraw(self.cell, waiting, CANCELLED, 0)",
        "callers_mpsc",
    ),
    mutant(
        "set: who ends a call doesn't tell",
        "src/reply/completions.rs",
        "if newest == NONE {",
        "if newest == NONE && false {",
        "replies",
    ),
    mutant(
        "control: a close leaves the lanes beside the mailbox open",
        "src/object/control.rs",
        "    ring.bell().priority_lanes().close();",
        "",
        "callers_mpsc",
    ),
    mutant(
        "control: an abort doesn't wake who is suspended",
        "src/object/control.rs",
        "    shared.wake_waiting();\n    shared.wake_suspended();",
        "    shared.wake_waiting();",
        "restarts",
    ),
    mutant(
        "exit: a monitor is forgotten",
        "src/object/exit.rs",
        "State::Watched { monitors, .. } => return monitors.push(monitor),",
        "State::Watched { .. } => return drop(monitor),",
        "callers_mpsc",
    ),
    mutant(
        "weak: upgraded although the last proxy has gone",
        "src/mailbox/intrusive_arc.rs",
        "match producers.compare_exchange_weak(count, count + 1, Relaxed, Relaxed) {",
        "producers.store(count + 1, Relaxed);\n        match Ok::<usize, usize>(count) {",
        "callers_mpsc",
    ),
    mutant(
        "scheduler: the token is taken off and not told of",
        "src/runner/scheduler.rs",
        "                found.entry.task.clear_wake(token);",
        "                let _ = token;",
        "shutdown",
    ),
    mutant(
        "remote: what was heard stays rung",
        "src/runner/remote.rs",
        "        self.rung.swap(0, AcqRel);",
        "        let _ = AcqRel;",
        "shutdown",
    ),
    mutant(
        "shared: local calls are noted once and never again",
        "src/object/shared.rs",
        "        self.local.note(owner, false);",
        "        let _ = owner;",
        "shutdown",
    ),
    mutant(
        "supervisor: an order is obeyed by nobody",
        "src/object/failure/supervisor.rs",
        "let is_new = order.number > self.made_after;",
        "let is_new = false && order.number > self.made_after;",
        "supervised",
    ),
    mutant(
        "scheduler: what a runner leaves itself counts as the ringers' link",
        "src/runner/scheduler/commands.rs",
        "        for task in remote.take_newcomers() {\n            self.adopt(task);\n        }\n        while let Some(command)",
        "        remote.acknowledge();\n        for task in remote.take_newcomers() {\n            self.adopt(task);\n        }\n        while let Some(command)",
        "shutdown",
    ),
];
