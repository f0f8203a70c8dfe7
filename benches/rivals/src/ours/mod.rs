//! Mainspring itself, by its public interface alone: structs made active by the macro, and runners
//! pinned like everybody's threads.

mod ask;
mod counting;
mod crowd;
mod fork_join;
mod place;
mod ring;
mod stream;
mod wake;

use crate::payload::Payload;
use crate::work::{Contender, Figure, Work};
use mainspring::mailbox::{Lanes, Mpsc, Spsc};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::suites::mailbox_kind::MailboxKind;
use std::time::Duration;
use stream::CounterProxy;

/// Every kind of mailbox.
pub fn contenders() -> Vec<Contender> {
    vec![
        Contender { name: "ours (spsc)", measure: measure::<Spsc> },
        Contender { name: "ours (shared)", measure: measure::<Mpsc> },
        Contender { name: "ours (lanes)", measure: measure::<Lanes> },
        Contender { name: "ours, 256 slots", measure: crowd::measure_with_slots },
    ]
}

/// What the works ask of a kind of mailbox.
pub trait Mailbox: MailboxKind {
    /// Whether it is what works ask for that want a ring that is shared.
    const IS_SHARED: bool;

    /// So many proxies of one counter, if there can be so many.
    fn several<T: Payload>(
        first: CounterProxy<T, Self>,
        count: usize,
    ) -> Option<Vec<CounterProxy<T, Self>>>;
}

/// A kind, whether it is shared, and how one proxy becomes several.
macro_rules! mailbox {
    ($kind:ty, $is_shared:literal, $first:ident, $count:ident => $several:expr) => {
        impl Mailbox for $kind {
            const IS_SHARED: bool = $is_shared;

            fn several<T: Payload>(
                $first: CounterProxy<T, Self>,
                $count: usize,
            ) -> Option<Vec<CounterProxy<T, Self>>> {
                $several
            }
        }
    };
}

mailbox!(Mpsc, true, first, count => Some(vec![first; count]));
mailbox!(Spsc, false, first, count => (count == 1).then(|| vec![first]));
mailbox!(Lanes, false, first, count => Some(vec![first; count]));

fn measure<K: Mailbox>(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    match work {
        Work::Stream(stream) => stream::measure::<K>(lab, stream, length),
        Work::Ask { window, wait } => Some(ask::measure::<K>(lab, window, wait, length)),
        Work::Wake { wait } => Some(wake::latency::<K>(lab, wait, length)),
        Work::WakeSender => Some(wake::sender::<K>(lab, length)),
        // Between objects every proxy is of the default kind.
        _ if !K::IS_SHARED => None,
        Work::PingPong { runners } => ring::measure(lab, 2, runners, length),
        Work::Ring { runners } => ring::measure(lab, 100, runners, length),
        Work::Counting { runners } => counting::measure(lab, runners, length),
        Work::ForkJoin { runners } => fork_join::measure(lab, runners, length),
        Work::BytesNeverUsed => Some(crowd::never_used(lab)),
        Work::BytesUsedOnce => Some(crowd::used_once(lab, 1)),
    }
}
