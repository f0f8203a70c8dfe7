//! The reply cell: two owners, a waiter, an aborter, and the pool behind it.

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use mainspring::model::Cells;
use mainspring::{Call, CallError, Reply};
use mainspring_loom_tests::{Mark, check};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A result whose loss or double drop the checker reports.
type Result = Box<u64>;
/// What a call ends with.
type Outcome = std::result::Result<Result, CallError>;

#[test]
fn done_races_poll_and_drop() {
    let early = Mark::new("dropped before the result");
    let late = Mark::new("taken");
    let marks = (early.clone(), late.clone());
    check("reply_drop", 3, &[&early, &late], move || {
        let cells = Cells::new();
        let (mut call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        match call.try_get() {
            Some(outcome) => {
                assert_eq!(outcome, Ok(Box::new(1)));
                marks.1.hit();
            }
            None => marks.0.hit(),
        }
        drop(call);
        serving.join().unwrap();
    });
}

/// A cancel that wins comes before the start, and the other way round.
#[test]
fn done_races_cancel() {
    let won = Mark::new("won");
    let late = Mark::new("too late");
    let marks = (won.clone(), late.clone());
    check("reply_cancel", 5, &[&won, &late], move || {
        let (has_run, has_won, outcome) = serve_and_cancel(|cells| cells.call());
        assert_eq!(has_won, !has_run);
        let expected = if has_won { Err(CallError::Cancelled) } else { Ok(Box::new(1)) };
        assert_eq!(outcome, Some(expected));
        marks.0.hit_if(has_won);
        marks.1.hit_if(!has_won);
    });
}

/// Serves a call on another thread, while this one cancels it; returns whether the
/// method ran, whether the cancel won, and what the caller got.
fn serve_and_cancel(
    open: impl FnOnce(&Cells) -> (Call<Result>, Reply<Result>),
) -> (bool, bool, Option<Outcome>) {
    let cells = Cells::new();
    let (mut call, reply) = open(&cells);
    let serving = thread::spawn(move || {
        let mut has_run = false;
        reply.serve(|| {
            has_run = true;
            Box::new(1)
        });
        has_run
    });
    let has_won = call.cancel();
    let has_run = serving.join().unwrap();
    (has_run, has_won, call.try_get())
}

/// A deadline that has passed: the method runs in no case, and the call ends once.
#[test]
fn expiry_races_cancel() {
    let marks = ["cancelled", "expired"].map(Mark::new);
    let [cancelled, expired] = marks.clone();
    let past = Instant::now();
    check("reply_expiry_cancel", 5, &marks.each_ref(), move || {
        let (has_run, has_won, outcome) = serve_and_cancel(|cells| cells.timed_call(past));
        assert!(!has_run);
        let error = if has_won { CallError::Cancelled } else { CallError::Expired };
        assert_eq!(outcome, Some(Err(error)));
        cancelled.hit_if(has_won);
        expired.hit_if(!has_won);
    });
}

/// A deadline that is to come: as without one.
#[test]
fn timed_start_races_cancel() {
    let marks = ["cancelled", "done"].map(Mark::new);
    let [cancelled, done] = marks.clone();
    let future = Instant::now() + Duration::from_secs(3600);
    check("reply_timed_cancel", 5, &marks.each_ref(), move || {
        let (has_run, has_won, outcome) = serve_and_cancel(|cells| cells.timed_call(future));
        assert_eq!(has_won, !has_run);
        let expected = if has_won { Err(CallError::Cancelled) } else { Ok(Box::new(1)) };
        assert_eq!(outcome, Some(expected));
        cancelled.hit_if(has_won);
        done.hit_if(!has_won);
    });
}

/// A deadline that has passed, beside an abort: one of the two ends the call.
#[test]
fn expiry_races_abort() {
    let marks = ["aborted", "expired"].map(Mark::new);
    let [aborted, expired] = marks.clone();
    let past = Instant::now();
    check("reply_expiry_abort", 5, &marks.each_ref(), move || {
        let cells = Arc::new(Cells::new());
        let (call, reply) = cells.timed_call::<Result>(past);
        let serving = thread::spawn(move || reply.serve(|| unreachable!("it is too late")));
        let aborting = cells.clone();
        let aborting = thread::spawn(move || aborting.end_all());
        let outcome = block_on(call);
        let is_expired = outcome == Err(CallError::Expired);
        assert!(is_expired || outcome == Err(CallError::Stopped { started: false }));
        serving.join().unwrap();
        aborting.join().unwrap();
        aborted.hit_if(!is_expired);
        expired.hit_if(is_expired);
    });
}

/// A task that left its waker is woken: else `block_on` never ends, which the checker reports.
#[test]
fn done_races_waiter() {
    check("reply_waiter", 5, &[], || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        assert_eq!(block_on(call), Ok(Box::new(1)));
        serving.join().unwrap();
    });
}

