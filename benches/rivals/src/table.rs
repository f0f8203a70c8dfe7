//! The rows, and what is wanted of Mainspring in each.

use crate::floors::FLOOR;
use crate::work::{Placement, Stream, Wait, Work};

/// One row: some work, who does it, and what is wanted.
pub struct Row {
    /// What the table calls it.
    pub label: String,
    /// What is to be done.
    pub work: Work,
    /// Which of ours is judged. A row of one that doesn't exist is left out.
    pub ours: &'static str,
    /// The best of the rivals, by a run of all of them: these are measured by default.
    pub rivals: &'static [&'static str],
    /// What is wanted.
    pub gates: Vec<Gate>,
}

/// A limit on a row's figure.
#[derive(Clone, Copy)]
pub struct Gate {
    /// Which figure.
    pub of: Of,
    /// What it is divided by.
    pub against: Against,
    /// The most that the upper bound of the ratio may be.
    pub at_most: f64,
}

/// Which figure of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The mean time, the median of single latencies, or the bytes.
    Figure,
    /// The 99th percentile of single latencies.
    P99,
    /// The 99.9th.
    P999,
}

/// What ours is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The machine's floor of this work.
    Floor,
    /// The rival with the lowest median of the figure in question.
    BestPeer,
    /// A contender by its name.
    Named(&'static str),
    /// Ours at another work.
    OursAt(Work),
    /// Nothing: the limit is one on the figure itself.
    Nothing,
}

impl Row {
    /// How many rounds of this row are as good as `usual` ones of others.
    pub fn rounds(&self, usual: usize) -> usize {
        match self.work {
            // The same each time; six are the least that have a confidence interval.
            Work::BytesNeverUsed | Work::BytesUsedOnce => usual.min(6),
            _ => usual,
        }
    }
}

/// One ring for each producer.
const RTRB_LANES: &str = "rtrb, one per producer";
/// Those who answer through a second queue that is kept: a pipeline with one client, who gets the
/// answers in order, rather than calls.
const PIPELINES: [&str; 5] =
    ["rtrb, a pair", "crossbeam-channel", "kanal", "flume", "std sync_channel"];

/// Those whose caller lives in the same runtime as the one that answers, which puts both on one
/// thread: nothing crosses from one CPU to the other.
const UNCROSSED: [&str; 3] = [", one thread", ", two workers", ", one arbiter"];

/// Whether a contender is shown in a row, but is nobody's best rival there: it lacks what the work
/// is about.
pub fn is_reference(work: Work, name: &str) -> bool {
    let is_short = match work {
        Work::Ask { .. } => {
            PIPELINES.contains(&name) || UNCROSSED.iter().any(|end| name.ends_with(end))
        }
        _ => false,
    };
    is_short || [FLOOR, RTRB_LANES].contains(&name)
}

const SPSC: &str = "ours (spsc)";
const SHARED: &str = "ours (shared)";
const LANES: &str = "ours (lanes)";

/// What limits are on.
const fn wanted(of: Of, against: Against, at_most: f64) -> Gate {
    Gate { of, against, at_most }
}

const fn floor(at_most: f64) -> Gate {
    wanted(Of::Figure, Against::Floor, at_most)
}

const fn peer(at_most: f64) -> Gate {
    wanted(Of::Figure, Against::BestPeer, at_most)
}

const fn named(name: &'static str, at_most: f64) -> Gate {
    wanted(Of::Figure, Against::Named(name), at_most)
}

const fn at_most(limit: f64) -> Gate {
    wanted(Of::Figure, Against::Nothing, limit)
}

fn row<const N: usize>(
    label: &str,
    work: Work,
    ours: &'static str,
    rivals: &'static [&'static str],
    gates: [Gate; N],
) -> Row {
    Row { label: label.into(), work, ours, rivals, gates: gates.into() }
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let mut rows = calls();
    rows.extend(streams());
    rows.extend(shared_streams());
    rows.extend(lanes());
    rows.extend(objects());
    rows.extend(wakes());
    rows.extend(memory());
    rows
}

