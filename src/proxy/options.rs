//! What one call may ask for beside its arguments.

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

/// What one call asks for: `proxy.with(options).method(…)`.
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
    /// In place of the object's own, if it says something.
    pub(crate) deadline: Option<Option<Instant>>,
    pub(crate) priority: Option<Priority>,
    pub(crate) on_full: Option<OnFull>,
}

impl Options {
    /// Asks for nothing.
    #[inline(always)]
    pub const fn new() -> Self {
        Self { deadline: None, priority: None, on_full: None }
    }

    /// The method doesn't start at that time or later: when the call's turn comes, it ends with
    /// [`CallError::Expired`](crate::CallError::Expired). A method that has started isn't interrupted;
    /// it can read [`Context::deadline`](crate::Context::deadline).
    ///
    /// This is no limit on a wait: a call that has expired behind a slow one ends when its turn comes.
    /// Calls alone have deadlines: for a one-way request that must not run late, call and
    /// [`detach`](crate::Call::detach).
    pub const fn deadline(mut self, at: Instant) -> Self {
        self.deadline = Some(Some(at));
        self
    }

    /// The same, so long from now. Beyond the clock's range there is no deadline: so `Duration::MAX`
    /// lifts the object's own ([`Spawn::call_timeout`](crate::Spawn::call_timeout)).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Some(environment::now().checked_add(limit));
        self
    }

    /// The lane it goes through, whatever the method's key says.
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    #[inline(always)]
    fn asks_for_nothing(self) -> bool {
        self.deadline.is_none() && self.priority.is_none() && self.on_full.is_none()
    }

    /// What becomes of it when the lane is full, whatever the object says.
    pub const fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = Some(on_full);
        self
    }
}

/// A handle with options for the calls made through it. What `with` of a generated proxy gives wraps
/// one.
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
    /// Binds options to a handle.
    #[inline(always)]
    pub fn new(handle: &'a Handle<S, K>, options: Options) -> Self {
        Self { handle, options }
    }

    /// The same with this priority, unless the options ask for one. For methods with a key.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, priority: Priority) -> Self {
        let mut options = self.options;
        options.priority = options.priority.or(Some(priority));
        Self { handle: self.handle, options }
    }

    /// As [`Handle::call`], with the options.
    #[inline]
    pub fn call<R: Send + 'static>(&self, make: impl FnOnce(Reply<R>) -> S::Request) -> Call<R> {
        match self.try_call(make) {
            Ok(call) => call,
            Err(error) => failed(error),
        }
    }

    /// As [`Handle::try_call`], with the options.
    ///
    /// # Errors
    /// As there.
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

    /// As [`Handle::tell`], with the options; but for the deadline, which calls alone have.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn tell(&self, request: S::Request) -> Result<(), SendError<S::Request>> {
        // Known where it was made without options, as by `proxy.tell()`: then this is the plain way.
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
