//! Topics: what one publishes reaches the mailbox of each that has subscribed.
//!
//! A publisher keeps a list of its own, and compares the topic's version before each message. While
//! nobody subscribes or unsubscribes a publication therefore takes no lock and allocates nothing: one
//! load, and a push for each subscriber. After a change each publisher takes the lock once, and copies
//! the list.
//!
//! | word | meaning | moved by |
//! |---|---|---|
//! | `version` | how often the list has changed | whoever changes the list: after that, under its lock |
//! | `subscribers` | who is subscribed now | under its lock: `subscribe`, `unsubscribe`, a publisher that finds an object stopped |
//! | a publisher's `known` | the list as it was at the version `seen` | that publisher |
//!
//! A change that has returned is seen by each publication that begins after it: the version has been
//! stored before, and a word is never read older than it is known to be. So the version needs no
//! ordering of its own; the list behind it is read under the lock.

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

/// A place where messages of one type are published, and objects subscribe to them. Clone it: all
/// clones are one topic.
///
/// Each message reaches the mailbox of each subscriber once, those of one publisher in the order
/// published. Messages of two publishers have no common order: two subscribers may see them in
/// different ones. A subscriber whose mailbox is full misses the message, or does what its closure
/// says; nobody else waits for it.
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
/// let mut publisher = prices.publisher(); // one for each thread that publishes
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

/// The standard library's, because the checker's can't hold what has no size. The protocol needs
/// nothing of it but that it is freed once.
type Subscribed<M> = std::sync::Arc<Subscriber<dyn Fn(&M) -> Sent + Send + Sync>>;

struct Subscriber<D: ?Sized> {
    missed: AtomicU64,
    deliver: D,
}

/// What became of one message at one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Delivered,
    Missed,
    /// It takes nothing any more.
    Stopped,
}

impl<M: ?Sized + 'static> Topic<M> {
    /// A topic that nobody has subscribed to.
    pub fn new() -> Self {
        let (version, subscribers) = (AtomicU64::new(0), Mutex::new(Vec::new()));
        Self { shared: Arc::new(Subscribers { version, subscribers }) }
    }

    /// A publisher: one for each thread that publishes.
    pub fn publisher(&self) -> Publisher<M> {
        Publisher { topic: self.clone(), seen: 0, known: Vec::new(), before: Vec::new() }
    }

    /// Has `deliver` turn each message into a request to the object, on the publisher's thread.
    ///
    /// What it gets as a proxy is a [guest](crate::Weak::guest): a subscription doesn't keep the
    /// object. What it returns says what happened. If the mailbox was [full](SendError::Full) the
    /// subscriber has [missed](Subscription::missed) the message, and so it has if `deliver` panics;
    /// to wait, to retry or to shed something else is the closure's to choose. If the object has
    /// [stopped](SendError::Stopped) its subscription ends.
    ///
    /// Publications that begin after this has returned are delivered; one in progress may be.
    /// `deliver` and what it has captured are dropped once it is unsubscribed and each publisher that
    /// knew it has published again, or was dropped.
    ///
    /// # Blocking
    /// For the lock of the topic's list. `deliver` runs without it, and may subscribe and unsubscribe.
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

    /// How many are subscribed. An object that has stopped counts until a message finds that out.
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
        // Without the lock: the last one to go drops what is the user's.
        drop_caught(removed);
    }

    /// Says that the list has changed, which is locked still.
    fn note_changed(&self) {
        // Relaxed: see the module. After the change: a publisher must not take the old list for that
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

/// Publishes to a [`Topic`]. A clone is another publisher, whose messages have an order of their own.
pub struct Publisher<M: ?Sized + 'static> {
    topic: Topic<M>,
    /// Which version of the list is known.
    seen: u64,
    known: Vec<Subscribed<M>>,
    /// The list before it, while the two change places; else empty.
    before: Vec<Subscribed<M>>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// So many mailboxes have accepted it.
    pub delivered: usize,
    /// So many had no room for it, or their closure panicked.
    pub missed: usize,
}

impl<M: ?Sized + 'static> Publisher<M> {
    /// Sends the message to everybody who is subscribed, in the order of their subscriptions.
    ///
    /// Runners that the requests find asleep are woken when all have theirs, as in a
    /// [`fan_out`](crate::fan_out()): 64 subscribers of one runner cost one wake-up.
    ///
    /// # Blocking
    /// Never, but for a subscriber's closure that does. Only after somebody has subscribed or
    /// unsubscribed it takes the lock of the topic's list, once, to copy that.
    /// # Panics
    /// Never: a closure's panic is caught, and the others get the message.
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
            // If it panics, the message is missed.
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
        // Relaxed: changed under this lock only.
        *seen = topic.shared.version.load(Relaxed);
        drop(subscribers);
        // Without the lock: the last one to go drops what is the user's.
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

/// A place among the subscribers of a [`Topic`]: given up when this is dropped.
///
/// It also ends with the object. Whoever holds it holds the topic too, and no object.
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
    /// Ends it. No publication that begins after this has returned is delivered; one in progress may
    /// be, and so may be what waits in the mailbox.
    ///
    /// # Blocking
    /// For the lock of the topic's list.
    pub fn unsubscribe(self) {}

    /// Lets it go on for as long as the object lives.
    pub fn detach(mut self) {
        self.is_detached = true;
    }

    /// How many messages were published and not delivered, since there was no room or the closure
    /// panicked.
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
