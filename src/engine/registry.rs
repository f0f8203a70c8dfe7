//! Which runners and objects an engine has: behind a mutex, off the path of every call.

use crate::engine::error::StartError;
use crate::engine::runner::Runner;
use crate::engine::runners::{Runners, Running, join_all};
use crate::engine::similar::nearest;
use crate::engine::spinning::Spinners;
use crate::event::{Event, Hook};
use crate::machine::pin;
use crate::object::control::ObjectControl;
use crate::object::registration::{Listing, Registration};
use crate::panics::caught;
use crate::runner::environment;
use crate::runner::fan_out;
use crate::runner::remote::Remote;
use crate::runner::wait::WaitStrategy;
use crate::sync::{Arc, Condvar, RawMutex as Mutex, RawMutexGuard as MutexGuard};
use std::any::Any;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The names of the runners that objects belong on, by the objects' names.
pub(crate) type Places = HashMap<String, String>;

/// What all handles of one engine share.
pub(crate) struct Registry {
    tables: Mutex<Tables>,
    /// Signalled when a thread has ended.
    ended: Condvar,
    /// Signalled when the last object of a phase has left.
    left: Condvar,
    hook: Hook,
    drop_timeout: Duration,
    caller_wait: WaitStrategy,
    /// Where objects belong that aren't put anywhere.
    places: Places,
}

#[derive(Default)]
struct Tables {
    stopping: bool,
    runners: Runners,
    /// By id, which is the place here; `None` where one has left.
    objects: Vec<Option<Listed>>,
    vacant: Vec<usize>,
    /// The ids of those that have one.
    names: HashMap<Box<str>, usize>,
    /// The proxies of objects that live until they are stopped, by id.
    kept: HashMap<usize, Box<dyn Any + Send>>,
    /// How many objects each phase has, where it has any.
    phases: BTreeMap<u8, usize>,
    /// Up to this one they were stopped.
    stopped_phase: Option<u8>,
    spawned: usize,
    said: Option<Spinners>,
}

/// An object, and the phase of a shutdown in which it is stopped.
struct Listed {
    control: std::sync::Arc<dyn ObjectControl>,
    phase: u8,
}

impl Registry {
    pub(crate) fn new(
        hook: Hook,
        drop_timeout: Duration,
        caller_wait: WaitStrategy,
        places: Places,
    ) -> Self {
        let (tables, ended, left) = (Mutex::default(), Condvar::new(), Condvar::new());
        Self { tables, ended, left, hook, drop_timeout, caller_wait, places }
    }

    /// Ends admission everywhere.
    pub(crate) fn stop(&self) {
        let mut tables = self.lock();
        tables.stopping = true;
        tables.objects.iter().flatten().for_each(|object| object.control.stop());
        tables.runners.iter().for_each(|runner| runner.remote.stop());
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// The names of the runners that have not ended.
    pub(crate) fn runners(&self) -> Vec<String> {
        self.lock().runners.names()
    }

    /// How many objects are alive.
    pub(crate) fn objects(&self) -> usize {
        let tables = self.lock();
        tables.objects.len() - tables.vacant.len()
    }

    pub(crate) fn controls(&self) -> Vec<std::sync::Arc<dyn ObjectControl>> {
        self.lock().objects.iter().flatten().map(|object| object.control.clone()).collect()
    }

    /// The first phase from that one on that has objects.
    pub(crate) fn next_phase(&self, from: u8) -> Option<u8> {
        self.lock().phases.range(from..).next().map(|(phase, _)| *phase)
    }

    /// The objects of one phase.
    pub(crate) fn controls_of(&self, phase: u8) -> Vec<std::sync::Arc<dyn ObjectControl>> {
        self.lock().of_phase(phase).map(|object| object.control.clone()).collect()
    }

    /// Stops the objects of one phase: no other can join it, nor one before. Waits until none is left;
    /// `false` if time was up first.
    pub(crate) fn stop_phase_by(&self, phase: u8, deadline: Option<Instant>) -> bool {
        let mut tables = self.lock();
        tables.stopped_phase = tables.stopped_phase.max(Some(phase));
        tables.of_phase(phase).for_each(|object| object.control.stop());
        fan_out::wake_before_waiting();
        if environment::is_simulated() {
            drop(tables);
            let has_left = || !self.lock().phases.contains_key(&phase);
            environment::wait(deadline, has_left);
            return has_left();
        }
        wait_on(&self.left, tables, deadline, |tables| !tables.phases.contains_key(&phase))
            .is_some()
    }

    pub(crate) fn drop_timeout(&self) -> Duration {
        self.drop_timeout
    }

    /// A panic elsewhere leaves the registry whole: nothing in it is half-done under the lock.
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, event: &Event) {
        // The hook's own panic has nobody left to tell.
        caught(|| (self.hook)(event));
    }

