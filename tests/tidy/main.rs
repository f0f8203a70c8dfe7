//! Rules of the sources that the compiler doesn't know.
//!
//! Each rule is a function from text to a list of findings. The tests beside it (`mod shown`) give it
//! texts that break it, one each.

mod circles;
mod dependencies;
mod documents;
mod imports;
mod layers;
mod lengths;
mod orderings;
mod paths;
mod picture;
mod primitives;
mod source;
mod tokens;
mod unsafe_code;
