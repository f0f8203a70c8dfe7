//! An object's end against those who ask to be told of it, and its wait for a new servant against those who
//! end it.

use loom::sync::Arc;
use loom::thread;
use mainspring::mailbox::{Kind, Mpsc, Spsc};
use mainspring::model::{self, Ending, Supervised};
use mainspring::{CallError, Proxy, Restart, Supervisor, active};
use mainspring_loom_tests::{Mark, check};
use std::sync::Mutex;

/// Asks whether a monitor that comes while the end is announced is run once, wherever.
///
/// Two who register are enough: they compete for making what the monitors lie in, and each meets the
/// announcement at each of its steps.
#[test]
fn registration_races_exit() {
    let at_once = Mark::new("run by who registered it");
    let later = Mark::new("run at the end");
    let marks = (at_once.clone(), later.clone());
    check("registration_races_exit", 100, &[&at_once, &later], move || {
        let ending = Arc::new(Ending::new());
        // Who ran them is kept in a plain list: the checker needs no part in it.
        let ran: std::sync::Arc<Mutex<Vec<_>>> = std::sync::Arc::default();
        let note = |name: char| {
            let ran = ran.clone();
            move || ran.lock().unwrap().push((name, thread::current().id()))
        };
        let announcing = thread::spawn({
            let ending = ending.clone();
            move || ending.notify()
        });
        let announcer = announcing.thread().id();
        let other = thread::spawn({
            let (ending, note) = (ending.clone(), note('b'));
            move || ending.watch(note)
        });
        ending.watch(note('a'));
        announcing.join().unwrap();
        other.join().unwrap();
        assert!(ending.has_come());
        let mut ran = ran.lock().unwrap().clone();
        ran.sort_by_key(|(name, _)| *name);
        assert_eq!(ran.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ['a', 'b']);
        let (at_once, later) = &marks;
        at_once.hit_if(ran.iter().any(|(_, by)| *by != announcer));
        later.hit_if(ran.iter().any(|(_, by)| *by == announcer));
    });
}

/// Asks whether a thread that waits for the end is woken.
#[test]
fn waiting_races_exit() {
    let before = Mark::new("it had come");
    let after = Mark::new("it had not");
    let marks = (before.clone(), after.clone());
    check("waiting_races_exit", 10, &[&before, &after], move || {
        let ending = Arc::new(Ending::new());
        let announcing = thread::spawn({
            let ending = ending.clone();
            move || ending.notify()
        });
        thread::yield_now();
        let has_come = ending.has_come();
        marks.0.hit_if(has_come);
        marks.1.hit_if(!has_come);
        ending.wait();
        announcing.join().unwrap();
    });
}

/// A servant that fails, without a word on stderr for each execution.
struct Frail;

#[active]
impl Frail {
    pub fn fail(&self) {
        std::panic::resume_unwind(Box::new("as told"));
    }
}

/// Calls that fail, one or two; the first one's delay never ends, unless somebody ends the object. With
/// nothing behind it the object is left alone without another look at its mailbox.
fn the_end_meets_a_suspension<K: Kind>(
    name: &str,
    calls: usize,
    marks: &[&Mark],
    end: fn(&<Frail as mainspring::Active>::Proxy<K>),
    ended: impl Fn(Result<(), CallError>) + Send + Sync + 'static,
) {
    let slept = Mark::new("slept");
    let polled = Mark::new("never left alone");
    let inside = (slept.clone(), polled.clone());
    let marks: Vec<&Mark> = marks.iter().copied().chain([&slept, &polled]).collect();
    check(name, 10, &marks, move || {
        let (proxy, running) = model::spawn_restarting::<_, K>(|| Frail, 2);
        let calls: Vec<_> = (0..calls).map(|_| proxy.fail()).collect();
        let running = thread::spawn(move || running.run());
        end(&proxy);
        let course = running.join().unwrap();
        inside.0.hit_if(course.suspensions > 0 && course.slept);
        inside.1.hit_if(course.suspensions == 0);
        for mut call in calls {
            ended(call.try_get().expect("the object is over, and so are its calls"));
        }
    });
}

/// Asks whether a stop reaches an object whose runner doesn't poll it, and isn't rung for it: what it
/// has accepted is served by a new servant then.
#[test]
fn suspension_races_stop() {
    let is_panic = |outcome| assert!(matches!(outcome, Err(CallError::Panicked { .. })));
    the_end_meets_a_suspension::<Mpsc>("mpsc_suspended_stop", 2, &[], |p| p.stop(), is_panic);
    the_end_meets_a_suspension::<Spsc>("spsc_suspended_stop", 2, &[], |p| p.stop(), is_panic);
    the_end_meets_a_suspension::<Mpsc>("mpsc_suspended_idle_stop", 1, &[], |p| p.stop(), is_panic);
}

/// The same for an abort, which ends what waits.
#[test]
fn suspension_races_abort() {
    let [served, ended] = ["served", "ended"].map(Mark::new);
    let inside = [served.clone(), ended.clone()];
    let mark = move |outcome: Result<(), CallError>| match outcome {
        Err(CallError::Panicked { .. }) => inside[0].hit(),
        Err(CallError::Stopped { .. }) => inside[1].hit(),
        other => panic!("it ended as {other:?}"),
    };
    let marks = [&served, &ended];
    the_end_meets_a_suspension::<Mpsc>("suspended_abort", 2, &marks, |p| p.abort(), mark);
}

/// A supervisor with so many restarts, and two members that are restarted together.
fn two_members(restarts: u32) -> [Supervised; 2] {
    let supervisor = Supervisor::one_for_all(Restart::new().times(restarts));
    [(); 2].map(|()| Supervised::by(&supervisor))
}

/// Asks what it costs that two members fail at once, the one perhaps because of the other: one restart,
/// after which each has one new servant, whatever order is on its way to whom.
///
/// With two members each is the one that is told of the other's failure.
#[test]
fn two_failures_race() {
    check("supervised_two_failures", 2, &[], || {
        let [mut one, mut other] = two_members(1);
        let failing = thread::spawn(move || {
            assert!(other.fail(), "the second failure is the first one's");
            other
        });
        assert!(one.fail());
        let mut other = failing.join().unwrap();
        assert_eq!(
            (one.apply_orders(), other.apply_orders()),
            (0, 0),
            "both servants are new already"
        );
    });
}

/// Asks whether a member that may have obeyed before it fails leaves the other with a servant that is as
/// new as its own.
#[test]
fn failure_races_order() {
    let marks = ["one verdict", "two verdicts"].map(Mark::new);
    let inside = marks.clone();
    check("supervised_order", 2, &marks.each_ref(), move || {
        let [mut one, mut other] = two_members(2);
        let failing = thread::spawn(move || {
            let obeyed = other.apply_orders();
            assert!(other.fail());
            (other, obeyed)
        });
        assert!(one.fail());
        let (mut other, obeyed) = failing.join().unwrap();
        inside[obeyed].hit();
        assert_eq!((one.apply_orders(), other.apply_orders()), (obeyed, 0));
    });
}
