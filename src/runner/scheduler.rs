//! The step: one bounded pass over everything that is runnable on one runner.
//!
//! A [`Scheduler`] has no thread. A [`Runner`](crate::Runner)'s thread repeats its turns. Your own loop
//! can do so, too, or a test: one turn at a time, with a clock of its own.
//!
//! Objects are *hot* or *cold*. Hot ones are polled each turn. An object that has had no work for a
//! while is cooled: it costs nothing until a request wakes it. So a turn's cost depends on the
//! objects that work, not on those that exist.

mod commands;
mod cooling;
mod objects;

pub use self::cooling::COOL_AFTER;
pub(crate) use self::cooling::ParkDecision;
use self::cooling::later;
use self::objects::{Entry, Objects};
use crate::runner::environment;
use crate::runner::remote::{CONTROL, Remote};
use crate::runner::task::{ObjectStatus, Progress, RESTART_TIMER, Task, Turn, WakeSource};
use crate::runner::timer_wheel::{TimerTarget, TimerWheel};
use crate::runner::wait::ParkBackoff;
use crate::sync::Arc;
use std::fmt;
use std::mem;
use std::time::Instant;

/// How many requests an object may serve before the next object is served.
pub const BATCH_MAX: usize = 64;

/// How many objects with local calls are served before the mailboxes are polled.
const CALLED_MAX: usize = 64;

/// How many timers fire before the objects are served.
const FIRED_MAX: usize = 64;

/// Runs the objects of one runner, on the thread that made it.
///
/// [`Engine::invoker`](crate::EngineHandle::invoker) makes one for you to drive. It is not `Send`: calls
/// from its thread to its objects are recognized by the thread, and take a shortcut.
///
/// ```
/// use mainspring::prelude::*;
/// use std::time::Instant;
///
/// struct Counter(u64);
/// #[active]
/// impl Counter {
///     pub fn add(&mut self, by: u64) -> u64 { self.0 += by; self.0 }
/// }
///
/// let engine = Engine::builder().start()?;
/// let mut scheduler = engine.invoker("loop")?;
/// let counter = engine.spawn("counter", || Counter(0)).on("loop").start()?;
/// let mut sum = counter.add(5);
/// assert!(!sum.is_ready());
/// assert_eq!(scheduler.turn(Instant::now()), 1); // one request served
/// assert_eq!(sum.try_get().unwrap()?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scheduler {
    remote: Arc<Remote>,
    objects: Objects,
    /// Objects that wait for new servants: neither hot nor cold.
    suspended: Vec<usize>,
    turn: Turn,
    /// What the last turn received through mailboxes.
    received: usize,
    had_any: bool,
    never_parks: bool,
    /// Tells the engine that this runner has ended.
    on_end: Option<Box<dyn FnOnce()>>,
    /// Wraps each object that the runner takes in.
    watch: Option<Watch>,
    /// Counts attempts to [`park`](Self::park) that an object has prevented which can't wake the runner.
    pub(crate) obstructed: ParkBackoff,
}

type Watch = Box<dyn Fn(Box<dyn Task>) -> Box<dyn Task>>;

impl Scheduler {
    pub(crate) fn new(remote: Arc<Remote>, never_parks: bool) -> Self {
        remote.own();
        let now = environment::now();
        Self {
            remote,
            objects: Objects::default(),
            suspended: Vec::new(),
            turn: Turn { now, wheel: TimerWheel::new(now), batch: BATCH_MAX, is_live: false },
            received: 0,
            had_any: false,
            never_parks,
            on_end: None,
            watch: None,
            obstructed: ParkBackoff::default(),
        }
    }

    /// Sets whether turns are given the system's time; returns what was set before.
    pub(crate) fn set_live(&mut self, is_live: bool) -> bool {
        std::mem::replace(&mut self.turn.is_live, is_live)
    }

