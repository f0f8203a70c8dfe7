//! Which of a method's attributes go with it to the generated items.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// Those of `attributes` that have one of `names`, also from inside a `cfg_attr`.
///
/// Looking into `cfg_attr` matters because an attribute macro sees it unexpanded, and copying all
/// of it would put, say, a conditional `#[inline]` on an enum variant.
pub fn copied(attributes: &[Attribute], names: &[&str]) -> TokenStream {
    attributes
        .iter()
        .filter_map(|attribute| kept(&attribute.meta, names))
        .map(|meta| quote!(#[#meta]))
        .collect()
}

fn kept(meta: &Meta, names: &[&str]) -> Option<TokenStream> {
    if names.iter().any(|name| meta.path().is_ident(name)) {
        return Some(quote!(#meta));
    }
    let (predicate, metas) = conditional(meta)?;
    let kept: Vec<_> = metas.iter().filter_map(|meta| kept(meta, names)).collect();
    (!kept.is_empty()).then(|| quote!(cfg_attr(#predicate, #(#kept),*)))
}

/// Takes `cfg_attr(predicate, metas…)` apart.
fn conditional(meta: &Meta) -> Option<(TokenStream, Punctuated<Meta, Token![,]>)> {
    let list = meta.require_list().ok().filter(|list| list.path.is_ident("cfg_attr"))?;
    let parts = |input: ParseStream<'_>| {
        let mut predicate = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) {
            predicate.extend([input.parse::<proc_macro2::TokenTree>()?]);
        }
        input.parse::<Token![,]>()?;
        Ok((predicate, Punctuated::parse_terminated(input)?))
    };
    parts.parse2(list.tokens.clone()).ok()
}

/// Whether this is `#[active(…)]` on a method, under whatever path.
pub fn is_key_list(attribute: &Attribute) -> bool {
    is_active(&attribute.meta)
}

/// Whether the attribute is the macro's own, or hides one.
pub fn has_key_list(attribute: &Attribute) -> bool {
    is_key_list(attribute) || hides_key_list(attribute)
}

/// Whether a `cfg_attr` hides an `#[active(…)]`, whose condition the macro could not evaluate.
pub fn hides_key_list(attribute: &Attribute) -> bool {
    fn hides(meta: &Meta) -> bool {
        conditional(meta).is_some_and(|(_, metas)| metas.iter().any(|m| is_active(m) || hides(m)))
    }
    hides(&attribute.meta)
}

fn is_active(meta: &Meta) -> bool {
    meta.path().segments.last().is_some_and(|segment| segment.ident == "active")
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn copied_text(attribute: Attribute, names: &[&str]) -> String {
        copied(&[attribute], names).to_string()
    }

    #[test]
    fn only_named_attributes_are_copied() {
        assert_eq!(copied_text(parse_quote!(#[inline]), &["cfg"]), "");
        assert_eq!(copied_text(parse_quote!(#[cfg(unix)]), &["cfg"]), "# [cfg (unix)]");
    }

    #[test]
    fn only_the_named_part_of_a_cfg_attr_is_copied() {
        let attribute = parse_quote!(#[cfg_attr(all(unix, a = "b"), inline, cfg(c), doc = "d")]);
        assert_eq!(
            copied_text(attribute, &["cfg"]),
            "# [cfg_attr (all (unix , a = \"b\") , cfg (c))]"
        );
        assert_eq!(copied_text(parse_quote!(#[cfg_attr(unix, inline)]), &["cfg"]), "");
    }

    #[test]
    fn conditional_keys_are_seen() {
        assert!(hides_key_list(&parse_quote!(#[cfg_attr(unix, cfg_attr(a, active(skip)))])));
        assert!(!hides_key_list(&parse_quote!(#[cfg_attr(unix, inline)])));
    }
}
