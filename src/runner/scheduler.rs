//! The step: one bounded pass over everything that is runnable on one runner.
//!
//! A [`Scheduler`] has no thread. A [`Runner`](crate::Runner)'s thread repeats its turns; so can
//! your own loop, or a test, one turn at a time with a clock of its own.
//!
//! Objects are *hot* or *cold*. Hot ones are polled each turn. One that has had no work for a
//! while is cooled: from then on it costs nothing until its mailbox rings, which puts it back. So
//! a turn's cost depends on the objects that work, not on those that exist.

use crate::runner::environment;
use crate::runner::remote::{CONTROL, Remote};
use crate::runner::task::{
    Cooling, ObjectStatus, Progress, RESTART_TIMER, RestartOrder, Task, Turn, WakeSource,
};
use crate::runner::timer_wheel::{TimerTarget, TimerWheel};
use crate::runner::wait::ParkBackoff;
use crate::sync::Arc;
use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

/// Requests that one object may serve in a turn before the next object has its turn.
pub const BATCH_MAX: usize = 64;

/// How many called objects have their turn before the mailboxes have theirs again.
const CALLED_MAX: usize = 64;

/// How many timers fire before the objects have their turn.
const FIRED_MAX: usize = 64;

/// How long an object stays hot without work, while others of its runner are busy.
pub const COOL_AFTER: Duration = Duration::from_micros(50);

/// A runner that never sleeps keeps up to this many objects hot, so that no call pays for ringing.
const HOT_KEPT: usize = 8;

/// Runs the objects of one runner, on the thread that made it.
///
/// From [`Engine::invoker`](crate::EngineHandle::invoker) when you drive it yourself. Not `Send`: calls
/// from its thread to its objects are recognised by the thread, and take a shorter way.
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
    objects: Vec<Option<Entry>>,
    vacant: Vec<usize>,
    hot: Vec<HotEntry>,
    /// Objects that wait for new servants, and are neither hot nor cold.
    suspended: Vec<usize>,
    turn: Turn,
    live: usize,
    /// What the last turn received through mailboxes.
    received: usize,
    had_any: bool,
    never_parks: bool,
    /// Tells the engine that this runner has ended.
    on_end: Option<Box<dyn FnOnce()>>,
    /// What puts something between the runner and its objects.
    watch: Option<Watch>,
    /// How often [`park`](Self::park) has found what can't ring.
    pub(crate) obstructed: ParkBackoff,
}

type Watch = Box<dyn Fn(Box<dyn Task>) -> Box<dyn Task>>;

struct Entry {
    task: Box<dyn Task>,
    is_hot: bool,
    /// Noted as one that goes on: calls that it waits for have ended.
    is_noted: bool,
}

/// An object that is polled each turn.
struct HotEntry {
    key: usize,
    /// When it is to be cooled, if the last turn found nothing.
    cool_at: Option<Instant>,
}

/// What a try to put everything to sleep came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParkDecision {
    /// Everything is cold: the ready set's wake-up is enough.
    Cold,
    /// Something arrived meanwhile.
    Disturbed,
    /// Only objects that nobody would ring for are in the way.
    Polled,
}

impl Scheduler {
    pub(crate) fn new(remote: Arc<Remote>, never_parks: bool) -> Self {
        remote.own();
        let now = environment::now();
        Self {
            remote,
            objects: Vec::new(),
            vacant: Vec::new(),
            hot: Vec::new(),
            suspended: Vec::new(),
            turn: Turn { now, wheel: TimerWheel::new(now), batch: BATCH_MAX, is_live: false },
            live: 0,
            received: 0,
            had_any: false,
            never_parks,
            on_end: None,
            watch: None,
            obstructed: ParkBackoff::default(),
        }
    }

    /// Says whether what is passed as the time of a turn is the system's; returns what was said before.
    pub(crate) fn set_live(&mut self, is_live: bool) -> bool {
        std::mem::replace(&mut self.turn.is_live, is_live)
    }

