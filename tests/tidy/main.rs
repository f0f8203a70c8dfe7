//! Rules of the sources that the compiler doesn't know.
//!
//! Each rule is a function from text to a list of findings. The tests beside it (`mod shown`) give it
//! texts that break it, one each.

mod dependencies;
mod documents;
mod orderings;
mod primitives;
mod source;
mod unsafe_code;
