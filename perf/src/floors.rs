pub mod ring;
pub mod spin;
pub mod futex;
