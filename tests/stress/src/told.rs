//! What ThreadSanitizer is told of the standard library: nothing in other builds. See `build.rs`.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // calls that are passed on as they came

include!(concat!(env!("OUT_DIR"), "/told.rs"));
