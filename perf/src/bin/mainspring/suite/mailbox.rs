//! Each kind of mailbox: alone, with more bytes, with more room.

use super::quick::{RING, RING_BY_32, ring_floors};
use super::scale::curve;
use mainspring::WaitStrategy;
use mainspring::mailbox::{Lanes, Mpsc, Spsc};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::sample::Sample;
use mainspring_perf::lab::scenario::{Measure, Scenario, scenario};
use mainspring_perf::lab::settings::{PAYLOADS, Settings, points};
use mainspring_perf::suites::mailbox;
use mainspring_perf::suites::mailbox_kind::MailboxKind;
use mainspring_perf::suites::meter::Meter;
use mainspring_perf::suites::payload;
use mainspring_perf::suites::tell;
use mainspring_perf::suites::tell::Sending;
use std::time::Duration;

/// Everything.
pub fn scenarios(settings: &Settings) -> Vec<Scenario> {
    let bytes = points(&settings.payload, &PAYLOADS);
    let mut all = Vec::from(ring_floors());
    all.extend(alone());
    all.extend(curve("mailbox/payload/shared", &bytes, carry::<Mpsc>));
    all.extend(curve("mailbox/payload/spsc", &bytes, carry::<Spsc>));
    all.extend(curve("mailbox/payload/lanes", &bytes, carry::<Lanes>));
    const ROOM: [usize; 6] = [1, 8, 64, 1024, 16_384, 1_048_576];
    all.extend(curve("mailbox/capacity/shared", &ROOM, batches::<Mpsc>));
    all.extend(curve("mailbox/capacity/spsc", &ROOM, batches::<Spsc>));
    all
}

type Bare = fn(&Lab, Sending, Duration) -> Result<Sample, Error>;

fn alone() -> Vec<Scenario> {
    let kinds: [(&str, Bare); 3] =
        [("shared", mailbox::shared), ("spsc", mailbox::single), ("lanes", mailbox::lane)];
    let both = kinds.into_iter().flat_map(|(kind, stream)| {
        let one = |how: &str, sending| {
            scenario(format!("mailbox/bare/{kind}/{how}"), move |lab, time| {
                stream(lab, sending, time)
            })
        };
        [
            one("single", Sending::Single).over(RING),
            one("batched", Sending::Batched).over(RING_BY_32),
        ]
    });
    both.map(Scenario::two_cpus).collect()
}

/// A stream of requests that carry so many bytes: the size is known at compile time.
fn carry<K: MailboxKind>(bytes: usize) -> Measure {
    Box::new(match bytes {
        0 => payload::stream::<0, K>,
        8 => payload::stream::<8, K>,
        16 => payload::stream::<16, K>,
        32 => payload::stream::<32, K>,
        64 => payload::stream::<64, K>,
        128 => payload::stream::<128, K>,
        // The settings were checked.
        _ => payload::stream::<256, K>,
    })
}

/// A stream of batches of 32, or of what a smaller mailbox has room for.
fn batches<K: MailboxKind>(capacity: usize) -> Measure {
    Box::new(move |lab, length| {
        let engine = lab.engine(WaitStrategy::default())?;
        let meter = K::start(engine.spawn("meter", Meter::default).capacity(capacity))?;
        let sample = tell::stream(lab, &meter, Sending::Batched, length)?;
        lab.end(engine)?;
        Ok(sample)
    })
}
