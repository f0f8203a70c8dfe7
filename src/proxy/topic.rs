//! Topics: a message that is published reaches the mailbox of each subscriber.
//!
//! Each publisher keeps a copy of the list of subscribers, and compares the topic's version before each
//! message. So a publication takes no lock and allocates nothing while nobody subscribes or unsubscribes:
//! it is one load, and a push per subscriber. After a change each publisher takes the lock once, and copies
//! the list.
//!
//! | word | meaning | moved by |
//! |---|---|---|
//! | `version` | how often the list has changed | whoever has changed the list, under its lock |
//! | `subscribers` | who is subscribed now | under its lock: `subscribe`, `unsubscribe`, a publisher that finds an object stopped |
//! | a publisher's `known` | the list as it was at the version `seen` | that publisher |
//!
//! Once a change has returned, each publication that begins after it sees the change: the new version was
//! stored before the publication began, and coherence rules out an older value. So the version needs no
//! ordering of its own; the list is read under the lock.

use crate::mailbox::{Guest, SharedKind};
use crate::object::active::Active;
use crate::panics::caught;
use crate::panics::drop_caught;
use crate::proxy::proxy::Proxy;
use crate::reply::error::SendError;
use crate::runner::fan_out::fan_out;
use crate::sync::{Arc, AtomicU64, Mutex};
use std::sync::atomic::Ordering::Relaxed;
use std::{fmt, mem, ptr};

/// A topic: objects subscribe to it, and publishers send each of its messages to all of them. Clones are
/// the same topic.
///
/// Each message reaches the mailbox of each subscriber once. Messages of one publisher arrive in the order
/// published; those of different publishers have no common order, and two subscribers may see them in
/// different orders. A subscriber whose mailbox is full misses the message, unless its closure chooses
/// otherwise. No other subscriber waits for it.
///
/// ```
/// use mainspring::prelude::*;
///
/// struct Chart(Vec<u32>);
/// #[active]
/// impl Chart {
///     pub fn on_price(&mut self, cents: u32) { self.0.push(cents) }
///     pub fn prices(&self) -> Vec<u32> { self.0.clone() }
/// }
///
/// let engine = Engine::builder().runner(Runner::named("a")).start()?;
/// let chart = engine.spawn("chart", || Chart(Vec::new())).start()?;
///
/// let prices = Topic::<u32>::new();
/// let subscription = prices.subscribe(&chart, |chart, cents| chart.tell().on_price(*cents));
/// let mut publisher = prices.publisher(); // one per thread that publishes
/// assert_eq!(publisher.publish(&101).delivered, 1);
/// assert_eq!(publisher.publish(&99).delivered, 1);
/// subscription.unsubscribe();
/// assert_eq!(publisher.publish(&98).delivered, 0);
/// assert_eq!(chart.prices().get()?, [101, 99]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Topic<M: ?Sized + 'static> {
    shared: Arc<Subscribers<M>>,
}

/// See the module.
struct Subscribers<M: ?Sized + 'static> {
    version: AtomicU64,
    subscribers: Mutex<Vec<Subscribed<M>>>,
}

/// The standard library's `Arc`, because the checker's can't hold an unsized type. The protocol only needs
/// it to be freed once.
type Subscribed<M> = std::sync::Arc<Subscriber<dyn Fn(&M) -> Sent + Send + Sync>>;

struct Subscriber<D: ?Sized> {
    missed: AtomicU64,
    deliver: D,
}

/// What happened to one message at one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Delivered,
    Missed,
    /// The object accepts nothing any more.
    Stopped,
}