/// Polls once and gives up: a wait that timed out.
struct Once<F>(F);

impl<F: Future + Unpin> Future for Once<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        }
    }
}

/// A waiter left and taken back, then left again: the result comes, or the handle is dropped with
/// the waiter in place and the result is.
#[test]
fn done_races_timed_out_waiter() {
    let timed_out = Mark::new("timed out");
    let mark = timed_out.clone();
    check("reply_timed_out", 10, &[&timed_out], move || {
        let cells = Cells::new();
        let (mut call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let mut outcome = block_on(Once(&mut call));
        mark.hit_if(outcome.is_none());
        if outcome.is_none() {
            outcome = block_on(Once(&mut call));
        }
        if let Some(outcome) = outcome {
            assert_eq!(outcome, Ok(Box::new(1)));
        }
        drop(call);
        serving.join().unwrap();
    });
}

/// Asks who is woken of two wakers that a call was polled with, as a task's may change: the second, if
/// it was left before the end; and none twice.
///
/// A third would take the second one's place as that took the first one's.
#[test]
fn done_races_another_waker() {
    let marks = ["ended before", "between", "after both"].map(Mark::new);
    let inside = marks.clone();
    check("reply_another_waker", 10, &marks.each_ref(), move || {
        let cells = Cells::new();
        let (mut call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let woken = [(); 2].map(|()| std::sync::Arc::<Woken>::default());
        let is_pending = |woken: &std::sync::Arc<Woken>| {
            let waker = Waker::from(woken.clone());
            let polled = Pin::new(&mut call).poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(outcome) = &polled {
                assert_eq!(outcome, &Ok(Box::new(1)));
            }
            polled.is_pending()
        };
        let pending = woken.iter().map(is_pending).take_while(|is_pending| *is_pending).count();
        serving.join().unwrap();
        let [first, second] = woken.map(|woken| woken.0.load(Relaxed));
        assert!(first <= 1 && second == usize::from(pending == 2));
        assert!(pending < 2 || first == 0, "its place was taken");
        if pending == 2 {
            assert_eq!(call.try_get(), Some(Ok(Box::new(1))));
        }
        inside[pending].hit();
    });
}

/// An observer runs once, with the result, whoever comes second.
#[test]
fn done_races_observer() {
    check("reply_observer", 3, &[], || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = seen.clone();
        call.on_complete(move |outcome| {
            assert_eq!(outcome, Ok(Box::new(1)));
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        serving.join().unwrap();
        assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 1);
    });
}

/// Either the abort or the result ends the call; the caller learns which, and is woken.
#[test]
fn done_races_abort() {
    let aborted = Mark::new("aborted");
    let done = Mark::new("done");
    let marks = (aborted.clone(), done.clone());
    check("reply_abort", 20, &[&aborted, &done], move || {
        let cells = Arc::new(Cells::new());
        let (call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let aborting = thread::spawn({
            let cells = cells.clone();
            move || cells.end_all()
        });
        match block_on(call) {
            Ok(_) => marks.1.hit(),
            Err(error) => {
                assert!(matches!(error, CallError::Stopped { .. }));
                marks.0.hit();
            }
        }
        serving.join().unwrap();
        aborting.join().unwrap();
    });
}

/// A task that counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Asks who ends a call that its caller takes back while the object is aborted and the method may
/// begin: one of the three, and the waiter that the caller had left is woken or taken back, never
/// both. What the outcome says of the method is true.
///
/// Each party changes the word once, so one call has all the orders there are.
#[test]
fn cancel_races_abort() {
    let marks =
        ["cancelled", "aborted before the start", "aborted after it", "done"].map(Mark::new);
    let inside = marks.clone();
    check("reply_cancel_abort", 100, &marks.each_ref(), move || {
        let cells = Arc::new(Cells::new());
        let (mut call, reply) = cells.call::<Result>();
        let woken = std::sync::Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(Pin::new(&mut call).poll(&mut Context::from_waker(&waker)).is_pending());
        let serving = thread::spawn(move || {
            let mut has_run = false;
            reply.serve(|| {
                has_run = true;
                Box::new(1)
            });
            has_run
        });
        let aborting = thread::spawn({
            let cells = cells.clone();
            move || cells.end_all()
        });
        let has_won = call.cancel();
        let has_run = serving.join().unwrap();
        aborting.join().unwrap();
        let outcome = call.try_get().expect("it has ended");
        assert_eq!(woken.0.load(Relaxed), usize::from(!has_won));
        match outcome {
            Err(CallError::Cancelled) => {
                assert!(has_won && !has_run);
                inside[0].hit();
            }
            Err(CallError::Stopped { started }) => {
                assert!(!has_won && started == has_run);
                inside[1].hit_if(!started);
                inside[2].hit_if(started);
            }
            outcome => {
                assert!(!has_won && has_run && outcome == Ok(Box::new(1)));
                inside[3].hit();
            }
        }
    });
}

/// Asks whether an observer runs once when its call is aborted while it may be done and the
/// observer is being left: it finds the end, or whoever ends the call finds it.
///
/// One call: the three parties meet in its word alone.
#[test]
fn observer_races_abort() {
    let marks = ["aborted before the start", "aborted after it", "done"].map(Mark::new);
    let inside = marks.clone();
    check("reply_observer_abort", 100, &marks.each_ref(), move || {
        let cells = Arc::new(Cells::new());
        let (call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let aborting = thread::spawn({
            let cells = cells.clone();
            move || cells.end_all()
        });
        let seen = std::sync::Arc::new(AtomicUsize::new(0));
        let (count, reached) = (seen.clone(), std::sync::Arc::new(inside.clone()));
        call.on_complete(move |outcome| {
            count.fetch_add(1, Relaxed);
            match outcome {
                Err(CallError::Stopped { started }) => reached[usize::from(started)].hit(),
                Ok(n) if *n == 1 => reached[2].hit(),
                // Its panic would be caught.
                _ => drop(count.fetch_add(100, Relaxed)),
            }
        });
        serving.join().unwrap();
        aborting.join().unwrap();
        assert_eq!(seen.load(Relaxed), 1);
    });
}

/// The cell is used again while the first call's responder may still be in it.
#[test]
fn recycling_races_the_last_responder() {
    check("reply_recycle", 10, &[], || {
        let cells = Cells::new();
        let (first, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        assert_eq!(block_on(first), Ok(Box::new(1)));
        let (mut second, reply) = cells.call::<Result>();
        assert!(second.try_get().is_none());
        reply.serve(|| Box::new(2));
        assert_eq!(second.try_get(), Some(Ok(Box::new(2))));
        serving.join().unwrap();
    });
}

/// A call that has left a waiter is dropped while it completes, and its cell is used for the next
/// call, which leaves one too: the first waiter is read before the cell is let go.
#[test]
fn dropped_waiter_races_the_next_call() {
    check("reply_dropped_waiter", 20, &[], || {
        let cells = Arc::new(Cells::new());
        let (mut call, reply) = cells.call::<Result>();
        assert!(block_on(Once(&mut call)).is_none());
        let serving = thread::spawn({
            let cells = cells.clone();
            move || {
                reply.serve(|| Box::new(1));
                let (mut next, reply) = cells.call::<Result>();
                assert!(block_on(Once(&mut next)).is_none());
                reply.serve(|| Box::new(2));
                assert_eq!(next.try_get(), Some(Ok(Box::new(2))));
            }
        });
        drop(call);
        serving.join().unwrap();
    });
}

/// The object goes while a call is out: the pool is freed by the last of them, with nothing left.
#[test]
fn pool_retired_races_the_last_cell() {
    check("pool_retire", 5, &[], || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let leaving = thread::spawn(move || drop(call));
        drop(cells);
        serving.join().unwrap();
        leaving.join().unwrap();
    });
}

/// Two callers take and give back cells at once; each has its own.
#[test]
fn two_takers_race() {
    check("pool_two_takers", 10, &[], || {
        let cells = Arc::new(Cells::new());
        drop(cells.call::<Result>());
        let other = thread::spawn({
            let cells = cells.clone();
            move || {
                let (mut call, reply) = cells.call::<Result>();
                reply.serve(|| Box::new(1));
                assert_eq!(call.try_get(), Some(Ok(Box::new(1))));
            }
        });
        let (mut call, reply) = cells.call::<Result>();
        reply.serve(|| Box::new(2));
        assert_eq!(call.try_get(), Some(Ok(Box::new(2))));
        other.join().unwrap();
    });
}

/// Asks whether two callers that come first, and may both make the pool, use the same one.
///
/// One call of each: whoever comes later finds the pool there.
#[test]
fn two_first_callers_race() {
    check("pool_made", 50, &[], || {
        let cells = Arc::new(Cells::new());
        let calling = [(); 2].map(|()| {
            let cells = cells.clone();
            thread::spawn(move || cells.call::<Result>())
        });
        let mut ends = calling.map(|calling| calling.join().unwrap());
        // Whatever lies in another pool it leaves alone.
        cells.end_all();
        for (call, _) in &mut ends {
            assert_eq!(call.try_get(), Some(Err(CallError::Stopped { started: false })));
        }
    });
}
