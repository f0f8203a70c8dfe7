//! The seeded bugs: what is broken, and the model that must notice.

/// One place of the shipped source, broken.
pub struct Mutant {
    /// What is wrong.
    pub name: &'static str,
    /// The file, from the project's root.
    pub file: &'static str,
    /// A text that occurs once.
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
    /// The file of models.
    pub file_of_model: &'static str,
    /// The model in it that must fail.
    pub model: &'static str,
}

const fn mutant(
    name: &'static str,
    file: &'static str,
    find: &'static str,
    replace: &'static str,
    file_of_model: &'static str,
    model: &'static str,
) -> Mutant {
    Mutant { name, file, find, replace, file_of_model, model }
}

const MPSC: &str = "src/mailbox/mpsc.rs";
const SPSC: &str = "src/mailbox/spsc.rs";
const RING: &str = "src/mailbox/ring.rs";
const READY: &str = "src/ready.rs";
const PARK: &str = "src/park.rs";
const REPLY: &str = "src/reply.rs";
const CALL: &str = "src/call.rs";
const POOL: &str = "src/pool.rs";

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "mpsc: published without Release",
        MPSC,
        "stamp.store(geometry.lap(position) << STATE_BITS | state, Release)",
        "stamp.store(geometry.lap(position) << STATE_BITS | state, Relaxed)",
        "mailbox",
        "mpsc::publish_races_consume_at_capacity_2",
    ),
    mutant(
        "mpsc: slot freed without Release",
        MPSC,
        "stamp.store((geometry.lap(position) + 1) << STATE_BITS | FREE, Release)",
        "stamp.store((geometry.lap(position) + 1) << STATE_BITS | FREE, Relaxed)",
        "mailbox",
        "mpsc::publish_races_consume_at_capacity_1",
    ),
    mutant(
        "mpsc: consumer reads the stamp without Acquire",
        MPSC,
        "let seen = stamp.load(Acquire);\n        let state",
        "let seen = stamp.load(Relaxed);\n        let state",
        "mailbox",
        "mpsc::publish_races_consume_at_capacity_2",
    ),
    mutant(
        "mpsc: claim reads the stamp without Acquire",
        MPSC,
        "let seen = stamp.load(Acquire);\n            if seen",
        "let seen = stamp.load(Relaxed);\n            if seen",
        "mailbox",
        "mpsc::publish_races_consume_at_capacity_1",
    ),
    mutant(
        "mpsc: a claim carries nothing to the closer",
        MPSC,
        "if self.tail.compare_exchange(tail.0, next.0, AcqRel, Relaxed).is_ok() {\n                    return Ok(Claimed",
        "if self.tail.compare_exchange(tail.0, next.0, Acquire, Relaxed).is_ok() {\n                    return Ok(Claimed",
        "mailbox",
        "close_sees_what_came_with_a_claim",
    ),
    mutant(
        "mpsc: a claim that finds the ring cold doesn't ring",
        MPSC,
        "        if cold {\n            self.fixed.bell.ring();",
        "        if false && cold {\n            self.fixed.bell.ring();",
        "mailbox",
        "mpsc::publish_races_cold",
    ),
    mutant(
        "mpsc: a close that finds the ring cold doesn't ring",
        MPSC,
        "if tail.is_cold() {\n                        self.fixed.bell.ring();",
        "if false && tail.is_cold() {\n                        self.fixed.bell.ring();",
        "mailbox",
        "mpsc::last_producer_dropped_races_cold",
    ),
    mutant(
        "ring: slots installed without ordering",
        RING,
        "compare_exchange(ptr::null_mut(), fresh, AcqRel, Acquire)",
        "compare_exchange(ptr::null_mut(), fresh, std::sync::atomic::Ordering::Relaxed, std::sync::atomic::Ordering::Relaxed)",
        "mailbox",
        "two_claims_race_over_fresh_slots",
    ),
    mutant(
        "spsc: published by a plain store",
        SPSC,
        "match self.ring.tail.compare_exchange_weak(seen.0, new.0, AcqRel, Acquire) {",
        "self.ring.tail.store(new.0, Release);\n            match Ok::<u64, u64>(new.0) {",
        "mailbox",
        "spsc::publish_races_cold",
    ),
    mutant(
        "spsc: published without Release",
        SPSC,
        "compare_exchange_weak(seen.0, new.0, AcqRel, Acquire)",
        "compare_exchange_weak(seen.0, new.0, Acquire, Acquire)",
        "mailbox",
        "spsc::publish_races_consume_at_capacity_2",
    ),
    mutant(
        "spsc: slots given back without Release",
        SPSC,
        "self.ring.head.store(self.head, Release)",
        "self.ring.head.store(self.head, Relaxed)",
        "mailbox",
        "spsc::publish_races_consume_at_capacity_1",
    ),
    mutant(
        "spsc: free slots seen without Acquire",
        SPSC,
        "self.head.set(self.ring.head.load(Acquire))",
        "self.head.set(self.ring.head.load(Relaxed))",
        "mailbox",
        "spsc::publish_races_consume_at_capacity_1",
    ),
    mutant(
        "spsc: a close that finds the ring cold doesn't ring",
        SPSC,
        "match self.tail.compare_exchange(tail.0, tail.closed().0, AcqRel, Relaxed) {\n                Ok(_) => {\n                    if tail.is_cold()",
        "match self.tail.compare_exchange(tail.0, tail.closed().0, AcqRel, Relaxed) {\n                Ok(_) => {\n                    if false && tail.is_cold()",
        "mailbox",
        "spsc::last_producer_dropped_races_cold",
    ),
    mutant(
        "park: token left without Release",
        PARK,
        "swap(NOTIFIED, Release)",
        "swap(NOTIFIED, Relaxed)",
        "ready",
        "token_races_park",
    ),
    mutant(
        "park: the sleeper isn't woken",
        PARK,
        "self.futex.wake_one();",
        "",
        "ready",
        "token_races_park",
    ),
    mutant(
        "ready: pushed without Release",
        READY,
        "compare_exchange(head, link.cast_mut(), Release, Relaxed)",
        "compare_exchange(head, link.cast_mut(), Relaxed, Relaxed)",
        "ready",
        "pushed_again_after_taking",
    ),
    mutant(
        "ready: taken without Acquire",
        READY,
        "self.head.swap(ptr::null_mut(), Acquire)",
        "self.head.swap(ptr::null_mut(), Relaxed)",
        "ready",
        "pushed_again_after_taking",
    ),
    mutant(
        "ready: whoever replaces PARKED doesn't unpark",
        READY,
        "                    if asleep {",
        "                    if false && asleep {",
        "ready",
        "two_ringers_race_park",
    ),
    mutant(
        "ready: going to sleep by a plain store",
        READY,
        "if self.head.compare_exchange(ptr::null_mut(), parked(), Relaxed, Relaxed).is_err() {",
        "self.head.store(parked(), Relaxed);\n        if false {",
        "ready",
        "two_ringers_race_park",
    ),
    mutant(
        "reply: done without Release",
        REPLY,
        "compare_exchange(STARTED, DONE_NOW, Release, Relaxed)",
        "compare_exchange(STARTED, DONE_NOW, Relaxed, Relaxed)",
        "reply",
        "done_races_poll_and_drop",
    ),
    mutant(
        "reply: outcome taken without Acquire",
        REPLY,
        "let seen = Self::state_of(this).load(Acquire);\n        if seen & (DONE | ENDED) == 0 {",
        "let seen = Self::state_of(this).load(Relaxed);\n        if seen & (DONE | ENDED) == 0 {",
        "reply",
        "done_races_poll_and_drop",
    ),
    mutant(
        "reply: waiter left without Release",
        REPLY,
        "compare_exchange(seen, seen | bits, Release, Relaxed)",
        "compare_exchange(seen, seen | bits, Relaxed, Relaxed)",
        "reply",
        "done_races_waiter",
    ),
    mutant(
        "reply: the waiter isn't woken",
        REPLY,
        "        if seen & WAITER != 0 {\n            // SAFETY: the outcome is",
        "        if false && seen & WAITER != 0 {\n            // SAFETY: the outcome is",
        "reply",
        "done_races_waiter",
    ),
    mutant(
        "reply: recycled while the waiter is being read",
        REPLY,
        "const OVER: u32 = CALLER_GONE | RESPONDER_GONE | WAITER;",
        "const OVER: u32 = CALLER_GONE | RESPONDER_GONE;",
        "reply",
        "recycling_races_the_last_responder",
    ),
    mutant(
        "reply: an abort ignores that the call is done",
        REPLY,
        "if seen & (DONE | ENDED | CANCELLED) != 0 {\n                return;",
        "if seen & (ENDED | CANCELLED) != 0 {\n                return;",
        "reply",
        "done_races_abort",
    ),
    mutant(
        "call: cancelled although it has started",
        CALL,
        "Cell::withdraw(self.cell, waiting, CANCELLED, STARTED)",
        "Cell::withdraw(self.cell, waiting, CANCELLED, 0)",
        "reply",
        "done_races_cancel",
    ),
    mutant(
        "call: the share is given up before the waiter is read",
        CALL,
        "Cell::withdraw(self.cell, true, 0, 0);\n                Cell::abandon::<R>(self.cell);",
        "if !Cell::withdraw(self.cell, true, 1 << 6, 0) {\n                    Cell::abandon::<R>(self.cell);\n                }",
        "reply",
        "dropped_waiter_races_the_next_call",
    ),
    mutant(
        "pool: given back without Release",
        POOL,
        "compare_exchange(head.0, new, Release, Relaxed)",
        "compare_exchange(head.0, new, Relaxed, Relaxed)",
        "reply",
        "two_takers_race",
    ),
];
