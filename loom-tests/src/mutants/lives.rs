//! Bugs in how objects end, and in how they wait for a new servant.

use super::{Mutant, mutant};

const EXIT: &str = "src/object/exit.rs";
const FLAGS: &str = "src/object/flags.rs";
const OBJECT: &str = "src/object/object.rs";
const TASK: &str = "src/object/task.rs";
const CONTROL: &str = "src/object/control.rs";
const SUPERVISOR: &str = "src/object/failure/supervisor.rs";

/// See the module.
pub const MUTANTS: &[Mutant] = &[
    mutant(
        "exits: announced before it is stored",
        EXIT,
        "State::Watched { .. } => mem::replace(&mut *state, over),\n            }\n        };",
        "State::Watched { .. } => mem::replace(&mut *state, State::Watched { monitors: Vec::new(), asleep: Vec::new() }),\n            }\n        };\n        *self.state().lock() = over;",
        "lives",
        "registration_races_exit",
    ),
    mutant(
        "exits: registered without a second look",
        EXIT,
        "        let over = {\n            let mut state = self.state().lock();\n            match &mut *state {\n                State::Over(exit) => exit.clone(),",
        "        let over = {\n            let mut state = self.state().lock();\n            match &mut *state {\n                State::Over(_) => return,",
        "lives",
        "registration_races_exit",
    ),
    mutant(
        "exits: sleepers aren't woken",
        EXIT,
        "asleep.iter().for_each(|parker| parker.unpark());",
        "drop(asleep);",
        "lives",
        "waiting_races_exit",
    ),
    mutant(
        "suspension: the closer doesn't fence",
        FLAGS,
        "        // SeqCst [shared.suspended]: as in `note_suspended`.\n        fence(SeqCst);",
        "",
        "lives",
        "suspension_races_stop",
    ),
    mutant(
        "suspension: the runner doesn't fence",
        FLAGS,
        "between the close and the load below: one side sees the other.\n        fence(SeqCst);",
        "between the close and the load below: one side sees the other.",
        "lives",
        "suspension_races_stop",
    ),
    mutant(
        "suspension: the runner doesn't look at the close",
        TASK,
        "        // Not cooled: whoever calls it meanwhile needn't ring.\n        if self.stays_suspended() {",
        "        if self.is_suspended() {",
        "lives",
        "suspension_races_stop",
    ),
    mutant(
        "suspension: a stop wakes nobody",
        CONTROL,
        "    close(ring);\n    shared.wake_suspended();",
        "    close(ring);",
        "lives",
        "suspension_races_stop",
    ),
    mutant(
        "suspension: an abort wakes nobody",
        CONTROL,
        "    shared.wake_waiting();\n    shared.wake_suspended();",
        "    shared.wake_waiting();",
        "lives",
        "suspension_races_abort",
    ),
    mutant(
        "guard: what waits is dropped as if it had been forgotten",
        OBJECT,
        "            self.shared().pool().mark_stopped();\n            while let Some(request)",
        "            while let Some(request)",
        "guards",
        "deferring_races_stop",
    ),
    mutant(
        "ready: a sleep that time has ended is ended by a plain store",
        "src/runner/ready.rs",
        "let _ = self.head.compare_exchange(parked(), ptr::null_mut(), Relaxed, Relaxed);",
        "self.head.store(ptr::null_mut(), Relaxed);",
        "ready",
        "timer_races_park",
    ),
    mutant(
        "supervisor: a failure counts although an order is on its way",
        SUPERVISOR,
        "if entries[own].wanted > self.made_after {",
        "if false && entries[own].wanted > self.made_after {",
        "lives",
        "two_failures_race",
    ),
    mutant(
        "supervisor: an order that was obeyed is forgotten",
        SUPERVISOR,
        "        self.made_after = self.made_after.max(order.number);",
        "",
        "lives",
        "failure_races_order",
    ),
    mutant(
        "supervisor: the order on its way is obeyed once more",
        SUPERVISOR,
        "            self.made_after = entries[own].wanted;",
        "",
        "lives",
        "two_failures_race",
    ),
];
