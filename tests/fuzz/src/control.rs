//! A planted bug: a bounded queue that is one too large once it has gone round. The fuzzer must find it,
//! or what it doesn't find in the library says nothing.

use crate::targets::program::Program;
use std::collections::VecDeque;

struct Queue {
    capacity: usize,
    pushed: usize,
    values: VecDeque<u8>,
}

impl Queue {
    fn push(&mut self, value: u8) -> bool {
        // Off by one, from the second lap on.
        let is_full = self.values.len() >= self.capacity + usize::from(self.pushed > self.capacity);
        if !is_full {
            self.pushed += 1;
            self.values.push_back(value);
        }
        !is_full
    }
}

/// See the module.
pub fn target(bytes: &[u8]) {
    let program = Program::new(bytes);
    let capacity = 1 + program.below(8);
    let mut queue = Queue { capacity, pushed: 0, values: VecDeque::new() };
    while program.more() {
        match program.below(2) {
            0 => {
                let was_full = queue.values.len() == capacity;
                assert_eq!(queue.push(program.byte()), !was_full, "the capacity is exact");
            }
            _ => _ = queue.values.pop_front(),
        }
    }
}
