//! Profiles: placements that are kept in a file, for one machine.

mod common;

use common::*;
use mainspring::prelude::*;
use mainspring::testkit::Simulation;
use mainspring::{
    Pinning, Profile, ProfileError, ProfileFailure, StartError, Topology, WaitStrategy,
    allowed_cpus,
};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

/// A file that is deleted again.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("mainspring-profile-{}-{name}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn here() -> Profile {
    Profile::for_machine(&Topology::read().unwrap())
}

/// A number that is the profile's here and no other's.
const SPIN: Duration = Duration::from_micros(7);

fn micros(spin: u64) -> WaitStrategy {
    WaitStrategy::SpinThenPark { spin: Duration::from_micros(spin) }
}

/// The runner's thread and its mask, seen from the object.
fn whereabouts(worker: &WorkerProxy) -> (String, Vec<usize>) {
    let (sent, received) = channel();
    let sends = worker.run(Box::new(move |_| {
        let name = std::thread::current().name().unwrap().to_owned();
        sent.send((name, allowed_cpus())).unwrap();
        0
    }));
    assert_eq!(outcome(sends), Ok(0));
    receive(&received)
}

/// The profile of a text that begins as one should.
fn parsed(rest: &str) -> Result<Profile, ProfileError> {
    let head = "schema = \"mainspring-profile/1\"\n\
                machine = { fingerprint = \"f\", summary = \"s\" }\n";
    Profile::parse(&format!("{head}{rest}"))
}

/// Where it is wrong, and what it says.
fn malformed(rest: &str) -> (usize, usize, String) {
    match parsed(rest).unwrap_err().reason {
        ProfileFailure::Malformed { line, column, message } => (line, column, message),
        other => panic!("{other}"),
    }
}

