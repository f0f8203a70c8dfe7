//! The calls as a trait: for code that is to run with the proxy, inline, or with a mock.

use super::doc;
use crate::model::{Request, Servant};
use proc_macro2::TokenStream;
use quote::quote;

/// The trait, and what the library has that implements it.
pub fn expand(servant: &Servant) -> TokenStream {
    let Servant { library, ty, where_clause, allow, kind, requests, .. } = servant;
    let (name, proxy) = (servant.calls_name(), servant.proxy_name());
    let (declared, applied) =
        (servant.declared(quote!(), quote!()), servant.applied(quote!(), quote!()));
    let shared = servant.declared(quote!(), quote!(#kind: #library::mailbox::Kind));
    let of_kind = servant.applied(quote!(), quote!(#kind));
    let docs = docs(servant);
    let signatures = requests.iter().map(|request| signature(request, servant));
    // Inherent methods win over the trait's where a path names both.
    let forwarding = requests.iter().map(|request| {
        let (name, arguments) = (&request.name, request.argument_names());
        method(request, servant, quote!(Self::#name(self, #(#arguments),*)))
    });
    let inline = requests.iter().map(|request| {
        let (name, arguments) = (&request.name, request.argument_names());
        let send = quote!(#proxy::#name(#library::Inline::proxy(self), #(#arguments),*));
        method(request, servant, quote!(#library::inline(self, #send)))
    });
    quote! {
        #docs
        #allow
        #[allow(
            dead_code, private_bounds, private_interfaces, unreachable_pub,
            rustdoc::private_intra_doc_links, clippy::result_large_err,
            clippy::too_many_arguments, clippy::type_complexity, clippy::wrong_self_convention
        )]
        pub trait #name #declared #where_clause {
            #(#signatures)*
        }

        #[allow(deprecated, clippy::too_many_arguments, clippy::type_complexity)]
        #[automatically_derived]
        impl #shared #name #applied for #proxy #of_kind #where_clause {
            #(#forwarding)*
        }

        #[allow(deprecated, clippy::too_many_arguments, clippy::type_complexity)]
        #[automatically_derived]
        impl #declared #name #applied for #library::Inline<#ty> #where_clause {
            #(#inline)*
        }
    }
}

fn docs(servant: &Servant) -> TokenStream {
    let lines = [
        format!(
            "The calls of {} as a trait: for code that is also to run without",
            servant.link("")
        ),
        "its runner, inline on the thread that calls, or with a mock.".into(),
    ];
    lines.into_iter().map(doc).collect()
}

fn signature(request: &Request, servant: &Servant) -> TokenStream {
    let Request { cfg, marks, .. } = request;
    let docs = doc(format!("Calls {}.", request.link(servant)));
    let head = head(request, servant);
    let errors = request.is_oneway.then(|| {
        quote! {
            ///
            /// # Errors
            /// The request was refused, and never runs. Its arguments are inside.
        }
    });
    quote!(#docs #errors #cfg #marks #head;)
}

fn method(request: &Request, servant: &Servant, body: TokenStream) -> TokenStream {
    let (cfg, head) = (&request.cfg, head(request, servant));
    // Inlined, so that what nobody calls costs no code.
    quote!(#cfg #[inline] #head { #body })
}

fn head(request: &Request, servant: &Servant) -> TokenStream {
    let Request { name, result, .. } = request;
    let (library, parameters, bundle) =
        (&servant.library, request.parameters(), request.bundle_type());
    let result = if request.is_oneway {
        quote!(::core::result::Result<(), #library::SendError<#bundle>>)
    } else {
        quote!(#library::Call<#result>)
    };
    quote!(fn #name(&self #parameters) -> #result)
}
