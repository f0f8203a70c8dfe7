//! What only the compiler can check: sizes, and what may cross to another thread.

use crate::model::{Request, Servant};
use proc_macro2::TokenStream;
use quote::quote;

/// The library's `REQUEST_BYTES_MAX`, for a message that must be a literal.
const REQUEST_BYTES_MAX: usize = 256;

/// The checks that cost nothing at run time.
pub fn expand(servant: &Servant) -> TokenStream {
    let Servant { parameters, where_clause, .. } = servant;
    let crossings = servant.requests.iter().map(|request| crossings(request, servant));
    let sizes = sizes(servant);
    // Each type is checked on its own, so that the compiler points at it, and not at the enum.
    quote! {
        const _: () = {
            #[allow(dead_code, deprecated)]
            fn arguments_and_results<#(#parameters),*>() #where_clause {
                #(#crossings)*
            }
        };
        #sizes
    }
}

fn crossings(request: &Request, servant: &Servant) -> TokenStream {
    let (library, Request { cfg, arguments, result, .. }) = (&servant.library, request);
    let types = arguments.iter().map(|(_, ty)| ty).chain([result]);
    quote!(#(#cfg #library::sendable::<#types>();)*)
}

/// The size of each request's arguments, in a block that no type parameter reaches.
fn sizes(servant: &Servant) -> TokenStream {
    if !servant.parameters.is_empty() {
        return TokenStream::new();
    }
    let checked = servant.requests.iter().map(|request| {
        let (cfg, assertion) = (&request.cfg, size_assertion(request, servant));
        assertion.map(|assertion| quote!(#cfg const _: () = #assertion;))
    });
    checked.flatten().collect()
}

/// The same for a generic servant: a statement that is checked once the parameters are known,
/// which is when the code of `dispatch` is made.
pub fn size_statement(request: &Request, servant: &Servant) -> Option<TokenStream> {
    let assertion = size_assertion(request, servant)?;
    (!servant.parameters.is_empty()).then(|| quote!(const { #assertion };))
}

fn size_assertion(request: &Request, servant: &Servant) -> Option<TokenStream> {
    let (library, bundle) = (&servant.library, request.bundle_type());
    let message = format!(
        "the arguments of `{}` take more than {REQUEST_BYTES_MAX} bytes: write #[active(boxed)] \
         on the method, or pass a Box",
        request.method
    );
    let assertion = quote! {
        ::core::assert!(
            ::core::mem::size_of::<#bundle>() <= #library::REQUEST_BYTES_MAX,
            #message
        )
    };
    (!request.is_boxed && !request.arguments.is_empty()).then_some(assertion)
}
