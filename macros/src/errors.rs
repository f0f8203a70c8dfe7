//! Every mistake of one impl block, so that one build shows them all.

use quote::ToTokens;
use std::fmt::Display;

/// Collects compile errors.
#[derive(Default)]
pub struct Errors {
    found: Option<syn::Error>,
}

impl Errors {
    /// Notes that the code at `place` breaks `rule`; the rule's text also says the way out.
    pub fn add(&mut self, place: impl ToTokens, rule: impl Display) {
        self.include(syn::Error::new_spanned(place, rule));
    }

    /// Notes an error that is already made.
    pub fn include(&mut self, error: syn::Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// The value, unless there is an error.
    pub fn or<T>(self, value: T) -> syn::Result<T> {
        self.found.map_or(Ok(value), Err)
    }
}
