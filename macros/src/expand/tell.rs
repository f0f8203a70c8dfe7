//! The one-way form of the proxy: no reply, and a refusal gives the arguments back.

use super::doc;
use crate::model::{Request, Servant};
use proc_macro2::TokenStream;
use quote::quote;

/// The struct behind `proxy.tell()`, and its methods.
pub fn expand(servant: &Servant) -> TokenStream {
    let (definition, methods) = (definition(servant), methods(servant));
    quote!(#definition #methods)
}

fn definition(servant: &Servant) -> TokenStream {
    let Servant { library, ty, kind, .. } = servant;
    let field = quote!(bound: #library::Bound<'handle, #ty, #kind>);
    servant.wrapper(&servant.tell_name(), &definition_docs(servant), quote!('handle,), &field)
}

fn definition_docs(servant: &Servant) -> TokenStream {
    let first = doc(format!("The one-way form of the methods of {}.", servant.link("")));
    quote! {
        #first
        ///
        /// Nothing comes back from the method: no result, and no panic.
    }
}

fn methods(servant: &Servant) -> TokenStream {
    let bound = quote!(self.bound);
    let methods = servant.requests.iter();
    let methods = methods.map(|r| method(r, servant, &docs(r, servant), &bound)).collect();
    servant.methods(&servant.tell_name(), [quote!(), quote!('_,)], &methods)
}

/// The method that sends a request without a reply; the proxy has it too, for one-way methods.
/// `all` is what sends requests.
pub fn method(
    request: &Request,
    servant: &Servant,
    docs: &TokenStream,
    all: &TokenStream,
) -> TokenStream {
    let Request { cfg, marks, name, .. } = request;
    let library = &servant.library;
    let (parameters, bundle_type) = (request.parameters(), request.bundle_type());
    let reply = (!request.is_oneway).then(|| quote!(#library::Reply::none()));
    let (built, unbuilt) = (request.build(servant, reply), request.unbuild(servant));
    let through = request.through(servant, all);
    quote! {
        #docs
        ///
        /// # Errors
        /// The request was refused, and never runs: the mailbox is full, or the object has
        /// stopped. Its arguments are inside.
        #cfg
        #marks
        #[inline]
        pub fn #name(
            &self #parameters
        ) -> ::core::result::Result<(), #library::SendError<#bundle_type>> {
            #through.tell(#built) #unbuilt
        }
    }
}

/// The proxy has the method's own documentation; repeating it would repeat its examples.
fn docs(request: &Request, servant: &Servant) -> TokenStream {
    doc(format!("Calls {} without a reply.", request.link(servant)))
}