    /// Wraps each object that comes from now on into what `watch` makes of it.
    pub(crate) fn watch(&mut self, watch: impl Fn(Box<dyn Task>) -> Box<dyn Task> + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// Varies the next turn: how much each object may serve, and which hot one comes first. `below`
    /// chooses a number below its argument.
    pub(crate) fn vary(&mut self, mut below: impl FnMut(usize) -> usize) {
        const BATCHES: [usize; 4] = [1, 2, BATCH_MAX, 1];
        self.turn.batch = BATCHES[below(BATCHES.len())];
        let hot = &mut self.objects.hot;
        if hot.len() > 1 {
            let first = below(hot.len());
            hot.rotate_left(first);
        }
    }

    /// The time of the last turn.
    pub(crate) fn now(&self) -> Instant {
        self.turn.now
    }

    pub(crate) fn on_end(&mut self, end: impl FnOnce() + 'static) {
        self.on_end = Some(Box::new(end));
    }

    pub(crate) fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }

    /// Does a bounded amount of work. Returns how many requests it served, timers it fired and
    /// continuations it ran; 0 when there was nothing to do.
    ///
    /// `now` decides which timers are due and when idle objects are cooled, and nothing else: it may be
    /// a virtual time. Timers never go back in time: if `now` is earlier than in a turn before, a timer
    /// that is armed for a time which has already passed is due at once.
    ///
    /// # Blocking
    /// Only as long as the servants' methods.
    /// # Panics
    /// Never: a servant's panic ends its call and affects only its object.
    #[inline]
    pub fn turn(&mut self, now: Instant) -> usize {
        self.turn.now = now;
        self.collect();
        let called = self.fire() + self.turn_to_called();
        let mut received = 0;
        let mut place = 0;
        while place < self.objects.hot.len() {
            let (served, stays) = self.turn_of(place, now);
            received += served;
            if stays {
                place += 1;
            } else {
                self.objects.hot.swap_remove(place);
            }
        }
        self.received = received;
        called + received
    }

    /// How many of the last turn's requests came through mailboxes, that is, from other threads.
    #[inline(always)]
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Serves calls that this thread has made, the calls that those make, and so on: a chain of calls
    /// within the runner takes one turn, not one for each link. Continuations whose calls have ended run
    /// among them, in order.
    #[inline]
    fn turn_to_called(&mut self) -> usize {
        let mut work = 0;
        for _ in 0..CALLED_MAX {
            let Self { remote, objects, turn, .. } = self;
            let Some(owner) = remote.owner_token() else { break };
            let Some(key) = remote.next_woken(owner) else { break };
            if let Some(found) = objects.get(key) {
                work += found.entry.task.turn_local(owner, turn);
            } else {
                work += self.turn_to_noted(key);
            }
        }
        work
    }

    /// Fires timers that are due; returns how many.
    #[inline(always)]
    fn fire(&mut self) -> usize {
        if self.turn.wheel.len() == 0 { 0 } else { self.fire_due() }
    }

    #[inline(never)]
    fn fire_due(&mut self) -> usize {
        let Self { objects, suspended, turn, .. } = self;
        turn.wheel.advance(turn.now);
        let mut fired = 0;
        while fired < FIRED_MAX
            && let Some(TimerTarget { object, timer }) = turn.wheel.next_due()
        {
            fired += 1;
            let key = object as usize;
            if let Some(found) = objects.get(key) {
                found.entry.task.fire(timer, turn);
                if timer == RESTART_TIMER {
                    suspended.retain(|other| *other != key);
                    found.heat();
                } else if !found.entry.is_hot && found.entry.task.try_finish() {
                    // It was kept for calls that it waited for, and dropped them when it panicked: no
                    // link will come, so nothing else would have it end.
                    found.heat();
                }
            }
        }
        fired
    }

