//! Options for single calls, beside the method's arguments.

use crate::mailbox::Kind;
use crate::object::active::Active;
use crate::object::overflow::OnFull;
use crate::object::priority::Priority;
use crate::proxy::handle::{Handle, failed};
use crate::reply::call::Call;
use crate::reply::error::SendError;
use crate::reply::reply::Reply;
use crate::runner::environment;
use std::fmt;
use std::time::{Duration, Instant};

/// Options for single calls: `proxy.with(options).method(…)`.
///
/// ```
/// use mainspring::prelude::*;
/// use mainspring::Options;
/// use std::time::{Duration, Instant};
///
/// struct Quotes;
/// #[active]
/// impl Quotes {
///     pub fn price(&self, cx: &mut Context<Self>) -> Option<Duration> {
///         cx.deadline().map(|at| at.saturating_duration_since(cx.now()))
///     }
/// }
///
/// let quotes = mainspring::spawn(Quotes)?;
/// let soon = Options::new().timeout(Duration::from_secs(60));
/// assert!(quotes.with(soon).price().get()? > Some(Duration::from_secs(50)));
/// let past = Options::new().deadline(Instant::now());
/// assert_eq!(quotes.with(past).price().get(), Err(CallError::Expired));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Options {
    /// In place of the object's own. `Some(None)`: no deadline.
    pub(crate) deadline: Option<Option<Instant>>,
    pub(crate) priority: Option<Priority>,
    pub(crate) on_full: Option<OnFull>,
}

impl Options {
    /// No options: the object's own settings apply.
    #[inline(always)]
    pub const fn new() -> Self {
        Self { deadline: None, priority: None, on_full: None }
    }

    /// Sets a deadline for the start of the method. If the object reaches the request at that time or
    /// later, it skips the method, and the call ends with [`CallError::Expired`](crate::CallError::Expired).
    ///
    /// A method that has started isn't interrupted; it can read
    /// [`Context::deadline`](crate::Context::deadline). The deadline doesn't limit a wait: a call that has
    /// expired behind a slow one ends only when the object reaches it. One-way requests have no deadline:
    /// for one that must not run late, make a call and [`detach`](crate::Call::detach) it.
    pub const fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(Some(at));
        self
    }

    /// Sets the [deadline](Self::deadline) to `limit` from now. A deadline beyond the clock's range is none,
    /// so `Duration::MAX` lifts the object's own ([`Spawn::call_timeout`](crate::Spawn::call_timeout)).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Some(environment::now().checked_add(limit));
        self
    }

    /// Sets the request's priority, in place of the method's own.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    #[inline(always)]
    fn asks_for_nothing(self) -> bool {
        self.deadline.is_none() && self.priority.is_none() && self.on_full.is_none()
    }

    /// Sets what happens if the mailbox has no room, in place of the object's own setting.
    pub const fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = Some(on_full);
        self
    }
}

/// A handle with options for the requests sent through it. Generated proxies wrap one in what `with`
/// returns.
pub struct Bound<'a, S: Active, K: Kind> {
    handle: &'a Handle<S, K>,
    options: Options,
}

impl<S: Active, K: Kind> Clone for Bound<'_, S, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Active, K: Kind> Copy for Bound<'_, S, K> {}

impl<'a, S: Active, K: Kind> Bound<'a, S, K> {
    /// Creates a handle with options.
    #[inline(always)]
    pub fn new(handle: &'a Handle<S, K>, options: Options) -> Self {
        Self { handle, options }
    }

    /// The same handle, with this priority unless the options set one. For methods with a priority key.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, priority: Priority) -> Self {
        let mut options = self.options;
        options.priority = options.priority.or(Some(priority));
        Self { handle: self.handle, options }
    }

    /// Like [`Handle::call`], with the options.
    #[inline]
    pub fn call<R: Send + 'static>(&self, make: impl FnOnce(Reply<R>) -> S::Request) -> Call<R> {
        self.try_call(make).unwrap_or_else(failed)
    }

    /// Like [`Handle::try_call`], with the options.
    ///
    /// # Errors
    /// Those of [`Handle::try_call`].
    #[inline]
    pub fn try_call<R: Send + 'static>(
        &self,
        make: impl FnOnce(Reply<R>) -> S::Request,
    ) -> Result<Call<R>, SendError<S::Request>> {
        match self.options.asks_for_nothing() {
            true => self.handle.try_call(make),
            false => self.handle.call_specially(self.options, make),
        }
    }

    /// Like [`Handle::tell`], with the options. The deadline doesn't apply: only calls have one.
    ///
    /// # Errors
    /// Those of [`Handle::tell`].
    #[inline]
    pub fn tell(&self, request: S::Request) -> Result<(), SendError<S::Request>> {
        // The compiler knows it where there are no options, as in `proxy.tell()`, and keeps the plain path.
        match self.options.asks_for_nothing() {
            true => self.handle.tell(request),
            false => self.handle.send_specially(self.options, request),
        }
    }
}

impl<S: Active, K: Kind> fmt::Debug for Bound<'_, S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("With").field("proxy", self.handle).field("options", &self.options).finish()
    }
}
