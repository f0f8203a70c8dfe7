//! What was asked of the hot path, each with its prototypes.

mod stamps;
mod publish;
mod deferred;
mod padding;
mod remap;
mod release;
mod prefetch;
mod combine;
mod cell_place;
mod cell_done;
mod pause;
mod membarrier;

use crate::harness::Question;

/// All questions, in the order in which a call meets them.
pub const ALL: &[Question] = &[
    stamps::QUESTION,
    publish::QUESTION,
    deferred::QUESTION,
    padding::QUESTION,
    remap::QUESTION,
    release::QUESTION,
    prefetch::QUESTION,
    combine::QUESTION,
    cell_place::QUESTION,
    cell_done::QUESTION,
    pause::QUESTION,
    membarrier::QUESTION,
];
