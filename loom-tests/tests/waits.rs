//! What waits for several calls: an object that goes on when they have ended, and a set that a task
//! polls.

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use mainspring::mailbox::Mpsc;
use mainspring::model::{self, Cells, ModelRunner, Outline};
use mainspring::{Call, CallError, CallSet, Context, Proxy, active};
use mainspring_loom_tests::{Mark, check};
use std::future::poll_fn;
use std::sync::Mutex;

/// A result whose loss or double drop the checker reports.
type Result = Box<u64>;
type Outcome = std::result::Result<Result, CallError>;

/// Goes on with calls by noting how they ended. A plain list: the checker needs no part in it.
#[derive(Clone, Default)]
struct Waiter(std::sync::Arc<Mutex<Vec<Outcome>>>);

#[active]
impl Waiter {
    pub fn wait_for(&mut self, calls: Vec<Call<Result>>, cx: &mut Context<Self>) {
        for call in calls {
            cx.then(call, |me, _, outcome| me.0.lock().unwrap().push(outcome));
        }
    }
}

impl Waiter {
    /// The numbers that came, in their order.
    fn numbers(&self) -> Vec<u64> {
        let outcomes = self.0.lock().unwrap();
        outcomes.iter().map(|outcome| **outcome.as_ref().expect("a result")).collect()
    }
}

/// An object that has been asked to wait for these calls.
fn waiting(waiter: &Waiter, calls: Vec<Call<Result>>) -> (WaiterProxy<Mpsc>, ModelRunner) {
    let (proxy, running) = model::spawn::<_, Mpsc>(waiter.clone(), 1);
    proxy.tell().wait_for(calls).unwrap();
    (proxy, running)
}

/// Asks whether an object whose last proxy is gone goes on with its call, and ends after that: the end
/// of the call meets the object before it waits, before it sleeps, or asleep.
///
/// One call: it finds the stack empty, so it owes the link.
#[test]
fn last_end_races_sleep() {
    let marks = ["slept", "ended before"].map(Mark::new);
    let [slept, before] = marks.clone();
    check("waits_sleep", 20, &marks.each_ref(), move || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let waiter = Waiter::default();
        let (proxy, running) = waiting(&waiter, vec![call]);
        drop(proxy);
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        let course = running.run();
        serving.join().unwrap();
        assert_eq!(waiter.numbers(), [1]);
        assert_eq!((course.requests, course.went_on), (1, 1));
        slept.hit_if(course.slept);
        before.hit_if(!course.slept);
    });
}

/// Asks whether two calls that end at once tell the object once, or once after the other: the link is
/// never pushed while it is in the ready set, and neither continuation is lost or run twice.
///
/// Two calls have all the orders of two pushes and one taking; a third would only lie on the stack too.
#[test]
fn two_ends_race_the_taking() {
    let marks = ["together", "one by one", "the other way round"].map(Mark::new);
    let [together, apart, reversed] = marks.clone();
    check("waits_two_ends", 100, &marks.each_ref(), move || {
        let cells = Cells::new();
        let (first, reply) = cells.call::<Result>();
        let (second, other) = cells.call::<Result>();
        let waiter = Waiter::default();
        let (proxy, running) = waiting(&waiter, vec![first, second]);
        drop(proxy);
        let running = thread::spawn(move || running.run());
        let serving = thread::spawn(move || reply.serve(|| Box::new(1)));
        other.serve(|| Box::new(2));
        serving.join().unwrap();
        let Outline { went_on, links, .. } = running.join().unwrap();
        let mut numbers = waiter.numbers();
        reversed.hit_if(numbers == [2, 1]);
        numbers.sort_unstable();
        assert_eq!((numbers, went_on), (vec![1, 2], 2));
        together.hit_if(links == 1);
        apart.hit_if(links == 2);
    });
}

