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
/// The struct and the impl stay as they are: the methods can still be called directly, as in
/// tests. A struct has one such block; others stay beside it. For `impl Account`, these items are added, documented, and each possible by hand:
///
/// | item | what it is |
/// |---|---|
/// | `AccountRequest` | an enum: one call of a method as a value, with its arguments and reply |
/// | `impl Active for Account` | runs a request's method |
/// | `AccountProxy` | calls the methods from any thread; `Clone` and `Debug` |
/// | `AccountTell` | what `proxy.tell()` gives: the methods without a reply |
/// | `AccountWith` | what `proxy.with(options)` gives: the methods with a deadline, a priority, a policy for a full mailbox; and `tell()` with these, unless the servant has a method of that name |
/// | `AccountCalls` | a trait with the proxy's calls: `deposit`, `reset`, and no other forms. The proxy implements it, and so does `Inline<Account>`; a mock may |
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
/// | `proxy.m(a, b)` | `Call<R>`, queued already; a refusal arrives through it |
/// | `proxy.try_m(a, b)` | `Result<Call<R>, SendError<(A, B)>>` |
/// | `proxy.tell().m(a, b)` | `Result<(), SendError<(A, B)>>` |
///
/// `AccountCalls` has `m` as the proxy has it. It can be a `dyn` trait; in other modules, `use` it to call
/// its methods.
///
/// A refusal gives the arguments back: `()` if there are none, the bare one, or a tuple.
///
/// A request is a `pub` method (`pub(crate)` and the like do not count) with `&self` or
/// `&mut self`. Its `#[cfg]`s go with it to all that is generated, its documentation, `#[allow]`s
/// and `#[deprecated]` to the proxy's methods. Type and const parameters of the impl go to all
/// generated types, which are then `StackRequest<T>`, `StackProxy<T, K>` and so on.
///
/// A method may also take `&mut Context<Self>`, anywhere among its arguments: the runner's clock and
/// timers, which are no part of the request.
///
/// A method that returns `Later<R>` answers after it has returned: callers get a `Call<R>`, and the reply
/// is to be had from the context, which such a method takes.
///
/// # Keys on a method
///
/// | key | effect |
/// |---|---|
/// | `#[active(oneway)]` | no reply; the proxy's method is then that of `tell()`, without `try_` |
/// | `#[active(boxed)]` | the arguments travel in one `Box`, so that they may be large |
/// | `#[active(rename = name)]` | callers know the method by this name |
/// | `#[active(skip)]` | no request, although `pub` |
/// | `#[active(guard = name)]` | runs only once `fn name(&self, …) -> bool`, which takes the same arguments by reference, says `true`; until then it waits with the object |
/// | `#[active(priority = urgent)]` | its requests go before others; `normal` says nothing, `bulk` lets them wait. `proxy.with(options)` may say otherwise |
/// | `#[active(on_start)]` | no request: called before the first one; takes `&mut Context<Self>` or nothing |
/// | `#[active(on_stop)]` | the same after the last one, unless a panic or an abort ended the object |
/// | `#[active(on_batch_end)]` | the same after each batch; may take a `Batch` too, which says how many it had and how many wait |
///
/// # Key on the impl
///
/// `#[active(crate = path)]` says where the library is, if not at `::mainspring`.
///
/// # Errors
///
/// All mistakes of a block are reported in one build, each where it stands and with a way out:
///
/// - on anything but an inherent impl block, on one with a lifetime, or without any request;
/// - a method that is `async`, `unsafe` or generic, or takes `self` by value or in a `Box`;
/// - an argument or a result that borrows (other than `'static`) or is `impl Trait`; an argument
///   that is a pattern, conditional, variadic, or `dyn Trait`; a result of type `!`;
/// - `Later<R>` without the context, or inside another result;
/// - two requests whose generated names are one, such as `try_x` beside `x`, or `a_b` beside `a__b`;
/// - keys that are unknown, repeated, conditional, in conflict, or without effect; `oneway` with a
///   result; `rename` with something else than an identifier.
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
