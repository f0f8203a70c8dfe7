//! Tokio runtimes, tuned: no drivers that nobody needs, and every thread on its CPU.

use super::framework::{Setting, Topology, World};
use super::watch::within;
use core_affinity::CoreId;
use mainspring_perf::error::Error;
use mainspring_perf::lab::time::ANSWER_LIMIT;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;
use tokio::runtime::{Builder, EnterGuard, Runtime};

/// How long a runtime may take to end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// One runtime.
pub struct Tokio {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    topology: Topology,
    limit: Duration,
    /// Whether a worker is not on its CPU.
    is_astray: Arc<AtomicBool>,
}

impl Tokio {
    /// Makes the calling thread one that may start tasks.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken by the drop only")
    }
}

impl World for Tokio {
    fn open(setting: &Setting<'_>) -> Result<Self, Error> {
        let is_astray = Arc::new(AtomicBool::new(false));
        let cpus = match setting.topology {
            Topology::OneThread => None,
            Topology::TwoThreads => Some(vec![setting.cpu(0), setting.cpu(1)]),
            Topology::PlainClient => Some(vec![setting.cpu(1)]),
        };
        let runtime = match cpus {
            None => Builder::new_current_thread().build(),
            Some(cpus) => with_workers(cpus, is_astray.clone()),
        };
        let runtime = Some(runtime.map_err(no_runtime)?);
        let limit = setting.length + ANSWER_LIMIT;
        Ok(Self { runtime, topology: setting.topology, limit, is_astray })
    }

    fn run<T: Send + 'static>(
        &self,
        client: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let client = within(self.limit, client);
        let result = match self.topology {
            Topology::OneThread | Topology::TwoThreads => {
                // As a task: one that is blocked on is slower.
                let task = self.runtime().spawn(client);
                self.runtime().block_on(task).map_err(|_| Error::Stopped)?
            }
            Topology::PlainClient => {
                let _may_spawn = self.enter();
                block_on(client)
            }
        };
        // Relaxed: nothing else is passed on.
        if self.is_astray.load(Relaxed) {
            return Err(no_runtime(io::Error::other("a worker could not be pinned")));
        }
        result
    }

    fn start(&self, _: usize, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(task);
    }
}

impl Drop for Tokio {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(END_LIMIT);
        }
    }
}

/// Waits for a future on a plain thread: parks until it is woken.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Puts the calling thread on a CPU that was found allowed, or says that it could not.
pub fn pin(cpu: Option<usize>) -> io::Result<()> {
    let Some(id) = cpu else { return Ok(()) };
    if core_affinity::set_for_current(CoreId { id }) && mainspring::allowed_cpus() == [id] {
        return Ok(());
    }
    Err(io::Error::other(format!("a thread could not be pinned to CPU {id}")))
}

/// The error of a runtime that does not start.
pub fn no_runtime(error: io::Error) -> Error {
    Error::System { what: "a runtime".into(), error }
}

/// A runtime with one worker on each of these CPUs.
fn with_workers(cpus: Vec<Option<usize>>, is_astray: Arc<AtomicBool>) -> io::Result<Runtime> {
    let (count, started) = (cpus.len(), AtomicUsize::new(0));
    let settle = move || {
        // Relaxed, here and below: only the number counts, or the flag.
        let worker = started.fetch_add(1, Relaxed);
        if pin(cpus[worker % cpus.len()]).is_err() {
            is_astray.store(true, Relaxed);
        }
    };
    Builder::new_multi_thread().worker_threads(count).on_thread_start(settle).build()
}