    fn with_runner(&self, remote: &Arc<Remote>, change: impl FnOnce(&mut Running)) {
        if let Some(runner) = self.lock().runners.entry(remote) {
            change(runner);
        }
    }

    pub(crate) fn keep(&self, remote: &Arc<Remote>, thread: JoinHandle<()>) {
        let mut thread = Some(thread);
        self.with_runner(remote, |runner| runner.thread = thread.take());
        // It has ended, and who found that didn't have its thread to wait for.
        join_all(thread);
    }

    pub(crate) fn mark_unpinned(&self, remote: &Arc<Remote>) {
        self.with_runner(remote, |runner| runner.is_pinned = false);
    }

    pub(crate) fn runner_ended(&self, remote: &Arc<Remote>) {
        self.with_runner(remote, |runner| runner.has_ended = true);
        if !environment::is_simulated() {
            // Its CPU may be another's alone now. Not said: at the end of an engine it is no news.
            let mut tables = self.lock();
            tables.said = Some(tables.runners.settle_spinning());
        }
        self.ended.notify_all();
    }

    /// Takes a runner off the list that didn't start, after its thread.
    pub(crate) fn forget(&self, remote: &Arc<Remote>) {
        let mut thread = None;
        self.with_runner(remote, |runner| thread = runner.thread.take());
        join_all(thread);
        self.lock().runners.remove(remote);
    }

    /// Checks a runner's options and enters it into the registry.
    ///
    /// `is_invoker`: the user's own loop drives it.
    pub(crate) fn enter(
        &self,
        runner: &Runner,
        is_invoker: bool,
    ) -> Result<Arc<Remote>, StartError> {
        let cpus = runner.pinned_to();
        if !cpus.is_empty() && !environment::is_simulated() {
            pin::check(&runner.name, cpus, &pin::process_cpus())?;
        }
        let mut tables = self.lock();
        tables.check_open()?;
        let ended = tables.runners.take_ended();
        if tables.runners.has(&runner.name) {
            return Err(StartError::DuplicateRunner { name: runner.name.clone() });
        }
        let polls = is_invoker || runner.wait.never_parks();
        let remote = Remote::new(&runner.name).with_waits(self.caller_wait, polls);
        let remote = Arc::new(remote);
        tables.runners.push(Running::new(runner, remote.clone(), is_invoker));
        drop(tables);
        join_all(ended);
        Ok(remote)
    }

    /// Decides who may spin, and says so when that has changed.
    pub(crate) fn settle_spinning(&self) {
        if environment::is_simulated() {
            return;
        }
        let event = {
            let mut tables = self.lock();
            let said = tables.runners.settle_spinning();
            if tables.said.as_ref().unwrap_or(&Spinners::default()) == &said {
                return;
            }
            tables.said = Some(said.clone());
            Event::Spinning { spinning: said.spinning, downgraded: said.downgraded }
        };
        self.tell(&event);
    }

    /// The runner of that name.
    pub(crate) fn remote(&self, name: &str) -> Result<Arc<Remote>, StartError> {
        let tables = self.lock();
        tables.check_open()?;
        let unknown =
            || StartError::UnknownRunner { name: name.into(), known: tables.runners.known() };
        tables.runners.find(name).ok_or_else(unknown)
    }

    /// Where an object of that name belongs; the shared runners take turns with all others.
    pub(crate) fn place_of(&self, object: Option<&str>) -> Result<Arc<Remote>, StartError> {
        match object.and_then(|name| self.places.get(name)) {
            Some(runner) => self.remote(runner),
            None => self.any_remote(),
        }
    }

    fn any_remote(&self) -> Result<Arc<Remote>, StartError> {
        let tables = self.lock();
        tables.check_open()?;
        tables.runners.open(tables.spawned).ok_or(StartError::NoRunner)
    }

