//! Two publishers, and subscribers that come, go, stop and are full.

use super::super::program::{Round, end};
use super::super::watch::END_LIMIT;
use mainspring::prelude::*;
use std::thread;

const PUBLISHERS: usize = 2;
/// Of each publisher.
const MESSAGES: u64 = 60;

/// Wants each publisher's messages in order.
struct Reader {
    last: [u64; PUBLISHERS],
    seen: u64,
}

#[active]
impl Reader {
    pub fn hear(&mut self, publisher: usize, number: u64) {
        let last = &mut self.last[publisher];
        assert!(*last < number, "publisher {publisher}: {number} after {last}");
        *last = number;
        self.seen += 1;
    }

    pub fn seen(&self) -> u64 {
        self.seen
    }
}

struct Message(usize, u64);

pub fn round(round: &mut Round) {
    let engine = round.engine(&["a", "b"]);
    let topic = Topic::<Message>::new();
    let reader = |capacity| {
        let spawn = engine.spawn_unnamed(|| Reader { last: [0; PUBLISHERS], seen: 0 });
        spawn.capacity(capacity).start().unwrap()
    };
    let hear = |reader: &ReaderProxy| {
        topic.subscribe(reader, |reader, message| reader.tell().hear(message.0, message.1))
    };
    let all = PUBLISHERS as u64 * MESSAGES;
    let (roomy, narrow, brief) = (reader(1024), reader(2), reader(8));
    let (subscribed, missing, ended) = (hear(&roomy), hear(&narrow), hear(&brief));
    let delivered: u64 = thread::scope(|scope| {
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                let mut to = topic.publisher();
                scope.spawn(move || {
                    let publish = |number| to.publish(&Message(publisher, number)).delivered as u64;
                    (1..=MESSAGES).map(publish).sum::<u64>()
                })
            })
            .collect();
        thread::sleep(round.random.micros(200));
        if round.random.once_in(2) {
            brief.abort()
        } else {
            Proxy::stop(&brief)
        }
        for _ in 0..10 {
            let passing = reader(4);
            let subscription = hear(&passing);
            thread::sleep(round.random.micros(50));
            match round.random.below(3) {
                0 => subscription.unsubscribe(),
                1 => subscription.detach(),
                _ => {
                    drop(passing);
                    drop(subscription);
                }
            }
        }
        publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum()
    });
    assert_eq!(roomy.seen().get_timeout(END_LIMIT), Ok(all));
    let seen = narrow.seen();
    // What was told before it is served before it, if there is room for the question.
    if let Ok(seen) = seen.get() {
        assert_eq!(seen + missing.missed(), all, "delivered or missed");
    }
    assert!(delivered >= all && subscribed.missed() == 0);
    round.others += delivered;
    drop((subscribed, missing, ended));
    drop((roomy, narrow, brief));
    end(&mut round.random, engine);
}
