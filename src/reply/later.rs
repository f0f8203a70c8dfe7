//! Answers that are sent after the method has returned.

use std::fmt;
use std::marker::PhantomData;

/// The return type of a method that answers later. It is a marker without content.
///
/// The method takes the call's [`Reply`](crate::Reply) from its context
/// ([`Context::later`](crate::Context::later)) and keeps it or passes it on. Meanwhile the object serves
/// other requests. The reply can be sent from any thread. Callers see an ordinary `Call<R>`.
///
/// - If the reply is dropped, the call ends with [`CallError::Dropped`](crate::CallError::Dropped), or with
///   [`Stopped`](crate::CallError::Stopped) if the object had ended.
/// - If the method returns without taking the reply, the call ends with `Dropped`.
/// - A one-way request needs no answer: one that is sent is dropped.
/// - A cancel is too late once the method runs; [`Reply::is_cancelled`](crate::Reply::is_cancelled)
///   reports the attempt.
/// - An abort ends the call at once, and an answer sent afterwards is dropped.
///
/// A method that answers later always does: there is no `Option<Later<R>>`.
///
/// # Examples
/// A front that asks a backend, without blocking the runner that both share:
/// ```
/// use mainspring::{prelude::*, Later};
///
/// struct Backend;
/// #[active]
/// impl Backend {
///     pub fn price(&self, item: u32) -> u64 { u64::from(item) * 100 }
/// }
///
/// struct Front { backend: BackendProxy, asked: u64 }
/// #[active]
/// impl Front {
///     pub fn price(&mut self, item: u32, cx: &mut Context<Self>) -> Later<u64> {
///         let (later, reply) = cx.later();
///         cx.then(self.backend.price(item), |front, _, price| {
///             front.asked += 1;
///             if let Ok(price) = price {
///                 reply.send(price + 7); // otherwise it is dropped, and the call ends with `Dropped`
///             }
///         });
///         later
///     }
///     pub fn asked(&self) -> u64 { self.asked }
/// }
///
/// let engine = Engine::builder().runner(Runner::named("shop")).start()?;
/// let backend = engine.spawn("backend", || Backend).start()?;
/// let front = engine.spawn("front", move || Front { backend, asked: 0 }).start()?;
/// assert_eq!(front.price(3).get()?, 307);
/// assert_eq!(front.asked().get()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "return it from the method"]
pub struct Later<R> {
    /// Not `Send`: only its own method needs it.
    result: PhantomData<*const R>,
}

impl<R> Later<R> {
    /// For the context, which hands it out together with the reply.
    pub(crate) fn new() -> Self {
        Self { result: PhantomData }
    }
}

impl<R> fmt::Debug for Later<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}
