//! Another thread, which does one thing while this one waits for it: what it sends comes through mailboxes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// Runs something on the other thread, and waits for it.
pub fn far<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    let (answer, answered) = sync_channel(1);
    let job = move || drop(answer.send(catch_unwind(AssertUnwindSafe(run))));
    let there = worker().lock().expect("nobody panics with it");
    there.send(Box::new(job)).expect("it never ends");
    let outcome = answered.recv().expect("it answers");
    drop(there);
    outcome.unwrap_or_else(|payload| resume_unwind(payload))
}

fn worker() -> &'static Mutex<SyncSender<Job>> {
    static WORKER: OnceLock<Mutex<SyncSender<Job>>> = OnceLock::new();
    WORKER.get_or_init(|| {
        let (send, jobs) = sync_channel::<Job>(0);
        let work = move || jobs.into_iter().for_each(|job| job());
        thread::Builder::new().name("far".into()).spawn(work).expect("one more thread");
        Mutex::new(send)
    })
}
