//! The caller's side: a [`Proxy`] turns method calls into requests and sends them.

use crate::mailbox::sealed::SharedRing as _;
use crate::mailbox::{ClonedKind, Kind};
use crate::object::active::Active;
use crate::object::control::{abort, stop};
use crate::object::exit::Exit;
use crate::proxy::handle::Handle;
use crate::proxy::options::Options;
use crate::proxy::weak::Weak;
use crate::runner::environment;
use crate::runner::park::Parker;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What every proxy can do, beside calling the servant's own methods.
///
/// These are methods of a trait, so a servant may have methods of the same names. Then write
/// `Proxy::stop(&account)`. `S` is the servant; it is a parameter, not an associated type, so that a public
/// proxy may serve a private struct.
pub trait Proxy<S: Active>: Sized {
    /// The kind of mailbox.
    type Kind: Kind;
    /// The one-way form of the methods.
    type Tell<'a>
    where
        Self: 'a;
    /// The methods with options: [`Bound`](crate::Bound) or a wrapper of it.
    type With<'a>
    where
        Self: 'a;

    /// Wraps a handle. Called by the engine.
    fn from_handle(handle: Handle<S, Self::Kind>) -> Self;

    /// The handle that this proxy wraps.
    fn handle(&self) -> &Handle<S, Self::Kind>;

    /// The same methods as one-way requests: without a reply, and an error returns the arguments.
    fn tell(&self) -> Self::Tell<'_>;

    /// The same methods with [`Options`]: a deadline, a priority, what happens if the mailbox is full.
    fn with(&self, options: Options) -> Self::With<'_>;

    /// A weak proxy, which doesn't keep the object alive. Not available for an object with a single producer.
    fn downgrade(&self) -> Weak<S, Self::Kind>
    where
        Self::Kind: ClonedKind,
    {
        Weak::of(self.handle().held())
    }

    /// Stops the object. It refuses further requests, serves those that it has accepted, runs the
    /// continuations of the calls that it waits for ([`Context::then`](crate::Context::then)), then ends.
    /// Idempotent.
    fn stop(&self) {
        stop(self.handle().ring());
    }

    /// Stops the object and ends every pending call at once, with
    /// [`CallError::Stopped`](crate::CallError::Stopped), even while the servant is stuck in a method. A method
    /// that is running isn't interrupted.
    fn abort(&self) {
        abort(self.handle().ring());
    }

    /// Whether the object refuses further requests, because it has stopped or is stopping.
    fn is_stopped(&self) -> bool {
        self.handle().ring().is_closed()
    }

    /// Runs `monitor` once, when the object has ended: its hooks have run, its servant is dropped, and its
    /// name is free. It runs on the object's runner, or immediately on this thread if the object has
    /// already ended.
    ///
    /// A monitor doesn't keep the object alive. To notify another object, capture a proxy of that one. A
    /// panic of the monitor is caught, and not reported.
    ///
    /// ```
    /// use mainspring::prelude::*;
    /// use mainspring::{Exit, ExitReason};
    /// use std::time::Duration;
    ///
    /// #[derive(Default)]
    /// struct Janitor { gone: Vec<Exit> }
    /// #[active]
    /// impl Janitor {
    ///     pub fn note(&mut self, exit: Exit) { self.gone.push(exit) }
    ///     pub fn gone(&self) -> Vec<Exit> { self.gone.clone() }
    /// }
    /// struct Session;
    /// #[active]
    /// impl Session {
    ///     pub fn work(&self) {}
    /// }
    ///
    /// let janitor = mainspring::spawn(Janitor::default())?;
    /// let session = mainspring::spawn(Session)?;
    /// let to = janitor.clone();
    /// session.on_exit(move |exit| to.note(exit).detach());
    /// session.stop();
    /// let exit = session.wait_exit(Duration::from_secs(60)).unwrap();
    /// assert_eq!(exit.reason, ExitReason::Stopped);
    /// # while janitor.gone().get()?.is_empty() { std::thread::yield_now() }
    /// assert_eq!(janitor.gone().get()?, [exit]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn on_exit(&self, monitor: impl FnOnce(Exit) + Send + 'static) {
        self.handle().shared().exits().watch(Box::new(monitor));
    }

    /// How the object ended; `None` until then.
    fn exit(&self) -> Option<Exit> {
        self.handle().shared().exits().end()
    }

    /// Waits until the object has ended; `None` if it hasn't within `limit`. It doesn't stop the object.
    ///
    /// # Blocking
    /// For up to `limit`. On the object's own runner it returns at once: waiting there would delay the end.
    fn wait_exit(&self, limit: Duration) -> Option<Exit> {
        let shared = self.handle().shared();
        if shared.remote().is_mine() {
            return self.exit();
        }
        let deadline = environment::now().checked_add(limit);
        shared.exits().wait_until(deadline, &Parker::of_this_thread())
    }

    /// The object's name, if it has one.
    fn name(&self) -> Option<&str> {
        self.handle().shared().name()
    }

    /// How many requests of normal priority fit into the mailbox.
    fn capacity(&self) -> usize {
        self.handle().shared().policy().capacity
    }

    /// How many requests of other threads, of any priority, have been accepted and not yet served. A hint.
    fn queued(&self) -> usize {
        let handle = self.handle();
        handle.ring().len() + handle.shared().priority_lanes().len()
    }

    /// How many requests have been refused so far.
    fn refused(&self) -> u64 {
        // Relaxed: a count.
        self.handle().ring().refused().load(Relaxed)
    }

    /// How many requests have been dropped so far because there was no room: see
    /// [`OnFull::DropNewest`](crate::OnFull::DropNewest) and
    /// [`Spawn::shed_oldest`](crate::Spawn::shed_oldest).
    fn shed(&self) -> u64 {
        self.handle().shared().shed_count()
    }
}

/// For generated code: the request that was returned isn't the one that was sent.
#[doc(hidden)]
pub fn wrong_request() -> ! {
    unreachable!("a refused request is the one that was sent")
}

/// For generated code: reports a type that can't be sent to another thread at the type's own place.
#[doc(hidden)]
pub const fn sendable<T: Send + 'static>() {}
