//! The options of a runner, and its thread's preparation.

use crate::engine::error::StartError;
use crate::machine::pin::{self, Pinning};
use crate::runner::poll::PollHook;
use crate::runner::wait::WaitStrategy;
use crate::{machine::pin::PinError, sys};
use std::fmt;
use std::io;

/// The options of one runner. They chain, and are checked when the runner starts.
///
/// ```
/// use mainspring::{Runner, Pinning, WaitStrategy};
///
/// let runner = Runner::named("risk").cpu(0).pinning(Pinning::Prefer).wait(WaitStrategy::Spin);
/// println!("{runner:?}");
/// ```
pub struct Runner {
    pub(crate) name: String,
    pub(crate) cpus: Vec<usize>,
    pub(crate) pinning: Pinning,
    pub(crate) wait: WaitStrategy,
    fifo_priority: Option<i32>,
    nice: Option<i32>,
    stack_bytes: Option<usize>,
    lock_memory: bool,
    thread_name: Option<String>,
    pub(crate) on_start: Option<Box<dyn FnOnce() + Send>>,
    pub(crate) poll: Option<PollHook>,
    /// It ends with its last object.
    pub(crate) is_private: bool,
}

impl Runner {
    /// A runner that objects are put on by this name. Unpinned; spins briefly, then parks.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            cpus: Vec::new(),
            pinning: Pinning::default(),
            wait: WaitStrategy::default(),
            fifo_priority: None,
            nice: None,
            stack_bytes: None,
            lock_memory: false,
            thread_name: None,
            on_start: None,
            poll: None,
            is_private: false,
        }
    }

    /// Pins the thread to one CPU.
    pub fn cpu(self, cpu: usize) -> Self {
        self.cpus([cpu])
    }

    /// Keeps the thread on a set of CPUs.
    pub fn cpus(mut self, cpus: impl IntoIterator<Item = usize>) -> Self {
        self.set_cpus(cpus.into_iter().collect());
        self
    }

    pub(crate) fn set_cpus(&mut self, cpus: Vec<usize>) {
        self.cpus = cpus;
        self.cpus.sort_unstable();
        self.cpus.dedup();
    }

    /// What happens when the kernel refuses the CPUs. Default: [`Pinning::Prefer`].
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.pinning = pinning;
        self
    }

    /// How the thread waits for work. Default: spin for 50 µs, then park.
    ///
    /// Only a runner that has a CPU to itself spins; see [`Event::Spinning`](crate::Event).
    pub fn wait(mut self, strategy: WaitStrategy) -> Self {
        self.wait = strategy;
        self
    }

    /// Gives the thread a `SCHED_FIFO` priority, 1 to 99; needs the privilege. Stay below 50, or the
    /// runner starves the kernel's own threads.
    pub fn fifo_priority(mut self, priority: i32) -> Self {
        self.fifo_priority = Some(priority);
        self
    }

    /// Gives the thread a nice value, −20 to 19; a value below 0 needs the privilege.
    pub fn nice(mut self, nice: i32) -> Self {
        self.nice = Some(nice);
        self
    }

    /// The size of the thread's stack, in bytes. Default: the standard library's.
    pub fn stack_bytes(mut self, bytes: usize) -> Self {
        self.stack_bytes = Some(bytes);
        self
    }

    /// Locks all memory that the *process* touches from then on.
    pub fn lock_memory(mut self) -> Self {
        self.lock_memory = true;
        self
    }

    /// The thread's name; Linux shows 15 bytes of it. Default: the runner's name.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// Runs on the thread before its first turn, after it was pinned.
    pub fn on_start(mut self, hook: impl FnOnce() + Send + 'static) -> Self {
        self.on_start = Some(Box::new(hook));
        self
    }

    /// Runs `hook` on the runner's thread once per turn, to poll sources that can't wake the runner: a
    /// socket, a driver's queue, shared memory. It returns how much it did; more than 0 counts as work, so
    /// the runner doesn't wait after it.
    ///
    /// The hook delays the runner's objects by as long as it takes, so it should look, do a bounded amount
    /// of work, and return. Requests that it sends to objects of this runner take the shortcut without
    /// atomics and are served in the next turn. The hook ends with the runner. If it panics, it is dropped,
    /// the engine reports [`Event::PollPanicked`](crate::Event::PollPanicked), and the runner continues
    /// without it.
    ///
    /// Such a runner must not park, because nobody would wake it for the hook: give it
    /// [`WaitStrategy::Spin`], [`SpinThenYield`](WaitStrategy::SpinThenYield) or
    /// [`Backoff`](WaitStrategy::Backoff), or it doesn't start. If it
    /// [may not spin](crate::Event::Spinning), it sleeps between polls for up to a millisecond.
    ///
    /// ```
    /// use mainspring::{WaitStrategy, prelude::*};
    /// use std::net::UdpSocket;
    /// use std::sync::{Arc, OnceLock};
    ///
    /// #[derive(Default)]
    /// struct Feed { bytes: usize }
    /// #[active]
    /// impl Feed {
    ///     pub fn packet(&mut self, packet: Box<[u8]>) { self.bytes += packet.len() }
    ///     pub fn bytes(&self) -> usize { self.bytes }
    /// }
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let address = socket.local_addr()?;
    /// // The object's proxy, once there is one.
    /// let feed = Arc::new(OnceLock::<FeedProxy>::new());
    /// let hook = {
    ///     let (feed, mut buffer) = (feed.clone(), [0; 2048]);
    ///     move || {
    ///         let Some(feed) = feed.get() else { return 0 };
    ///         let Ok(length) = socket.recv(&mut buffer) else { return 0 };
    ///         // Full or stopped: the packet is lost, as packets are.
    ///         let _ = feed.tell().packet(buffer[..length].into());
    ///         1
    ///     }
    /// };
    /// let net = Runner::named("net").wait(WaitStrategy::Spin).poll(hook);
    /// let engine = Engine::builder().on_event(|_| ()).runner(net).start()?;
    /// let proxy = engine.spawn("feed", Feed::default).on("net").start()?;
    /// let proxy = feed.get_or_init(|| proxy);
    /// UdpSocket::bind("127.0.0.1:0")?.send_to(b"tick", address)?;
    /// while proxy.bytes().get()? < 4 {}
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(mut self, hook: impl FnMut() -> usize + Send + 'static) -> Self {
        self.poll = Some(Box::new(hook));
        self
    }

    /// Whether its options fit together.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.poll.is_some() && !self.wait.never_parks() {
            let (runner, strategy) = (self.name.clone(), self.wait.name());
            return Err(StartError::PollParks { runner, strategy });
        }
        Ok(())
    }

    /// The CPUs it is to be pinned to; none if it isn't.
    pub(crate) fn pinned_to(&self) -> &[usize] {
        if self.pinning == Pinning::Off { &[] } else { &self.cpus }
    }

    pub(crate) fn thread(&self) -> std::thread::Builder {
        let name = self.thread_name.as_ref().unwrap_or(&self.name);
        let builder = std::thread::Builder::new().name(name.replace('\0', "?"));
        match self.stack_bytes {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        }
    }

    /// Prepares the calling thread; returns what went wrong and may be lived with.
    pub(crate) fn prepare(&mut self) -> Result<Option<PinError>, StartError> {
        let mut unpinned = None;
        if !self.pinned_to().is_empty() {
            match pin::pin(&self.name, &self.cpus) {
                Ok(()) => {}
                Err(error) if self.pinning == Pinning::Prefer => unpinned = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        if self.pinned_to().is_empty() || unpinned.is_some() {
            pin::unpin();
        }
        if let Some(priority) = self.fifo_priority {
            let option = || format!("fifo_priority({priority})");
            sys::set_fifo_priority(priority).map_err(|e| self.refused(option(), e))?;
        }
        if let Some(nice) = self.nice {
            sys::set_nice(nice).map_err(|e| self.refused(format!("nice({nice})"), e))?;
        }
        if self.lock_memory {
            sys::lock_memory().map_err(|e| self.refused("lock_memory".into(), e))?;
        }
        if let Some(hook) = self.on_start.take() {
            hook();
        }
        Ok(unpinned)
    }

    fn refused(&self, option: String, source: io::Error) -> StartError {
        StartError::Option { runner: self.name.clone(), option, source }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("name", &self.name)
            .field("cpus", &self.cpus)
            .field("pinning", &self.pinning)
            .field("wait", &self.wait)
            .field("fifo_priority", &self.fifo_priority)
            .field("nice", &self.nice)
            .field("stack_bytes", &self.stack_bytes)
            .field("lock_memory", &self.lock_memory)
            .field("thread_name", &self.thread_name)
            .field("polls", &self.poll.is_some())
            .finish_non_exhaustive()
    }
}
