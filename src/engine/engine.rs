//! The engine, and its end.

use crate::engine::handle::EngineHandle;
use crate::event::Event;
use std::ops::Deref;

/// An engine and its end: dropping it stops every runner and object. See [`Handle`] for the rest.
///
/// Dropping waits for up to [`DROP_TIMEOUT`](crate::DROP_TIMEOUT) (see
/// [`Builder::drop_timeout`](crate::Builder::drop_timeout)) while everything accepted
/// is served, then aborts what is left. On one of the engine's own runners it signals and doesn't wait.
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

    /// Stops, and waits until everything accepted has been served and every thread has ended.
    ///
    /// # Blocking
    /// For as long as that takes. A method that never returns blocks it for ever; use
    /// [`join_timeout`](EngineHandle::join_timeout) to limit the wait. On one of the engine's own threads
    /// it only stops: it would wait for itself.
    pub fn join(self) {
        self.stop();
        self.registry.join_by(None);
    }

    /// Gives up the handle without ending the engine. Objects live until their last proxies are dropped,
    /// private runners as long as their objects, and other runners as long as the process.
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