/// Asks whether an abort ends an object whose call ends while it is given up: the call is withdrawn, or
/// on its way and waited for, and its link is taken off before the object is over.
///
/// The call ends after the abort, so nothing is gone on with.
#[test]
fn abort_races_an_end() {
    let marks = ["withdrawn", "on its way"].map(Mark::new);
    let [withdrawn, on_its_way] = marks.clone();
    check("waits_abort", 20, &marks.each_ref(), move || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let waiter = Waiter::default();
        let (proxy, running) = waiting(&waiter, vec![call]);
        let running = thread::spawn(move || running.run());
        proxy.abort();
        reply.send(Box::new(1));
        let course = running.join().unwrap();
        assert!(waiter.numbers().is_empty());
        withdrawn.hit_if(course.links == 0);
        on_its_way.hit_if(course.links == 1);
    });
}

/// Asks the same where the call may end before the abort, so that what was to go on runs once or is
/// dropped; and where the mailbox was closed before, so that the abort's close rings for nobody.
#[test]
fn abort_after_a_stop_races_an_end() {
    let marks = ["gone on", "dropped"].map(Mark::new);
    let [gone_on, dropped] = marks.clone();
    check("waits_stop_abort", 20, &marks.each_ref(), move || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let waiter = Waiter::default();
        let (proxy, running) = waiting(&waiter, vec![call]);
        Proxy::stop(&proxy);
        let running = thread::spawn(move || running.run());
        let serving = thread::spawn(move || reply.send(Box::new(1)));
        proxy.abort();
        serving.join().unwrap();
        running.join().unwrap();
        let numbers = waiter.numbers();
        assert!(numbers.len() < 2);
        gone_on.hit_if(numbers == [1]);
        dropped.hit_if(numbers.is_empty());
        assert_eq!(std::sync::Arc::strong_count(&waiter.0), 1, "the servant is gone");
    });
}

/// Asks whether an abort reaches an object that only waits, for a call that never ends: it was stopped
/// before, and sleeps, or is about to.
#[test]
fn abort_races_sleep() {
    let marks = ["slept", "awake"].map(Mark::new);
    let [slept, awake] = marks.clone();
    check("waits_abort_sleep", 20, &marks.each_ref(), move || {
        let cells = Cells::new();
        let (call, reply) = cells.call::<Result>();
        let waiter = Waiter::default();
        let (proxy, running) = waiting(&waiter, vec![call]);
        Proxy::stop(&proxy);
        let running = thread::spawn(move || running.run());
        proxy.abort();
        let course = running.join().unwrap();
        assert_eq!(course.went_on, 0);
        slept.hit_if(course.slept);
        awake.hit_if(!course.slept);
        assert!(!reply.is_awaited(), "it was let go");
    });
}

/// Asks whether a task that polls a set is woken for each call: else `block_on` never ends, which the
/// checker reports.
///
/// Two calls: the second may end while the first one's waker is being taken, or left again.
#[test]
fn ends_race_a_set_s_poll() {
    let marks = ["in order", "the other way round", "found the first at once"].map(Mark::new);
    let [ordered, reversed, at_once] = marks.clone();
    check("waits_set", 50, &marks.each_ref(), move || {
        let cells = Arc::new(Cells::new());
        let (first, reply) = cells.call::<Result>();
        let (second, other) = cells.call::<Result>();
        let serving = [(reply, 1), (other, 2)]
            .map(|(reply, number)| thread::spawn(move || reply.serve(|| Box::new(number))));
        let mut set: CallSet<Result> = [first, second].into_iter().collect();
        let mut polls = 0;
        let mut keys = Vec::new();
        while let Some((key, outcome)) = block_on(poll_fn(|context| {
            polls += 1;
            set.poll_next(context)
        })) {
            assert_eq!(outcome, Ok(Box::new(key as u64 + 1)));
            keys.push(key);
        }
        ordered.hit_if(keys == [0, 1]);
        reversed.hit_if(keys == [1, 0]);
        at_once.hit_if(polls == 3);
        assert_eq!(keys.len(), 2);
        serving.into_iter().for_each(|serving| serving.join().unwrap());
    });
}
