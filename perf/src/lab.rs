pub mod clock;
pub mod counters;
pub mod arrivals;
pub mod settings;
pub mod lab;
pub mod open_loop;
pub mod scenario;
