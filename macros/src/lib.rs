//! The attribute `#[active]` of Mainspring, which turns a struct's public methods into requests.
//!
//! Use it through the `mainspring` crate, which exports it and everything that it generates.

mod attributes;
mod block;
mod errors;
mod expand;
mod keys;
mod model;
mod names;
mod parse;
mod rules;

/// Makes the struct of an inherent impl block a servant, whose public methods become requests.
///
/// The struct and the impl don't change: the methods can still be called directly, as in tests. A struct
/// has one such block, and may have other impl blocks. For `impl Account` the macro adds these items, with
/// documentation. You could write each of them by hand.
///
/// | item | what it is |
/// |---|---|
/// | `AccountRequest` | an enum: one call of a method as a value, with its arguments and reply |
/// | `impl Active for Account` | runs a request's method |
/// | `AccountProxy` | calls the methods from any thread; `Clone` and `Debug` |
/// | `AccountTell` | what `proxy.tell()` gives: the methods without a reply |
/// | `AccountWith` | what `proxy.with(options)` gives: the methods with a deadline, a priority or a policy for a full mailbox, and `tell()` with the same options, unless the servant has a method of that name |
/// | `AccountCalls` | a trait with the proxy's calls, `deposit` and `reset`, without their other forms. The proxy and `Inline<Account>` implement it; a mock may |
///
/// ```text
/// #[active]
/// impl Account {
///     pub fn new() -> Self { … }                      // no receiver: left alone
///     pub fn deposit(&mut self, cents: i64) { … }     // a request
///     #[active(oneway)]
///     pub fn reset(&mut self) { … }                   // a request without a reply
///     fn check(&self) { … }                           // not `pub`: left alone
/// }
/// ```
///
/// From `pub fn m(&mut self, a: A, b: B) -> R` the proxy gets two methods, and `tell()` one:
///
/// | method | result |
/// |---|---|
/// | `proxy.m(a, b)` | `Call<R>`, already queued; a refusal arrives through it |
/// | `proxy.try_m(a, b)` | `Result<Call<R>, SendError<(A, B)>>` |
/// | `proxy.tell().m(a, b)` | `Result<(), SendError<(A, B)>>` |
///
/// `AccountCalls` has the same `m` as the proxy. It can be a `dyn` trait. Import it to call its methods in
/// other modules.
///
/// A refusal returns the arguments: `()` if there are none, the argument itself if there is one, or a
/// tuple.
///
/// A request is a `pub` method (`pub(crate)` and the like don't count) with `&self` or `&mut self`. All
/// generated items get its `#[cfg]`s. The proxy's methods get its documentation, `#[allow]`s and
/// `#[deprecated]`. All generated types get the impl's type and const parameters: `StackRequest<T>`,
/// `StackProxy<T, K>` and so on.
///
/// A method may also take a `&mut Context<Self>` among its arguments, for the runner's clock and timers.
/// The context is not part of the request.
///
/// A method that returns `Later<R>` answers after it has returned. Callers get a `Call<R>`. The method
/// takes the context, and gets the reply from it.
///
/// # Keys on a method
///
/// | key | effect |
/// |---|---|
/// | `#[active(oneway)]` | no reply; the proxy's method is the one of `tell()`, and there is no `try_` form |
/// | `#[active(boxed)]` | the arguments are sent in one `Box`, so they may be large |
/// | `#[active(rename = name)]` | callers know the method by this name |
/// | `#[active(skip)]` | not a request, although it is `pub` |
/// | `#[active(guard = name)]` | runs only when `fn name(&self, …) -> bool`, which takes the same arguments by reference, returns `true`; until then the request waits |
/// | `#[active(priority = urgent)]` | its requests are served before others; `normal` is the default, `bulk` comes last. `proxy.with(options)` can override it |
/// | `#[active(on_start)]` | not a request: called before the first one; takes `&mut Context<Self>` or nothing |
/// | `#[active(on_stop)]` | likewise after the last one, unless a panic or an abort ended the object |
/// | `#[active(on_batch_end)]` | likewise after each batch; may also take a `Batch`, which says how many requests it had and how many wait |
///
/// # Key on the impl
///
/// `#[active(crate = path)]` gives the path of the library if it isn't `::mainspring`.
///
/// # Errors
///
/// One build reports all mistakes of a block, each at its place and with a way to fix it:
///
/// - on anything but an inherent impl block, on one with a lifetime, or without any request;
/// - a method that is `async`, `unsafe` or generic, or takes `self` by value or in a `Box`;
/// - an argument or a result that borrows (other than `'static`) or is `impl Trait`; an argument
///   that is a pattern, conditional, variadic, or `dyn Trait`; a result of type `!`;
/// - `Later<R>` without the context, or inside another result;
/// - two requests whose generated names are the same, such as `try_x` beside `x`, or `a_b` beside `a__b`;
/// - keys that are unknown, repeated, conditional, in conflict, or without effect; `oneway` with a
///   result; `rename` with anything but an identifier.
///
/// The compiler reports the rest at the type in question: an argument or a result that is not
/// `Send + 'static`, and arguments that together take more than `REQUEST_BYTES_MAX`, which are
/// never boxed silently. The latter is checked for a generic servant when its code is generated,
/// by `cargo build` rather than `cargo check`.
#[proc_macro_attribute]
pub fn active(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    block::active(arguments.into(), item.into()).into()
}
