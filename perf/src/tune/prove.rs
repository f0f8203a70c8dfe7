//! Two placements of one graph, run alternately on this machine: what one gains over the other.
//!
//! The engine is made of the graph: each object works for as long as its service time says, and sends
//! on as often as its edges say. What comes from outside is sent when it is planned, whatever became of
//! the messages before, and a message's latency begins at that moment: a stall counts for all that
//! arrive during it. It ends where nothing more is sent because of it.

use crate::error::Error;
use crate::lab::time::ANSWER_LIMIT;
use crate::machine::pinned;
use crate::stats::{Latencies, median};
use crate::tune::graph::Graph;
use fastrand::Rng;
use mainspring::{Engine, Event, Profile, Proxy as _, active};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Rounds of each placement.
pub const ROUNDS: usize = 7;
const CAPACITY: usize = 1 << 14;
/// In a graph with circles a message may go round for so long.
const HOPS_MAX: u32 = 32;
/// Before a planned moment that is nearer than this the sender doesn't sleep.
const NEAR: Duration = Duration::from_micros(200);
const RESAMPLES: usize = 2000;
const END_LIMIT: Duration = Duration::from_secs(5);

/// One object of the graph.
struct Node {
    service: Duration,
    targets: Vec<Target>,
    /// Messages planned before it are for warming up.
    warm: Option<Instant>,
    latencies: Latencies,
    served: u64,
    lost: u64,
}

/// Who is sent to, and how often: messages for each one received.
struct Target {
    proxy: NodeProxy,
    ratio: f64,
    /// Messages that are due.
    credit: f64,
}

/// What an object has seen.
struct Seen {
    latencies: Latencies,
    served: u64,
    lost: u64,
}

#[active]
impl Node {
    pub fn connect(&mut self, targets: Vec<(NodeProxy, f64)>, warm: Instant) {
        let target = |(proxy, ratio)| Target { proxy, ratio, credit: 0.0 };
        self.targets = targets.into_iter().map(target).collect();
        self.warm = Some(warm);
    }

    pub fn message(&mut self, planned: Instant, hops: u32) {
        let begun = Instant::now();
        while begun.elapsed() < self.service {
            std::hint::spin_loop();
        }
        let mut is_end = true;
        for target in self.targets.iter_mut().filter(|_| hops > 0) {
            target.credit += target.ratio;
            while target.credit >= 1.0 {
                target.credit -= 1.0;
                match target.proxy.tell().message(planned, hops - 1) {
                    Ok(()) => is_end = false,
                    Err(_) => self.lost += 1,
                }
            }
        }
        if self.warm.is_some_and(|warm| planned >= warm) {
            self.served += 1;
            if is_end {
                self.latencies.record(planned.elapsed());
            }
        }
    }

    pub fn served(&self) -> u64 {
        self.served
    }

    pub fn finish(&mut self) -> Box<Seen> {
        // Proxies of one another would keep a circle alive.
        self.targets.clear();
        let latencies = std::mem::take(&mut self.latencies);
        Box::new(Seen { latencies, served: self.served, lost: self.lost })
    }
}

/// The result of one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Round {
    /// Half of the messages took no longer.
    pub p50_ns: f64,
    /// The same for 99 of 100, if there were enough.
    pub p99_ns: Option<f64>,
    /// Requests served a second, those of all objects together.
    pub served_per_s: f64,
    /// Messages that found a full mailbox.
    pub lost: u64,
}

/// Ratio of the second placement to the first, over pairs of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The median of the pairs.
    pub median: f64,
    /// Where 95 % of resampled medians lie.
    pub low: f64,
    /// As `low`.
    pub high: f64,
}

/// The results of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// The first placement's rounds.
    pub before: Vec<Round>,
    /// The second one's, each run after the same one of the first.
    pub after: Vec<Round>,
    /// Less is better.
    pub p50: Option<Ratio>,
    /// Less is better. `None` where there were too few messages.
    pub p99: Option<Ratio>,
    /// More is better.
    pub served: Option<Ratio>,
    /// The CPU that only the sender of the load has, if there is one.
    pub sender_cpu: Option<usize>,
}

