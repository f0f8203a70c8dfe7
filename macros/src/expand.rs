//! The generated items, around the path of a call: the request, the servant's side, the proxy.

mod calls;
mod checks;
mod proxy;
mod request;
mod servant;
mod tell;
mod with;

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
