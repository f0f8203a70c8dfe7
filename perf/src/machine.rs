pub mod root;
pub mod pinned;
mod hypervisor;
pub mod machine;
pub mod interrupts;
pub mod layout;
pub mod matrix;
pub mod jitter;
pub mod recorded;
pub mod doctor;

pub use machine::Machine;
