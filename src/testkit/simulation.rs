//! The simulation as its user drives it.

use super::choices::Choices;
use super::clients::{Client, Sleep};
use super::faults::Faults;
use super::stuck::left_to_do;
use super::trace::Trace;
use super::world::{Pause, SimulatedWorld, later};
use crate::engine::launch::set_launcher;
use crate::runner::environment;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Runs engines on the calling thread, by a clock of its own, in an order that its seed decides.
///
/// While it lives, engines that this thread makes have no threads: their runners take turns here, and all
/// that reads the clock or waits (calls, sets, timers, deadlines, restarts, stops) goes by the simulation.
/// A wait lets the others go on. So code that uses the engine is tested as it is.
///
/// It stays on its thread, and there is one on a thread at a time; end it after the engines that it runs, by
/// declaring it first.
///
/// See the [module](super) for what it doesn't show.
pub struct Simulation {
    /// Dropped after the world has ended, also if a client's destructor panics in that: the next
    /// simulation on this thread must find it free.
    _simulating: Simulating,
    handle: SimulationHandle,
}

/// As long as it lives, the calling thread simulates.
struct Simulating;

impl Simulating {
    /// `None` if the thread simulates already.
    fn begin(world: &Rc<SimulatedWorld>) -> Option<Self> {
        if !environment::enter(world.clone(), world.began()) {
            return None;
        }
        set_launcher(Some(world.clone()));
        Some(Self)
    }
}

impl Drop for Simulating {
    fn drop(&mut self) {
        set_launcher(None);
        environment::leave();
    }
}

/// A handle on a simulation, to clone into its clients. It doesn't leave its thread, and does nothing useful
/// once the simulation has ended.
#[derive(Clone)]
pub struct SimulationHandle {
    world: Rc<SimulatedWorld>,
}

/// How much simulated time [`SimulationHandle::run_until`] takes at most.
pub const RUN_MAX: Duration = Duration::from_secs(3600);

impl Simulation {
    /// Begins; the seed decides everything that is left open.
    ///
    /// # Panics
    /// If this thread simulates already.
    #[track_caller]
    pub fn new(seed: u64) -> Self {
        Self::begin(Some(seed), Choices::seeded(seed))
    }

    /// Begins one that decides as another one has, and in the simplest way when that comes to its end.
    #[track_caller]
    pub(super) fn scripted(script: Rc<[u64]>) -> Self {
        Self::begin(None, Choices::scripted(script))
    }

    #[track_caller]
    fn begin(seed: Option<u64>, choices: Choices) -> Self {
        let world = Rc::new(SimulatedWorld::new(seed, choices));
        let simulating = Simulating::begin(&world);
        let simulating =
            simulating.expect("this thread simulates already: drop that simulation first");
        Self { _simulating: simulating, handle: SimulationHandle { world } }
    }

    /// A handle to clone.
    pub fn handle(&self) -> SimulationHandle {
        self.handle.clone()
    }
}

impl Deref for Simulation {
    type Target = SimulationHandle;

    fn deref(&self) -> &SimulationHandle {
        &self.handle
    }
}

impl SimulationHandle {
    /// The seed; none where decisions are repeated that were made before.
    pub fn seed(&self) -> Option<u64> {
        self.world.seed
    }

    // --- time ---

    /// The simulation's time, as all objects see it.
    pub fn now(&self) -> Instant {
        environment::now()
    }

    /// How much time has passed since its beginning.
    pub fn elapsed(&self) -> Duration {
        self.world.elapsed()
    }

    /// One step: a turn of one runner, or of one client. `false` if nobody has anything to do before time
    /// passes.
    pub fn step(&self) -> bool {
        self.world.step()
    }

    /// Goes on until nobody has anything to do before time passes. Turns take time, so timers may fire, but
    /// it is not moved on to the next one.
    pub fn run_until_idle(&self) {
        self.world.run(None, true, &mut || false);
    }

