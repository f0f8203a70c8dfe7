//! Bugs in what waits for several calls: objects that go on, and sets that a task polls.
//!
//! Left out, as for `Tail::cool`: the order between taking an object's link off and emptying its stack
//! (pair `ended.taken`), which loom can't break, having no load buffering.

use super::{Mutant, mutant};

const COMPLETIONS: &str = "src/reply/completions.rs";
const CALL_TABLE: &str = "src/reply/call_table.rs";
const CONTINUATIONS: &str = "src/object/continuations.rs";
const TASK: &str = "src/object/task.rs";
const SHARED: &str = "src/object/shared.rs";
const CALL_SET: &str = "src/reply/call_set.rs";
const ATOMIC_WAKER: &str = "src/reply/atomic_waker.rs";

/// See the module.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "ended: nobody is told",
        COMPLETIONS,
        "if newest == NONE {\n            ended.tell_listener();",
        "if false && newest == NONE {\n            ended.tell_listener();",
        "waits",
        "last_end_races_sleep",
    ),
    mutant(
        "ended: the link is pushed by each",
        COMPLETIONS,
        "if newest == NONE {\n            ended.tell_listener();",
        "if true {\n            ended.tell_listener();",
        "waits",
        "two_ends_race_the_taking",
    ),
    mutant(
        "ended: pushed without Release",
        COMPLETIONS,
        "compare_exchange(newest, place + 1, AcqRel, Relaxed)",
        "compare_exchange(newest, place + 1, Relaxed, Relaxed)",
        "waits",
        "two_ends_race_the_taking",
    ),
    mutant(
        "waits: the stack is emptied before the link was taken",
        CONTINUATIONS,
        "if taken.is_some() || !self.is_told {",
        "if taken.is_some() {",
        "waits",
        "two_ends_race_the_taking",
    ),
    mutant(
        "object: the token of ended calls is taken and forgotten",
        TASK,
        "continuations.tell();",
        "let _ = continuations;",
        "waits",
        "last_end_races_sleep",
    ),
    mutant(
        "object: over although it waits",
        TASK,
        "            Cooling::Over if self.settle_continuations() => Cooling::Cold,\n",
        "",
        "waits",
        "last_end_races_sleep",
    ),
    mutant(
        "pending: a call that is on its way is forgotten",
        CALL_TABLE,
        "                self.given_up += 1;\n                mem::replace",
        "                mem::replace",
        "waits",
        "abort_races_an_end",
    ),
    mutant(
        "pending: a call that had ended is withdrawn",
        CALL_TABLE,
        "match !*had_ended && item.withdraw_waiter() {",
        "match item.withdraw_waiter() || *had_ended {",
        "waits",
        "abort_after_a_stop_races_an_end",
    ),
    mutant(
        "shared: an object that only waits doesn't hear of an abort",
        SHARED,
        "if self.flags.has_waited() {",
        "if false {",
        "waits",
        "abort_races_sleep",
    ),
    mutant(
        "call_set: a poll doesn't look again",
        CALL_SET,
        "        self.try_next().map_or(Poll::Pending, |next| Poll::Ready(Some(next)))",
        "        Poll::Pending",
        "waits",
        "ends_race_a_set_s_poll",
    ),
    mutant(
        "task_slot: what was done before a waking isn't seen",
        ATOMIC_WAKER,
        "self.state.swap(FREE, AcqRel);",
        "self.state.swap(FREE, Release);",
        "waits",
        "ends_race_a_set_s_poll",
    ),
    mutant(
        "task_slot: found without Acquire",
        ATOMIC_WAKER,
        "self.state.fetch_or(WAKING, AcqRel)",
        "self.state.fetch_or(WAKING, Release)",
        "waits",
        "ends_race_a_set_s_poll",
    ),
    mutant(
        "task_slot: woken without Release",
        ATOMIC_WAKER,
        "self.state.fetch_or(WAKING, AcqRel)",
        "self.state.fetch_or(WAKING, Acquire)",
        "waits",
        "ends_race_a_set_s_poll",
    ),
];
