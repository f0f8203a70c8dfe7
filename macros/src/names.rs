//! The names of generated things: found without a clash, or reported.

use crate::errors::Errors;
use crate::model::Request;
use proc_macro2::{Ident, TokenStream, TokenTree};
use std::collections::{HashMap, HashSet};
use syn::ext::IdentExt;

/// `ident` in camel case: what names a request's variant.
pub fn camel(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    let camel: String = name.split('_').map(capitalised).collect();
    // `2d` and `Self` are no identifiers, and neither is the nothing that `__` leaves.
    if syn::parse_str::<Ident>(&camel).is_ok() { camel } else { format!("Request{camel}") }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.as_str().chars()).collect()
}

/// `name`, with as many underscores behind it as make it differ from all of `taken`.
pub fn free(name: &str, taken: &HashSet<String>) -> String {
    let mut name = name.to_owned();
    while taken.contains(&name) {
        name.push('_');
    }
    name
}

/// Every identifier in `tokens`.
pub fn identifiers(tokens: TokenStream) -> HashSet<String> {
    tokens.into_iter().flat_map(identifiers_of).collect()
}

fn identifiers_of(token: TokenTree) -> HashSet<String> {
    match token {
        TokenTree::Group(group) => identifiers(group.stream()),
        TokenTree::Ident(ident) => HashSet::from([ident.unraw().to_string()]),
        TokenTree::Punct(_) | TokenTree::Literal(_) => HashSet::new(),
    }
}

/// Reports requests whose generated items would have one name.
///
/// Two that both stand under a `#[cfg]` are left to the compiler, which knows whether they meet.
pub fn check_clashes(requests: &[Request], errors: &mut Errors) {
    let mut methods: HashMap<String, &Request> = HashMap::new();
    let mut variants: HashMap<String, &Request> = HashMap::new();
    for request in requests {
        let twin = clash(methods.insert(request.name.unraw().to_string(), request), request);
        if twin.is_some() {
            let name = &request.name;
            errors.add(
                name,
                format!("two requests are named `{name}`: give one #[active(rename = …)]"),
            );
        }
        let earlier = variants.insert(request.variant.to_string(), request);
        if let (None, Some(earlier)) = (twin, clash(earlier, request)) {
            errors.add(&request.name, variant_clash(request, earlier));
        }
    }
    for request in requests.iter().filter(|request| !request.is_oneway) {
        let attempt = request.attempt.to_string();
        if let Some(twin) = clash(methods.get(&attempt).copied(), request) {
            errors.add(&twin.name, attempt_clash(request, twin));
        }
    }
}

fn clash<'r>(other: Option<&'r Request>, request: &Request) -> Option<&'r Request> {
    other.filter(|other| other.cfg.is_empty() || request.cfg.is_empty())
}

fn variant_clash(request: &Request, earlier: &Request) -> String {
    format!(
        "`{}` and `{}` both become the request `{}`: give one #[active(rename = …)]",
        earlier.name, request.name, request.variant,
    )
}

fn attempt_clash(request: &Request, twin: &Request) -> String {
    format!(
        "`{}` is also the generated form of `{}` that gives refused arguments back: give one \
         #[active(rename = …)]",
        twin.name, request.name,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn camel_case_is_always_an_identifier() {
        for (snake, expected) in [
            ("deposit", "Deposit"),
            ("stop_it", "StopIt"),
            ("a__b", "AB"),
            ("_2d", "Request2d"),
            ("self_", "RequestSelf"),
            ("__", "Request"),
        ] {
            assert_eq!(camel(&syn::parse_str(snake).expect("an identifier")), expected);
        }
        assert_eq!(camel(&parse_quote!(r#type)), "Type");
    }

    #[test]
    fn free_name_differs_from_all_taken() {
        let taken = identifiers(quote::quote!(reply: Vec<reply_>));
        assert_eq!(free("reply", &taken), "reply__");
        assert_eq!(free("arguments", &taken), "arguments");
    }
}
