//! What a method must be to become a request. Each rule's text says why, and the way out.

use crate::errors::Errors;
use crate::keys::Occasion;
use crate::model::HookArgument;
use syn::visit::{self, Visit};
use syn::{
    FnArg, GenericArgument, Ident, Lifetime, ParenthesizedGenericArguments, Pat, PatType,
    PathArguments, PathSegment, Receiver, ReceiverKind, ReturnType, Safety, Signature, TraitBound,
    Type, TypeFnPtr, TypeImplTrait, TypeReference,
};

/// Reports what keeps a method with this signature from being a request, its arguments aside.
pub fn check_signature(signature: &Signature, is_oneway: bool, errors: &mut Errors) {
    check_qualifiers(signature, errors);
    check_receiver(signature, errors);
    if let ReturnType::Type(_, ty) = &signature.output {
        check_result(ty, is_oneway, errors);
    }
}

fn check_qualifiers(signature: &Signature, errors: &mut Errors) {
    if let Some(keyword) = signature.asyncness {
        errors.add(
            keyword,
            "a request runs to its end, since the next one waits for it: make the method \
             synchronous, or spawn the future elsewhere and #[active(skip)] this method",
        );
    }
    if let Safety::Unsafe(keyword) = signature.safety {
        errors.add(
            keyword,
            "a proxy cannot keep an unsafe method's promises for its callers: make the method \
             safe, or #[active(skip)] it",
        );
    }
    if !signature.generics.params.is_empty() {
        errors.add(
            &signature.generics,
            "a request is one variant of an enum, so its types are fixed: write one method per \
             type, make the servant generic, or #[active(skip)] the method",
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.add(variadic, "a request has a fixed number of arguments: pass a Vec instead");
    }
}

fn check_receiver(signature: &Signature, errors: &mut Errors) {
    if let Some(receiver) = signature.receiver()
        && !borrows_self(receiver)
    {
        errors.add(
            receiver,
            "the servant stays with its runner, so a request takes `&self` or `&mut self`: \
             change the receiver, or #[active(skip)] the method",
        );
    }
}

fn borrows_self(receiver: &Receiver) -> bool {
    let is_short =
        |lifetime: &Option<Lifetime>| lifetime.as_ref().is_none_or(|l| l.ident != "static");
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, _) => is_short(lifetime),
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) => {
                let to_self =
                    matches!(&*reference.elem, Type::Path(to) if to.path.is_ident("Self"));
                to_self && is_short(&reference.lifetime)
            }
            _ => false,
        },
        _ => false,
    }
}

fn check_result(ty: &Type, is_oneway: bool, errors: &mut Errors) {
    match ty {
        Type::Tuple(tuple) if tuple.elems.is_empty() => {}
        _ if is_oneway => errors.add(
            ty,
            "a one-way request has no reply that could carry this: return nothing, or remove \
             `oneway`",
        ),
        Type::Never(never) => errors.add(
            never,
            "a request that never ends blocks all others: return `()`, or #[active(skip)] the \
             method",
        ),
        _ => Ownership::check(ty, &RESULT, errors),
    }
}

/// Which of the arguments, the receiver aside, is the runner's context: `&mut Context<Self>`.
pub fn context_place(signature: &Signature, errors: &mut Errors) -> Option<usize> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let mut places = typed.enumerate().filter(|(_, argument)| is_context(&argument.ty));
    let (place, _) = places.next()?;
    for (_, another) in places {
        errors.add(another, "a method has one context: remove this argument");
    }
    Some(place)
}

/// What a method promises that returns `Later<R>`.
pub fn later_result(signature: &Signature) -> Option<&Type> {
    let ReturnType::Type(_, ty) = &signature.output else { return None };
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Later")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) if arguments.args.len() == 1 => Some(ty),
        _ => None,
    }
}

/// Reports a late result that could not come: without the context, or inside another type.
pub fn check_later(signature: &Signature, has_context: bool, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = &signature.output else { return };
    match later_result(signature) {
        Some(promised) if has_context => Nested { errors }.visit_type(promised),
        Some(_) => errors.add(
            ty,
            "a method that answers later takes the reply from its context: add an argument \
             `cx: &mut Context<Self>`, and `let (later, reply) = cx.later();`",
        ),
        None => Nested { errors }.visit_type(ty),
    }
}

/// Finds `Later<…>` inside a type.
struct Nested<'e> {
    errors: &'e mut Errors,
}

impl<'ast> Visit<'ast> for Nested<'_> {
    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        if segment.ident == "Later" && !segment.arguments.is_none() {
            self.errors.add(
                segment,
                "a result comes later as a whole or not at all: return `Later<R>`, of one type R, \
                 and send what it may be, such as a Result",
            );
        } else {
            visit::visit_path_segment(self, segment);
        }
    }
}

/// What a method takes that the engine calls of its own accord.
pub fn hook_arguments(
    signature: &Signature,
    occasion: Occasion,
    errors: &mut Errors,
) -> Vec<HookArgument> {
    check_signature(signature, false, errors);
    if signature.receiver().is_none() {
        errors.add(signature, "the engine calls this on the servant: take `&self` or `&mut self`");
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && !matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        errors.add(ty, "nobody waits for what this method returns: return nothing");
    }
    let mut arguments = Vec::new();
    for input in &signature.inputs {
        let FnArg::Typed(typed) = input else { continue };
        let argument = match () {
            () if is_context(&typed.ty) => HookArgument::Context,
            () if occasion == Occasion::BatchEnd && is_named(&typed.ty, "Batch") => {
                HookArgument::Batch
            }
            () => {
                let rule = match occasion {
                    Occasion::BatchEnd => {
                        "such a method takes a `Batch`, `&mut Context<Self>`, both or neither: remove \
                         this argument"
                    }
                    _ => {
                        "such a method takes `&mut Context<Self>` or nothing: remove this argument"
                    }
                };
                errors.add(typed, rule);
                continue;
            }
        };
        if arguments.contains(&argument) {
            errors.add(typed, "there is one of these: remove this argument");
        }
        arguments.push(argument);
    }
    arguments
}

