//! A bounded buffer between producers and consumers, without a lock or a condition variable: `put`
//! waits for room and `take` for an item, each by a guard.
//!
//! Run with `cargo run --release --example bounded_buffer`.

use mainspring::prelude::*;
use std::collections::VecDeque;
use std::thread;

const PRODUCERS: u64 = 3;
const CONSUMERS: u64 = 2;
const EACH: u64 = 20_000;

struct Buffer {
    items: VecDeque<u64>,
    room: usize,
}

#[active]
impl Buffer {
    /// Ends when there was room for the item.
    #[active(guard = has_room)]
    pub fn put(&mut self, item: u64) {
        self.items.push_back(item);
    }

    /// Ends with the oldest item, once there is one.
    #[active(guard = has_item)]
    pub fn take(&mut self) -> Option<u64> {
        self.items.pop_front()
    }

    fn has_room(&self, _: &u64) -> bool {
        self.items.len() < self.room
    }

    fn has_item(&self) -> bool {
        !self.items.is_empty()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let buffer = mainspring::spawn(Buffer { items: VecDeque::new(), room: 8 })?;
    let taken = thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let buffer = &buffer;
            scope.spawn(move || (0..EACH).try_for_each(|n| buffer.put(producer * EACH + n).get()));
        }
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| scope.spawn(|| consume(&buffer, PRODUCERS * EACH / CONSUMERS)))
            .collect();
        consumers
            .into_iter()
            .map(|one| one.join().expect("it doesn't panic"))
            .sum::<Result<u64, _>>()
    })?;
    let all = PRODUCERS * EACH;
    assert_eq!(taken, all * (all - 1) / 2, "each item once");
    println!("{all} items from {PRODUCERS} producers to {CONSUMERS} consumers, each once");
    Ok(())
}

/// Takes so many items; returns their sum.
fn consume(buffer: &BufferProxy, count: u64) -> Result<u64, CallError> {
    (0..count).map(|_| Ok(buffer.take().get()?.unwrap_or_default())).sum()
}