fn calls() -> Vec<Row> {
    use Wait::{Block, Spin};
    const RIVALS: &[&str] =
        &["crossbeam-channel + oneshot", "kanal + oneshot", "tokio mpsc + oneshot, plain thread"];
    let ask = |window, wait| Work::Ask { window, wait };
    let tails = |of| wanted(of, Against::BestPeer, 0.85);
    vec![
        row(
            "call, spinning",
            ask(1, Spin),
            SHARED,
            RIVALS,
            [floor(1.25), tails(Of::P99), tails(Of::P999)],
        ),
        row("call, default wait", ask(1, Block), SHARED, RIVALS, [floor(1.4)]),
        row("calls, 128 in flight, default wait", ask(128, Block), SHARED, RIVALS, [peer(0.4)]),
        row("calls, 128 in flight, spinning", ask(128, Spin), SHARED, RIVALS, [peer(0.4)]),
    ]
}

const STREAM: Stream = Stream {
    bytes: 8,
    batch: 1,
    producers: 1,
    placement: Placement::Isolated,
    wait: Wait::Spin,
    shared: false,
};

fn streams() -> Vec<Row> {
    use Wait::Block;
    const RINGS: &[&str] = &["rtrb", "ringbuf", "disruptor, one producer"];
    const CHANNELS: &[&str] = &["crossbeam-channel", "std sync_channel", "thingbuf"];
    const QUEUES: &[&str] = &["concurrent-queue", "crossbeam ArrayQueue", "crossbeam-channel"];
    const PARKING: &[&str] = &["kanal", "std sync_channel", "crossbeam-channel"];
    let of = |stream: Stream| Work::Stream(stream);
    let one_cpu = Stream { placement: Placement::OneCpu, wait: Block, ..STREAM };
    let two_cpus = of(Stream { wait: Block, ..STREAM });
    vec![
        row("tell, spsc, spinning", of(STREAM), SPSC, RINGS, [named("rtrb", 1.05)]),
        row(
            "tell, shared, spinning",
            of(Stream { shared: true, ..STREAM }),
            SHARED,
            QUEUES,
            [peer(0.6)],
        ),
        row("tell, spsc, default wait", two_cpus, SPSC, CHANNELS, [peer(0.65)]),
        row("tell, spsc, by 32", of(Stream { batch: 32, ..STREAM }), SPSC, RINGS, [peer(1.1)]),
        row("tell, spsc, 64 bytes", of(Stream { bytes: 64, ..STREAM }), SPSC, RINGS, [peer(1.0)]),
        row(
            "tell, spsc, 64 bytes, by 32",
            of(Stream { bytes: 64, batch: 32, ..STREAM }),
            SPSC,
            RINGS,
            [peer(1.1)],
        ),
        row(
            "tell, spsc, both ends on one CPU",
            of(one_cpu),
            SPSC,
            PARKING,
            [wanted(Of::Figure, Against::OursAt(two_cpus), 2.0)],
        ),
    ]
}

const PLACEMENTS: [(Placement, &str); 2] =
    [(Placement::Isolated, "apart"), (Placement::Spread, "spread")];
const WAITS: [(Wait, &str); 2] = [(Wait::Yield, "yielding"), (Wait::Block, "default wait")];

/// The best of the rings that producers share.
fn shared_rivals(placement: Placement, wait: Wait) -> &'static [&'static str] {
    match (placement, wait) {
        (Placement::Isolated, Wait::Block) => {
            &["crossbeam-channel", "std sync_channel", "thingbuf"]
        }
        (Placement::Isolated, _) => {
            &["crossbeam ArrayQueue", "concurrent-queue", "std sync_channel"]
        }
        (_, Wait::Block) => &["crossbeam-channel", "thingbuf", "kanal"],
        _ => &["kanal", "crossbeam-channel", "concurrent-queue"],
    }
}