/// Runs both placements alternately, for about that long in total.
///
/// # Errors
/// What starting the engines says; [`Error::Usage`] if the graph has no messages.
pub fn run(
    graph: &Graph,
    before: &Profile,
    after: &Profile,
    total: Duration,
    mut step: impl FnMut(),
) -> Result<Proof, Error> {
    let length = total / (2 * ROUNDS as u32);
    let sender_cpu = free_cpu([before, after]);
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (profile, rounds) in [(before, &mut firsts), (after, &mut seconds)] {
            rounds.push(round(graph, profile, sender_cpu, length)?);
            step();
        }
    }
    let ratios = |value: fn(&Round) -> Option<f64>| {
        let pairs = firsts.iter().zip(&seconds);
        let ratios = pairs.filter_map(|(a, b)| Some(value(b)? / value(a)?));
        let ratios: Vec<_> = ratios.filter(|ratio| ratio.is_finite() && *ratio > 0.0).collect();
        (ratios.len() == ROUNDS).then(|| resampled(&ratios))
    };
    Ok(Proof {
        p50: ratios(|round| Some(round.p50_ns)),
        p99: ratios(|round| round.p99_ns),
        served: ratios(|round| Some(round.served_per_s)),
        before: firsts,
        after: seconds,
        sender_cpu,
    })
}

/// A CPU that no runner of either is on.
fn free_cpu(profiles: [&Profile; 2]) -> Option<usize> {
    let taken = |cpu: &usize| {
        let mut runners = profiles.iter().flat_map(|profile| &profile.runners);
        runners.any(|runner| runner.cpus.contains(cpu))
    };
    mainspring::allowed_cpus().into_iter().find(|cpu| !taken(cpu))
}

/// The median, and where it lies in samples drawn from these.
fn resampled(ratios: &[f64]) -> Ratio {
    let middle = |values: Vec<f64>| median(values).unwrap_or(f64::NAN);
    let mut rng = Rng::with_seed(1);
    let mut draw = || ratios.iter().map(|_| ratios[rng.usize(..ratios.len())]).collect();
    let mut medians: Vec<_> = (0..RESAMPLES).map(|_| middle(draw())).collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: f64| medians[(share * (RESAMPLES - 1) as f64) as usize];
    Ratio { median: middle(ratios.to_vec()), low: at(0.025), high: at(0.975) }
}

/// One engine, from its start to its end.
fn round(
    graph: &Graph,
    profile: &Profile,
    sender_cpu: Option<usize>,
    length: Duration,
) -> Result<Round, Error> {
    let sources = sources(graph);
    if sources.iter().all(|(_, rate)| *rate <= 0.0) {
        return Err(Error::Usage(
            "--prove: the graph has no messages to send; give an object a rate, or leave --prove out"
                .into(),
        ));
    }
    // Who spins and who may not is in the placement already.
    let builder = Engine::builder().on_event(|event| {
        if !matches!(event, Event::Spinning { .. }) {
            eprintln!("mainspring: {event}");
        }
    });
    let engine = builder.with_profile(profile.clone()).start()?;
    let nodes = nodes(graph, &engine)?;
    let begin = Instant::now() + length / 100;
    let (warm, end) = (begin + length / 10, begin + length);
    for (object, node) in nodes.iter().enumerate() {
        node.connect(targets(graph, &sources, &nodes, object), warm).get_timeout(ANSWER_LIMIT)?;
    }
    let send = || Ok(send(&nodes, &sources, begin, end));
    let refused = match sender_cpu {
        Some(cpu) => pinned::on(cpu, send)?,
        None => send()?,
    };
    wait_until_quiet(&nodes)?;
    let over = Instant::now();
    let mut all = Seen { latencies: Latencies::new(), served: 0, lost: refused };
    for node in &nodes {
        let seen = node.finish().get_timeout(ANSWER_LIMIT)?;
        all.latencies.add(&seen.latencies);
        all.served += seen.served;
        all.lost += seen.lost;
    }
    drop(nodes);
    if !engine.stop_within(END_LIMIT) {
        return Err(Error::StopTimedOut(END_LIMIT));
    }
    Ok(Round {
        p50_ns: all.latencies.median(),
        p99_ns: all.latencies.quantile(0.99).map(|nanos| nanos as f64),
        served_per_s: all.served as f64 / (over.max(end) - warm).as_secs_f64(),
        lost: all.lost,
    })
}

/// What is sent to each object from outside. One that sends, and to which nobody does, is sent as much
/// as it sends.
fn sources(graph: &Graph) -> Vec<(usize, f64)> {
    let rate = |object: usize| match graph.arrivals(object) {
        0.0 => {
            let sent = graph.edges.iter().filter(|edge| edge.from == object);
            sent.map(|edge| edge.rate).fold(0.0, f64::max)
        }
        _ => graph.objects[object].rate,
    };
    (0..graph.objects.len()).map(|object| (object, rate(object))).collect()
}