    /// Enters an object; it leaves when the registration is dropped.
    pub(crate) fn register(
        self: &std::sync::Arc<Self>,
        control: std::sync::Arc<dyn ObjectControl>,
        phase: u8,
    ) -> Result<Registration, StartError> {
        let mut tables = self.lock();
        tables.check_open()?;
        if tables.stopped_phase >= Some(phase) {
            return Err(StartError::EngineStopped);
        }
        let id = tables.vacant.last().copied().unwrap_or(tables.objects.len());
        if let Some(name) = control.name() {
            match tables.names.entry(name.into()) {
                Entry::Occupied(_) => {
                    return Err(StartError::DuplicateObject { name: name.into() });
                }
                Entry::Vacant(place) => _ = place.insert(id),
            }
        }
        tables.vacant.pop();
        tables.spawned += 1;
        *tables.phases.entry(phase).or_default() += 1;
        match tables.objects.get_mut(id) {
            Some(place) => *place = Some(Listed { control, phase }),
            None => tables.objects.push(Some(Listed { control, phase })),
        }
        Ok(Registration::new(self.clone(), id))
    }

    /// Keeps a proxy of the object with this id until the object has ended.
    pub(crate) fn keep_proxy(&self, id: usize, proxy: Box<dyn Any + Send>) {
        self.lock().kept.insert(id, proxy);
    }

    /// The object of that name; or some other names there are.
    pub(crate) fn find(
        &self,
        name: &str,
    ) -> Result<std::sync::Arc<dyn ObjectControl>, Vec<String>> {
        let tables = self.lock();
        let listed = tables.names.get(name).and_then(|id| tables.objects[*id].as_ref());
        let object = listed.map(|listed| listed.control.clone());
        object.ok_or_else(|| nearest(name, tables.names.keys().map(Box::as_ref)))
    }

    /// Waits until every thread has ended; `false` if time was up first, or on a thread of its own.
    pub(crate) fn join_by(&self, deadline: Option<Instant>) -> bool {
        if self.is_on_own_runner() {
            return false;
        }
        let have_ended = || self.lock().runners.have_ended();
        if environment::wait(deadline, have_ended) {
            return have_ended();
        }
        let has_ended = |tables: &Tables| tables.runners.have_ended();
        let Some(mut tables) = wait_on(&self.ended, self.lock(), deadline, has_ended) else {
            return false;
        };
        let threads = tables.runners.take_ended();
        drop(tables);
        join_all(threads);
        true
    }

    pub(crate) fn is_on_own_runner(&self) -> bool {
        self.lock().runners.iter().any(|runner| runner.remote.is_mine())
    }
}

impl Tables {
    fn of_phase(&self, phase: u8) -> impl Iterator<Item = &Listed> {
        self.objects.iter().flatten().filter(move |object| object.phase == phase)
    }

    fn check_open(&self) -> Result<(), StartError> {
        if self.stopping { Err(StartError::EngineStopped) } else { Ok(()) }
    }

    /// Takes note that an object has left; whether it was its phase's last.
    fn take_from_phase(&mut self, phase: u8) -> bool {
        let Some(count) = self.phases.get_mut(&phase) else { return false };
        *count -= 1;
        let is_last = *count == 0;
        if is_last {
            self.phases.remove(&phase);
        }
        is_last
    }
}

impl Listing for Registry {
    fn tell(&self, event: &Event) {
        Self::tell(self, event);
    }

    fn leave(&self, id: usize) {
        let mut tables = self.lock();
        let Some(object) = tables.objects.get_mut(id).and_then(Option::take) else { return };
        tables.vacant.push(id);
        if let Some(name) = object.control.name() {
            tables.names.remove(name);
        }
        let kept = tables.kept.remove(&id);
        let is_last = tables.take_from_phase(object.phase);
        drop(tables);
        if is_last {
            self.left.notify_all();
        }
        drop((object, kept));
    }
}

/// Waits on `changed` until `is_over`; `None` if time was up first. Without a deadline there is none.
fn wait_on<'a>(
    changed: &Condvar,
    mut tables: MutexGuard<'a, Tables>,
    deadline: Option<Instant>,
    is_over: impl Fn(&Tables) -> bool,
) -> Option<MutexGuard<'a, Tables>> {
    while !is_over(&tables) {
        let Some(deadline) = deadline else {
            tables = changed.wait(tables).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let left = deadline.saturating_duration_since(environment::now());
        if left.is_zero() {
            return None;
        }
        tables = changed.wait_timeout(tables, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    Some(tables)
}
