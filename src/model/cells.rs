//! The reply cells of an object, without the object.

use crate::reply::call::Call;
use crate::reply::cell::Cell;
use crate::reply::cell::reply_bytes;
use crate::reply::pool::OwnedPool;
use crate::reply::pool::Pool;
use crate::reply::reply::Reply;
use crate::runner::remote::Remote;
use crate::sync::Arc;
use std::time::Instant;

/// The reply cells of an object.
pub struct Cells {
    pool: OwnedPool,
    remote: Arc<Remote>,
    calls_max: u32,
}

impl Cells {
    /// A pool for small outcomes.
    pub fn new() -> Self {
        Self::at_most(8)
    }

    /// The same, for that many calls at a time.
    pub fn at_most(calls_max: u32) -> Self {
        let remote = Arc::new(Remote::new("model"));
        Self { pool: OwnedPool::unmade(), remote, calls_max }
    }

    fn pool(&self) -> &Pool {
        self.pool.get().unwrap_or_else(|| self.pool.make(0, self.calls_max, &self.remote))
    }

    /// Both ends of one call.
    pub fn call<R>(&self) -> (Call<R>, Reply<R>) {
        self.try_call().expect("a model has few calls at a time")
    }

    /// Both ends of one call, unless there are too many.
    pub fn try_call<R>(&self) -> Option<(Call<R>, Reply<R>)> {
        const { assert!(reply_bytes::<R>() == 0, "its outcome is small") };
        let cell = self.pool().take()?;
        Some((Call::pending(cell), Reply::to(cell)))
    }

    /// Both ends of one call that may start before that time.
    pub fn timed_call<R>(&self, deadline: Instant) -> (Call<R>, Reply<R>) {
        let cell = self.pool().take().expect("a model has few calls at a time");
        Cell::set_deadline(cell, deadline);
        (Call::pending(cell), Reply::to(cell))
    }

    /// Ends every call that isn't done, as an abort does.
    pub fn end_all(&self) {
        self.pool().end_all();
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::new()
    }
}
