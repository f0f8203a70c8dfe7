//! Stub, about to be replaced.
use proc_macro::TokenStream;
/// Stub.
#[proc_macro_attribute]
pub fn active(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
