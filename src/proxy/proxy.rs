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

/// What every proxy can do, beside the servant's own methods.
///
/// These are a trait's methods, so a servant may have methods of the same names: write
/// `Proxy::stop(&account)` then. `S` is the struct that serves; it is a parameter, not an associated
/// type, so that a public proxy may serve a private struct.
pub trait Proxy<S: Active>: Sized {
    /// The kind of mailbox.
    type Kind: Kind;
    /// The one-way form of the methods.
    type Tell<'a>
    where
        Self: 'a;
    /// The methods with options: [`Bound`](crate::Bound), or what wraps it.
    type With<'a>
    where
        Self: 'a;

    /// Wraps a handle. The engine calls it.
    fn from_handle(handle: Handle<S, Self::Kind>) -> Self;

    /// What this proxy is made of.
    fn handle(&self) -> &Handle<S, Self::Kind>;

    /// The one-way form: no reply cell, and a refusal gives the arguments back.
    fn tell(&self) -> Self::Tell<'_>;

    /// The same methods, for requests that ask for more: a deadline, a priority, to wait for room.
    fn with(&self, options: Options) -> Self::With<'_>;

    /// A proxy that doesn't keep the object. Not of a single producer's: there is only one of those.
    fn downgrade(&self) -> Weak<S, Self::Kind>
    where
        Self::Kind: ClonedKind,
    {
        Weak::of(self.handle().held())
    }

    /// Ends admission; everything accepted is served, calls that the object waits for
    /// ([`Context::then`](crate::Context::then)) are gone on with, then it ends. Idempotent.
    fn stop(&self) {
        stop(self.handle().ring());
    }

    /// Ends every pending call at once with [`CallError::Stopped`](crate::CallError::Stopped), also while
    /// the servant is stuck in a method, and stops. A method that runs goes on to its end.
    fn abort(&self) {
        abort(self.handle().ring());
    }

    /// Whether admission has ended.
    fn is_stopped(&self) -> bool {
        self.handle().ring().is_closed()
    }

    /// Runs `monitor` once, with the object's end: on its runner's thread, when the servant was dropped,
    /// its hooks have run and its name is free; or here and now, if that is over.
    ///
    /// It holds nothing of the object: the object ends when its last proxy is dropped, with monitors
    /// or without. To tell another object of the end, let the closure keep a proxy of that one. A
    /// monitor's panic is caught, and reported to nobody.
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

    /// How the object ended, once it has.
    fn exit(&self) -> Option<Exit> {
        self.handle().shared().exits().end()
    }

    /// Waits for the object's end; `None` when time was up first. It doesn't stop the object.
    ///
    /// # Blocking
    /// For up to `limit`. On the object's own runner it doesn't wait: that would delay what it waits for.
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

    /// How many requests fit, of normal priority.
    fn capacity(&self) -> usize {
        self.handle().shared().policy().capacity
    }

    /// How many requests from other threads are accepted and not yet served, of any priority; a hint.
    fn queued(&self) -> usize {
        let handle = self.handle();
        handle.ring().len() + handle.shared().priority_lanes().len()
    }

    /// How many requests were refused since the start.
    fn refused(&self) -> u64 {
        // Relaxed: a count.
        self.handle().ring().refused().load(Relaxed)
    }

    /// How many requests were dropped for want of room since the start: see
    /// [`OnFull::DropNewest`](crate::OnFull::DropNewest),
    /// [`Spawn::shed_oldest`](crate::Spawn::shed_oldest).
    fn shed(&self) -> u64 {
        self.handle().shared().shed_count()
    }
}

/// For generated code: a refused request that is not the one that was sent.
#[doc(hidden)]
pub fn wrong_request() -> ! {
    unreachable!("a refused request is the one that was sent")
}

/// For generated code: fails to compile, at the type's own place, if it can't travel.
#[doc(hidden)]
pub const fn sendable<T: Send + 'static>() {}
