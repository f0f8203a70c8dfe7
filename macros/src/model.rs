//! The validated picture of an impl block: what the expansion needs, and nothing it must doubt.

use crate::keys::{Occasion, Priority};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

/// An impl block whose public methods become requests.
pub struct Servant {
    /// The path of the library.
    pub library: TokenStream,
    /// The struct's name, which the generated names begin with.
    pub name: Ident,
    /// The struct as the impl writes it, with its generic arguments.
    pub ty: TokenStream,
    /// The path to the struct, for documentation links.
    pub path: String,
    /// The impl's generic parameters as declared, their names, and its where clause.
    pub parameters: Vec<TokenStream>,
    pub parameter_names: Vec<Ident>,
    pub where_clause: TokenStream,
    /// Those of the parameters that are types: an enum must mention each.
    pub type_names: Vec<Ident>,
    /// The impl's `#[allow]`s.
    pub allow: TokenStream,
    /// A parameter name for the mailbox's kind.
    pub kind: Ident,
    /// The methods that become requests, in the order written.
    pub requests: Vec<Request>,
    /// The methods that the engine calls of its own accord.
    pub hooks: Vec<Hook>,
}

/// A method that the engine calls of its own accord.
pub struct Hook {
    pub occasion: Occasion,
    pub method: Ident,
    /// What the method is given, in its order.
    pub arguments: Vec<HookArgument>,
    pub cfg: TokenStream,
}

/// What a hook may be given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum HookArgument {
    Context,
    Batch,
}

/// A method that becomes a request.
pub struct Request {
    /// The servant's method.
    pub method: Ident,
    /// The proxy's method, and its form that gives refused arguments back.
    pub name: Ident,
    pub attempt: Ident,
    /// The variant of the request enum.
    pub variant: Ident,
    /// The arguments' names and types, but for the context.
    pub arguments: Vec<(Ident, TokenStream)>,
    /// Which of the method's arguments is the context.
    pub context_place: Option<usize>,
    /// The result's type, `()` included; for a `Later<R>`, it is `R`.
    pub result: TokenStream,
    /// The method returns `Later<result>`.
    pub is_later: bool,
    pub is_oneway: bool,
    pub is_boxed: bool,
    /// The method that says whether this one may run.
    pub guard: Option<Ident>,
    /// Which lane it goes through, if not through that of all.
    pub priority: Option<Priority>,
    /// The variant's field for the reply, and the one for boxed arguments.
    pub reply: Ident,
    pub boxed: Ident,
    /// The attributes of everything generated for the method; its documentation; and the further
    /// attributes of the proxy's methods.
    pub cfg: TokenStream,
    pub docs: TokenStream,
    pub marks: TokenStream,
}

impl Request {
    /// The arguments' names.
    pub fn argument_names(&self) -> impl ExactSizeIterator<Item = &Ident> {
        self.arguments.iter().map(|(name, _)| name)
    }

    /// What the method is called with, the name of the context included.
    pub fn call_arguments<'a>(&'a self, context: &'a Ident) -> Vec<&'a Ident> {
        let mut arguments: Vec<_> = self.argument_names().collect();
        if let Some(place) = self.context_place {
            arguments.insert(place, context);
        }
        arguments
    }

    /// The arguments as one value: nothing, the only one, or a tuple.
    pub fn bundle(&self) -> TokenStream {
        bundle(self.argument_names())
    }

    /// The type of [`bundle`](Self::bundle).
    pub fn bundle_type(&self) -> TokenStream {
        bundle(self.arguments.iter().map(|(_, ty)| ty))
    }
}

fn bundle(mut parts: impl ExactSizeIterator<Item = impl ToTokens>) -> TokenStream {
    match parts.len() {
        1 => parts.next().into_token_stream(),
        _ => quote!((#(#parts),*)),
    }
}