    /// What is noted among objects with local calls, and is none: newcomers, or an object that runs a
    /// batch of its continuations. Returns how many.
    #[cold]
    #[inline(never)]
    fn turn_to_noted(&mut self, key: usize) -> usize {
        if key == CONTROL {
            self.run_commands();
            return 0;
        }
        let (_, object) = WakeSource::split(key);
        let Some(found) = self.objects.get(object) else { return 0 };
        let count = found.entry.task.run_continuations(&mut self.turn);
        found.entry.is_noted = false;
        if found.entry.task.goes_on() {
            note_ended(found.entry, key, &self.remote);
        } else if found.entry.task.try_finish() {
            // It was kept for what it waited for; nothing else would have it end.
            found.heat();
        }
        count
    }

    /// When the next timer may be due. Your own loop should turn again then at the latest, also if
    /// nothing arrives.
    pub fn next_timer(&self) -> Option<Instant> {
        self.turn.wheel.next_look()
    }

    /// What each object has left to do.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = ObjectStatus> {
        self.objects.iter().map(Task::status)
    }

    /// How many objects live on this runner.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether no object lives on this runner.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has had objects, and none is left.
    pub(crate) fn is_deserted(&self) -> bool {
        self.had_any && self.is_empty()
    }

    /// How many of them are polled each turn.
    pub fn hot_len(&self) -> usize {
        self.objects.hot.len()
    }

    /// Takes what other threads have left: links of woken objects, and commands.
    #[inline(always)]
    fn collect(&mut self) {
        let Self { remote, objects, .. } = self;
        let mut heard = false;
        remote.ready().take(|key| {
            if key == CONTROL {
                heard = true;
                return;
            }
            let (token, object) = WakeSource::split(key);
            if let Some(found) = objects.get(object) {
                found.entry.task.clear_wake(token);
                if token == WakeSource::Ended {
                    note_ended(found.entry, key, remote);
                } else {
                    found.heat();
                }
            }
        });
        if heard {
            self.remote.acknowledge();
            self.run_commands();
        }
    }

    /// Serves one hot object; returns how many requests it served, and whether it stays hot.
    #[inline(always)]
    fn turn_of(&mut self, place: usize, now: Instant) -> (usize, bool) {
        let Self { remote, objects, turn, .. } = self;
        let Some((hot, entry)) = objects.hot(place) else { return (0, false) };
        match entry.task.turn(remote, turn) {
            Progress::Worked(served) => {
                hot.cool_at = None;
                (served, true)
            }
            Progress::Idle => {
                let cool_at = *hot.cool_at.get_or_insert_with(|| later(now));
                (0, now < cool_at || self.settle(place, now))
            }
        }
    }

    /// Notes that an object's factory has failed: a private runner ends then, too.
    pub(crate) fn note_failure(&mut self) {
        self.had_any = true;
    }

    /// Ends if it was asked to stop and no object is left: it refuses what is sent from then on.
    pub(crate) fn end(&mut self) -> bool {
        self.remote.is_stopping() && self.is_empty() && self.remote.end()
    }
}

impl Drop for Scheduler {
    /// Stops the objects and serves what they have accepted. Then it gives up the calls that they still
    /// wait for: it may be this thread that would have to end them.
    fn drop(&mut self) {
        self.remote.stop();
        while !self.end() {
            if self.turn(environment::now()) == 0 {
                self.give_up();
                self.prepare_to_park();
                crate::sync::yield_now();
            }
        }
        if let Some(end) = self.on_end.take() {
            end();
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("name", &self.remote.name())
            .field("objects", &self.len())
            .field("hot", &self.hot_len())
            .finish()
    }
}

/// Notes an object that has continuations to run, once, among those with local calls: by its link's
/// key, which is no object's own.
#[cold]
#[inline(never)]
fn note_ended(entry: &mut Entry, key: usize, remote: &Remote) {
    if let Some(owner) = remote.owner_token()
        && !mem::replace(&mut entry.is_noted, true)
    {
        remote.wake_here(owner, key);
    }
}
