//! The rings alone, both ends on one thread.

use super::{ALL_REPETITIONS, leave};
#[cfg(feature = "lanes")]
use mainspring::mailbox::{Heat, Silent, lanes};
use mainspring::mailbox::{mpsc, spsc};
use std::hint::black_box;

const FITS: &str = "the capacity is possible, and there is room";

/// A path that fills a ring, by the calls given.
macro_rules! push {
    ($name:ident, $ends:expr) => {
        pub fn $name(count: usize) -> ! {
            let (producer, consumer) = $ends.expect(FITS);
            // The first allocates the slots.
            producer.push(0).expect(FITS);
            for number in 1..=count as u64 {
                producer.push(black_box(number)).expect(FITS);
            }
            assert_eq!(consumer.len(), count + 1);
            leave()
        }
    };
}

/// A path that empties a full ring, so many requests at a time.
macro_rules! drain {
    ($name:ident, $ends:expr) => {
        pub fn $name<const BATCH: usize>(count: usize) -> ! {
            let (producer, mut consumer) = $ends.expect(FITS);
            (0..ROOM as u64).for_each(|number| producer.push(number).expect(FITS));
            let (mut sum, mut left) = (0, count);
            while left > 0 {
                left -= consumer.drain(BATCH.min(left), |number, _| sum += number);
            }
            assert_eq!(black_box(sum), (0..count as u64).sum::<u64>());
            leave()
        }
    };
}

const ROOM: usize = ALL_REPETITIONS + 1;

push!(push_shared, mpsc::mailbox(ROOM));
push!(push_spsc, spsc::mailbox(ROOM));
#[cfg(feature = "lanes")]
push!(push_spsc_hot, spsc::with_heat(ROOM, Heat::Always, Silent));
#[cfg(feature = "lanes")]
push!(push_lanes, lanes::mailbox(ROOM));
#[cfg(feature = "lanes")]
push!(push_lanes_hot, lanes::with_heat(ROOM, Heat::Always, Silent));

drain!(drain_shared, mpsc::mailbox(ROOM));
drain!(drain_spsc, spsc::mailbox(ROOM));
#[cfg(feature = "lanes")]
drain!(drain_lanes, lanes::mailbox(ROOM));
