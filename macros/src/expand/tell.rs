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
    let Servant { library, ty, where_clause, allow, kind, .. } = servant;
    let (name, docs) = (servant.tell_name(), definition_docs(servant));
    let after = quote!(#kind: #library::mailbox::Kind = #library::mailbox::Mpsc);
    let declared = servant.declared(quote!('handle,), after);
    quote! {
        #docs
        #allow
        #[allow(
            dead_code, private_bounds, private_interfaces, unreachable_pub,
            rustdoc::private_intra_doc_links
        )]
        pub struct #name #declared #where_clause {
            handle: &'handle #library::Handle<#ty, #kind>,
        }
    }
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
    let Servant { library, where_clause, allow, kind, .. } = servant;
    let declared = servant.declared(quote!(), quote!(#kind: #library::mailbox::Kind));
    let (name, applied) = (servant.tell_name(), servant.applied(quote!('_,), quote!(#kind)));
    let methods = servant.requests.iter().map(|r| method(r, servant, &docs(r, servant)));
    // The lints are about signatures, which are the servant's; a single request makes the
    // `wrong_request` arms unreachable.
    quote! {
        #allow
        #[allow(
            dead_code, deprecated, private_interfaces, unreachable_patterns, unreachable_pub,
            rustdoc::private_intra_doc_links, clippy::result_large_err,
            clippy::too_many_arguments, clippy::type_complexity, clippy::wrong_self_convention
        )]
        impl #declared #name #applied #where_clause {
            #(#methods)*
        }
    }
}

/// The method that sends a request without a reply; the proxy has it too, for one-way methods.
pub fn method(request: &Request, servant: &Servant, docs: &TokenStream) -> TokenStream {
    let Request { cfg, marks, name, .. } = request;
    let library = &servant.library;
    let (parameters, bundle_type) = (request.parameters(), request.bundle_type());
    let reply = (!request.is_oneway).then(|| quote!(#library::Reply::none()));
    let (built, unbuilt) = (request.build(servant, reply), request.unbuild(servant));
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
            self.handle.tell(#built) #unbuilt
        }
    }
}

/// The method's own documentation stands on the proxy; repeating it would repeat its examples.
fn docs(request: &Request, servant: &Servant) -> TokenStream {
    doc(format!("Calls {} without a reply.", request.link(servant)))
}
