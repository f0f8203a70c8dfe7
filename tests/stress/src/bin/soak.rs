//! `cargo soak --minutes 15 --seed 7`: everything at once, for long, with nothing growing.
//!
//! Time goes by in laps. In each, chaos has an engine of its own for the whole lap, rounds of all
//! scenarios that bear company run beside it in random order, and one engine lives from the first lap to
//! the last. At a lap's end all but that one has ended: then threads, descriptors and the bytes that are
//! allocated must be what they were, and the books are balanced.

#![allow(unsafe_code)] // an allocator that counts

use mainspring::prelude::*;
use mainspring_stress::book::{End, Totals};
use mainspring_stress::chance::Random;
use mainspring_stress::machine::{Held, slope_kb_per_minute};
use mainspring_stress::program::{self, Length, Scenario};
use mainspring_stress::{chaos, hostile, scenarios, watch};
use std::alloc::{GlobalAlloc, Layout, System};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const HELP: &str = "\
Runs chaos and all scenarios at once, checks them all the time, and watches what the process holds.

Usage: cargo soak [OPTIONS]

Options:
  --minutes N   how long [default: 1]
  --seed N      what each thread does comes from it [default: 1]
  --help        says this

Ctrl-C ends it with the summary so far. Exit code 0 if all is well, 1 if something is wrong or grew, 2 if
it couldn't run.
";

const LAP_MAX: Duration = Duration::from_secs(60);
/// The shortest run has so many laps.
const LAPS_MIN: u32 = 6;
/// Laps before anything is compared: tables and thread-locals reach their sizes, arenas theirs.
const WARM_UP: usize = 2;
/// What the allocated bytes may differ by between two laps, but not from lap to lap in one direction:
/// names of other lengths, a thread's own tables.
const ALLOCATED_SLACK: i64 = 64 << 10;
/// What the resident memory may grow by, in kilobytes: the allocator gives back what it likes.
const RSS_SLACK_KB: f64 = 16384.0;

/// Bytes that are allocated now.
static ALLOCATED: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: passes everything on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.fetch_add(size as i64 - layout.size() as i64, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

struct Plan {
    minutes: u64,
    seed: u64,
}

/// What has been seen so far.
#[derive(Default)]
struct Log {
    totals: Totals,
    rounds: u64,
    lives: u64,
    rings: usize,
    wakes: usize,
    /// Of the engine that lives throughout.
    counted: u64,
    /// When, resident kilobytes, allocated bytes.
    laps: Vec<(Duration, Held, i64)>,
    wrong: Vec<String>,
}

fn main() -> ExitCode {
    if let Some(code) = hostile::play() {
        return code;
    }
    match read() {
        Ok(Some(plan)) => run(&plan),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}; see --help");
            ExitCode::from(2)
        }
    }
}

fn read() -> Result<Option<Plan>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut plan = Plan { minutes: 1, seed: 1 };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("minutes") => plan.minutes = parser.value()?.parse()?,
            Long("seed") => plan.seed = parser.value()?.parse()?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(None);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if !(1..=100_000).contains(&plan.minutes) {
        return Err(format!("--minutes {}: give 1 to 100000", plan.minutes).into());
    }
    Ok(Some(plan))
}

/// A servant of the engine that lives throughout: its calls are numbered.
#[derive(Default)]
struct Elder {
    calls: u64,
    ticks: u64,
}

#[active]
impl Elder {
    pub fn begin(&mut self, cx: &mut Context<Self>) {
        cx.every(Duration::from_millis(7), Missed::Skip, |elder, _| elder.ticks += 1);
    }

    pub fn call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    pub fn ticks(&self) -> u64 {
        self.ticks
    }
}

fn run(plan: &Plan) -> ExitCode {
    let interrupted = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(libc::SIGINT, interrupted.clone()) {
        eprintln!("soak: Ctrl-C can't be handled: {error}");
        return ExitCode::from(2);
    }
    watch::begin();
    let length = Duration::from_secs(60 * plan.minutes);
    let lap = LAP_MAX.min(length / LAPS_MIN);
    let began = Instant::now();
    let engine = Engine::builder().on_event(|_| ()).runner(Runner::named("elder"));
    let engine = engine.start().expect("a thread can be made");
    let elder = engine.spawn("elder", Elder::default).start().expect("the first of its name");
    elder.begin().get().expect("it lives");
    let (mut random, mut log) = (Random(plan.seed), Log::default());
    while began.elapsed() < length && !interrupted.load(SeqCst) && log.wrong.is_empty() {
        let end = Instant::now() + lap;
        let is_over = || Instant::now() >= end || interrupted.load(SeqCst);
        if let Err(payload) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run_lap(&mut random, &mut log, &elder, &is_over);
        })) {
            drop(payload);
            log.wrong.push("a lap has ended by a panic".into());
        }
        look(&mut log, began.elapsed());
    }
    let ticks = elder.ticks().get().unwrap_or(0);
    drop(elder);
    if !engine.stop_within(watch::END_LIMIT) {
        log.wrong.push("the engine of all laps doesn't end".into());
    }
    finish(&log, plan, began.elapsed(), ticks)
}

