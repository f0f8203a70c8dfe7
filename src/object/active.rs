//! What makes a plain struct the servant of an active object. `#[active]` writes this, and so can you.

use crate::mailbox::Kind;
use crate::object::context::Context;
use crate::proxy::proxy::Proxy;
use std::time::Instant;

/// A struct whose public methods can be called as requests.
///
/// The attribute [`active`](macro@crate::active) implements it. By hand it takes about 25 lines:
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
    /// One call of a method as a value: its arguments and its reply.
    type Request: Send + 'static;
    /// What callers hold.
    type Proxy<K: Kind>: Proxy<Self, Kind = K>;
    /// The type's name, for messages.
    const NAME: &'static str;
    /// The methods, in the order of [`method`](Self::method)'s numbers.
    const METHODS: &'static [Method];
    /// The largest [`reply_bytes`](crate::reply_bytes) of all results.
    const REPLY_BYTES: usize;

    /// The number of the method that a request calls.
    fn method(request: &Self::Request) -> usize;

    /// Runs the method that a request calls, on the runner's thread.
    ///
    /// Methods that take a [`Context`] receive this one.
    fn dispatch(&mut self, request: Self::Request, context: &mut Context<'_, Self>);

    /// Whether any method has a guard: then [`try_dispatch`](Self::try_dispatch) is called.
    const HAS_GUARDS: bool = false;

    /// Like [`dispatch`](Self::dispatch), unless the method has a guard that doesn't hold. For
    /// `#[active(guard = name)]`.
    ///
    /// # Errors
    /// Hands back the request, which is kept and tried again, and its call's deadline, when it is tried
    /// as well.
    fn try_dispatch(
        &mut self,
        request: Self::Request,
        context: &mut Context<'_, Self>,
    ) -> Result<(), (Self::Request, Option<Instant>)> {
        self.dispatch(request, context);
        Ok(())
    }

    /// Runs once, before the first request. For `#[active(on_start)]`.
    fn started(&mut self, context: &mut Context<'_, Self>) {
        let _ = context;
    }

    /// Runs once, after the last request, if the object was stopped or its last proxy is gone; not after
    /// a panic or an abort. For `#[active(on_stop)]`.
    fn stopping(&mut self, context: &mut Context<'_, Self>) {
        let _ = context;
    }

    /// Whether [`batch_ended`](Self::batch_ended) is called.
    const WANTS_BATCH_END: bool = false;

    /// Runs after each batch, before the runner serves another object: the place to flush. For
    /// `#[active(on_batch_end)]`.
    fn batch_ended(&mut self, batch: Batch, context: &mut Context<'_, Self>) {
        let _ = (batch, context);
    }
}

/// What a servant is told at the end of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// How many requests were served: 1 to [`BATCH_MAX`](crate::BATCH_MAX).
    pub served: usize,
    /// How many more requests wait in the mailbox; a hint.
    pub queued: usize,
}

/// What is known about a method without calling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name, as callers write it.
    pub name: &'static str,
    /// The names of its arguments.
    pub arguments: &'static [&'static str],
    /// Whether it has only the one-way form.
    pub is_oneway: bool,
}

impl Method {
    /// A method with a reply.
    pub const fn new(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, arguments, is_oneway: false }
    }

    /// A method that has only the one-way form.
    pub const fn oneway(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, arguments, is_oneway: true }
    }
}

/// How many bytes the arguments of one method may take in the mailbox.
///
/// The macro checks this at compile time; `#[active(boxed)]` on a method moves its arguments to the heap.
pub const REQUEST_BYTES_MAX: usize = 256;
