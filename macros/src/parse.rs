//! Reads an impl block, checks it, and reports all its mistakes at once.

use crate::attributes::{self, copied};
use crate::errors::Errors;
use crate::keys::{Keys, Occasion, Priority};
use crate::model::{Hook, Request, Servant};
use crate::names::{self, free, identifiers};
use crate::rules::{
    check_argument, check_later, check_signature, context_place, hook_arguments, later_result,
};
use proc_macro2::{Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use std::collections::HashSet;
use syn::ext::IdentExt;
use syn::{
    FnArg, GenericArgument, GenericParam, ImplItem, ImplItemFn, ItemImpl, PathArguments,
    ReturnType, Signature, Type, TypePath, Visibility,
};

impl Servant {
    /// Checks an impl block, and reports all its mistakes at once.
    pub fn parse(library: TokenStream, block: &ItemImpl) -> syn::Result<Self> {
        let ty = servant_type(block)?;
        let mut errors = Errors::default();
        check_lifetimes(block, ty, &mut errors);
        let (requests, hooks) = methods(block, ty, &mut errors);
        names::check_clashes(&requests, &mut errors);
        let servant = Self { hooks, ..Self::new(library, block, ty, requests) };
        errors.or(servant)
    }

    fn new(library: TokenStream, block: &ItemImpl, ty: &TypePath, requests: Vec<Request>) -> Self {
        let generics = &block.generics;
        let owned = |tokens: &dyn ToTokens| without_self(tokens.to_token_stream(), ty);
        let taken = taken_types(block);
        Self {
            library,
            name: last_segment(ty),
            ty: quote!(#ty),
            path: path(ty),
            parameters: generics.params.iter().map(|parameter| owned(parameter)).collect(),
            parameter_names: generics.params.iter().filter_map(parameter_name).collect(),
            where_clause: owned(&generics.where_clause),
            type_names: generics.type_params().map(|parameter| parameter.ident.clone()).collect(),
            allow: copied(&block.attrs, &["allow"]),
            kind: format_ident!("{}", free("K", &taken)),
            requests,
            hooks: Vec::new(),
        }
    }
}

/// The type that an inherent impl block is for.
fn servant_type(block: &ItemImpl) -> syn::Result<&TypePath> {
    if let Some((path, _)) = &block.trait_ {
        return Err(syn::Error::new_spanned(
            path,
            "a trait's methods cannot become requests: put #[active] on an inherent impl block, \
             and call the trait's methods from there",
        ));
    }
    match &*block.self_ty {
        Type::Path(path) if path.qself.is_none() => Ok(path),
        other => Err(syn::Error::new_spanned(
            other,
            "a servant is a struct or an enum of your own: put #[active] on `impl Name { … }`",
        )),
    }
}

fn last_segment(ty: &TypePath) -> Ident {
    ty.path.segments.last().map_or_else(|| Ident::new("_", Span::call_site()), |s| s.ident.clone())
}

fn path(ty: &TypePath) -> String {
    let segments: Vec<_> = ty.path.segments.iter().map(|s| s.ident.unraw().to_string()).collect();
    segments.join("::")
}

fn parameter_name(parameter: &GenericParam) -> Option<Ident> {
    match parameter {
        GenericParam::Type(parameter) => Some(parameter.ident.clone()),
        GenericParam::Const(parameter) => Some(parameter.ident.clone()),
        GenericParam::Lifetime(_) => None,
    }
}

/// Every name that a generated type parameter could shadow.
fn taken_types(block: &ItemImpl) -> HashSet<String> {
    let (generics, ty) = (&block.generics, &block.self_ty);
    let clause = &generics.where_clause;
    let signatures = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(&method.sig),
        _ => None,
    });
    identifiers(quote!(#generics #ty #clause #(#signatures)*))
}

fn check_lifetimes(block: &ItemImpl, ty: &TypePath, errors: &mut Errors) {
    let rule = "a servant owns its data, since it lives as long as its runner: remove the \
                lifetime, and keep a String, Vec, Box or Arc instead of a borrow";
    for parameter in block.generics.lifetimes() {
        errors.add(parameter, rule);
    }
    let arguments = ty.path.segments.last().map(|segment| &segment.arguments);
    let Some(PathArguments::AngleBracketed(arguments)) = arguments else { return };
    for argument in &arguments.args {
        // A named one is either declared above, or unknown to the compiler.
        if matches!(argument, GenericArgument::Lifetime(lifetime) if lifetime.ident == "_") {
            errors.add(argument, rule);
        }
    }
}

fn methods(block: &ItemImpl, ty: &TypePath, errors: &mut Errors) -> (Vec<Request>, Vec<Hook>) {
    let mut candidates = 0;
    let (mut requests, mut hooks) = (Vec::new(), Vec::<Hook>::new());
    for item in &block.items {
        if let ImplItem::Fn(method) = item {
            let keys = Keys::parse(&method.attrs, errors);
            if let Some((span, occasion)) = keys.hook {
                if hooks.iter().any(|hook| hook.occasion == occasion) {
                    let rule = "another method has this key: call the one from the other";
                    errors.include(syn::Error::new(span, rule));
                }
                hooks.push(Hook::parse(method, occasion, &keys, errors));
            } else if is_request(method, &keys, errors) {
                candidates += 1;
                requests.push(Request::parse(method, &keys, ty, errors));
            }
        } else {
            check_keyless(item, errors);
        }
    }
    if candidates == 0 {
        errors.add(
            ty,
            "no method here becomes a request: one that does is `pub` (not `pub(crate)`), takes \
             `&self` or `&mut self`, and is not under #[active(skip)]",
        );
    }
    (requests, hooks)
}

impl Hook {
    fn parse(method: &ImplItemFn, occasion: Occasion, keys: &Keys, errors: &mut Errors) -> Self {
        for span in keys.shaping() {
            let rule = "the engine calls this method, so it is no request: remove this key";
            errors.include(syn::Error::new(span, rule));
        }
        Self {
            occasion,
            method: method.sig.ident.clone(),
            arguments: hook_arguments(&method.sig, occasion, errors),
            cfg: copied(&method.attrs, &["cfg"]),
        }
    }
}

/// Whether a method becomes a request; reports keys on one that doesn't.
fn is_request(method: &ImplItemFn, keys: &Keys, errors: &mut Errors) -> bool {
    let is_public = matches!(method.vis, Visibility::Public(_));
    if keys.skip.is_some() {
        return false;
    }
    if is_public && method.sig.receiver().is_some() {
        return true;
    }
    for span in keys.shaping() {
        let rule = "this is no request, so the key has no effect: make it `pub` with `&self` or \
                    `&mut self`, or remove the key";
        errors.include(syn::Error::new(span, rule));
    }
    false
}

fn check_keyless(item: &ImplItem, errors: &mut Errors) {
    let attributes = match item {
        ImplItem::Const(item) => &item.attrs,
        ImplItem::Type(item) => &item.attrs,
        ImplItem::Macro(item) => &item.attrs,
        _ => return,
    };
    for attribute in attributes.iter().filter(|attribute| attributes::is_key_list(attribute)) {
        errors.add(attribute, "only a method can become a request: remove this attribute");
    }
}

impl Request {
    fn parse(method: &ImplItemFn, keys: &Keys, ty: &TypePath, errors: &mut Errors) -> Self {
        let signature = &method.sig;
        check_signature(signature, keys.oneway.is_some(), errors);
        let context_place = context_place(signature, errors);
        check_later(signature, context_place.is_some(), errors);
        let arguments = arguments(signature, context_place, ty, errors);
        if let (Some(span), true) = (keys.boxed, arguments.is_empty()) {
            let rule = "there are no arguments to box: remove this key";
            errors.include(syn::Error::new(span, rule));
        }
        let fields = arguments.iter().map(|(name, _)| name.unraw().to_string()).collect();
        let name = keys.rename.as_ref().map_or(&signature.ident, |(_, name)| name);
        Self {
            method: signature.ident.clone(),
            name: name.clone(),
            attempt: Ident::new(&format!("try_{}", name.unraw()), name.span()),
            variant: Ident::new(&names::camel(name), name.span()),
            result: result(signature, ty),
            is_later: later_result(signature).is_some(),
            is_oneway: keys.oneway.is_some(),
            is_boxed: keys.boxed.is_some(),
            guard: keys.guard.as_ref().map(|(_, name)| name.clone()),
            priority: keys.priority.map(|(_, it)| it).filter(|it| *it != Priority::Normal),
            reply: format_ident!("{}", free("reply", &fields)),
            boxed: format_ident!("{}", free("arguments", &fields)),
            arguments,
            context_place,
            cfg: copied(&method.attrs, &["cfg"]),
            docs: copied(&method.attrs, &["doc"]),
            marks: copied(&method.attrs, &["allow", "deprecated"]),
        }
    }
}

fn arguments(
    signature: &Signature,
    context_place: Option<usize>,
    servant: &TypePath,
    errors: &mut Errors,
) -> Vec<(Ident, TokenStream)> {
    let taken = identifiers(signature.inputs.to_token_stream());
    let typed = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
    let travelling = typed.enumerate().filter(|(place, _)| Some(*place) != context_place);
    let named = travelling.filter_map(|(place, argument)| {
        let (name, ty) = check_argument(argument, errors)?;
        // `_` has no name for the field, so its place among the arguments makes one.
        let name = name.cloned();
        let name =
            name.unwrap_or_else(|| format_ident!("{}", free(&format!("argument_{place}"), &taken)));
        Some((name, without_self(quote!(#ty), servant)))
    });
    named.collect()
}

fn result(signature: &Signature, servant: &TypePath) -> TokenStream {
    let ty = match &signature.output {
        ReturnType::Default => return quote!(()),
        ReturnType::Type(_, ty) => later_result(signature).unwrap_or(ty),
    };
    without_self(quote!(#ty), servant)
}

/// `tokens` with the servant's type for `Self`, which means something else in the generated items.
fn without_self(tokens: TokenStream, servant: &TypePath) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut replaced = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" && begins_path(tokens.peek()) => {
                replaced.extend(quote!(<#servant>));
            }
            TokenTree::Ident(ident) if ident == "Self" => replaced.extend(quote!(#servant)),
            TokenTree::Group(group) => {
                let mut inner =
                    Group::new(group.delimiter(), without_self(group.stream(), servant));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}

/// Whether `next` is the first half of `::`, and not the colon of a bound.
fn begins_path(next: Option<&TokenTree>) -> bool {
    matches!(next, Some(TokenTree::Punct(p)) if p.as_char() == ':' && p.spacing() == Spacing::Joint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn parse(block: &ItemImpl) -> syn::Result<Servant> {
        Servant::parse(quote!(::mainspring), block)
    }

    #[test]
    fn only_public_methods_with_a_receiver_are_requests() {
        let servant = parse(&parse_quote! {
            impl Account {
                pub fn new() -> Self { Self }
                pub fn deposit(&mut self, mut cents: i64) {}
                pub(crate) fn crate_only(&self) {}
                fn private(&self) {}
                #[active(skip)] pub fn helper(&self) -> &str { "" }
            }
        });
        let requests = servant.unwrap_or_else(|error| panic!("{error}")).requests;
        assert_eq!(requests.iter().map(|r| r.method.to_string()).collect::<Vec<_>>(), ["deposit"]);
        assert_eq!(requests[0].bundle().to_string(), "cents");
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let error = parse(&parse_quote! {
            impl Account {
                pub async fn fetch(&self, key: &str) {}
                #[active(onway)] pub fn reset(self) {}
            }
        });
        assert_eq!(error.err().map(|error| error.into_iter().count()), Some(4));
    }

    #[test]
    fn self_is_replaced_in_types_bounds_and_paths() {
        let servant: TypePath = parse_quote!(Stack<T>);
        let replaced = |tokens| without_self(tokens, &servant).to_string();
        assert_eq!(replaced(quote!((Vec<Self>,))), "(Vec < Stack < T > > ,)");
        assert_eq!(replaced(quote!([u8; Self::SIZE])), "[u8 ; < Stack < T > > :: SIZE]");
        assert_eq!(replaced(quote!(where Self: Send)), "where Stack < T > : Send");
    }

    #[test]
    fn generated_parameter_avoids_the_names_in_use() {
        let block = parse_quote!(
            impl<K: Ord> Map<K> {
                pub fn get(&self, key: K_) {}
            }
        );
        let servant = parse(&block).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(servant.kind.to_string(), "K__");
    }
}
