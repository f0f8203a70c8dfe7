//! What is between the brackets: `#[active(crate = …)]` on the impl, `#[active(…)]` on a method.

use crate::attributes;
use crate::errors::Errors;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Path, Token};

/// The path of the library, from the arguments on the impl.
pub fn library(arguments: TokenStream) -> syn::Result<TokenStream> {
    let mut path = quote!(::mainspring);
    let key = syn::meta::parser(|meta| {
        if !meta.path.is_ident("crate") {
            let rule = "unknown key: the one key on an impl block is `crate = path`; the others, \
                        such as `oneway`, go on its methods";
            return Err(syn::Error::new_spanned(&meta.path, rule));
        }
        let rule = "the library's path stands here without quotes, as in `crate = ::mainspring`";
        let given = meta.value().and_then(|value| value.call(Path::parse_mod_style));
        let given = given.map_err(|error| syn::Error::new(error.span(), rule))?;
        path = quote!(#given);
        Ok(())
    });
    key.parse2(arguments)?;
    Ok(path)
}

/// The keys on one method.
#[derive(Default)]
pub struct Keys {
    /// No request at all.
    pub skip: Option<Span>,
    /// Without a reply.
    pub oneway: Option<Span>,
    /// The arguments travel on the heap.
    pub boxed: Option<Span>,
    /// The name on the proxy.
    pub rename: Option<(Span, Ident)>,
    /// The method that says whether this one may run.
    pub guard: Option<(Span, Ident)>,
    /// The lane that its requests go through.
    pub priority: Option<(Span, Priority)>,
    /// The engine calls it on this occasion.
    pub hook: Option<(Span, Occasion)>,
}

/// Which lane a method's requests go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    Urgent,
    Normal,
    Bulk,
}

impl Priority {
    fn parse(key: &Ident, meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        let rule = format!("write `{key} = urgent`, `{key} = normal` or `{key} = bulk`");
        let token: TokenTree = meta
            .value()
            .and_then(|value| value.parse())
            .map_err(|_| syn::Error::new_spanned(&meta.path, &rule))?;
        match token.to_string().as_str() {
            "urgent" => Ok(Self::Urgent),
            "normal" => Ok(Self::Normal),
            "bulk" => Ok(Self::Bulk),
            _ => {
                let rule = format!("there is no such priority: {rule}");
                Err(syn::Error::new_spanned(&token, rule))
            }
        }
    }
}

/// When the engine calls a method of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    Start,
    Stop,
    BatchEnd,
}

impl Occasion {
    fn of(key: &Ident) -> Option<Self> {
        match key.to_string().as_str() {
            "on_start" => Some(Self::Start),
            "on_stop" => Some(Self::Stop),
            "on_batch_end" => Some(Self::BatchEnd),
            _ => None,
        }
    }
}

impl Keys {
    /// Reads every `#[active(…)]` on a method.
    pub fn parse(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut keys = Self::default();
        for attribute in attributes {
            if attributes::hides_key_list(attribute) {
                errors.add(
                    attribute,
                    "#[active(…)] on a method cannot be conditional, since the macro runs before \
                     the condition is known: write the method twice, each under its #[cfg]",
                );
            }
            if attributes::is_key_list(attribute) {
                keys.read_list(attribute, errors);
            }
        }
        keys.check_conflicts(errors);
        keys
    }

    fn read_list(&mut self, attribute: &Attribute, errors: &mut Errors) {
        if attribute.meta.require_list().is_err() {
            errors.add(attribute, format!("a key is missing: {KNOWN}"));
        } else if let Err(error) = attribute.parse_nested_meta(|meta| self.read(&meta)) {
            errors.include(error);
        }
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let Some(key) = meta.path.get_ident() else { return Err(unknown(meta)) };
        let is_first = match key.to_string().as_str() {
            "skip" => self.skip.replace(key.span()).is_none(),
            "oneway" => self.oneway.replace(key.span()).is_none(),
            "boxed" => self.boxed.replace(key.span()).is_none(),
            "rename" => self.rename.replace((key.span(), method_name(key, meta)?)).is_none(),
            "guard" => self.guard.replace((key.span(), method_name(key, meta)?)).is_none(),
            "priority" => {
                let priority = Priority::parse(key, meta)?;
                self.priority.replace((key.span(), priority)).is_none()
            }
            _ => {
                let Some(occasion) = Occasion::of(key) else { return Err(unknown(meta)) };
                self.hook.replace((key.span(), occasion)).is_none()
            }
        };
        if !is_first {
            return Err(meta.error("this key is written twice: remove one"));
        }
        if meta.input.peek(Token![=]) {
            return Err(meta.error("this key takes no value: write it alone"));
        }
        Ok(())
    }

    fn check_conflicts(&self, errors: &mut Errors) {
        if let (Some((span, _)), Some(_)) = (self.hook, self.skip) {
            let rule = "the engine calls this method, so it is no request anyway: remove `skip`";
            errors.include(syn::Error::new(span, rule));
        }
        if self.skip.is_none() {
            return;
        }
        for span in self.shaping() {
            let rule = "`skip` makes the method no request, so no other key can apply: remove \
                        this one, or `skip`";
            errors.include(syn::Error::new(span, rule));
        }
    }

    /// Where the keys are that only a request may have.
    pub fn shaping(&self) -> impl Iterator<Item = Span> {
        let named = [&self.rename, &self.guard].map(|key| key.as_ref().map(|(span, _)| *span));
        let priority = self.priority.map(|(span, _)| span);
        [self.oneway, self.boxed, priority].into_iter().chain(named).flatten()
    }
}

const KNOWN: &str = "the keys on a method are `oneway`, `boxed`, `skip`, `rename = name`, \
                     `guard = name`, `priority = urgent|normal|bulk`, `on_start`, `on_stop` and `on_batch_end`";

fn unknown(meta: &ParseNestedMeta<'_>) -> syn::Error {
    syn::Error::new_spanned(&meta.path, format!("unknown key: {KNOWN}"))
}

fn method_name(key: &Ident, meta: &ParseNestedMeta<'_>) -> syn::Result<Ident> {
    let rule = format!(
        "a method's name is an identifier without quotes: write `{key} = name`, or \
         `{key} = r#name` if it is a keyword"
    );
    let token: TokenTree = meta
        .value()
        .and_then(|value| value.parse())
        .map_err(|_| syn::Error::new_spanned(&meta.path, &rule))?;
    syn::parse2(token.clone().into()).map_err(|_| syn::Error::new_spanned(&token, rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn keys(attributes: &[Attribute]) -> syn::Result<Keys> {
        let mut errors = Errors::default();
        let keys = Keys::parse(attributes, &mut errors);
        errors.or(keys)
    }

    #[test]
    fn keys_of_several_attributes_add_up() {
        let keys =
            keys(&[parse_quote!(#[active(oneway)]), parse_quote!(#[mainspring::active(boxed)])]);
        let keys = keys.expect("valid");
        assert!(keys.oneway.is_some() && keys.boxed.is_some() && keys.skip.is_none());
    }

    #[test]
    fn key_written_twice_is_an_error() {
        assert!(keys(&[parse_quote!(#[active(oneway)]), parse_quote!(#[active(oneway)])]).is_err());
    }

    #[test]
    fn library_path_defaults_to_the_crate_name() {
        assert_eq!(library(TokenStream::new()).expect("valid").to_string(), ":: mainspring");
        assert_eq!(library(quote!(crate = crate)).expect("valid").to_string(), "crate");
        assert!(library(quote!(oneway)).is_err());
    }
}
