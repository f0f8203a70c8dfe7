//! A [`Weak`] proxy refers to an object without keeping it alive.

use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::SharedRing as _;
use crate::mailbox::{ClonedKind, Guest, Mpsc, SharedKind, sealed};
use crate::object::active::Active;
use crate::object::ends::Ring;
use crate::proxy::handle::Handle;
use crate::proxy::proxy::Proxy;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

/// Refers to an object without keeping it alive. Made by [`Proxy::downgrade`].
///
/// For code that must not decide how long an object lives: a child that answers its parent, a cache, a
/// list of listeners. The object ends when its last proxy is dropped, however many weak proxies there are.
/// Its servant is dropped then, and a thread of its own ends. A weak proxy keeps only the memory of the
/// mailbox.
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

// Implemented by hand, as for `Handle`: a request may carry a weak proxy of its own object.

// SAFETY: it holds a ring of requests. Requests are `Send` (`Active::Request`), and the rest of what
// the ring shares is atomic, or touched only by its owner's thread.
unsafe impl<S: Active, K: ClonedKind> Send for Weak<S, K> {}
// SAFETY: as above. Producers are made from a shared ring, whatever the kind.
unsafe impl<S: Active, K: ClonedKind> Sync for Weak<S, K> {}

impl<S: Active, K: ClonedKind> Weak<S, K> {
    pub(crate) fn of(ring: &IntrusiveArc<Ring<S, K>>) -> Self {
        Self { ring: ring.clone() }
    }

    /// A proxy, which keeps the object alive; `None` once the object's last proxy has been dropped.
    ///
    /// If the object was stopped but still has proxies, the calls of the new one are refused. With
    /// [lanes](crate::Spawn::lanes) it takes or makes a lane, as a clone does.
    ///
    /// # Blocking
    /// Never. Lock-free: a retry means that a proxy was cloned or dropped.
    pub fn upgrade(&self) -> Option<S::Proxy<K>> {
        let producer = <K as sealed::Kind>::upgrade(&self.ring)?;
        Some(S::Proxy::<K>::from_handle(Handle::new(producer)))
    }

    /// Whether the object's last proxy has been dropped, so that [`upgrade`](Self::upgrade) returns `None`
    /// from now on. `false` is only a hint: the last proxy may be dropped at any time.
    pub fn is_gone(&self) -> bool {
        // Relaxed: 0 is final, and nothing is read because of another value.
        <K as sealed::ClonedKind>::producers(&self.ring).load(Relaxed) == 0
    }

    /// The object's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.ring.bell().name()
    }
}

impl<S: Active, K: SharedKind> Weak<S, K> {
    /// A guest: a proxy that doesn't keep the object alive. Its calls cost as much as those of any proxy.
    ///
    /// While the object has other proxies, a guest's requests are accepted like theirs, and what was accepted
    /// is served. Once the last of them has been dropped, a guest's requests are refused as `Stopped`.
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