impl<M: ?Sized + 'static> Topic<M> {
    /// Creates a topic without subscribers.
    pub fn new() -> Self {
        let (version, subscribers) = (AtomicU64::new(0), Mutex::new(Vec::new()));
        Self { shared: Arc::new(Subscribers { version, subscribers }) }
    }

    /// Creates a publisher. Each thread that publishes needs one of its own.
    pub fn publisher(&self) -> Publisher<M> {
        Publisher { topic: self.clone(), seen: 0, known: Vec::new(), before: Vec::new() }
    }

    /// Subscribes an object: `deliver` turns each message into a request to it, on the publisher's thread.
    ///
    /// `deliver` receives a [guest](crate::Weak::guest) as its proxy, so a subscription doesn't keep the
    /// object alive. Its result says what happened:
    ///
    /// - `Ok`: the message was delivered.
    /// - [`Full`](SendError::Full) or [`WouldDeadlock`](SendError::WouldDeadlock): the subscriber has
    ///   [missed](Subscription::missed) the message, as it has if `deliver` panics. The closure itself may
    ///   instead wait, retry, or drop something else.
    /// - [`Stopped`](SendError::Stopped): the subscription ends.
    ///
    /// Publications that begin after this method has returned are delivered; one in progress may be.
    /// `deliver` is dropped after the subscription has ended, once each publisher that knew it has
    /// published again or was dropped.
    ///
    /// # Blocking
    /// Takes the lock of the topic's list. `deliver` runs without it, and may subscribe and unsubscribe.
    pub fn subscribe<S, P, A>(
        &self,
        proxy: &P,
        deliver: impl Fn(&S::Proxy<Guest>, &M) -> Result<(), SendError<A>> + Send + Sync + 'static,
    ) -> Subscription
    where
        S: Active,
        P: Proxy<S, Kind: SharedKind>,
        S::Proxy<Guest>: Send + Sync,
    {
        let guest = proxy.downgrade().guest();
        self.enter(move |message: &M| match deliver(&guest, message) {
            Ok(()) => Sent::Delivered,
            Err(SendError::Full(_) | SendError::WouldDeadlock(_)) => Sent::Missed,
            Err(SendError::Stopped(_)) => Sent::Stopped,
        })
    }

    pub(crate) fn enter(
        &self,
        deliver: impl Fn(&M) -> Sent + Send + Sync + 'static,
    ) -> Subscription {
        let subscriber: Subscribed<M> =
            std::sync::Arc::new(Subscriber { missed: AtomicU64::new(0), deliver });
        self.shared.add(subscriber.clone());
        let link = Link { topic: self.clone(), subscriber };
        Subscription { link: Box::new(link), is_detached: false }
    }

    /// How many subscriptions there are. One whose object has stopped counts until the next message.
    pub fn subscribers(&self) -> usize {
        self.shared.subscribers.lock().len()
    }
}

impl<M: ?Sized + 'static> Subscribers<M> {
    fn add(&self, subscriber: Subscribed<M>) {
        let mut subscribers = self.subscribers.lock();
        subscribers.push(subscriber);
        self.note_changed();
    }

    fn remove(&self, subscriber: &Subscribed<M>) {
        let at = std::sync::Arc::as_ptr(subscriber);
        let is_it = |other: &Subscribed<M>| ptr::addr_eq(std::sync::Arc::as_ptr(other), at);
        let mut subscribers = self.subscribers.lock();
        let Some(place) = subscribers.iter().position(is_it) else { return };
        let removed = subscribers.remove(place);
        self.note_changed();
        drop(subscribers);
        // Without the lock: the last reference drops the user's closure.
        drop_caught(removed);
    }

    /// Counts a change of the list, which is still locked.
    fn note_changed(&self) {
        // Relaxed: see the module. After the change: a publisher must not take the old list for the one
        // of the new version.
        self.version.fetch_add(1, Relaxed);
    }
}

impl<M: ?Sized + 'static> Clone for Topic<M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<M: ?Sized + 'static> Default for Topic<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: ?Sized + 'static> fmt::Debug for Topic<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("subscribers", &self.subscribers()).finish()
    }
}

