//! The request: one call of a method as a value.

use super::doc;
use crate::model::{Request, Servant};
use proc_macro2::TokenStream;
use quote::quote;

/// The enum with one variant per method.
pub fn expand(servant: &Servant) -> TokenStream {
    let (name, declared) = (servant.request_name(), servant.declared(quote!(), quote!()));
    let (clause, allow) = (&servant.where_clause, &servant.allow);
    let docs = doc(format!("One call of a method of {} as a value.", servant.link("")));
    let variants = servant.requests.iter().map(|request| variant(request, servant));
    let unused = unused(servant);
    // The variants are as large as the arguments, which have their own limit, and as private.
    quote! {
        #docs
        #allow
        #[allow(
            dead_code, deprecated, private_bounds, private_interfaces, unreachable_pub,
            rustdoc::private_intra_doc_links, clippy::enum_variant_names,
            clippy::large_enum_variant
        )]
        pub enum #name #declared #clause {
            #(#variants,)*
            #unused
        }
    }
}

fn variant(request: &Request, servant: &Servant) -> TokenStream {
    let Request { cfg, variant, .. } = request;
    let docs = doc(format!("Calls {}.", request.link(servant)));
    let (arguments, reply) = (argument_fields(request), reply_field(request, servant));
    quote!(#docs #cfg #variant { #arguments #reply })
}

fn argument_fields(request: &Request) -> TokenStream {
    if request.is_boxed {
        let (name, ty) = (&request.boxed, request.bundle_type());
        return quote! {
            /// The arguments, on the heap.
            #name: ::std::boxed::Box<#ty>,
        };
    }
    let fields = request.arguments.iter().map(|(name, ty)| {
        let docs = doc(format!("The argument `{name}`."));
        quote!(#docs #name: #ty,)
    });
    fields.collect()
}

fn reply_field(request: &Request, servant: &Servant) -> Option<TokenStream> {
    let (library, name, result) = (&servant.library, &request.reply, &request.result);
    let field = quote! {
        /// Where the result goes.
        #name: #library::Reply<#result>,
    };
    (!request.is_oneway).then_some(field)
}

/// A variant that cannot exist, for type parameters that no method mentions.
fn unused(servant: &Servant) -> Option<TokenStream> {
    let names = &servant.type_names;
    // `fn() -> T` makes no demands: whether a request is `Send` depends on its arguments alone.
    let variant = quote! {
        #[doc(hidden)]
        __Unused(
            ::core::convert::Infallible,
            ::core::marker::PhantomData<fn() -> (#(#names,)*)>,
        ),
    };
    (!names.is_empty()).then_some(variant)
}