/// Everything at once, until it is over.
fn run_lap(
    random: &mut Random,
    log: &mut Log,
    elder: &ElderProxy,
    is_over: &(dyn Fn() -> bool + Sync),
) {
    let wait = || {
        while !is_over() {
            thread::sleep(Duration::from_millis(20));
        }
    };
    let (seed, mut chance) = (random.number(), random.fork());
    let before = log.counted;
    let (summary, done, counted) = thread::scope(|scope| {
        let chaos = scope.spawn(move || chaos::run(seed, wait));
        let rounds = scope.spawn(move || {
            let mut done = program::Done::default();
            while !is_over() {
                let round = run_round(&mut chance);
                done.rounds += round.rounds;
                done.totals.add(round.totals);
            }
            done
        });
        let counting = scope.spawn(move || {
            let mut counted = before;
            while !is_over() {
                counted += 1;
                assert_eq!(elder.call().get(), Ok(counted), "in order, none lost, none twice");
                thread::sleep(Duration::from_micros(200));
            }
            counted
        });
        let gone = "a thread of the lap has panicked";
        let summary = chaos.join().expect(gone);
        (summary, rounds.join().expect(gone), counting.join().expect(gone))
    });
    watch::expect_nothing();
    log.counted = counted;
    log.totals.add(summary.totals);
    log.totals.add(done.totals);
    log.rounds += done.rounds;
    log.lives += summary.lives;
    log.rings += summary.rings;
    log.wakes += summary.wakes;
}

/// A round of any scenario.
fn run_round(chance: &mut Random) -> program::Done {
    let bears_company = |scenario: &&Scenario| {
        // Those that run the others in children, which say nothing about this process.
        !matches!(scenario.name, "chaos" | "one_cpu" | "suspended" | "threads" | "memory")
    };
    let all: Vec<_> = scenarios::ALL.iter().filter(bears_company).collect();
    let scenario = chance.one_of(&all);
    let length = Length { rounds: 1, time: Duration::ZERO };
    program::run_beside(scenario, chance.number(), length, || false)
}

/// Looks at what is left after a lap, and says so.
fn look(log: &mut Log, at: Duration) {
    let mut held = Held::now();
    let patience = Instant::now() + watch::END_LIMIT;
    // A thread that has been joined may be counted by the kernel for a moment.
    while let Some((_, before, _)) = log.laps.last()
        && held.threads > before.threads
        && Instant::now() < patience
    {
        thread::yield_now();
        held = Held::now();
    }
    let allocated = ALLOCATED.load(SeqCst);
    if log.laps.len() >= WARM_UP {
        let (_, before, bytes) = log.laps[WARM_UP - 1];
        if (held.threads, held.fds) != (before.threads, before.fds) {
            log.wrong.push(format!(
                "{} threads and {} descriptors are left, {} and {} before",
                held.threads, held.fds, before.threads, before.fds
            ));
        }
        if allocated - bytes > ALLOCATED_SLACK {
            log.wrong.push(format!("{} more bytes are allocated", allocated - bytes));
        }
    }
    let violations = watch::violations();
    if violations > 0 {
        log.wrong.push(format!("{violations} panics that nobody meant"));
    }
    log.laps.push((at, held, allocated));
    println!(
        "{:.0} s: {}; {} rounds, {} lives, {} rings, {} wakes; RSS {:.1} MB, {} kB allocated, {} \
         descriptors, {} threads",
        at.as_secs_f64(),
        log.totals,
        log.rounds,
        log.lives,
        log.rings,
        log.wakes,
        held.rss_kb as f64 / 1024.0,
        allocated / 1024,
        held.fds,
        held.threads
    );
}

fn finish(log: &Log, plan: &Plan, took: Duration, ticks: u64) -> ExitCode {
    let mut wrong = log.wrong.clone();
    let warm = log.laps.get(WARM_UP..).unwrap_or_default();
    let samples: Vec<_> = warm.iter().map(|(at, held, _)| (*at, held.rss_kb)).collect();
    let slope = slope_kb_per_minute(&samples);
    let (first, last) = (samples.first(), samples.last());
    let grown = first.zip(last).map_or(0.0, |(first, last)| last.1 as f64 - first.1 as f64);
    let warm_minutes =
        first.zip(last).map_or(0.0, |(first, last)| (last.0 - first.0).as_secs_f64() / 60.0);
    if slope * warm_minutes > RSS_SLACK_KB {
        wrong.push(format!("the memory grows by {slope:.0} kB a minute"));
    }
    let calls = log.totals.accepted() - log.totals.of(End::Unwatched);
    let verdict = match wrong.is_empty() {
        // Each book has been balanced.
        true => format!("{calls} calls ended, lost 0, duplicated 0"),
        false => "SOMETHING IS WRONG".into(),
    };
    wrong.iter().for_each(|wrong| eprintln!("soak: {wrong}"));
    println!(
        "soak: {:.1} min, seed {}, {} requests, {calls} calls made, {verdict}, {} restarts, {} ticks, RSS {:+.1} MB ({slope:+.0} kB/min), {} violations",
        took.as_secs_f64() / 60.0,
        plan.seed,
        log.totals.sent + log.totals.others + log.counted,
        log.totals.restarts,
        ticks,
        grown / 1024.0,
        wrong.len()
    );
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
