//! The engine, and its end.

use crate::engine::handle::EngineHandle;
use crate::event::Event;
use std::ops::Deref;

/// An engine and its end: dropping it stops every runner and object. See [`Handle`] for the rest.
///
/// Dropping waits for up to [`DROP_TIMEOUT`] (see [`Builder::drop_timeout`]) while everything
/// accepted is served, then aborts. On one of the engine's own runners it only signals.
///
/// [`Handle`]: EngineHandle
#[derive(Debug)]
pub struct Engine {
    handle: EngineHandle,
    is_detached: bool,
}

impl Engine {
    pub(super) fn new(handle: EngineHandle) -> Self {
        Self { handle, is_detached: false }
    }

    /// A handle to clone and to send.
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// Stops, waits until everything accepted was served and every thread has ended.
    ///
    /// # Blocking
    /// For as long as that takes; a servant's method that never returns blocks it for ever. On one
    /// of the engine's own threads it only stops: it would wait for itself.
    /// [`join_timeout`](EngineHandle::join_timeout) doesn't.
    pub fn join(self) {
        self.stop();
        self.registry.join_by(None);
    }

    /// Gives the engine up without ending it: its objects live until their last proxies are gone,
    /// its private runners as long as those, its other runners as long as the process.
    pub fn detach(mut self) {
        self.is_detached = true;
    }
}

impl Deref for Engine {
    type Target = EngineHandle;

    fn deref(&self) -> &EngineHandle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.is_detached {
            return;
        }
        self.stop();
        if self.registry.is_on_own_runner() {
            return;
        }
        if !self.stop_within(self.registry.drop_timeout()) {
            for runner in self.runners() {
                self.registry.tell(&Event::LeftBehind { runner });
            }
        }
    }
}
