//! What makes a plain struct an active object's servant. `#[active]` writes this; so can you.

use crate::mailbox::Kind;
use crate::object::context::Context;
use crate::proxy::proxy::Proxy;
use std::time::Instant;

/// A struct whose public methods can be called as requests.
///
/// The attribute [`active`](macro@crate::object::active) implements it. By hand it takes about 25 lines:
///
/// ```
/// use mainspring::prelude::*;
/// use mainspring::{Bound, Handle, Method, Options, Reply, mailbox::{Kind, Mpsc}, reply_bytes, reply_bytes_max};
///
/// struct Counter { total: u64 }
/// enum CounterRequest { Add { by: u64, reply: Reply<u64> } }
/// struct CounterProxy<K: Kind = Mpsc>(Handle<Counter, K>);
///
/// impl Active for Counter {
///     type Request = CounterRequest;
///     type Proxy<K: Kind> = CounterProxy<K>;
///     const NAME: &'static str = "Counter";
///     const METHODS: &'static [Method] = &[Method::new("add", &["by"])];
///     const REPLY_BYTES: usize = reply_bytes_max(&[reply_bytes::<u64>()]);
///     fn method(_: &CounterRequest) -> usize { 0 }
///     fn dispatch(&mut self, request: CounterRequest, _: &mut Context<Self>) {
///         let CounterRequest::Add { by, reply } = request;
///         reply.serve(|| { self.total += by; self.total })
///     }
/// }
///
/// impl<K: Kind> Proxy<Counter> for CounterProxy<K> {
///     type Kind = K;
///     type Tell<'a> = &'a Handle<Counter, K>;
///     type With<'a> = Bound<'a, Counter, K>;
///     fn from_handle(handle: Handle<Counter, K>) -> Self { Self(handle) }
///     fn handle(&self) -> &Handle<Counter, K> { &self.0 }
///     fn with(&self, options: Options) -> Bound<'_, Counter, K> { Bound::new(&self.0, options) }
///     fn tell(&self) -> &Handle<Counter, K> { &self.0 }
/// }
///
/// impl<K: Kind> CounterProxy<K> {
///     fn add(&self, by: u64) -> Call<u64> { self.0.call(|reply| CounterRequest::Add { by, reply }) }
/// }
///
/// let counter = mainspring::spawn(Counter { total: 40 })?;
/// assert_eq!(counter.add(2).get()?, 42);
/// counter.tell().tell(CounterRequest::Add { by: 1, reply: Reply::none() })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Active: Sized + 'static {
    /// One call of a method, with its arguments and its reply, as a value.
    type Request: Send + 'static;
    /// What callers hold.
    type Proxy<K: Kind>: Proxy<Self, Kind = K>;
    /// The type's name, for messages.
    const NAME: &'static str;
    /// The methods, in the order of [`method`](Self::method)'s numbers.
    const METHODS: &'static [Method];
    /// The largest [`reply_bytes`](crate::reply_bytes) of the results.
    const REPLY_BYTES: usize;

    /// The number of the method that a request calls.
    fn method(request: &Self::Request) -> usize;

    /// Runs the method that a request calls, on the runner's thread.
    ///
    /// Methods that take a [`Context`] get this one.
    fn dispatch(&mut self, request: Self::Request, context: &mut Context<'_, Self>);

    /// Whether any method has a guard, so that [`try_dispatch`](Self::try_dispatch) is to be called.
    const HAS_GUARDS: bool = false;

    /// As [`dispatch`](Self::dispatch), unless the method has a guard that doesn't hold. For
    /// `#[active(guard = name)]`.
    ///
    /// # Errors
    /// The request, which is kept and tried again, and its call's deadline: it is tried then too.
    fn try_dispatch(
        &mut self,
        request: Self::Request,
        context: &mut Context<'_, Self>,
    ) -> Result<(), (Self::Request, Option<Instant>)> {
        self.dispatch(request, context);
        Ok(())
    }

    /// Runs once, before the first request. `#[active(on_start)]` on a method has it called here.
    fn started(&mut self, context: &mut Context<'_, Self>) {
        let _ = context;
    }

    /// Runs once, after the last request, on an object that was stopped or whose last proxy is gone;
    /// not after a panic or an abort. For `#[active(on_stop)]`.
    fn stopping(&mut self, context: &mut Context<'_, Self>) {
        let _ = context;
    }

    /// Whether [`batch_ended`](Self::batch_ended) is to be called.
    const WANTS_BATCH_END: bool = false;

    /// Runs after each batch, before the runner turns to another object: flush now. For
    /// `#[active(on_batch_end)]`.
    fn batch_ended(&mut self, batch: Batch, context: &mut Context<'_, Self>) {
        let _ = (batch, context);
    }
}

/// What a servant is told when a batch has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// How many requests it had: 1 to [`BATCH_MAX`](crate::BATCH_MAX).
    pub served: usize,
    /// How many more wait in the mailbox, as far as can be seen.
    pub queued: usize,
}

/// What is known of a method before any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// As callers write it.
    pub name: &'static str,
    /// The arguments' names.
    pub arguments: &'static [&'static str],
    /// Whether only the one-way form exists.
    pub is_oneway: bool,
}

impl Method {
    /// A method with a reply.
    pub const fn new(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, arguments, is_oneway: false }
    }

    /// A method that is only ever told.
    pub const fn oneway(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, arguments, is_oneway: true }
    }
}

/// The arguments of one method may take this many bytes in the mailbox.
///
/// The macro checks it at compile time; `#[active(boxed)]` on a method moves them to the heap.
pub const REQUEST_BYTES_MAX: usize = 256;
