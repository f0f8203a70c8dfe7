//! Actor frameworks, and the actor that one writes by hand.
//!
//! An actor's behaviour is written once, as a role; each framework hosts roles in its own way. One
//! that talks to a plain thread, one that shares a thread with its clients, and one that has two
//! threads are different contenders, as they are different choices.

mod framework;
mod load;
mod meter;
mod runtime;
mod watch;

mod ask;
mod bytes;
mod counting;
mod fork_join;
mod hops;
mod stream;
mod wake;

mod actix;
mod by_hand;
mod coerce;
mod kameo;
mod ractor;
mod xtra;

use crate::work::{Contender, Figure, Wait, Work};
use by_hand::ByHand;
use framework::{Framework, Setting, Topology};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::time::Duration;

const RING: usize = 100;

/// All of them.
pub fn contenders() -> Vec<Contender> {
    let all = [
        ("tokio mpsc + oneshot, one thread", one::<ByHand<false>> as Measure),
        ("tokio mpsc + oneshot, two workers", two::<ByHand<false>>),
        ("tokio mpsc + oneshot, plain thread", plain::<ByHand<false>>),
        ("tokio mpsc recv_many + oneshot, one thread", one::<ByHand<true>>),
        ("tokio mpsc recv_many + oneshot, two workers", two::<ByHand<true>>),
        ("tokio mpsc recv_many + oneshot, plain thread", plain::<ByHand<true>>),
        ("kameo, one thread", one::<kameo::Kameo>),
        ("kameo, two workers", two::<kameo::Kameo>),
        ("kameo, plain thread", plain::<kameo::Kameo>),
        ("ractor, one thread", one::<ractor::Ractor>),
        ("ractor, two workers", two::<ractor::Ractor>),
        ("ractor, plain thread", plain::<ractor::Ractor>),
        ("actix, one arbiter", one::<actix::Actix>),
        ("actix, two arbiters", two::<actix::Actix>),
        ("actix, plain thread", plain::<actix::Actix>),
        ("xtra, one thread", one::<xtra::Xtra>),
        ("xtra, two workers", two::<xtra::Xtra>),
        ("xtra, plain thread", plain::<xtra::Xtra>),
        ("coerce, one thread", one::<coerce::Coerce>),
        ("coerce, two workers", two::<coerce::Coerce>),
        ("coerce, plain thread", plain::<coerce::Coerce>),
    ];
    all.into_iter().map(|(name, measure)| Contender { name, measure }).collect()
}

type Measure = fn(&Lab, Work, Duration) -> Outcome;
type Outcome = Option<Result<Figure, Error>>;

fn one<F: Framework>(lab: &Lab, work: Work, length: Duration) -> Outcome {
    measure::<F>(&Setting { lab, topology: Topology::OneThread, length }, work)
}

fn two<F: Framework>(lab: &Lab, work: Work, length: Duration) -> Outcome {
    lab.cpus?;
    measure::<F>(&Setting { lab, topology: Topology::TwoThreads, length }, work)
}

fn plain<F: Framework>(lab: &Lab, work: Work, length: Duration) -> Outcome {
    lab.cpus?;
    measure::<F>(&Setting { lab, topology: Topology::PlainClient, length }, work)
}

/// Does the work, if it is one for these threads.
fn measure<F: Framework>(setting: &Setting<'_>, work: Work) -> Outcome {
    let runners = match setting.topology {
        Topology::OneThread => 1,
        Topology::TwoThreads => 2,
        Topology::PlainClient => 0,
    };
    let is_plain = setting.topology == Topology::PlainClient;
    Some(match work {
        Work::Stream(stream) => return stream::measure::<F>(setting, stream),
        // No framework lets its users say how to wait.
        Work::Ask { window, wait: Wait::Spin | Wait::Block } => ask::measure::<F>(setting, window),
        Work::PingPong { runners: wanted } if wanted == runners => hops::measure::<F>(setting, 2),
        Work::Ring { runners: wanted } if wanted == runners => hops::measure::<F>(setting, RING),
        Work::Counting { runners: wanted } if wanted == runners => counting::measure::<F>(setting),
        Work::ForkJoin { runners: wanted } if wanted == runners => fork_join::measure::<F>(setting),
        Work::Wake { wait: Wait::Block } if is_plain => {
            wake::measure::<F>(setting, wake::Asked::Latency)
        }
        Work::WakeSender if is_plain => wake::measure::<F>(setting, wake::Asked::Send),
        Work::BytesNeverUsed if runners == 1 => bytes::never_used::<F>(setting),
        Work::BytesUsedOnce if runners == 1 => bytes::used_once::<F>(setting),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::{Placement, Stream};

    fn works() -> Vec<Work> {
        let mut works = vec![Work::Wake { wait: Wait::Block }, Work::WakeSender];
        works.extend([1, 128].map(|window| Work::Ask { window, wait: Wait::Spin }));
        for runners in [1, 2] {
            works.extend([Work::PingPong { runners }, Work::Ring { runners }]);
            works.extend([Work::Counting { runners }, Work::ForkJoin { runners }]);
        }
        for placement in [Placement::Isolated, Placement::Spread, Placement::OneCpu] {
            for (bytes, producers) in [(8, 1), (64, 3)] {
                let (batch, wait, shared) = (1, Wait::Block, true);
                works.push(Work::Stream(Stream {
                    bytes,
                    batch,
                    producers,
                    placement,
                    wait,
                    shared,
                }));
            }
        }
        works
    }

    #[test]
    fn every_contender_does_some_work_without_trouble() {
        let cpus = mainspring::allowed_cpus();
        let pair = (cpus.len() > 1).then(|| (cpus[0], cpus[1]));
        let lab = Lab::open(pair, framework::CAPACITY);
        for contender in contenders() {
            let mut done = 0;
            for work in works() {
                match (contender.measure)(&lab, work, Duration::from_millis(50)) {
                    Some(Err(failure)) => panic!("{}, {work:?}: {failure}", contender.name),
                    Some(Ok(_)) => done += 1,
                    None => {}
                }
            }
            assert!(done > 0 || pair.is_none(), "{} does nothing", contender.name);
        }
    }
}
