//! Objects in a ring pass one number on; two of them play ping-pong.

use super::place::{A, B, between_objects};
use crate::work::Figure;
use mainspring::{Engine, active};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::time::{ANSWER_LIMIT, RoundSpan};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// The first object looks at the clock once in so many laps.
const LAPS_PER_LOOK: u64 = 256;

/// Passes numbers on to the next one.
#[derive(Default)]
pub struct Node {
    next: Option<NodeProxy>,
    /// The first one's.
    watch: Option<Watch>,
    received: u64,
}

/// What the first object knows of the time.
struct Watch {
    span: RoundSpan,
    /// When the warm-up was over, and the number at that time.
    warm: Option<(Instant, u64)>,
    done: Sender<Done>,
}

/// The number at the end, and the time that the hops took which count.
struct Done {
    number: u64,
    timed: u64,
    time: Duration,
}

#[active]
impl Node {
    /// Learns who is next.
    #[active(oneway)]
    pub fn meet(&mut self, next: NodeProxy) {
        self.next = Some(next);
    }

    /// Takes a number, and passes on the next one.
    #[active(oneway)]
    pub fn pass(&mut self, number: u64) {
        self.received += 1;
        if let Some(watch) = &mut self.watch
            && self.received.is_multiple_of(LAPS_PER_LOOK)
            && watch.is_over(number)
        {
            return;
        }
        if let Some(next) = &self.next {
            // One number is on its way, so there is room; if the engine stops, nobody waits.
            let _ = next.pass(number + 1);
        }
    }

    /// How many numbers it has received.
    pub fn received(&self) -> u64 {
        self.received
    }
}

impl Watch {
    fn is_over(&mut self, number: u64) -> bool {
        let now = Instant::now();
        match self.warm {
            None if now >= self.span.warm => self.warm = Some((now, number)),
            Some((warm, before)) if now >= self.span.end => {
                let done = Done { number, timed: number - before, time: now - warm };
                // If the driver has given up, nobody needs it.
                let _ = self.done.send(done);
                return true;
            }
            _ => {}
        }
        false
    }
}

/// The time per hop; with two runners, the second half of the ring lives on the other one.
pub fn measure(
    lab: &Lab,
    nodes: usize,
    runners: usize,
    length: Duration,
) -> Option<Result<Figure, Error>> {
    between_objects(lab, runners, |engine| run(engine, nodes, runners, length))
}

fn run(engine: &Engine, nodes: usize, runners: usize, length: Duration) -> Result<Figure, Error> {
    let (done, is_done) = channel();
    let span = RoundSpan::of(length);
    let mut watch = Some(Watch { span, warm: None, done });
    let mut ring = Vec::with_capacity(nodes);
    for place in 0..nodes {
        let watch = watch.take();
        let runner = if runners == 2 && place >= nodes / 2 { B } else { A };
        let node = engine.spawn_unnamed(move || Node { watch, ..Node::default() });
        ring.push(node.on(runner).start()?);
    }
    for (place, node) in ring.iter().enumerate() {
        let next = ring[(place + 1) % nodes].clone();
        node.meet(next).map_err(|_| Error::Stopped)?;
    }
    // A number that comes from the runner itself would overtake them.
    for node in &ring {
        node.received().get_timeout(ANSWER_LIMIT)?;
    }
    ring[0].pass(1).map_err(|_| Error::Stopped)?;
    let Done { number, timed, time } = is_done
        .recv_timeout(length + ANSWER_LIMIT)
        .map_err(|_| Error::StopTimedOut(ANSWER_LIMIT))?;
    let mut received = 0;
    for node in &ring {
        received += node.received().get_timeout(ANSWER_LIMIT)?;
    }
    Error::check("hops", received, number)?;
    Ok(Figure::Nanos(time.as_nanos() as f64 / timed.max(1) as f64))
}