fn nodes(graph: &Graph, engine: &Engine) -> Result<Vec<NodeProxy>, Error> {
    let node = |object: &crate::tune::graph::Object| {
        let service = Duration::from_nanos((object.service_us * 1000.0) as u64);
        let latencies = Latencies::new();
        let node = Node { service, targets: Vec::new(), warm: None, latencies, served: 0, lost: 0 };
        Ok(engine.spawn(&object.name, move || node).capacity(CAPACITY).start()?)
    };
    graph.objects.iter().map(node).collect()
}

/// To whom an object sends how often for each message that it receives.
fn targets(
    graph: &Graph,
    sources: &[(usize, f64)],
    nodes: &[NodeProxy],
    object: usize,
) -> Vec<(NodeProxy, f64)> {
    let received = graph.arrivals(object).max(sources[object].1);
    let edges = graph.edges.iter().filter(|edge| edge.from == object && received > 0.0);
    edges.map(|edge| (nodes[edge.to].clone(), edge.rate / received)).collect()
}

/// Sends what comes from outside when it is planned; how much found no room.
fn send(nodes: &[NodeProxy], sources: &[(usize, f64)], begin: Instant, end: Instant) -> u64 {
    let period = |rate: f64| Duration::from_secs_f64(1.0 / rate.min(1e9));
    let sources = sources.iter().filter(|(_, rate)| *rate > 1e-6);
    // Not all at once at the beginning.
    let mut plan: Vec<_> = sources
        .enumerate()
        .map(|(number, (object, rate))| {
            let period = period(*rate);
            (begin + period.mul_f64(number as f64 * 0.381_966 % 1.0), *object, period)
        })
        .collect();
    let mut refused = 0;
    loop {
        let Some(next) = plan.iter_mut().min_by_key(|(at, ..)| *at) else { return refused };
        let (at, object, period) = *next;
        if at >= end {
            return refused;
        }
        next.0 = at + period;
        wait_for(at);
        refused += u64::from(nodes[object].tell().message(at, HOPS_MAX).is_err());
    }
}

fn wait_for(at: Instant) {
    loop {
        let left = at.saturating_duration_since(Instant::now());
        match () {
            () if left.is_zero() => return,
            () if left > NEAR => std::thread::sleep(left - NEAR),
            // Its CPU may be a runner's.
            () => std::thread::yield_now(),
        }
    }
}

/// Returns when no message is left: between two looks at all objects, in the order of their mailboxes,
/// none has served anything.
fn wait_until_quiet(nodes: &[NodeProxy]) -> Result<(), Error> {
    let mut before = None;
    loop {
        let mut served = 0;
        for node in nodes {
            served += node.served().get_timeout(ANSWER_LIMIT)?;
        }
        if before.replace(served) == Some(served) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ratios_are_certain_and_scattered_ones_are_not() {
        let certain = resampled(&[0.5; ROUNDS]);
        assert_eq!((certain.low, certain.median, certain.high), (0.5, 0.5, 0.5));
        let scattered = resampled(&[0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 2.0]);
        assert!(scattered.low < scattered.median && scattered.median < scattered.high);
        assert_eq!(scattered.median, 1.0);
    }

    #[test]
    fn messages_reach_each_object_as_often_as_the_edges_say() {
        let text = "schema = \"mainspring-graph/1\"
            [[object]]\nname = \"a\"
            [[object]]\nname = \"b\"\nrate = 500
            [[object]]\nname = \"c\"
            [[edge]]\nfrom = \"a\"\nto = \"b\"\nrate = 1000
            [[edge]]\nfrom = \"b\"\nto = \"c\"\nrate = 3000
            [[edge]]\nfrom = \"c\"\nto = \"a\"\nrate = 0";
        let graph = Graph::parse(text).unwrap();
        assert_eq!(sources(&graph), [(0, 1000.0), (1, 500.0), (2, 0.0)]);
        let engine = Engine::builder().runner(mainspring::Runner::named("r")).start().unwrap();
        let nodes = nodes(&graph, &engine).unwrap();
        let now = Instant::now();
        for object in 0..3 {
            let targets = targets(&graph, &sources(&graph), &nodes, object);
            nodes[object].connect(targets, now).get().unwrap();
        }
        // 40 ms of the plan, as fast as it goes.
        let refused = send(&nodes, &sources(&graph), now, now + Duration::from_millis(40));
        wait_until_quiet(&nodes).unwrap();
        let seen: Vec<_> = nodes.iter().map(|node| *node.finish().get().unwrap()).collect();
        let served = [0, 1, 2].map(|object: usize| seen[object].served);
        assert_eq!((refused, served), (0, [40, 60, 120]));
        let ends = [0, 1, 2].map(|object: usize| seen[object].latencies.count());
        assert_eq!(ends, [0, 0, 120], "latencies end where nothing is sent on");
        engine.join();
    }
}
