//! An object as its engine sees it, without its type: to stop it, and to find it.

use crate::mailbox::Kind;
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::SharedRing;
use crate::object::active::Active;
use crate::object::ends::Ring;
use crate::object::shared::Shared;
use crate::runner::task::RestartOrder;
use std::any::{Any, TypeId, type_name};
use std::ptr;

/// An object without its type.
pub(crate) trait ObjectControl: Any + Send + Sync {
    /// Ends admission; what was accepted still runs.
    fn stop(&self);
    /// Ends admission and all calls that aren't done, at once, even if the servant is stuck.
    fn abort(&self);
    /// Has the object's runner give it a new servant in place: waiting requests stay.
    fn restart(&self, order: RestartOrder);
    /// Takes all room in its mailbox until its next turn; returns how much it was.
    fn exhaust(&self) -> usize;
    /// The object's name, if it has one.
    fn name(&self) -> Option<&str>;
    /// Whether `servant` is the servant's type.
    fn is_served_by(&self, servant: TypeId) -> bool;
    /// The names of the servant's type and of the kind of its mailbox.
    fn types(&self) -> (&'static str, &'static str);
}

/// The control of an object with these types.
pub(crate) struct TypedControl<S: Active, K: Kind>(pub(crate) IntrusiveArc<Ring<S, K>>);

impl<S: Active, K: Kind> ObjectControl for TypedControl<S, K> {
    fn stop(&self) {
        stop(&*self.0);
    }

    fn abort(&self) {
        abort(&*self.0);
    }

    fn restart(&self, order: RestartOrder) {
        // The object may have ended when the command runs, and another may have its place. While this
        // handle lives, no other object has its address.
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

/// The name of a kind of mailbox: that of its marker type.
pub(crate) fn kind_name<K: Kind>() -> &'static str {
    let name = type_name::<K>();
    name.rsplit("::").next().unwrap_or(name)
}

/// See [`ObjectControl::stop`].
pub(crate) fn stop<R: Send + 'static>(ring: &impl SharedRing<Shared<R>>) {
    let shared = ring.bell();
    shared.flags().mark_stopped();
    close(ring);
    shared.wake_suspended();
}

/// Ends admission to all of an object's lanes.
pub(crate) fn close<R: Send + 'static>(ring: &impl SharedRing<Shared<R>>) {
    ring.close();
    ring.bell().priority_lanes().close();
}

/// See [`ObjectControl::abort`].
pub(crate) fn abort<R: Send + 'static>(ring: &impl SharedRing<Shared<R>>) {
    let shared = ring.bell();
    shared.flags().mark_aborted();
    close(ring);
    // After the close no call is accepted, and every accepted one's cell is visible: its claim and
    // the close changed the same word (pair `tail.claimed`), or each fenced before it looked at what
    // the other had done (pair `gate.passed`).
    shared.end_calls();
    shared.wake_waiting();
    shared.wake_suspended();
}
