//! The form of the proxy with options: the same methods, with a deadline, a priority, and so on.

use super::{doc, proxy};
use crate::model::Servant;
use proc_macro2::TokenStream;
use quote::quote;

/// The struct behind `proxy.with(options)`, and its methods.
pub fn expand(servant: &Servant) -> TokenStream {
    let Servant { library, ty, kind, .. } = servant;
    let (name, bound) = (servant.with_name(), quote!(self.bound));
    let docs = doc(format!("The methods of {} with options.", servant.link("")));
    let field = quote!(bound: #library::Bound<'handle, #ty, #kind>);
    let requests = servant.requests.iter();
    let methods = requests.map(|request| proxy::each(request, servant, &bound)).collect();
    let definition = servant.wrapper(&name, &docs, quote!('handle,), &field);
    let methods = servant.methods(&name, [quote!(), quote!('_,)], &methods);
    let tell = tell(servant)
        .map(|tell| servant.methods(&name, [quote!('handle,), quote!('handle,)], &tell));
    quote!(#definition #methods #tell)
}

/// The one-way form with the same options; unless the servant has a method of that name.
fn tell(servant: &Servant) -> Option<TokenStream> {
    let (name, kind) = (servant.tell_name(), &servant.kind);
    let applied = servant.applied(quote!('handle,), quote!(#kind));
    let tell = quote! {
        /// The one-way form of the methods, with the same options.
        #[inline]
        pub fn tell(&self) -> #name #applied {
            #name { bound: ::core::clone::Clone::clone(&self.bound) }
        }
    };
    servant.requests.iter().all(|request| request.name != "tell").then_some(tell)
}
