//! An object's entry in the list of the engine that it belongs to.

use crate::event::Event;
use std::sync::Arc;

/// The list of an engine's objects, as an object sees it.
pub(crate) trait Listing: Send + Sync {
    /// Passes an event on to the engine's listener.
    fn tell(&self, event: &Event);
    /// Takes the object with this id off the list.
    fn leave(&self, id: usize);
}

/// An object's entry in that list; it is removed when this is dropped.
pub(crate) struct Registration {
    listing: Arc<dyn Listing>,
    id: usize,
}

impl Registration {
    pub(crate) fn new(listing: Arc<dyn Listing>, id: usize) -> Self {
        Self { listing, id }
    }

    /// The object's place in the list.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.listing.tell(event);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.listing.leave(self.id);
    }
}
