//! An object as its engine knows it, without its type: to stop it, and to find it again.

use crate::mailbox::Kind;
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::SharedRing as _;
use crate::object::active::Active;
use crate::object::ends::Ring;
use crate::runner::task::RestartOrder;
use std::any::{Any, TypeId, type_name};
use std::ptr;

/// An object without its type.
pub(crate) trait ObjectControl: Any + Send + Sync {
    /// Ends admission; what was accepted still runs.
    fn stop(&self);
    /// Ends admission and every call that isn't done, at once, even if the servant is stuck.
    fn abort(&self);
    /// Has the object's runner give it a new servant, in place: everything that waits stays.
    fn restart(&self, order: RestartOrder);
    /// Takes all the room of its mailbox, until its next turn; returns how much it was.
    fn exhaust(&self) -> usize;
    /// The object's name, if it has one.
    fn name(&self) -> Option<&str>;
    /// Whether that is the servant's type.
    fn is_served_by(&self, servant: TypeId) -> bool;
    /// The names of the servant's type and of the kind of its mailbox.
    fn types(&self) -> (&'static str, &'static str);
}

/// A ring, as its controller.
pub(crate) struct TypedControl<S: Active, K: Kind>(pub(crate) IntrusiveArc<Ring<S, K>>);

impl<S: Active, K: Kind> ObjectControl for TypedControl<S, K> {
    fn stop(&self) {
        stop::<S, K>(&self.0);
    }

    fn abort(&self) {
        abort::<S, K>(&self.0);
    }

    fn restart(&self, order: RestartOrder) {
        // The object may have ended when the command is obeyed, and another have its place: while this
        // hold lasts no other has its address.
        let ring = self.0.clone();
        self.0.bell().remote().send(Box::new(move |scheduler| {
            let shared = ring.bell();
            scheduler.restart(shared.key(), ptr::from_ref(shared).addr(), order);
        }));
    }

    fn exhaust(&self) -> usize {
        self.0.exhaust()
    }

    fn name(&self) -> Option<&str> {
        self.0.bell().name()
    }

    fn is_served_by(&self, servant: TypeId) -> bool {
        servant == TypeId::of::<S>()
    }

    fn types(&self) -> (&'static str, &'static str) {
        (type_name::<S>(), kind_name::<K>())
    }
}

/// The name of a kind of mailbox, as its marker has it.
pub(crate) fn kind_name<K: Kind>() -> &'static str {
    let name = type_name::<K>();
    name.rsplit("::").next().unwrap_or(name)
}

/// See [`Control::stop`].
pub(crate) fn stop<S: Active, K: Kind>(ring: &Ring<S, K>) {
    let shared = ring.bell();
    shared.flags().mark_stopped();
    close::<S, K>(ring);
    shared.wake_suspended();
}

/// Ends admission to all of an object's lanes.
pub(crate) fn close<S: Active, K: Kind>(ring: &Ring<S, K>) {
    ring.close();
    ring.bell().priority_lanes().close();
}

/// See [`Control::abort`].
pub(crate) fn abort<S: Active, K: Kind>(ring: &Ring<S, K>) {
    let shared = ring.bell();
    shared.flags().mark_aborted();
    close::<S, K>(ring);
    // After the close no call is accepted, and every accepted one's cell is visible: its claim and
    // the close changed the same word (pair `tail.claimed`), or each fenced before it looked at what
    // the other had done (pair `gate.passed`).
    shared.end_calls();
    shared.wake_waiting();
    shared.wake_suspended();
}
