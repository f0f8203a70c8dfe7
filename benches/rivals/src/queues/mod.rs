//! Rings and channels: one driver for each kind of work, and an adapter for each library.
//!
//! The drivers are generic, so every library gets a hot loop of its own, with nothing in it that
//! the library didn't bring.

mod ends;

mod ask;
mod stream;
mod wake;

mod bare;
mod channels;
mod disruptor;
mod kanal;
mod ringbuf;
mod rtrb;
mod thingbuf;
mod thread;

use crate::work::Contender;

/// All of them.
pub fn contenders() -> Vec<Contender> {
    vec![
        Contender { name: "rtrb", measure: rtrb::measure },
        Contender { name: "rtrb, one per producer", measure: rtrb::measure_lanes },
        Contender { name: "rtrb, a pair", measure: rtrb::measure_pair },
        Contender { name: "ringbuf", measure: ringbuf::measure },
        Contender { name: "disruptor, one producer", measure: disruptor::measure_single },
        Contender { name: "disruptor, many producers", measure: disruptor::measure_multi },
        Contender { name: "crossbeam ArrayQueue", measure: bare::measure_array },
        Contender { name: "concurrent-queue", measure: bare::measure_concurrent },
        Contender { name: "crossbeam-channel", measure: channels::measure_crossbeam },
        Contender {
            name: "crossbeam-channel + oneshot",
            measure: channels::measure_crossbeam_oneshot,
        },
        Contender { name: "kanal", measure: kanal::measure },
        Contender { name: "kanal + oneshot", measure: kanal::measure_oneshot },
        Contender { name: "flume", measure: channels::measure_flume },
        Contender { name: "std sync_channel", measure: channels::measure_std },
        Contender { name: "thingbuf", measure: thingbuf::measure },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::{Placement, Stream, Wait, Work};
    use mainspring_perf::lab::Lab;
    use std::time::Duration;

    const LENGTH: Duration = Duration::from_millis(5);

    fn works() -> Vec<Work> {
        let mut works = vec![Work::WakeSender];
        for wait in [Wait::Spin, Wait::Yield, Wait::Block] {
            works.push(Work::Wake { wait });
            works.extend([1, 128].map(|window| Work::Ask { window, wait }));
            for placement in [Placement::Isolated, Placement::Spread, Placement::OneCpu] {
                for (bytes, batch) in [(8, 1), (8, 32), (64, 1), (64, 32)] {
                    for (producers, shared) in [(1, false), (1, true), (3, true)] {
                        let stream = Stream { bytes, batch, producers, placement, wait, shared };
                        works.push(Work::Stream(stream));
                    }
                }
            }
        }
        // Spinning takes a whole slice of time per turn there.
        works.retain(|work| {
            let Work::Stream(Stream { placement, wait, .. }) = work else { return true };
            *wait != Wait::Spin || *placement == Placement::Isolated
        });
        works
    }

    /// Counts and sums are checked by the drivers.
    #[test]
    fn everybody_does_the_work_they_are_made_for() {
        let [one, other, ..] = mainspring::allowed_cpus()[..] else { return };
        let lab = Lab::open(Some((one, other)), 64);
        for Contender { name, measure } in contenders() {
            let mut done = 0;
            for work in works() {
                match measure(&lab, work, LENGTH) {
                    None => {}
                    Some(Ok(_)) => done += 1,
                    Some(Err(failure)) => panic!("{name}, {work:?}: {failure}"),
                }
            }
            assert!(done > 0, "{name} does nothing");
        }
    }
}
