//! What the engine calls of its own accord: at the start, after each batch, at the end.

mod common;

use common::quiet;
use mainspring::prelude::*;
use mainspring::{EngineHandle, Event};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Start,
    Request(u64),
    Timer,
    BatchEnd(Batch),
    Stop,
}

/// Tells all that happens to it, and panics where it is told to.
struct Witness {
    tell: Sender<Seen>,
    panics_at: Option<&'static str>,
}

#[active]
impl Witness {
    pub fn request(&mut self, number: u64) {
        self.see("request", Seen::Request(number));
    }

    #[active(on_start)]
    fn begin(&mut self, cx: &mut Context<Self>) {
        self.see("on_start", Seen::Start);
        cx.after(Duration::from_secs(1), |me, _| me.see("a timer", Seen::Timer));
    }

    #[active(on_batch_end)]
    fn flush(&mut self, batch: Batch) {
        self.see("on_batch_end", Seen::BatchEnd(batch));
    }

    #[active(on_stop)]
    fn end(&self) {
        self.see("on_stop", Seen::Stop);
    }
}

impl Witness {
    fn see(&self, what: &str, seen: Seen) {
        self.tell.send(seen).unwrap();
        assert!(self.panics_at != Some(what), "as told");
    }
}

fn witness(
    engine: &EngineHandle,
    panics_at: Option<&'static str>,
) -> (WitnessProxy, Receiver<Seen>) {
    let (tell, told) = channel();
    let witness = engine.spawn_unnamed(move || Witness { tell, panics_at });
    (witness.start().unwrap(), told)
}

/// Turns often enough for an idle object to end.
fn turn(scheduler: &mut Scheduler, seconds: u64) {
    let now = Instant::now() + Duration::from_secs(seconds);
    for moment in 0..3 {
        while scheduler.turn(now + Duration::from_millis(moment)) > 0 {}
    }
}

/// What was seen so far.
fn seen(told: &Receiver<Seen>) -> Vec<Seen> {
    told.try_iter().collect()
}

const fn batch_end(served: usize, queued: usize) -> Seen {
    Seen::BatchEnd(Batch { served, queued })
}

#[test]
fn hooks_run_around_the_requests_in_their_order() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let (witness, told) = witness(&engine, None);
    let far = witness.clone();
    thread::spawn(move || (0..100).for_each(|n| far.request(n).detach())).join().unwrap();
    turn(&mut scheduler, 0);
    let mut expected = vec![Seen::Start];
    expected.extend((0..64).map(Seen::Request));
    expected.push(batch_end(64, 36));
    expected.extend((64..100).map(Seen::Request));
    expected.push(batch_end(36, 0));
    assert_eq!(seen(&told), expected);
    turn(&mut scheduler, 2);
    assert_eq!(seen(&told), [Seen::Timer], "no batch: that was no request");
    witness.tell().request(100).unwrap();
    drop(witness);
    turn(&mut scheduler, 2);
    assert_eq!(seen(&told), [Seen::Request(100), batch_end(1, 0), Seen::Stop]);
}

#[test]
fn every_orderly_end_runs_on_stop_and_no_other() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let mut after = |end: fn(&WitnessProxy)| {
        let (witness, told) = witness(&engine, None);
        end(&witness);
        turn(&mut scheduler, 0);
        let mut seen = seen(&told);
        seen.retain(|seen| !matches!(seen, Seen::BatchEnd(_) | Seen::Request(_)));
        seen
    };
    assert_eq!(after(|witness| witness.stop()), [Seen::Start, Seen::Stop]);
    assert_eq!(after(|witness| witness.abort()), [Seen::Start]);
    let (last, told) = witness(&engine, None);
    turn(&mut scheduler, 0);
    engine.stop();
    turn(&mut scheduler, 0);
    assert_eq!(seen(&told), [Seen::Start, Seen::Stop]);
    assert!(last.is_stopped());
}

#[test]
fn a_hook_s_panic_is_reported_by_its_name_and_ends_the_object() {
    let (tell, told) = channel();
    let engine = Engine::builder().on_event(move |event| {
        if let Event::Panicked { method, message, awaited, .. } = event {
            tell.send((*method, message.to_string(), *awaited)).unwrap();
        }
    });
    let engine = engine.start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    for hook in ["on_start", "on_batch_end", "on_stop"] {
        let (witness, seen) = witness(&engine, Some(hook));
        let far = witness.clone();
        let mut call = thread::spawn(move || far.request(1)).join().unwrap();
        turn(&mut scheduler, 0);
        witness.stop();
        turn(&mut scheduler, 0);
        assert_eq!(told.try_recv().unwrap(), (hook, "as told".to_owned(), false));
        assert!(told.try_recv().is_err(), "{hook}: once");
        match hook {
            "on_start" => {
                assert_eq!(call.try_get(), Some(Err(CallError::Stopped { started: false })));
            }
            _ => assert_eq!(call.try_get(), Some(Ok(()))),
        }
        let has_stopped = seen.try_iter().any(|seen| seen == Seen::Stop);
        assert_eq!(has_stopped, hook == "on_stop", "{hook}");
    }
}

#[test]
fn a_turn_is_one_batch_whichever_way_its_requests_came() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let (witness, told) = witness(&engine, None);
    turn(&mut scheduler, 0);
    seen(&told);
    let send = |numbers: std::ops::Range<u64>| {
        numbers.into_iter().for_each(|number| witness.tell().request(number).unwrap());
    };
    thread::scope(|scope| scope.spawn(|| send(0..40)).join().unwrap());
    // From the runner's own thread: these go another way, after those.
    send(40..100);
    turn(&mut scheduler, 0);
    let batches = [(0..64, batch_end(64, 0)), (64..100, batch_end(36, 0))];
    let expected = batches
        .into_iter()
        .flat_map(|(numbers, end)| numbers.map(Seen::Request).chain([end]).collect::<Vec<_>>());
    assert_eq!(seen(&told), expected.collect::<Vec<_>>());
}
