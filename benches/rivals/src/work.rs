//! What is to be done, the same for every contender.

use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::stats::Latencies;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One piece of work: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// One-way messages from `producers` threads to one consumer.
    Stream(Stream),
    /// Calls with an answer: an 8-byte argument is added to a sum that comes back.
    Ask {
        /// How many are on their way at once.
        window: usize,
        /// How both sides wait.
        wait: Wait,
    },
    /// Two objects send a number to and fro; the figure is per hop.
    PingPong {
        /// On how many runners they live: 1, or one each.
        runners: usize,
    },
    /// 100 objects in a ring pass one number on; the figure is per hop. With two runners the first
    /// 50 live on one and the others on the other.
    Ring {
        /// On how many runners they live.
        runners: usize,
    },
    /// One object tells another a million times, then asks for the count; per message.
    Counting {
        /// On how many runners they live.
        runners: usize,
    },
    /// One object tells 60 others 1000 messages each, by turns; they report when done; per message.
    ForkJoin {
        /// On how many runners they live; with two, half of the 60 on each.
        runners: usize,
    },
    /// A message to a receiver that has been idle for a millisecond: its latency one way.
    Wake {
        /// How the receiver waits.
        wait: Wait,
    },
    /// As `Wake`, but the time that the sender spends in its call.
    WakeSender,
    /// Resident bytes of one more idle object (or channel with its own receiver), never used.
    BytesNeverUsed,
    /// Heap bytes of one more idle object that has served one request.
    BytesUsedOnce,
}

/// See [`Work::Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The size of a message's payload: 8 or 64.
    pub bytes: usize,
    /// How many messages one publication shows, where the contender can: 1 or 32.
    pub batch: usize,
    /// How many threads send.
    pub producers: usize,
    /// Which CPUs they are on.
    pub placement: Placement,
    /// How both sides wait.
    pub wait: Wait,
    /// Whether a ring for one producer will do: `false` asks for one that any number may share.
    pub shared: bool,
}

/// Which CPUs the ends of a stream are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// All producers on the caller's CPU, the consumer alone on the other one.
    Isolated,
    /// Producers by turns on the caller's and the consumer's CPU.
    Spread,
    /// Everybody on the caller's CPU.
    OneCpu,
}

/// How a thread waits for a message, an answer or room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// `try` operations, with a pause of the CPU in between.
    Spin,
    /// `try` operations, with a yield to the kernel in between.
    Yield,
    /// The library's own blocking operations; for ours the default: spin briefly, then park.
    Block,
}

/// What one round of a contender came to.
pub enum Figure {
    /// The mean time of one operation, in nanoseconds.
    Nanos(f64),
    /// Single latencies: the row's figure is their median, and p99 and p99.9 are shown too.
    Latency(Latencies),
    /// Bytes each.
    Bytes(f64),
}

/// A rival, a floor, or ours.
pub struct Contender {
    /// As the table shows it: `kanal`, `crossbeam-channel + oneshot`.
    pub name: &'static str,
    /// Does the work for about so long; `None` if it is not made for this work.
    pub measure: fn(&Lab, Work, Duration) -> Option<Result<Figure, Error>>,
}
