//! Answers that come after the method has returned.

use std::fmt;
use std::marker::PhantomData;

/// The result of a method that answers later: it says so, and carries nothing.
///
/// The method takes the call's [`Reply`](crate::Reply) from its context and keeps it, or hands it on;
/// callers see an ordinary `Call<R>`. The object serves other requests meanwhile. The reply may be sent
/// from anywhere, also from another thread. If it is dropped the call ends with
/// [`CallError::Dropped`](crate::CallError::Dropped), and with
/// [`Stopped`](crate::CallError::Stopped) if the object had ended; so does a call whose method returned
/// without having taken it (`Dropped`). What was told needs no answer, and what is sent to it is dropped.
///
/// The whole result is later or none of it: there is no `Option<Later<R>>`. The call has started when
/// the method runs, so a cancel comes too late: [`Reply::is_cancelled`](crate::Reply::is_cancelled) tells
/// of it. An abort ends the call at once, and what is sent to it later is dropped.
///
/// # Examples
/// A front that asks a backend, and waits for it without blocking their runner:
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
///                 reply.send(price + 7); // else it is dropped, and the call ends so
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
    /// Not `Send`: it is of use to its method alone.
    result: PhantomData<*const R>,
}

impl<R> Later<R> {
    /// For the context, which gives the reply along with it.
    pub(crate) fn new() -> Self {
        Self { result: PhantomData }
    }
}

impl<R> fmt::Debug for Later<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}
