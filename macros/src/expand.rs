//! The generated items, around the path of a call: the request, the servant's side, the proxy.

mod calls;
mod checks;
mod proxy;
mod request;
mod servant;
mod tell;
mod with;

use crate::keys::Priority;
use crate::model::{Request, Servant};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;

/// Everything that `#[active]` adds behind an impl block.
pub fn expand(servant: &Servant) -> TokenStream {
    let parts = [
        request::expand(servant),
        servant::expand(servant),
        proxy::expand(servant),
        tell::expand(servant),
        with::expand(servant),
        calls::expand(servant),
        checks::expand(servant),
    ];
    parts.into_iter().collect()
}

impl Servant {
    fn request_name(&self) -> Ident {
        format_ident!("{}Request", self.name)
    }

    fn proxy_name(&self) -> Ident {
        format_ident!("{}Proxy", self.name)
    }

    fn tell_name(&self) -> Ident {
        format_ident!("{}Tell", self.name)
    }

    fn with_name(&self) -> Ident {
        format_ident!("{}With", self.name)
    }

    fn calls_name(&self) -> Ident {
        format_ident!("{}Calls", self.name)
    }

    /// The servant's declared parameters, between others.
    fn declared(&self, before: TokenStream, after: TokenStream) -> TokenStream {
        angled(before, &self.parameters, after)
    }

    /// The servant's parameters as arguments, between others.
    fn applied(&self, before: TokenStream, after: TokenStream) -> TokenStream {
        angled(before, &self.parameter_names, after)
    }

    /// A link to the servant, or to an item of it, for documentation.
    fn link(&self, item: &str) -> String {
        let (name, path) = (self.name.unraw(), &self.path);
        // `rustdoc` minds a target that repeats the text.
        let target = if name == path { String::new() } else { format!("({path}{item})") };
        format!("[`{name}{item}`]{target}")
    }

    /// The request's type.
    fn request_type(&self) -> TokenStream {
        let (name, arguments) = (self.request_name(), self.applied(quote!(), quote!()));
        quote!(#name #arguments)
    }
}

impl Servant {
    /// A struct with one field, which everything generated goes through.
    fn wrapper(
        &self,
        name: &Ident,
        docs: &TokenStream,
        lifetime: TokenStream,
        field: &TokenStream,
    ) -> TokenStream {
        let Self { library, where_clause, allow, kind, .. } = self;
        let after = quote!(#kind: #library::mailbox::Kind = #library::mailbox::Mpsc);
        let declared = self.declared(lifetime, after);
        quote! {
            #docs
            #allow
            #[allow(
                dead_code, private_bounds, private_interfaces, unreachable_pub,
                rustdoc::private_intra_doc_links
            )]
            pub struct #name #declared #where_clause {
                #field,
            }
        }
    }

    /// The methods of one of these, whose lifetime is declared and applied so.
    fn methods(
        &self,
        name: &Ident,
        [declared, applied]: [TokenStream; 2],
        methods: &TokenStream,
    ) -> TokenStream {
        let Self { library, where_clause, allow, kind, .. } = self;
        let declared = self.declared(declared, quote!(#kind: #library::mailbox::Kind));
        let applied = self.applied(applied, quote!(#kind));
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
                #methods
            }
        }
    }
}

fn angled(before: TokenStream, parameters: &[impl ToTokens], after: TokenStream) -> TokenStream {
    let inside = quote!(#before #(#parameters,)* #after);
    if inside.is_empty() { inside } else { quote!(<#inside>) }
}

/// A line of documentation.
fn doc(text: impl AsRef<str>) -> TokenStream {
    let text = text.as_ref();
    quote!(#[doc = #text])
}

impl Request {
    /// A link to the servant's method, for documentation.
    fn link(&self, servant: &Servant) -> String {
        servant.link(&format!("::{}", self.method.unraw()))
    }

    /// The method's own documentation, or a line that says what the proxy's method calls.
    fn docs_or_link(&self, servant: &Servant) -> TokenStream {
        if self.docs.is_empty() {
            doc(format!("Calls {}.", self.link(servant)))
        } else {
            self.docs.clone()
        }
    }

    /// What sends this request: what all are sent through, at the method's priority.
    fn through(&self, servant: &Servant, all: &TokenStream) -> TokenStream {
        let library = &servant.library;
        match self.priority {
            None | Some(Priority::Normal) => all.clone(),
            Some(Priority::Urgent) => quote!(#all.at(#library::Priority::Urgent)),
            Some(Priority::Bulk) => quote!(#all.at(#library::Priority::Bulk)),
        }
    }

    /// The parameters of the proxy's method.
    fn parameters(&self) -> TokenStream {
        self.arguments.iter().map(|(name, ty)| quote!(, #name: #ty)).collect()
    }

    /// The request as an expression, with the arguments of these names and a given reply.
    fn build(&self, servant: &Servant, reply: Option<TokenStream>) -> TokenStream {
        let (request, variant) = (servant.request_name(), &self.variant);
        let names = self.argument_names();
        let (bundle, boxed, field) = (self.bundle(), &self.boxed, &self.reply);
        let reply = reply.map(|value| match value.is_empty() {
            true => quote!(#field),
            false => quote!(#field: #value),
        });
        if self.is_boxed {
            quote!(#request::#variant { #boxed: ::std::boxed::Box::new(#bundle), #reply })
        } else {
            quote!(#request::#variant { #(#names,)* #reply })
        }
    }

    /// What turns a refused request back into its arguments: `.map_err(…)`.
    fn unbuild(&self, servant: &Servant) -> TokenStream {
        let (request, variant, library) = (servant.request_name(), &self.variant, &servant.library);
        let (names, bundle, boxed) = (self.argument_names(), self.bundle(), &self.boxed);
        let (fields, value) = match () {
            () if self.arguments.is_empty() => {
                return quote!(.map_err(|refusal| refusal.map(|_| ())));
            }
            () if self.is_boxed => (quote!(#boxed,), quote!(*#boxed)),
            () => (quote!(#(#names,)*), bundle),
        };
        quote! {
            .map_err(|refusal| refusal.map(|request| match request {
                #request::#variant { #fields .. } => #value,
                _ => #library::wrong_request(),
            }))
        }
    }
}
