pub mod clock;
pub mod counters;
pub mod time;
pub mod arrivals;
pub mod settings;
pub mod lab;
pub mod open_loop;
pub mod sample;
pub mod loops;
pub mod scenario;

pub use lab::{Lab, Pin, RUNNER};
