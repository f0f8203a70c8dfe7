//! A [`Weak`] proxy knows its object without keeping it.

use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::SharedRing as _;
use crate::mailbox::{ClonedKind, Guest, Mpsc, SharedKind, sealed};
use crate::object::active::Active;
use crate::object::ends::Ring;
use crate::proxy::handle::Handle;
use crate::proxy::proxy::Proxy;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

/// Knows an object, and doesn't keep it: made by [`Proxy::downgrade`].
///
/// For whoever shall not decide how long an object lives: a child that answers its parent, a cache, a
/// list of listeners. The object ends when its last proxy is dropped, however many weak ones there
/// are; its servant and the thread of its own go then. What a weak proxy does keep is the memory of
/// its mailbox, until it is dropped itself.
///
/// ```
/// use mainspring::prelude::*;
///
/// struct Counter(u64);
/// #[active]
/// impl Counter {
///     pub fn next(&mut self) -> u64 { self.0 += 1; self.0 }
/// }
///
/// let counter = mainspring::spawn(Counter(0))?;
/// let weak = counter.downgrade();
/// let second = weak.upgrade().expect("there is a proxy");
/// drop(counter);
/// assert_eq!(second.next().get()?, 1);
/// drop(second);
/// assert!(weak.upgrade().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Weak<S: Active, K: ClonedKind = Mpsc> {
    ring: IntrusiveArc<Ring<S, K>>,
}

// Said outright, as of `Handle`: a request may carry a weak proxy of its own object.

// SAFETY: it holds a ring of requests. Requests are `Send` (`Active::Request`), and the rest of what
// the ring shares is atomic, or touched by its owner's thread alone.
unsafe impl<S: Active, K: ClonedKind> Send for Weak<S, K> {}
// SAFETY: as above; producers are made from a shared ring, whatever the kind.
unsafe impl<S: Active, K: ClonedKind> Sync for Weak<S, K> {}

impl<S: Active, K: ClonedKind> Weak<S, K> {
    pub(crate) fn of(ring: &IntrusiveArc<Ring<S, K>>) -> Self {
        Self { ring: ring.clone() }
    }

    /// A proxy that keeps the object, while there is any; `None` for ever after the last was dropped.
    ///
    /// Of an object that was stopped, and has proxies still, it gives one whose calls are refused.
    /// With [lanes](crate::Spawn::lanes) it takes or makes a lane, as a clone does.
    ///
    /// # Blocking
    /// Never. Lock-free: a retry means that a proxy was cloned or dropped.
    pub fn upgrade(&self) -> Option<S::Proxy<K>> {
        let producer = <K as sealed::Kind>::upgrade(&self.ring)?;
        Some(S::Proxy::<K>::from_handle(Handle::new(producer)))
    }

    /// Whether no proxy is left that keeps the object, so that [`upgrade`](Self::upgrade) gives `None`
    /// from now on. The opposite is a hint only: the last one may be dropped meanwhile.
    pub fn is_gone(&self) -> bool {
        // Relaxed: 0 is the last value, and nothing is read because of another.
        <K as sealed::ClonedKind>::producers(&self.ring).load(Relaxed) == 0
    }

    /// The object's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.ring.bell().name()
    }
}

impl<S: Active, K: SharedKind> Weak<S, K> {
    /// A proxy that can be called without keeping the object, at the price of any other.
    ///
    /// While the object has other proxies a guest's calls are accepted as theirs are, and what was
    /// accepted is served. Once the last of them was dropped they are refused as stopped.
    ///
    /// ```
    /// use mainspring::prelude::*;
    ///
    /// struct Log;
    /// #[active]
    /// impl Log {
    ///     pub fn line(&mut self, text: String) -> usize { text.len() }
    /// }
    ///
    /// let log = mainspring::spawn(Log)?;
    /// let guest = log.downgrade().guest();
    /// assert_eq!(guest.line("hello".into()).get()?, 5);
    /// drop(log);
    /// assert!(guest.tell().line("anybody?".into()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guest(&self) -> S::Proxy<Guest> {
        let producer = <K as sealed::SharedKind>::guest(&self.ring);
        S::Proxy::<Guest>::from_handle(Handle::new(producer))
    }
}

impl<S: Active, K: ClonedKind> Clone for Weak<S, K> {
    fn clone(&self) -> Self {
        Self::of(&self.ring)
    }
}

impl<S: Active, K: ClonedKind> fmt::Debug for Weak<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weak")
            .field("servant", &S::NAME)
            .field("name", &self.name())
            .field("gone", &self.is_gone())
            .finish_non_exhaustive()
    }
}
