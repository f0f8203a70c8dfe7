//! The attribute, from tokens to tokens: in the compiler, and outside of it in tests.

use crate::expand::expand;
use crate::model::Servant;
use crate::{attributes, keys};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{ImplItem, Item, ItemImpl};

/// What `#[active(arguments)]` makes of an item.
pub fn active(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(block)) => active_impl(arguments, block),
        Ok(_) => misplaced(item),
        Err(error) => error.into_compile_error(),
    }
}

fn active_impl(arguments: TokenStream, mut block: ItemImpl) -> TokenStream {
    let servant = keys::library(arguments).and_then(|library| Servant::parse(library, &block));
    let added = servant.map_or_else(syn::Error::into_compile_error, |s| expand(&s));
    strip_keys(&mut block);
    quote!(#block #added)
}

/// The item stays, so that its uses cause no further errors.
fn misplaced(item: TokenStream) -> TokenStream {
    let rule = "#[active] goes on an inherent impl block, `impl Name { … }`: the methods there \
                become requests";
    let first = item.clone().into_iter().next();
    let span = first.map_or_else(Span::call_site, |token| token.span());
    let error = syn::Error::new(span, rule).into_compile_error();
    quote!(#item #error)
}

/// Removes this macro's own attributes from inside the block.
fn strip_keys(block: &mut ItemImpl) {
    for item in &mut block.items {
        let attributes = match item {
            ImplItem::Fn(item) => &mut item.attrs,
            ImplItem::Const(item) => &mut item.attrs,
            ImplItem::Type(item) => &mut item.attrs,
            ImplItem::Macro(item) => &mut item.attrs,
            _ => continue,
        };
        attributes.retain(|attribute| !attributes::has_key_list(attribute));
    }
}