    /// Has each object that comes from now on stand behind what `watch` makes of it.
    pub(crate) fn watch(&mut self, watch: impl Fn(Box<dyn Task>) -> Box<dyn Task> + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// How the next turn goes about the objects: `below` chooses a number below its argument. How much
    /// each may serve, and with which of those that are polled it begins.
    pub(crate) fn vary(&mut self, mut below: impl FnMut(usize) -> usize) {
        const BATCHES: [usize; 4] = [1, 2, BATCH_MAX, 1];
        self.turn.batch = BATCHES[below(BATCHES.len())];
        if self.hot.len() > 1 {
            let first = below(self.hot.len());
            self.hot.rotate_left(first);
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

    /// Does a bounded amount of work and returns how many requests it served, timers it fired, and
    /// ended calls it went on with; 0 when there was nothing to do.
    ///
    /// `now` decides which timers are due and when idle objects are cooled, and nothing else: pass a
    /// virtual time if you like. Timers don't go back with it: one that is armed in a turn earlier than
    /// another before it, for a time that has passed by then, is due at once.
    ///
    /// # Blocking
    /// Only as long as the servants' methods.
    /// # Panics
    /// Never: a servant's panic ends its call, and concerns its object alone.
    #[inline]
    pub fn turn(&mut self, now: Instant) -> usize {
        self.turn.now = now;
        self.collect();
        let called = self.fire() + self.turn_to_called();
        let mut received = 0;
        let mut place = 0;
        while place < self.hot.len() {
            let (served, stays) = self.turn_of(place, now);
            received += served;
            if stays {
                place += 1;
            } else {
                self.hot.swap_remove(place);
            }
        }
        self.received = received;
        called + received
    }

    /// How many of the last turn's requests came through mailboxes, so from other threads.
    #[inline(always)]
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Serves calls that this very thread has made, those that they make, and so on: a chain of
    /// calls within the runner needs no turn for each of its links. Among them, in their order, objects
    /// go on whose calls have ended.
    #[inline]
    fn turn_to_called(&mut self) -> usize {
        let mut work = 0;
        for _ in 0..CALLED_MAX {
            let Self { remote, objects, turn, .. } = self;
            let Some(owner) = remote.owner_token() else { break };
            let Some(key) = remote.next_woken(owner) else { break };
            if let Some(entry) = entry_of(objects, key) {
                work += entry.task.turn_local(owner, turn);
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
        let Self { objects, hot, suspended, turn, .. } = self;
        turn.wheel.advance(turn.now);
        let mut fired = 0;
        while fired < FIRED_MAX
            && let Some(TimerTarget { object, timer }) = turn.wheel.next_due()
        {
            fired += 1;
            let key = object as usize;
            if let Some(entry) = entry_of(objects, key) {
                entry.task.fire(timer, turn);
                if timer == RESTART_TIMER {
                    suspended.retain(|other| *other != key);
                    heat(entry, key, hot);
                } else if !entry.is_hot && entry.task.try_finish() {
                    // It was kept for calls that it waits for, and its panic has let go of them: no
                    // link will come, and nobody would turn to it.
                    heat(entry, key, hot);
                }
            }
        }
        fired
    }

    /// What was noted beside objects with calls: newcomers; or an object that goes on, with a batch of its
    /// calls that have ended. Returns with how many.
    #[cold]
    #[inline(never)]
    fn turn_to_noted(&mut self, key: usize) -> usize {
        if key == CONTROL {
            self.run_commands();
            return 0;
        }
        let (_, object) = WakeSource::split(key);
        let Self { objects, hot, turn, .. } = self;
        let Some(entry) = entry_of(objects, object) else { return 0 };
        let count = entry.task.run_continuations(turn);
        entry.is_noted = false;
        if entry.task.goes_on() {
            note_ended(entry, key, &self.remote);
        } else if entry.task.try_finish() {
            // It was kept for what it waited for, and nobody would turn to it.
            heat(entry, object, hot);
        }
        count
    }

    /// When to turn again at the latest, if nothing arrives before: the next timer may be due then.
    ///
    /// For your own loop: sleep no longer than that.
    pub fn next_timer(&self) -> Option<Instant> {
        self.turn.wheel.next_look()
    }

    /// What each object has left to do.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = ObjectStatus> {
        self.objects.iter().flatten().map(|entry| entry.task.status())
    }

    /// How many objects live here.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no object lives here.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether the last object has gone.
    pub(crate) fn is_deserted(&self) -> bool {
        self.had_any && self.live == 0
    }

    /// How many of them are polled each turn.
    pub fn hot_len(&self) -> usize {
        self.hot.len()
    }

    /// Takes in what others left: tokens, and commands.
    #[inline(always)]
    fn collect(&mut self) {
        let Self { remote, objects, hot, .. } = self;
        let mut heard = false;
        remote.ready().take(|key| {
            if key == CONTROL {
                heard = true;
                return;
            }
            let (token, object) = WakeSource::split(key);
            if let Some(entry) = entry_of(objects, object) {
                entry.task.clear_wake(token);
                if token == WakeSource::Ended {
                    note_ended(entry, key, remote);
                } else {
                    heat(entry, object, hot);
                }
            }
        });
        if heard {
            self.remote.acknowledge();
            self.run_commands();
        }
    }

    /// Does what was asked for. Who asked has the runner hear of it by its control link, which only
    /// [`collect`](Self::collect) takes off: where it is in the stack, others must not push it.
    #[cold]
    fn run_commands(&mut self) {
        let remote = self.remote.clone();
        for task in remote.take_newcomers() {
            self.adopt(task);
        }
        while let Some(command) = remote.next_command() {
            command(self);
        }
        if remote.is_stopping() {
            self.stop();
        }
        self.look_at_suspended();
    }

    /// Turns again to what was stopped: that doesn't wait for its delay.
    fn look_at_suspended(&mut self) {
        let Self { objects, hot, suspended, .. } = self;
        suspended.retain(|key| {
            let entry = entry_of(objects, *key).filter(|entry| entry.task.is_stopped());
            let Some(entry) = entry else { return true };
            heat(entry, *key, hot);
            false
        });
    }

    /// Gives an object a new servant, if it still lives; `shared` is its address.
    pub(crate) fn restart(&mut self, key: usize, shared: usize, order: RestartOrder) {
        // A command before this one may have made it.
        for task in self.remote.take_newcomers() {
            self.adopt(task);
        }
        let Self { objects, hot, turn, .. } = self;
        if let Some(entry) = entry_of(objects, key)
            && entry.task.restart(shared, order, turn)
        {
            heat(entry, key, hot);
        }
    }

    /// Ends admission of every object; what they accepted still runs.
    fn stop(&mut self) {
        // A cold one's close rings; a hot one is polled, and found closed when it is idle.
        self.objects.iter().flatten().for_each(|entry| entry.task.stop());
    }

    /// Turns to one hot object; returns what it served, and whether it stays hot.
    #[inline(always)]
    fn turn_of(&mut self, place: usize, now: Instant) -> (usize, bool) {
        let Self { remote, hot, objects, turn, .. } = self;
        let Some(entry) = entry_of(objects, hot[place].key) else { return (0, false) };
        match entry.task.turn(remote, turn) {
            Progress::Worked(served) => {
                hot[place].cool_at = None;
                (served, true)
            }
            Progress::Idle => {
                let cool_at = *hot[place].cool_at.get_or_insert_with(|| later(now));
                (0, now < cool_at || self.settle(place, now))
            }
        }
    }

    /// Decides on an object that has been idle for a while; `true` if it stays hot.
    #[cold]
    fn settle(&mut self, place: usize, now: Instant) -> bool {
        let keep = self.never_parks && self.hot.len() <= HOT_KEPT;
        let HotEntry { key, cool_at } = &mut self.hot[place];
        *cool_at = Some(later(now));
        let key = *key;
        let Some(entry) = entry_of(&mut self.objects, key) else { return false };
        let cooling = entry.cool_or(keep);
        match cooling {
            Cooling::Over => self.remove(key),
            Cooling::Suspended => self.set_aside(key),
            Cooling::Cold | Cooling::Hot | Cooling::Polled => {}
        }
        matches!(cooling, Cooling::Hot | Cooling::Polled)
    }

    /// Tries to cool everything, so that the runner may sleep.
    pub(crate) fn prepare_to_park(&mut self) -> ParkDecision {
        let mut place = 0;
        while let Some(&HotEntry { key, .. }) = self.hot.get(place) {
            let Some(entry) = entry_of(&mut self.objects, key) else {
                return ParkDecision::Disturbed;
            };
            match entry.cool() {
                Cooling::Hot => return ParkDecision::Disturbed,
                Cooling::Polled => {
                    place += 1;
                    continue;
                }
                Cooling::Cold => {}
                Cooling::Suspended => self.set_aside(key),
                Cooling::Over => self.remove(key),
            }
            self.hot.swap_remove(place);
        }
        match () {
            () if self.remote.has_own_wakes() => ParkDecision::Disturbed,
            () if self.hot.is_empty() => ParkDecision::Cold,
            () => ParkDecision::Polled,
        }
    }

    /// Leaves an object alone until its new servant is due. One whose token has come meanwhile was set
    /// aside before.
    fn set_aside(&mut self, key: usize) {
        if !self.suspended.contains(&key) {
            self.suspended.push(key);
        }
    }

    /// Takes an object in; what waits for it already is served from the next turn on.
    pub(crate) fn adopt(&mut self, task: Box<dyn Task>) {
        let mut task = match &self.watch {
            None => task,
            Some(watch) => watch(task),
        };
        let key = self.vacant.pop().unwrap_or(self.objects.len());
        task.set_key(key);
        task.start(&mut self.turn);
        if self.remote.is_stopping() {
            task.stop();
        }
        let mut entry = Entry { task, is_hot: true, is_noted: false };
        // Where few objects live a first call need not ring; where many do, each that isn't called
        // yet would have to be polled for a while.
        let cooling = (self.hot.len() >= HOT_KEPT).then(|| entry.cool());
        match self.objects.get_mut(key) {
            Some(place) => *place = Some(entry),
            None => self.objects.push(Some(entry)),
        }
        self.live += 1;
        self.had_any = true;
        match cooling {
            Some(Cooling::Cold) => {}
            Some(Cooling::Suspended) => self.set_aside(key),
            _ => self.hot.push(HotEntry { key, cool_at: None }),
        }
    }

    /// Turns to an object, if it is still there.
    pub(crate) fn make_hot(&mut self, key: usize) {
        if let Some(entry) = entry_of(&mut self.objects, key) {
            heat(entry, key, &mut self.hot);
        }
    }

    /// Has every object let go of the calls that it waits for.
    fn give_up(&mut self) {
        for key in 0..self.objects.len() {
            if let Some(entry) = entry_of(&mut self.objects, key) {
                entry.task.give_up();
                heat(entry, key, &mut self.hot);
            }
        }
    }

    /// Takes note that an object's factory has failed: a private runner ends then too.
    pub(crate) fn note_failure(&mut self) {
        self.had_any = true;
    }

    fn remove(&mut self, key: usize) {
        let entry = self.objects.get_mut(key).and_then(Option::take);
        if let Some(mut entry) = entry {
            entry.task.finish(&mut self.turn);
            // Its last proxy's drop, unlike a stop, has nobody look there.
            self.suspended.retain(|other| *other != key);
            self.vacant.push(key);
            self.live -= 1;
            drop(entry);
        }
    }

    /// Ends, if it was asked to stop and no object is left: nothing can be sent here any more.
    pub(crate) fn end(&mut self) -> bool {
        self.remote.is_stopping() && self.live == 0 && self.remote.end()
    }
}

impl Drop for Scheduler {
    /// Stops the objects, and serves what they have accepted. Calls that they still wait for then are
    /// given up: those who would end them may come from this very thread.
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
            .field("objects", &self.live)
            .field("hot", &self.hot.len())
            .finish()
    }
}

/// When an object that is idle from now on is to be cooled. At the end of time, at once.
#[inline(always)]
fn later(now: Instant) -> Instant {
    now.checked_add(COOL_AFTER).unwrap_or(now)
}

#[inline(always)]
fn entry_of(objects: &mut [Option<Entry>], key: usize) -> Option<&mut Entry> {
    objects.get_mut(key).and_then(Option::as_mut)
}

#[inline(always)]
fn heat(entry: &mut Entry, key: usize, hot: &mut Vec<HotEntry>) {
    if !entry.is_hot {
        entry.is_hot = true;
        hot.push(HotEntry { key, cool_at: None });
    }
}

/// Notes an object that goes on, once, among those that were called here: by its link's key, which no
/// object is kept under.
#[cold]
#[inline(never)]
fn note_ended(entry: &mut Entry, key: usize, remote: &Remote) {
    if let Some(owner) = remote.owner_token()
        && !mem::replace(&mut entry.is_noted, true)
    {
        remote.wake_here(owner, key);
    }
}

impl Entry {
    /// Tries to cool the object. If it comes to that, it is to be taken off the hot ones.
    fn cool(&mut self) -> Cooling {
        self.cool_or(false)
    }

    /// The same, unless it may stay hot.
    fn cool_or(&mut self, keep: bool) -> Cooling {
        let cooling = if keep { self.task.keep() } else { self.task.cool() };
        self.is_hot = !matches!(cooling, Cooling::Cold | Cooling::Suspended);
        cooling
    }
}
