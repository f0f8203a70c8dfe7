pub mod ring;
pub mod floor;
pub mod futex;
