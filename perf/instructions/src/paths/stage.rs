//! Where paths are repeated: objects on a scheduler that is driven by hand, and other threads.

use super::ALL_REPETITIONS;
use mainspring::mailbox::{Kind, Mpsc, Spsc};
use mainspring::{Active, Engine, Factory, Scheduler, Spawn, active};
use std::thread;
use std::time::Instant;

/// An engine without threads, whose one runner is the calling thread.
pub struct Stage {
    engine: Engine,
    scheduler: Scheduler,
    /// It doesn't pass, so that nothing is cooled.
    now: Instant,
}

const NAME: &str = "stage";

impl Stage {
    /// An empty one.
    pub fn new() -> Self {
        let engine = Engine::builder().on_event(|_| {}).start().expect("it has no threads");
        let scheduler = engine.invoker(NAME).expect("the engine is open");
        Self { engine, scheduler, now: Instant::now() }
    }

    /// One turn; returns how many requests it served.
    #[inline(always)]
    pub fn turn(&mut self) -> usize {
        self.scheduler.turn(self.now)
    }

    /// One turn, so much later than the last.
    #[cfg(feature = "timers")]
    #[inline(always)]
    pub fn turn_after(&mut self, delay: std::time::Duration) -> usize {
        self.now += delay;
        self.turn()
    }

    /// Turns until so many have been served.
    pub fn serve(&mut self, count: usize) {
        let mut served = 0;
        while served < count {
            served += self.turn();
        }
        assert_eq!(served, count);
    }

    /// An object with room for every repetition, and for another request.
    pub fn object<S: Active + Default, K: Chosen, const HOT: bool>(&mut self) -> S::Proxy<K> {
        let object = self.engine.spawn_unnamed(S::default).on(NAME);
        let proxy = K::start::<HOT, _, _, _>(object.capacity(ALL_REPETITIONS + 1));
        // Takes it in.
        self.turn();
        proxy
    }

    /// How many objects are polled.
    pub fn hot(&self) -> usize {
        self.scheduler.hot_len()
    }
}

/// Runs on another thread: its requests go through the ring.
pub fn elsewhere<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(work).join().expect("a path doesn't panic"))
}

/// A kind of mailbox that objects can be spawned with.
pub trait Chosen: Kind {
    /// Makes the object; always hot, if `HOT`.
    fn start<const HOT: bool, S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> S::Proxy<Self>;
}

fn start<const HOT: bool, S: Active, M, F: Factory<S, M>, K: Kind>(
    object: Spawn<S, M, F, K>,
) -> S::Proxy<K> {
    #[cfg(feature = "lanes")]
    let object = if HOT { object.always_hot() } else { object };
    object.start().expect("its options are right")
}

impl Chosen for Mpsc {
    fn start<const HOT: bool, S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> S::Proxy<Self> {
        start::<HOT, _, _, _, _>(object)
    }
}

impl Chosen for Spsc {
    fn start<const HOT: bool, S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> S::Proxy<Self> {
        start::<HOT, _, _, _, _>(object.single_producer())
    }
}

#[cfg(feature = "lanes")]
impl Chosen for mainspring::mailbox::Lanes {
    fn start<const HOT: bool, S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> S::Proxy<Self> {
        start::<HOT, _, _, _, _>(object.lanes())
    }
}

/// Is only told.
#[derive(Default)]
pub struct Meter {
    sum: u64,
}

#[active]
impl Meter {
    /// Takes a number.
    #[active(oneway)]
    pub fn add(&mut self, number: u64) {
        self.sum = self.sum.wrapping_add(number);
    }
}

/// Answers.
#[derive(Default)]
pub struct Adder {
    sum: u64,
}

#[active]
impl Adder {
    /// Adds a number, and answers with the sum.
    pub fn add(&mut self, by: u64) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}
