//! Who sends to whom, in a build that records it.

mod common;

use common::quiet;
use mainspring::prelude::*;
use mainspring::{Edge, Traffic};
use std::time::{Duration, Instant};

struct Back;

#[active]
impl Back {
    pub fn price(&self, item: u64) -> u64 {
        item * 100
    }
}

struct Front {
    back: BackProxy,
}

#[active]
impl Front {
    #[active(oneway)]
    pub fn ask(&mut self, cx: &mut Context<Self>, item: u64) {
        cx.then(self.back.price(item), |front, _, price| {
            // From a continuation, too, it is the front that sends.
            front.back.price(price.unwrap_or_default()).detach();
        });
    }
}

fn edge(traffic: &Traffic, from: Option<&str>, to: &str) -> u64 {
    let is_it = |edge: &&Edge| edge.from.as_deref() == from && edge.to == to;
    traffic.edges.iter().find(is_it).map_or(0, |edge| edge.requests)
}

#[test]
fn each_request_is_counted_at_its_two_ends_whichever_way_it_goes() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let back = engine.spawn("back", || Back).start().unwrap();
    let named = back.clone();
    let front = engine.spawn_unnamed(move || Front { back: named }).start().unwrap();
    let mut turns = || {
        for _ in 0..20 {
            scheduler.turn(Instant::now());
        }
    };
    // From this thread, which serves nothing then: to objects of its own runner and of another's.
    for item in 0..3 {
        front.ask(item).unwrap();
    }
    back.price(1).detach();
    turns();
    std::thread::scope(|scope| scope.spawn(|| front.ask(7).unwrap()).join().unwrap());
    turns();
    let before = engine.traffic();
    assert_eq!(edge(&before, None, "Front"), 4);
    assert_eq!(edge(&before, None, "back"), 1);
    assert_eq!(edge(&before, Some("Front"), "back"), 8, "{before}");
    assert_eq!(before.objects["back"].requests, 9);
    assert_eq!(before.objects["Front"].requests, 4);
    assert!(before.objects["back"].time > Duration::ZERO);
    front.ask(8).unwrap();
    turns();
    let later = engine.traffic().since(&before);
    assert_eq!(edge(&later, Some("Front"), "back"), 2);
    assert_eq!(later.objects["back"].requests, 2);
    assert_eq!(edge(&later, None, "back"), 0);
}

#[test]
fn refused_requests_are_not_counted() {
    let engine = quiet().start().unwrap();
    let _scheduler = engine.invoker("loop").unwrap();
    let back = engine.spawn("back", || Back).capacity(1).start().unwrap();
    let send = || back.price(1).detach();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..5).for_each(|_| send())).join().unwrap();
    });
    assert_eq!(edge(&engine.traffic(), None, "back"), 1);
}

#[test]
fn it_prints_itself_as_a_graph_with_its_rates() {
    let served = mainspring::Served { requests: 200, time: Duration::from_micros(500) };
    let edge = |from: Option<&str>, to: &str, requests| Edge {
        from: from.map(Into::into),
        to: to.into(),
        requests,
    };
    let traffic = Traffic {
        time: Duration::from_secs(2),
        objects: [("a".into(), served), ("b \"2\"".into(), served)].into(),
        edges: vec![edge(None, "a", 100), edge(Some("a"), "b \"2\"", 50), edge(Some("a"), "a", 9)],
    };
    let expected = "schema = \"mainspring-graph/1\"\n\n\
        [[object]]\nname = \"a\"\nservice_us = 2.500\nrate = 50.0\n\n\
        [[object]]\nname = \"b \\\"2\\\"\"\nservice_us = 2.500\n\n\
        [[edge]]\nfrom = \"a\"\nto = \"b \\\"2\\\"\"\nrate = 25.0\n";
    assert_eq!(traffic.to_string(), expected);
}
