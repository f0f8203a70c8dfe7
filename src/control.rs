//! Stopping an object from anywhere, without knowing its type.

use crate::active::Active;
use crate::desk::Ring;
use crate::mailbox::Kind;
use crate::mailbox::held::Held;
use crate::mailbox::sealed::Shared as _;

/// Stopping an object from anywhere, without knowing its type.
pub(crate) trait Control: Send + Sync {
    /// Ends admission; what was accepted still runs.
    fn stop(&self);
    /// Ends admission and every call that isn't done, at once, even if the servant is stuck.
    fn abort(&self);
    /// The object's name, if it has one.
    fn name(&self) -> Option<&str>;
}

/// A ring, as its controller.
pub(crate) struct Controller<S: Active, K: Kind>(pub(crate) Held<Ring<S, K>>);

impl<S: Active, K: Kind> Control for Controller<S, K> {
    fn stop(&self) {
        close::<S, K>(&self.0);
    }

    fn abort(&self) {
        abort::<S, K>(&self.0);
    }

    fn name(&self) -> Option<&str> {
        self.0.bell().name()
    }
}

/// Ends admission to all of an object's lanes.
pub(crate) fn close<S: Active, K: Kind>(ring: &Ring<S, K>) {
    ring.close();
    ring.bell().sides().close();
}

/// See [`Control::abort`].
pub(crate) fn abort<S: Active, K: Kind>(ring: &Ring<S, K>) {
    let desk = ring.bell();
    desk.mark_aborted();
    close::<S, K>(ring);
    // After the close no call is accepted, and every accepted one's cell is visible: its claim and
    // the close changed the same word (pair `tail.claimed`), or each fenced before it looked at what
    // the other had done (pair `door.passed`).
    desk.end_calls();
}