fn refused(builder: mainspring::Builder) -> ProfileFailure {
    match builder.start().map(|_| ()).unwrap_err() {
        StartError::Profile(error) => error.reason,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut profile = here();
    let strategies = [
        WaitStrategy::Spin,
        WaitStrategy::SpinThenYield { spin: SPIN },
        WaitStrategy::Backoff { sleep_max: Duration::from_micros(300) },
        WaitStrategy::SpinThenPark { spin: Duration::ZERO },
        WaitStrategy::Park,
    ];
    for (number, wait) in strategies.into_iter().enumerate() {
        // Names that would break out of their quotes.
        let name = format!("\"{number}\"\n\\ [[runner]] = 'é'\u{0}");
        profile.add_runner(name.clone(), [number, 5000], wait);
        profile.add_object(format!("object {number}"), name);
    }
    profile.add_runner("", [], WaitStrategy::Park);
    let text = profile.to_string();
    assert_eq!(Profile::parse(&text).unwrap(), profile, "{text}");
    let file = Kept::new("round_trip", &text);
    assert_eq!(Profile::load(&file.0).unwrap(), profile);
    assert_eq!(Profile::parse(&here().to_string()).unwrap(), here());
}

#[test]
fn budgets_are_rounded_up_to_microseconds_and_have_no_end() {
    let mut profile = here();
    for (name, spin) in [("a", Duration::from_nanos(1)), ("b", Duration::MAX)] {
        profile.add_runner(name, [], WaitStrategy::SpinThenPark { spin });
    }
    let read = Profile::parse(&profile.to_string()).unwrap();
    let waits: Vec<_> = read.runners.iter().map(|runner| runner.wait).collect();
    assert_eq!(waits, [micros(1), micros(i64::MAX as u64)]);
}

#[test]
fn a_budget_that_is_not_given_is_the_default() {
    let wait =
        |text: &str| parsed(&format!("[[runner]]\nname = \"a\"\n{text}")).unwrap().runners[0].wait;
    assert_eq!(wait("wait = \"spin-then-park\""), WaitStrategy::default());
    assert_eq!(wait("wait = \"spin-then-park\"\nspin_us = 7"), micros(7));
    let spin = mainspring::SPIN_DEFAULT;
    assert_eq!(wait("wait = \"spin-then-yield\""), WaitStrategy::SpinThenYield { spin });
    let sleep_max = Duration::from_millis(1);
    assert_eq!(wait("wait = \"backoff\""), WaitStrategy::Backoff { sleep_max });
}

#[test]
fn what_is_wrong_in_the_text_is_named_with_its_place_and_the_way_out() {
    let runner = "[[runner]]\nname = \"é\"; wait = 1";
    let cases: &[(&str, (usize, usize), &[&str])] = &[
        (runner, (4, 11), &[]),
        ("[[runner]]\nname = \"a\"\nwait = \"sleep\"", (5, 8), &["\"sleep\"", "spin-then-park"]),
        ("[[runner]]\nname = \"a\"\nwait = \"spin\"\nspin_us = 3", (6, 11), &["spin_us", "leave"]),
        ("[[runner]]\nname=\"a\"\nwait=\"park\"\nsleep_max_us=3", (6, 14), &["sleep_max_us"]),
        ("[[runner]]\nname=\"a\"\nwait=\"backoff\"\nspin_us=3", (6, 9), &["backoff", "spin_us"]),
        (
            "[[runner]]\nname = \"a\"\nwait = \"park\"\n[[runner]]\nname = \"a\"\nwait = \"park\"",
            (7, 8),
            &["second runner", "\"a\"", "rename"],
        ),
        (
            "[[object]]\nname = \"o\"\nrunner = \"a\"\n[[object]]\nname = \"o\"\nrunner = \"b\"",
            (7, 8),
            &["second object", "\"o\"", "rename"],
        ),
        ("[[runner]]\nname = \"a\"\nwait = \"park\"\ncpu = 3", (6, 1), &["cpu", "cpus"]),
        ("[[runner]]\nname = \"a\"\nwait = \"park\"\ncpus = [-1]", (6, 9), &["-1"]),
        ("[[runner]]\nname = \"a\"", (3, 1), &["wait"]),
        ("[[runner]]\nname = \"a\"\nwait = \"spin-then-park\"\nspin_us = -3", (6, 11), &["-3"]),
        ("[[object]]\nname = \"a\"", (3, 1), &["runner"]),
        ("objekt = 1", (3, 1), &["objekt", "object"]),
    ];
    for (text, place, words) in cases {
        let (line, column, message) = malformed(text);
        assert_eq!((line, column), *place, "{text}: {message}");
        for word in *words {
            assert!(message.contains(word), "{text}: {message}");
        }
    }
    let said = parsed("=").unwrap_err().to_string();
    assert!(said.contains("line 3, column 1"), "{said}");
}

#[test]
fn another_schema_is_refused_before_the_rest_is_read() {
    for found in ["mainspring-profile/2", "mainspring-graph/1", ""] {
        let text = format!("schema = \"{found}\"\nwhatever = [1]");
        let error = Profile::parse(&text).unwrap_err();
        let is_it =
            |reason| matches!(reason, ProfileFailure::OtherSchema { found: it } if it == found);
        let said = error.to_string();
        assert!(said.contains("mainspring-profile/1") && said.contains("tune"), "{said}");
        assert!(is_it(error.reason));
    }
    let error = Profile::parse("").unwrap_err();
    assert!(error.to_string().contains("schema"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let path = std::env::temp_dir().join("mainspring-there-is-no-such-file.toml");
    let error = quiet().profile(&path).start().map(|_| ()).unwrap_err();
    let said = error.to_string();
    assert!(said.contains(path.to_str().unwrap()) && said.contains("mainspring tune"), "{said}");
    assert!(matches!(refused(quiet().profile(&path)), ProfileFailure::Unreadable(_)));
    let file = Kept::new("not_text", "");
    fs::write(&file.0, [0xff, 0xfe]).unwrap();
    assert!(matches!(Profile::load(&file.0).unwrap_err().reason, ProfileFailure::Unreadable(_)));
}

#[test]
fn a_profile_of_another_machine_starts_nothing_and_names_both() {
    let mut profile = here();
    profile.machine.fingerprint = "0123".into();
    profile.machine.summary = "a toaster, 1 CPU".into();
    profile.add_runner("a", [allowed_cpus()[0]], WaitStrategy::Park);
    let started = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let says = started.clone();
    let runner = Runner::named("b").on_start(move || says.store(true, RELAXED));
    let file = Kept::new("other_machine", &profile.to_string());
    let error = quiet().runner(runner).profile(&file.0).start().map(|_| ()).unwrap_err();
    let this = Topology::read().unwrap();
    let said = error.to_string();
    let words = ["a toaster, 1 CPU", "0123", "mainspring tune", "without it"];
    let here = [this.fingerprint(), this.to_string(), file.0.display().to_string()];
    for word in words.map(String::from).into_iter().chain(here) {
        assert!(said.contains(&word), "{word}: {said}");
    }
    assert!(!started.load(RELAXED), "nothing was started");
    let reason = refused(quiet().with_profile(profile));
    assert!(matches!(reason, ProfileFailure::OtherMachine { .. }), "{reason}");
}

// Relaxed: what is compared has happened before, or never.
const RELAXED: std::sync::atomic::Ordering = std::sync::atomic::Ordering::Relaxed;

#[test]
fn names_given_twice_by_hand_are_refused() {
    let mut profile = here();
    profile.add_runner("a", [], WaitStrategy::Park);
    let mut twice = profile.clone();
    twice.add_runner("a", [], WaitStrategy::Park);
    let reason = refused(quiet().with_profile(twice));
    assert_eq!(
        reason.to_string(),
        "two runners are named \"a\": leave one of them out, or rename it"
    );
    profile.add_object("o", "a");
    profile.add_object("o", "a");
    let reason = refused(quiet().with_profile(profile));
    assert!(matches!(reason, ProfileFailure::Duplicate { what: "object", .. }), "{reason}");
}

#[test]
fn a_cpu_that_is_not_there_is_refused_as_anywhere() {
    let mut profile = here();
    profile.add_runner("a", [4999], WaitStrategy::Park);
    let error = quiet().with_profile(profile).start().map(|_| ()).unwrap_err();
    assert!(matches!(&error, StartError::Pin(pin) if pin.wanted == [4999]), "{error}");
}

#[test]
fn a_runner_of_the_profile_is_started_and_a_declared_one_gets_its_cpus_and_waiting() {
    let cpus = allowed_cpus();
    let (first, last) = (cpus[0], cpus[cpus.len() - 1]);
    let mut profile = here();
    profile.add_runner("declared", [last, last], WaitStrategy::Park);
    profile.add_runner("added", [first], WaitStrategy::Park);
    let declared = Runner::named("declared").cpu(first).thread_name("mine");
    let builder = quiet().runner(declared).runner(Runner::named("other"));
    let engine = builder.with_profile(profile).start().unwrap();
    assert_eq!(engine.runners(), ["declared", "other", "added"]);
    let spawn = |on| engine.spawn(on, Worker::default).on(on).start().unwrap();
    // The profile's CPU, and the program's thread name.
    assert_eq!(whereabouts(&spawn("declared")), ("mine".into(), vec![last]));
    assert_eq!(whereabouts(&spawn("added")), ("added".into(), vec![first]));
    assert_eq!(whereabouts(&spawn("other")), ("other".into(), cpus));
    engine.join();
}

#[test]
fn the_wait_strategy_is_the_profile_s() {
    // An object that is always hot needs a runner that never parks, and so tells the two apart.
    let always_hot = |declared, planned| {
        let mut profile = here();
        profile.add_runner("a", [], planned);
        let builder = quiet().runner(Runner::named("a").wait(declared)).with_profile(profile);
        let engine = builder.start().unwrap();
        engine.spawn("hot", Worker::default).on("a").always_hot().start().map(|_| ())
    };
    let backoff = WaitStrategy::Backoff { sleep_max: SPIN };
    assert!(always_hot(WaitStrategy::Park, backoff).is_ok());
    let error = always_hot(backoff, WaitStrategy::Park).unwrap_err();
    assert!(matches!(error, StartError::AlwaysHot { .. }), "{error}");
    let mut profile = here();
    profile.add_runner("a", [], WaitStrategy::Park);
    let polls = Runner::named("a").wait(backoff).poll(|| 0);
    let error = quiet().runner(polls).with_profile(profile).start().map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::PollParks { .. }), "{error}");
}

#[test]
fn pinning_that_is_off_stays_off() {
    let mut profile = here();
    profile.add_runner("a", [4999], WaitStrategy::Park);
    let runner = Runner::named("a").pinning(Pinning::Off);
    let engine = quiet().runner(runner).with_profile(profile).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert_eq!(whereabouts(&worker).1, allowed_cpus());
    engine.join();
}

#[test]
fn an_object_goes_to_its_runner_unless_the_program_puts_it_elsewhere() {
    let mut profile = here();
    for name in ["a", "b", "c"] {
        profile.add_runner(name, [], WaitStrategy::Park);
    }
    for object in ["one", "two", "three", "four"] {
        profile.add_object(object, "b");
    }
    let engine = quiet().with_profile(profile).start().unwrap();
    let runner = |worker: WorkerProxy| whereabouts(&worker).0;
    for name in ["one", "two", "three"] {
        assert_eq!(runner(engine.spawn(name, Worker::default).start().unwrap()), "b");
    }
    assert_eq!(runner(engine.spawn("one", Worker::default).on("c").start().unwrap()), "c");
    let own = engine.spawn("four", Worker::default).on_own_runner().start().unwrap();
    assert!(runner(own).starts_with("four#"));
    // The others take turns, as ever.
    let others = [(); 6].map(|()| engine.spawn_unnamed(Worker::default).start().unwrap());
    let mut runners = others.map(runner);
    runners.sort();
    assert_eq!(runners, ["a", "a", "b", "b", "c", "c"]);
    engine.join();
}

#[test]
fn an_object_may_belong_to_a_runner_that_comes_later_or_to_none() {
    let mut profile = here();
    profile.add_runner("a", [], WaitStrategy::Park);
    profile.add_object("late", "later");
    profile.add_object("mine", "loop");
    let engine = quiet().with_profile(profile).start().unwrap();
    let spawn = || engine.spawn("late", Worker::default).start();
    let error = spawn().map(|_| ()).unwrap_err();
    assert!(matches!(&error, StartError::UnknownRunner { name, .. } if name == "later"), "{error}");
    engine.add_runner(Runner::named("later")).unwrap();
    assert_eq!(whereabouts(&spawn().unwrap()).0, "later");
    // An invoker takes what belongs to it.
    let mut scheduler = engine.invoker("loop").unwrap();
    let mine = engine.spawn("mine", Worker::default).start().unwrap();
    let mut pushed = mine.push(1);
    scheduler.turn_for(Duration::ZERO);
    assert_eq!(pushed.try_get(), Some(Ok(1)));
    drop(scheduler);
    engine.join();
}

#[test]
fn the_last_profile_wins() {
    let with = |name: &str| {
        let mut profile = here();
        profile.add_runner(name, [], WaitStrategy::Park);
        profile
    };
    let file = Kept::new("last", &with("b").to_string());
    let engine = quiet().with_profile(with("a")).profile(&file.0).start().unwrap();
    assert_eq!(engine.runners(), ["b"]);
    let missing = file.0.with_extension("missing");
    let engine = quiet().profile(missing).with_profile(with("a")).start().unwrap();
    assert_eq!(engine.runners(), ["a"]);
}

#[test]
fn a_simulation_places_objects_and_pins_nothing() {
    let mut profile = here();
    profile.machine.fingerprint = "another machine's".into();
    profile.add_runner("a", [4999], WaitStrategy::Spin);
    profile.add_runner("b", [4998], WaitStrategy::Park);
    profile.add_object("worker", "b");
    let simulation = Simulation::new(7);
    let engine = quiet().with_profile(profile).start().unwrap();
    let worker = engine.spawn("worker", Worker::default).start().unwrap();
    assert_eq!(worker.push(1).get(), Ok(1));
    assert!(engine.wakeups("b").unwrap().rings > 0);
    drop(worker);
    engine.join();
    simulation.assert_quiescent();
}
