//! The proxy: the servant's methods, callable from any thread.

use super::doc;
use crate::model::{Request, Servant};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

/// The proxy, its methods, and what every proxy can do.
pub fn expand(servant: &Servant) -> TokenStream {
    let parts = [definition(servant), methods(servant), clone_and_debug(servant), proxy(servant)];
    parts.into_iter().collect()
}

fn definition(servant: &Servant) -> TokenStream {
    let Servant { library, ty, kind, .. } = servant;
    let field = quote!(handle: #library::Handle<#ty, #kind>);
    servant.wrapper(&servant.proxy_name(), &definition_docs(servant), quote!(), &field)
}

fn definition_docs(servant: &Servant) -> TokenStream {
    let (kind, link) = (&servant.kind, servant.link(""));
    let lines = [
        format!("Calls {link} from any thread."),
        String::new(),
        format!("Each method sends one request and returns at once; the {link} runs"),
        "its requests one at a time, on its runner. When the last proxy is dropped the object"
            .into(),
        "serves what it has accepted, and ends.".into(),
        String::new(),
        format!("`{kind}` is the kind of mailbox; with the usual one, which many threads share, a"),
        "proxy is `Clone`.".into(),
    ];
    lines.into_iter().map(doc).collect()
}

fn methods(servant: &Servant) -> TokenStream {
    let handle = quote!(self.handle);
    let methods = servant.requests.iter().map(|request| each(request, servant, &handle)).collect();
    servant.methods(&servant.proxy_name(), [quote!(), quote!()], &methods)
}

/// A request's methods, as the proxy has them; `all` is what sends requests.
pub fn each(request: &Request, servant: &Servant, all: &TokenStream) -> TokenStream {
    if request.is_oneway {
        return super::tell::method(request, servant, &request.docs_or_link(servant), all);
    }
    let through = request.through(servant, all);
    let (call, attempt) = (call(request, servant, &through), attempt(request, servant, &through));
    quote!(#call #attempt)
}

/// The method that calls; `through` has the library's `call`.
fn call(request: &Request, servant: &Servant, through: &TokenStream) -> TokenStream {
    let Request { cfg, marks, name, reply, result, .. } = request;
    let (library, docs) = (&servant.library, request.docs_or_link(servant));
    let parameters = request.parameters();
    let built = request.build(servant, Some(quote!()));
    quote! {
        #docs
        #cfg
        #marks
        #[inline]
        pub fn #name(&self #parameters) -> #library::Call<#result> {
            #through.call(|#reply| #built)
        }
    }
}

/// The method that calls and gives refused arguments back.
fn attempt(request: &Request, servant: &Servant, through: &TokenStream) -> TokenStream {
    let Request { cfg, marks, attempt, reply, result, .. } = request;
    let (library, docs) = (&servant.library, attempt_docs(request));
    let (parameters, bundle_type) = (request.parameters(), request.bundle_type());
    let built = request.build(servant, Some(quote!()));
    let unbuilt = request.unbuild(servant);
    quote! {
        #docs
        #cfg
        #marks
        #[inline]
        pub fn #attempt(
            &self #parameters
        ) -> ::core::result::Result<#library::Call<#result>, #library::SendError<#bundle_type>> {
            #through.try_call(|#reply| #built) #unbuilt
        }
    }
}

fn attempt_docs(request: &Request) -> TokenStream {
    let name = request.name.unraw();
    let lines = [
        format!("As [`{name}`](Self::{name}), but a refused call gives its arguments back."),
        String::new(),
        "# Errors".into(),
        "The request was refused, and never runs: the mailbox is full, or the object has stopped."
            .into(),
    ];
    lines.into_iter().map(doc).collect()
}

fn clone_and_debug(servant: &Servant) -> TokenStream {
    let Servant { library, where_clause, kind, .. } = servant;
    let (declared, proxy) = (declared(servant), proxy_type(servant));
    let shared = servant.declared(quote!(), quote!(#kind: #library::mailbox::ClonedKind));
    quote! {
        #[automatically_derived]
        impl #shared ::core::clone::Clone for #proxy #where_clause {
            fn clone(&self) -> Self {
                Self { handle: ::core::clone::Clone::clone(&self.handle) }
            }
        }

        #[automatically_derived]
        impl #declared ::core::fmt::Debug for #proxy #where_clause {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.handle, f)
            }
        }
    }
}

fn proxy(servant: &Servant) -> TokenStream {
    let Servant { library, ty, where_clause, kind, .. } = servant;
    let (declared, proxy, tell) = (declared(servant), proxy_type(servant), servant.tell_name());
    let lasting = servant.applied(quote!('handle,), quote!(#kind));
    let with = servant.with_name();
    let short = servant.applied(quote!('_,), quote!(#kind));
    quote! {
        #[automatically_derived]
        impl #declared #library::Proxy<#ty> for #proxy #where_clause {
            type Kind = #kind;
            type Tell<'handle> = #tell #lasting where Self: 'handle;
            type With<'handle> = #with #lasting where Self: 'handle;

            #[inline]
            fn from_handle(handle: #library::Handle<#ty, #kind>) -> Self {
                Self { handle }
            }

            #[inline]
            fn handle(&self) -> &#library::Handle<#ty, #kind> {
                &self.handle
            }

            #[inline]
            fn tell(&self) -> #tell #short {
                #tell { bound: #library::Bound::new(&self.handle, #library::Options::new()) }
            }

            #[inline]
            fn with(&self, options: #library::Options) -> #with #short {
                #with { bound: #library::Bound::new(&self.handle, options) }
            }
        }
    }
}

fn declared(servant: &Servant) -> TokenStream {
    let Servant { library, kind, .. } = servant;
    servant.declared(quote!(), quote!(#kind: #library::mailbox::Kind))
}

fn proxy_type(servant: &Servant) -> TokenStream {
    let (name, kind) = (servant.proxy_name(), &servant.kind);
    let arguments = servant.applied(quote!(), quote!(#kind));
    quote!(#name #arguments)
}
