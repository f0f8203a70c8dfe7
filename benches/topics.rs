//! What a publication costs, beside the same one-way requests sent by hand.
//!
//! Run with `cargo bench -p mainspring --bench topics`.

use criterion::{Criterion, Throughput};
use mainspring::mailbox::Guest;
use mainspring::prelude::*;
use mainspring::{Publisher, Subscription, fan_out};
use std::time::{Duration, Instant};

const SUBSCRIBERS: [usize; 3] = [1, 8, 64];
/// Messages that are sent before all of them are waited for: they fit into each mailbox.
const WINDOW: u64 = 512;

/// Adds up what it hears.
#[derive(Default)]
struct Ear {
    sum: u64,
    heard: u64,
}

#[active]
impl Ear {
    #[active(oneway)]
    pub fn hear(&mut self, number: u64) {
        self.sum = self.sum.wrapping_add(number);
        self.heard += 1;
    }

    /// How many it has heard since the last time, and their sum.
    pub fn take(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.heard), std::mem::take(&mut self.sum))
    }
}

/// So many subscribers on one runner, which isn't this thread.
struct Room {
    ears: Vec<EarProxy>,
    publisher: Publisher<u64>,
    _subscriptions: Vec<Subscription>,
    _engine: Engine,
}

impl Room {
    fn new(subscribers: usize) -> Self {
        let builder = Engine::builder().runner(Runner::named("ears"));
        let engine = builder.start().expect("no option is wrong");
        let ear = |_| {
            let ear = engine.spawn_unnamed(Ear::default).capacity(2 * WINDOW as usize);
            ear.start().expect("there is a runner")
        };
        let ears: Vec<_> = (0..subscribers).map(ear).collect();
        let topic = Topic::new();
        let hear = |ear: &EarProxy<Guest>, number: &u64| ear.hear(*number);
        let subscribe = |ear: &EarProxy| topic.subscribe(ear, hear);
        let subscriptions = ears.iter().map(subscribe).collect();
        Self { ears, publisher: topic.publisher(), _subscriptions: subscriptions, _engine: engine }
    }

    /// The time from the first message to the end of the last one's service.
    fn time(&mut self, count: u64, send: fn(&mut Self, u64)) -> Duration {
        let begun = Instant::now();
        let mut left = count;
        while left > 0 {
            let window = left.min(WINDOW);
            (0..window).for_each(|number| send(self, number));
            let sum = (0..window).sum::<u64>();
            for ear in &self.ears {
                assert_eq!(ear.take().get(), Ok((window, sum)), "each message once");
            }
            left -= window;
        }
        begun.elapsed()
    }

    fn publish(&mut self, number: u64) {
        assert_eq!(self.publisher.publish(&number).delivered, self.ears.len());
    }

    fn tell_all(&mut self, number: u64) {
        let hear = |ear: &EarProxy| ear.hear(number);
        fan_out(|| self.ears.iter().try_for_each(hear)).expect("there is room");
    }
}

fn topics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("topic");
    for subscribers in SUBSCRIBERS {
        let mut room = Room::new(subscribers);
        group.throughput(Throughput::Elements(subscribers as u64));
        group.bench_function(format!("publish/{subscribers}"), |bench| {
            bench.iter_custom(|count| room.time(count, Room::publish));
        });
        group.bench_function(format!("baseline_by_hand/{subscribers}"), |bench| {
            bench.iter_custom(|count| room.time(count, Room::tell_all));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    topics(&mut criterion);
    criterion.final_summary();
}
