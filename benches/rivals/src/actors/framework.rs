//! What the drivers ask of an actor framework, and what an actor does, the same in all of them.

use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

/// How many messages a bounded mailbox takes.
pub const CAPACITY: usize = 1024;

/// A framework, as the drivers see it.
pub trait Framework: 'static {
    /// The threads and runtimes that its actors live on.
    type World: World;
    /// Where in a world an actor lives.
    type Place: Clone + Send + Sync + 'static;
    /// What tells an actor something.
    type Ref<R: Role>: Clone + Send + Sync + Unpin + 'static;
    /// What asks the actor that adds up.
    type Adder: Clone + Send + Sync + 'static;
    /// The answer to a question that was asked already.
    type Answer: Future<Output = Result<u64, Error>> + Send + 'static;

    /// Whether [`tell`](Framework::tell) waits for room. Where it does not, the drivers limit what
    /// is on its way.
    const WAITS_FOR_ROOM: bool;

    /// The first place or the second; worlds that place actors themselves have only one.
    fn place(world: &Self::World, half: usize) -> Self::Place;

    /// Starts an actor.
    fn spawn<R: Role>(
        place: &Self::Place,
        role: R,
    ) -> impl Future<Output = Result<Self::Ref<R>, Error>> + Send;

    /// Sends a message that there is room for.
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error>;

    /// Sends a message, and waits for room if it can.
    fn tell<R: Role>(
        to: &Self::Ref<R>,
        message: R::Message,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Starts an actor that adds what it is asked to add to a sum, and answers with the sum.
    fn spawn_adder(place: &Self::Place) -> impl Future<Output = Result<Self::Adder, Error>> + Send;

    /// Asks, and waits for the answer.
    fn ask(adder: &Self::Adder, by: u64) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Asks; the answer can be awaited later.
    fn start_to_ask(
        adder: &Self::Adder,
        by: u64,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// An actor's behaviour.
pub trait Role: Send + Sync + Unpin + 'static {
    /// What it is told.
    type Message: Send + Sync + 'static;

    /// Serves one message. What it returns is awaited before the next one.
    fn serve(&mut self, message: Self::Message) -> Option<Labour>;
}

/// What is left to do for a message, where that has to wait for others.
pub type Labour = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Threads and runtimes for actors, pinned as the topology says.
pub trait World: Sized {
    /// Starts what is needed.
    fn open(setting: &Setting<'_>) -> Result<Self, Error>;

    /// Runs a client where the topology has it, and waits for it; not for ever.
    fn run<T: Send + 'static>(
        &self,
        client: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error>;

    /// Starts a task beside the actors of the first or the second place.
    fn start(&self, half: usize, task: impl Future<Output = ()> + Send + 'static);
}

/// Which threads there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One, the caller's, for actors and clients.
    OneThread,
    /// Two, one on each CPU, for actors and clients.
    TwoThreads,
    /// One for the actors, and clients that are plain threads and block.
    PlainClient,
}

/// One round of a work.
pub struct Setting<'a> {
    /// The CPUs.
    pub lab: &'a Lab,
    /// Which threads there are.
    pub topology: Topology,
    /// How long it may take.
    pub length: Duration,
}

impl Setting<'_> {
    /// The CPU of the thread that has this place.
    pub fn cpu(&self, half: usize) -> Option<usize> {
        let (callers, other) = self.lab.cpus?;
        Some(if half == 0 { callers } else { other })
    }
}

/// The error of a mailbox that refuses what it has room for.
pub fn refused() -> Error {
    let error = io::Error::other("it is full, with fewer messages than it should hold");
    Error::System { what: "a mailbox".into(), error }
}