/// Several producers; `gate` knows what is wanted.
fn by_producers(
    what: &'static str,
    ours: &'static str,
    gate: fn(Placement, Wait) -> Gate,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (placement, place) in PLACEMENTS {
        for (wait, how) in WAITS {
            for producers in [2, 4, 8] {
                let shared = ours == SHARED;
                let stream = Stream { producers, placement, wait, shared, ..STREAM };
                let label = format!("tell, {what}, {producers} producers {place}, {how}");
                let rivals = shared_rivals(placement, wait);
                let gates = [gate(placement, wait)];
                rows.push(row(&label, Work::Stream(stream), ours, rivals, gates));
            }
        }
    }
    rows
}

fn shared_streams() -> Vec<Row> {
    by_producers("shared", SHARED, |placement, wait| match (placement, wait) {
        (Placement::Isolated, Wait::Block) => peer(0.75),
        (Placement::Isolated, _) => peer(1.0),
        _ => peer(0.85),
    })
}

fn lanes() -> Vec<Row> {
    by_producers("lanes", LANES, |_, wait| match wait {
        Wait::Block => peer(0.4),
        _ => named(RTRB_LANES, 1.15),
    })
}

fn objects() -> Vec<Row> {
    const ONE: &[&str] = &[
        "tokio mpsc recv_many + oneshot, one thread",
        "tokio mpsc + oneshot, one thread",
        "actix, one arbiter",
    ];
    const TWO: &[&str] = &[
        "tokio mpsc recv_many + oneshot, two workers",
        "tokio mpsc + oneshot, two workers",
        "ractor, two workers",
    ];
    let mut rows = Vec::new();
    for (runners, place, rivals) in [(1, "one runner", ONE), (2, "two runners", TWO)] {
        let hop = if runners == 1 { peer(0.15) } else { floor(1.5) };
        for (what, work, gate) in [
            ("ping-pong", Work::PingPong { runners }, hop),
            ("ring of 100", Work::Ring { runners }, hop),
            ("counting", Work::Counting { runners }, peer(0.1)),
            ("fork-join", Work::ForkJoin { runners }, peer(0.2)),
        ] {
            rows.push(row(&format!("{what}, {place}"), work, SHARED, rivals, [gate]));
        }
    }
    rows
}

fn wakes() -> Vec<Row> {
    const RIVALS: &[&str] = &["kanal", "std sync_channel", "crossbeam-channel"];
    const SENDERS: &[&str] = &["thingbuf", "flume", "kanal"];
    let wake = |wait| Work::Wake { wait };
    vec![
        row("wake, parked", wake(Wait::Block), SHARED, RIVALS, [floor(1.05)]),
        row("wake, parked: its sender", Work::WakeSender, SHARED, SENDERS, [floor(1.03)]),
        row("wake, spinning", wake(Wait::Spin), SHARED, &[], [floor(1.3)]),
    ]
}

fn memory() -> Vec<Row> {
    const RIVALS: &[&str] =
        &["xtra, one thread", "actix, one arbiter", "tokio mpsc + oneshot, one thread"];
    let row = |label, work, gate| row(label, work, SHARED, RIVALS, [gate]);
    vec![
        row("memory, never used", Work::BytesNeverUsed, at_most(512.0)),
        // Ours has a mailbox of one, so that it is without its slots; the rivals are as they come.
        row("memory, used once", Work::BytesUsedOnce, at_most(700.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_differ() {
        let rows = rows();
        let labels: HashSet<_> = rows.iter().map(|row| &row.label).collect();
        assert_eq!(labels.len(), rows.len());
    }

    #[test]
    fn everybody_in_the_table_exists() {
        let everybody = crate::contenders();
        let exists = |name: &str| everybody.iter().any(|one| one.name == name);
        for row in rows() {
            for name in row.rivals {
                assert!(exists(name), "{}: {name}", row.label);
            }
            for gate in &row.gates {
                if let Against::Named(name) = gate.against {
                    assert!(exists(name), "{}: {name}", row.label);
                }
            }
        }
    }
}