/// Publishes to a [`Topic`]. A clone is another publisher, whose messages are ordered independently.
pub struct Publisher<M: ?Sized + 'static> {
    topic: Topic<M>,
    /// The version of `known`.
    seen: u64,
    known: Vec<Subscribed<M>>,
    /// The previous list while it is replaced, otherwise empty. It keeps its memory.
    before: Vec<Subscribed<M>>,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many mailboxes accepted it.
    pub delivered: usize,
    /// How many mailboxes had no room for it, or whose closure panicked.
    pub missed: usize,
}

impl<M: ?Sized + 'static> Publisher<M> {
    /// Sends the message to all subscribers, in the order of their subscriptions.
    ///
    /// Sleeping runners are woken after all requests are sent, as in a
    /// [`fan_out`](crate::fan_out()): 64 subscribers of one runner cost one wake-up.
    ///
    /// # Blocking
    /// Never, unless a subscriber's closure blocks. After a subscription has begun or ended it takes the
    /// lock of the topic's list once, to copy the list.
    /// # Panics
    /// Never: a closure's panic is caught, and the other subscribers receive the message.
    #[inline]
    pub fn publish(&mut self, message: &M) -> Published {
        // Relaxed: see the module.
        if self.topic.shared.version.load(Relaxed) != self.seen {
            self.look();
        }
        fan_out(|| self.send(message))
    }

    fn send(&self, message: &M) -> Published {
        let mut published = Published::default();
        for subscriber in &self.known {
            // A message is missed if the closure panics.
            let mut sent = Sent::Missed;
            caught(|| sent = (subscriber.deliver)(message));
            match sent {
                Sent::Delivered => published.delivered += 1,
                Sent::Missed => {
                    published.missed += 1;
                    // Relaxed: a count.
                    subscriber.missed.fetch_add(1, Relaxed);
                }
                Sent::Stopped => self.topic.shared.remove(subscriber),
            }
        }
        published
    }

    /// Copies the list.
    #[cold]
    fn look(&mut self) {
        let Self { topic, seen, known, before } = self;
        mem::swap(known, before);
        let subscribers = topic.shared.subscribers.lock();
        known.extend(subscribers.iter().cloned());
        // Relaxed: it changes only under this lock.
        *seen = topic.shared.version.load(Relaxed);
        drop(subscribers);
        // Without the lock: the last reference drops the user's closure.
        before.drain(..).for_each(drop_caught);
    }
}

impl<M: ?Sized + 'static> Clone for Publisher<M> {
    fn clone(&self) -> Self {
        self.topic.publisher()
    }
}

impl<M: ?Sized + 'static> fmt::Debug for Publisher<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// A subscription to a [`Topic`], which ends when this is dropped.
///
/// It also ends when its object does. It keeps the topic alive, but not the object.
#[must_use = "dropping it unsubscribes: keep it, or detach it"]
pub struct Subscription {
    link: Box<dyn Subscribes>,
    is_detached: bool,
}

/// A subscription, without the type of its messages.
trait Subscribes: Send + Sync {
    fn unsubscribe(&self);
    fn missed(&self) -> u64;
}

struct Link<M: ?Sized + 'static> {
    topic: Topic<M>,
    subscriber: Subscribed<M>,
}

impl<M: ?Sized + 'static> Subscribes for Link<M> {
    fn unsubscribe(&self) {
        self.topic.shared.remove(&self.subscriber);
    }

    fn missed(&self) -> u64 {
        // Relaxed: a count.
        self.subscriber.missed.load(Relaxed)
    }
}

impl Subscription {
    /// Ends the subscription. Publications that begin after this method has returned are not delivered. One
    /// in progress may be, and requests that are already in the mailbox are served.
    ///
    /// # Blocking
    /// Takes the lock of the topic's list.
    pub fn unsubscribe(self) {}

    /// Keeps the subscription for as long as the object lives.
    pub fn detach(mut self) {
        self.is_detached = true;
    }

    /// How many published messages were not delivered, because there was no room or the closure panicked.
    pub fn missed(&self) -> u64 {
        self.link.missed()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if !self.is_detached {
            self.link.unsubscribe();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("missed", &self.missed()).finish_non_exhaustive()
    }
}
