//! Stopping runners and objects, at once or phase by phase, and waiting for their ends.

use crate::engine::error::StartError;
use crate::engine::handle::EngineHandle;
use crate::runner::environment;
use std::time::Duration;

/// How long an aborted engine's threads get to end: each may have one method to return from.
const ABORT_GRACE: Duration = Duration::from_millis(250);

impl EngineHandle {
    /// Begins to stop, and returns at once: no more requests are accepted, everything accepted is
    /// served, then the runners end. Idempotent.
    pub fn stop(&self) {
        self.registry.stop();
    }

    /// Stops one runner: its objects drain, then its thread ends.
    ///
    /// # Errors
    /// There is no runner of that name.
    pub fn stop_runner(&self, name: &str) -> Result<(), StartError> {
        self.registry.remote(name).map(|remote| remote.stop())
    }

    /// Stops, waits for up to `limit`, then aborts what is left. Returns whether everything has ended.
    ///
    /// # Blocking
    /// For up to `limit`, and for a quarter of a second more after an abort.
    pub fn stop_within(&self, limit: Duration) -> bool {
        self.stop();
        if self.join_timeout(limit) {
            return true;
        }
        self.abort();
        self.join_timeout(ABORT_GRACE)
    }

    /// Stops the objects phase by phase, lower phases first, then the engine. Returns whether every
    /// object ended by itself in time. See [`Spawn::phase`](crate::Spawn::phase).
    ///
    /// Each phase gets the whole limit. Its objects are stopped, serve what they have accepted, and end.
    /// Objects that have not ended by then are aborted, and get a quarter of a second to return from
    /// their methods before the next phase begins. While a phase drains, the objects of later phases
    /// still serve what it sends them. No object can be added to that phase or an earlier one.
    /// Afterwards the engine is stopped, as by [`stop`](Self::stop): no object can be added, and threads
    /// may still be ending.
    ///
    /// # Blocking
    /// For up to the limit in each phase. On one of the engine's own runners it stops all phases at once
    /// and returns `false`: it would wait for itself.
    pub fn stop_in_phases(&self, limit: Duration) -> bool {
        let mut in_time = !self.registry.is_on_own_runner();
        let mut from = in_time.then_some(0);
        while let Some(phase) = from.and_then(|from| self.registry.next_phase(from)) {
            if !self.registry.stop_phase_by(phase, environment::now().checked_add(limit)) {
                in_time = false;
                // As in `abort`: not under the lock.
                self.registry.controls_of(phase).iter().for_each(|control| control.abort());
                self.registry.stop_phase_by(phase, environment::now().checked_add(ABORT_GRACE));
            }
            from = phase.checked_add(1);
        }
        self.stop();
        in_time
    }

    /// Ends every pending call at once, and stops. Methods that are running continue to their end.
    pub fn abort(&self) {
        // Stopped first, so that nothing is spawned in between. Ending calls runs their observers,
        // which may well ask the engine something: not under its lock.
        self.stop();
        self.registry.controls().iter().for_each(|control| control.abort());
    }

    /// Waits after a stop until every thread has ended. Returns `false` if the limit passes first.
    ///
    /// On one of the engine's own runners it returns `false` at once: it would wait for itself.
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.registry.join_by(environment::now().checked_add(limit))
    }
}