fn is_context(ty: &Type) -> bool {
    let Type::Reference(TypeReference { mutability: Some(_), elem, .. }) = bare(ty) else {
        return false;
    };
    is_named(elem, "Context")
}

fn is_named(ty: &Type, name: &str) -> bool {
    let Type::Path(path) = bare(ty) else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// The name, unless it is `_`, and the type of an argument that is valid.
pub fn check_argument<'a>(
    argument: &'a FnArg,
    errors: &mut Errors,
) -> Option<(Option<&'a Ident>, &'a Type)> {
    let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else { return None };
    for attribute in attrs {
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            errors.add(
                attribute,
                "a request's arguments cannot be conditional: write the method twice, each under \
                 its #[cfg]",
            );
        }
    }
    if let Type::TraitObject(object) = bare(ty) {
        errors.add(object, "an argument has a size: pass a Box of this, with `+ Send`");
    } else {
        Ownership::check(ty, &ARGUMENT, errors);
    }
    match &**pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Some((Some(&name.ident), ty))
        }
        Pat::Wild(_) => Some((None, ty)),
        pattern => {
            errors.add(
                pattern,
                "an argument is a field of the request, so it needs a name: write a name here, \
                 and take it apart inside the method",
            );
            None
        }
    }
}

fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

/// Finds what a type borrows, or leaves open.
struct Ownership<'e> {
    texts: &'static Texts,
    errors: &'e mut Errors,
}

/// How the rule reads, for an argument and for a result.
struct Texts {
    borrowed: &'static str,
    open: &'static str,
}

const ARGUMENT: Texts = Texts {
    borrowed: "a request outlives its call, so it owns its arguments: take a String, Vec, Box or \
               Arc instead of a borrow (only `'static` ones can stay)",
    open: "a request is one variant of an enum, so its types are fixed: name a type, or take a \
           Box<dyn …>",
};

const RESULT: Texts = Texts {
    borrowed: "a result leaves the servant's thread, so it is owned: return a clone or an Arc \
               instead of a borrow (only `'static` ones can stay), or #[active(skip)] the method",
    open: "a result's type is part of its request's type, so it is named: name it, return a \
           Box<dyn …>, or #[active(skip)] the method",
};

impl<'e> Ownership<'e> {
    fn check(ty: &Type, texts: &'static Texts, errors: &'e mut Errors) {
        Self { texts, errors }.visit_type(ty);
    }
}

impl<'ast> Visit<'ast> for Ownership<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") {
            visit::visit_type_reference(self, reference);
        } else {
            self.errors.add(reference, self.texts.borrowed);
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.errors.add(lifetime, self.texts.borrowed);
        }
    }

    fn visit_type_impl_trait(&mut self, open: &'ast TypeImplTrait) {
        self.errors.add(open, self.texts.open);
    }

    // What is inside `fn(&str)`, `Fn(&str)` and `for<'a> Trait<'a>` is borrowed by a later call of
    // the value, not by the value itself.

    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}

    fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
        if bound.lifetimes.is_none() {
            visit::visit_trait_bound(self, bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn is_owned(ty: Type) -> bool {
        let mut errors = Errors::default();
        Ownership::check(&ty, &ARGUMENT, &mut errors);
        errors.or(()).is_ok()
    }

    #[test]
    fn borrow_is_found_at_any_depth() {
        assert!(!is_owned(parse_quote!(&str)));
        assert!(!is_owned(parse_quote!(Option<(u8, &'a mut [u8])>)));
        assert!(!is_owned(parse_quote!(Cow<'_, str>)));
        assert!(!is_owned(parse_quote!(Box<dyn Any + '_>)));
        assert!(!is_owned(parse_quote!([Vec<impl Fn()>; 2])));
        assert!(!is_owned(parse_quote!(&'static &str)));
    }

    #[test]
    fn static_borrow_and_borrowing_function_are_owned() {
        assert!(is_owned(parse_quote!(&'static [&'static str])));
        assert!(is_owned(parse_quote!(fn(&str) -> &str)));
        assert!(is_owned(parse_quote!(Box<dyn Fn(&str) -> Cow<'_, str> + Send>)));
        assert!(is_owned(parse_quote!(Box<dyn for<'a> Visit<'a> + Send + 'static>)));
    }

    fn mistakes(signature: Signature) -> usize {
        let mut errors = Errors::default();
        check_signature(&signature, false, &mut errors);
        for argument in &signature.inputs {
            check_argument(argument, &mut errors);
        }
        errors.or(()).err().map_or(0, |error| error.into_iter().count())
    }

    // Where the compiler's own errors stand beside the macro's, so that no text is compared.
    #[test]
    fn argument_has_a_size_and_a_number() {
        assert_eq!(mistakes(parse_quote!(fn log(&self, log: (dyn Log + Send)))), 1);
        assert_eq!(mistakes(parse_quote!(fn log(&self, log: Box<dyn Log + Send>))), 0);
        assert_eq!(mistakes(parse_quote!(fn print(&self, count: usize, values: ...))), 1);
    }
}
