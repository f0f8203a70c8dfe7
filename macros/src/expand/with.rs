//! The form of the proxy with options: the same calls, with a deadline.

use super::{doc, proxy};
use crate::model::Servant;
use proc_macro2::TokenStream;
use quote::quote;

/// The struct behind `proxy.with(options)`, and its methods.
pub fn expand(servant: &Servant) -> TokenStream {
    let Servant { library, ty, where_clause, allow, kind, .. } = servant;
    let name = servant.with_name();
    let docs = doc(format!("The methods of {} with options.", servant.link("")));
    let after = quote!(#kind: #library::mailbox::Kind = #library::mailbox::Mpsc);
    let declared = servant.declared(quote!('handle,), after);
    let generics = servant.declared(quote!(), quote!(#kind: #library::mailbox::Kind));
    let applied = servant.applied(quote!('_,), quote!(#kind));
    let bound = quote!(self.bound);
    let replying = servant.requests.iter().filter(|request| !request.is_oneway);
    let methods = replying.map(|request| {
        let call = proxy::call(request, servant, &bound);
        let attempt = proxy::attempt(request, servant, &bound);
        quote!(#call #attempt)
    });
    quote! {
        #docs
        #allow
        #[allow(
            dead_code, private_bounds, private_interfaces, unreachable_pub,
            rustdoc::private_intra_doc_links
        )]
        pub struct #name #declared #where_clause {
            bound: #library::Bound<'handle, #ty, #kind>,
        }

        #allow
        #[allow(
            dead_code, deprecated, private_interfaces, unreachable_patterns, unreachable_pub,
            rustdoc::private_intra_doc_links, clippy::result_large_err,
            clippy::too_many_arguments, clippy::type_complexity, clippy::wrong_self_convention
        )]
        impl #generics #name #applied #where_clause {
            #(#methods)*
        }
    }
}
