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
/// While it lives, engines that this thread makes have no threads: their runners take turns on this thread,
/// and everything that reads the clock or waits (calls, sets, timers, deadlines, restarts, stops) uses the
/// simulation's. While one waits, the others run. So code that uses the engine is tested as it is.
///
/// It stays on its thread, and a thread has one at a time. Drop it after the engines that it runs: declare
/// it first.
///
/// See the [module](super) for what it doesn't find.
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

/// A handle on a simulation, to clone into its clients. It stays on its thread, and is useless once the
/// simulation has ended.
#[derive(Clone)]
pub struct SimulationHandle {
    world: Rc<SimulatedWorld>,
}

/// The most simulated time that [`SimulationHandle::run_until`] takes.
pub const RUN_MAX: Duration = Duration::from_secs(3600);

impl Simulation {
    /// Begins a simulation; the seed decides everything that is left open.
    ///
    /// # Panics
    /// If this thread simulates already.
    #[track_caller]
    pub fn new(seed: u64) -> Self {
        Self::begin(Some(seed), Choices::seeded(seed))
    }

    /// Begins one that decides as another one did, and in the simplest way after that one's end.
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
    /// The seed; `None` if it repeats the decisions of another simulation.
    pub fn seed(&self) -> Option<u64> {
        self.world.seed
    }

    // --- time ---

    /// The simulation's time, as all objects see it.
    pub fn now(&self) -> Instant {
        environment::now()
    }

    /// How much time has passed since it began.
    pub fn elapsed(&self) -> Duration {
        self.world.elapsed()
    }

    /// Runs one step: a turn of one runner, or of one client. `false` if nobody has anything to do before
    /// time passes.
    pub fn step(&self) -> bool {
        self.world.step()
    }

    /// Runs until nobody has anything to do before time passes. Turns take time, so timers may fire, but the
    /// clock doesn't advance to the next one.
    pub fn run_until_idle(&self) {
        self.world.run(None, true, &mut || false);
    }

    /// Runs until `is_over`, which it asks before each step; time advances where nobody has anything to do.
    ///
    /// Returns `true` then, and `false` when nothing is left to do or [`RUN_MAX`] of simulated time has
    /// passed.
    pub fn run_until(&self, mut is_over: impl FnMut() -> bool) -> bool {
        let deadline = later(self.now(), RUN_MAX);
        // Without a deadline it ends as soon as nothing is left to do.
        let mut is_late = false;
        let pause = self.world.run(None, false, &mut || {
            let is_over = is_over();
            is_late = !is_over && environment::now() >= deadline;
            is_over || is_late
        });
        pause == Pause::Over && !is_late
    }

    /// Lets so much time pass. Everything that is due meanwhile happens, each at its time.
    pub fn advance(&self, by: Duration) {
        let deadline = later(self.now(), by);
        self.world.run(Some(deadline), false, &mut || false);
    }

    // --- clients ---

    /// Adds a caller: a future, whose steps are interleaved with those of the others. The name is for the
    /// trace.
    ///
    /// It awaits calls, sets and [`sleep`](Self::sleep). It may block, too, which holds up the other clients,
    /// as does a method that waits. If it panics, the test fails.
    pub fn client(&self, name: &str, course: impl Future<Output = ()> + 'static) {
        self.world.add_client(Rc::new(Client::new(name, course)));
    }

    /// A future that ends after so much simulated time, for clients.
    pub fn sleep(&self, length: Duration) -> Sleep {
        let at = later(self.now(), length);
        Sleep { at, sleepers: self.world.sleepers().clone() }
    }

    /// Runs the simulation until a future has ended; returns its result.
    ///
    /// # Panics
    /// If the future waits for something that never happens.
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

    /// A number below `bound` that the seed decides; 0 if `bound` is 0. For choices of the scenario itself:
    /// simpler courses have smaller numbers.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.world.below(bound) }
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world.set_faults(faults);
    }

    /// Makes the next request fail that the object of that name serves, as if its method had panicked before
    /// it did anything. An object with guarded methods fails between two requests.
    pub fn panic_next(&self, object: &str) {
        self.world.doom(object);
    }

    /// Stalls the object of that name: it serves nothing for so long.
    pub fn stall(&self, object: &str, length: Duration) {
        self.world.stall(object, length);
    }

    /// Stops the runner of that name for so long, as if its CPU had been taken away.
    pub fn slow(&self, runner: &str, length: Duration) {
        self.world.hold(runner, length);
    }

    /// Fills the mailbox of the object of that name until its next turn; `false` if it was full already.
    /// See [`Faults::full_mailboxes`] for the mailboxes that it can't fill.
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

    /// Runs until nobody has anything to do, and checks that nothing is left then: no request that isn't
    /// served, no call that hasn't ended, no client that waits. Armed timers don't count.
    ///
    /// # Panics
    /// If something is left; the message lists it.
    #[track_caller]
    pub fn assert_quiescent(&self) {
        self.run_until_idle();
        let mut left: Vec<_> = self.world.statuses().iter().filter_map(left_to_do).collect();
        let clients = self.world.unfinished_clients();
        left.extend(clients.iter().map(|client| format!("client {client}: hasn't ended")));
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
