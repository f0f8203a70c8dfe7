//! The lanes beside a mailbox, between senders, the runner and whoever closes the object.

use loom::sync::Arc;
use loom::thread;
use mainspring::mailbox::Mpsc;
use mainspring::model;
use mainspring::{CallError, Options, Priority, Proxy, SendError, active};
use mainspring_loom_tests::{Mark, check};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A servant that counts how often its method has run.
struct Echo(std::sync::Arc<AtomicUsize>);

#[active]
impl Echo {
    #[active(priority = urgent)]
    pub fn echo(&mut self, n: u64) -> Box<u64> {
        self.0.fetch_add(1, Relaxed);
        Box::new(n)
    }
}

fn bulk() -> Options {
    Options::new().priority(Priority::Bulk)
}

fn echo(capacity: usize) -> (EchoProxy, model::ModelRunner, std::sync::Arc<AtomicUsize>) {
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let (proxy, running) = model::spawn::<_, Mpsc>(Echo(runs.clone()), capacity);
    (proxy, running, runs)
}

/// Asks whether the lanes that a first call makes beside a stop are closed with the mailbox: the call is
/// served before the object is over, or refused; the object ends, and its token isn't left behind.
///
/// One call decides all: it makes the lanes before the close or finds them closed.
#[test]
fn making_the_lanes_races_a_stop() {
    let marks = ["accepted", "refused"].map(Mark::new);
    let inside = marks.clone();
    check("side_lanes_stop", 100, &marks.each_ref(), move || {
        let (proxy, running, runs) = echo(1);
        let proxy = Arc::new(proxy);
        let calling = thread::spawn({
            let proxy = proxy.clone();
            move || proxy.try_echo(7)
        });
        Proxy::stop(&*proxy);
        let course = running.run();
        let call = calling.join().unwrap();
        assert_eq!(course.requests, usize::from(call.is_ok()));
        assert_eq!(runs.load(Relaxed), course.requests);
        inside[usize::from(call.is_err())].hit();
        if let Ok(mut call) = call {
            assert_eq!(call.try_get(), Some(Ok(Box::new(7))), "a stop serves what was accepted");
        }
        assert!(proxy.try_echo(8).is_err());
        assert!(proxy.with(bulk()).try_echo(8).is_err(), "both are closed");
    });
}

/// Asks whether two senders that need the lanes at once come to the same ones, and a stop behind them
/// ends both lanes: their two tokens are taken before the object is over.
#[test]
fn two_makers_race() {
    let mark = Mark::new("both accepted");
    let inside = mark.clone();
    check("side_lanes_two_makers", 100, &[&mark], move || {
        let (proxy, running, runs) = echo(2);
        let proxy = Arc::new(proxy);
        let calling = thread::spawn({
            let proxy = proxy.clone();
            move || proxy.with(bulk()).try_echo(7)
        });
        let urgent = proxy.try_echo(8);
        let bulk = calling.join().unwrap();
        assert!(urgent.is_ok() && bulk.is_ok());
        inside.hit();
        Proxy::stop(&*proxy);
        let course = running.run();
        assert_eq!((course.requests, runs.load(Relaxed)), (2, 2));
        assert_eq!(course.tokens, 2, "each lane's first request rings, and nothing else");
        for mut call in [urgent, bulk].into_iter().flatten() {
            assert!(matches!(call.try_get(), Some(Ok(_))));
        }
    });
}

/// Asks whether a runner that is cooling its lanes or parks learns of an urgent call, and of the last
/// proxy's going, which closes the mailbox alone: the lanes are the runner's to close.
///
/// A second call finds a lane that the runner knows, hot or cooled again.
#[test]
fn an_urgent_call_races_cooling_and_parking() {
    let marks = ["slept", "cooled again", "never slept"].map(Mark::new);
    let inside = marks.clone();
    check("side_lanes_parking", 100, &marks.each_ref(), move || {
        let (proxy, running, runs) = echo(2);
        let mut first = proxy.echo(6);
        let running = thread::spawn(move || running.run());
        thread::yield_now();
        let second = proxy.try_echo(7);
        drop(proxy);
        let course = running.join().unwrap();
        let accepted = 1 + usize::from(second.is_ok());
        assert_eq!((course.requests, runs.load(Relaxed)), (accepted, accepted));
        assert_eq!(first.try_get(), Some(Ok(Box::new(6))));
        inside[0].hit_if(course.slept);
        inside[1].hit_if(course.coolings > 1);
        inside[2].hit_if(!course.slept);
        if let Ok(mut second) = second {
            assert_eq!(second.try_get(), Some(Ok(Box::new(7))));
        }
    });
}

/// Asks whether the token of a lane that the runner doesn't know yet finds it asleep and wakes it.
#[test]
fn the_first_urgent_call_races_parking() {
    let marks = ["slept", "never slept"].map(Mark::new);
    let inside = marks.clone();
    check("side_lanes_first_token", 100, &marks.each_ref(), move || {
        let (proxy, running, runs) = echo(1);
        let running = thread::spawn(move || running.run());
        let mut call = proxy.echo(7);
        drop(proxy);
        let course = running.join().unwrap();
        assert_eq!((course.requests, runs.load(Relaxed)), (1, 1));
        assert_eq!(call.try_get(), Some(Ok(Box::new(7))));
        inside[0].hit_if(course.slept);
        inside[1].hit_if(!course.slept);
    });
}

/// Asks whether an abort leaves an urgent call behind that makes its lane at the same time: it is refused,
/// or has ended when both are through, though no runner turns to the object.
#[test]
fn abort_races_an_urgent_call() {
    let marks = ["refused", "accepted"].map(Mark::new);
    let inside = marks.clone();
    check("side_lanes_abort", 100, &marks.each_ref(), move || {
        let (proxy, running, runs) = echo(2);
        let proxy = Arc::new(proxy);
        let aborting = thread::spawn({
            let proxy = proxy.clone();
            move || proxy.abort()
        });
        let mut call = proxy.echo(7);
        aborting.join().unwrap();
        let outcome = call.try_get().expect("the abort has ended it");
        assert_eq!(outcome, Err(CallError::Stopped { started: false }));
        let refused = proxy.try_echo(8);
        assert!(
            matches!(refused, Err(SendError::Stopped(8))),
            "though the lanes were made meanwhile"
        );
        let course = running.run();
        inside[course.requests].hit();
        assert_eq!(runs.load(Relaxed), 0, "it says that the method has not begun");
        assert_eq!(proxy.refused(), 2 - course.requests as u64);
    });
}
