//! The internal protocols, for the two model checkers alone: thin wrappers, so that the shipped source
//! is what runs.

mod cells;
#[allow(unsafe_code)] // sending an object that has not run yet
mod object;
#[allow(unsafe_code)] // pushing links that the model keeps alive
mod ready;
mod supervised;
mod topic;

pub use cells::Cells;
pub use object::{ModelRunner, Outline, drive, spawn, spawn_restarting};
pub use ready::{Node, Ready, Token};
pub use supervised::{Ending, Supervised};
pub use topic::subscribe;
