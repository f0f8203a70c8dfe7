//! A user's crate may be strict: the generated items are documented and free of warnings.

#![deny(missing_docs, warnings, rustdoc::all, unreachable_pub, clippy::pedantic)]
#![deny(missing_debug_implementations, unused_qualifications)]
// What the methods here are about, or what does not concern generated items.
#![allow(clippy::many_single_char_names, clippy::must_use_candidate)]
#![allow(clippy::needless_pass_by_value, clippy::unused_self)]

use mainspring::prelude::*;

/// Public, so that everything generated for it must be documented.
#[derive(Debug)]
pub struct Public {
    total: u64,
}

/// Private, which the generated items must allow for.
#[derive(Debug)]
struct Private(u8);

#[active]
impl Public {
    /// Adds.
    ///
    /// # Examples
    /// Like [`total`](Self::total).
    pub fn add(&mut self, by: u64) -> u64 {
        self.total += by;
        self.total
    }

    /// The total.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The total, by its old name.
    #[deprecated = "use `total`"]
    pub fn sum(&self) -> u64 {
        self.total
    }

    /// Arguments and results of a size that clippy minds.
    #[must_use = "a reason"]
    #[inline]
    pub fn large(&self, bytes: [u8; 200]) -> [u8; 200] {
        bytes
    }

    /// More arguments than clippy likes.
    #[allow(clippy::too_many_arguments)]
    pub fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8 {
        a + b + c + d + e + f + g + h
    }

    /// Arguments that clippy would rather not have in a box.
    #[active(boxed)]
    pub fn heap(&mut self, names: Vec<String>) {
        self.total = names.len() as u64;
    }

    /// Forgets the total.
    #[active(oneway)]
    pub fn reset(&mut self) {
        self.total = 0;
    }
}

#[active]
impl Private {
    // Not documented, since it is private; the generated proxy must be.
    #[allow(unreachable_pub)]
    pub fn swap(&mut self, mut other: Private) -> Private {
        std::mem::swap(self, &mut other);
        other
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let public: PublicProxy = mainspring::spawn(Public { total: 0 })?;
    assert_eq!(public.add(2).get()?, 2);
    let private: PrivateProxy = mainspring::spawn(Private(1))?;
    assert_eq!(private.swap(Private(2)).get()?.0, 1);
    Ok(())
}