    /// Goes on until `is_over`, moving the time on where nobody has anything to do; whether it came to
    /// that. Looks before each step.
    ///
    /// Returns `false` when nothing is left to do, and after [`RUN_MAX`] of simulated time.
    pub fn run_until(&self, mut is_over: impl FnMut() -> bool) -> bool {
        let deadline = later(self.now(), RUN_MAX);
        // Without a deadline it comes to an end as soon as nothing is left to do.
        let mut is_late = false;
        let pause = self.world.run(None, false, &mut || {
            let is_over = is_over();
            is_late = !is_over && environment::now() >= deadline;
            is_over || is_late
        });
        pause == Pause::Over && !is_late
    }

    /// Lets so much time pass: everything that is due meanwhile happens, each at its time.
    pub fn advance(&self, by: Duration) {
        let deadline = later(self.now(), by);
        self.world.run(Some(deadline), false, &mut || false);
    }

    // --- clients ---

    /// Adds a caller with a course of its own, which is chosen among the others for its steps; the name is
    /// for the trace.
    ///
    /// It awaits calls, sets and [`sleep`](Self::sleep). A wait that blocks is allowed too, and holds up the
    /// other clients, as does a method that waits. What it panics with ends the test.
    pub fn client(&self, name: &str, course: impl Future<Output = ()> + 'static) {
        self.world.add_client(Rc::new(Client::new(name, course)));
    }

    /// Ends after so much time; for clients.
    pub fn sleep(&self, length: Duration) -> Sleep {
        let at = later(self.now(), length);
        Sleep { at, sleepers: self.world.sleepers().clone() }
    }

    /// Runs a future as the one who waits for it.
    ///
    /// # Panics
    /// If it waits for what never comes.
    #[track_caller]
    pub fn block_on<R: 'static>(&self, course: impl Future<Output = R> + 'static) -> R {
        let result = Rc::new(RefCell::new(None));
        let told = result.clone();
        self.client("block_on", async move {
            let value = course.await;
            *told.borrow_mut() = Some(value);
        });
        self.run_until(|| result.borrow().is_some());
        let value = result.borrow_mut().take();
        value.unwrap_or_else(|| panic!("{}", self.world.stuck()))
    }

    // --- chance and faults ---

    /// A number below `bound` that the seed decides; 0 if `bound` is. For what a scenario leaves open: when it
    /// is made simpler these get smaller.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.world.below(bound) }
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world.set_faults(faults);
    }

    /// Has the next request fail that the object of that name serves, as a panic in its method before that
    /// has done anything. One with guarded methods fails between two requests.
    pub fn panic_next(&self, object: &str) {
        self.world.doom(object);
    }

    /// Has the object of that name serve nothing for so long.
    pub fn stall(&self, object: &str, length: Duration) {
        self.world.stall(object, length);
    }

    /// Has the runner of that name do nothing for so long.
    pub fn slow(&self, runner: &str, length: Duration) {
        self.world.hold(runner, length);
    }

    /// Fills the mailbox of the object of that name until its next turn; whether there was room to take.
    /// See [`Faults::full_mailboxes`] for whom it doesn't concern.
    pub fn fill(&self, object: &str) -> bool {
        self.world.fill(object)
    }

    // --- what happened ---

    /// What has happened so far.
    pub fn trace(&self) -> Trace {
        self.world.trace()
    }

    pub(super) fn choices(&self) -> Vec<u64> {
        self.world.choices()
    }

    /// Goes on until nobody has anything to do, and says if something is left that time alone won't end:
    /// a request that isn't served, a call that hasn't ended, a client that waits. Armed timers are no such
    /// thing.
    ///
    /// # Panics
    /// If something is left, with what it is.
    #[track_caller]
    pub fn assert_quiescent(&self) {
        self.run_until_idle();
        let mut left: Vec<_> = self.world.statuses().iter().filter_map(left_to_do).collect();
        let clients = self.world.unfinished_clients();
        left.extend(clients.iter().map(|client| format!("client {client}: not at its end")));
        assert!(
            left.is_empty(),
            "the simulation is not quiescent at {:?}:\n  {}\nthe last events:\n{}",
            self.elapsed(),
            left.join("\n  "),
            self.trace().tail(20)
        );
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.world.end();
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

impl fmt::Debug for SimulationHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("seed", &self.seed())
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
