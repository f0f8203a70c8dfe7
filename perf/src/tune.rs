//! Finding a placement of objects on CPUs: a graph of who sends to whom, a machine, a search.
//!
//! `docs/PLACEMENT.md` describes the files and the model.

pub mod graph;
mod latency;
pub mod problem;
mod state;
mod symmetry;
mod feasible;
mod exact;
mod anneal;
pub mod search;
pub mod explain;
pub mod budget;
pub mod plan;
pub mod prove;
pub mod inputs;
