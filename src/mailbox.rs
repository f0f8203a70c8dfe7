//! The activation queue: a bounded ring of requests before one consumer.
//!
//! Three kinds, fixed when the mailbox is made. [`mpsc`] takes requests from any number of producers
//! and is the default; [`spsc`] takes them from one, and is cheaper; [`lanes`] gives each producer a
//! ring of its own. None ever waits: [`spsc::Producer::push`] and its relatives return at once, with
//! the value when it was refused. Waiting belongs to whoever holds the ends.
//!
//! # Closing and cooling
//! Two bits of one word, which producers look at with each publication: `CLOSED` ends admission,
//! `COLD` says that the consumer has gone to do something else. Whoever clears `COLD` owes the
//! consumer a wake-up, which it pays by ringing the [`Bell`]. In the shared ring the bits lie beside
//! the position that producers move, so that the read-modify-write which claims a slot also decides
//! whether it is admitted. A consumer that polls all the time never cools its mailbox
//! ([`Heat::Always`]), and the bell ([`Silent`]) is never rung.
//!
//! ```
//! use mainspring::mailbox::{mpsc, Pop};
//!
//! let (producer, mut consumer) = mpsc::mailbox(2)?;
//! producer.push(1).unwrap();
//! producer.push(2).unwrap();
//! assert!(producer.push(3).unwrap_err().is_full()); // exact: two slots, two requests
//! assert_eq!(consumer.pop(), Pop::Request(1));
//! # Ok::<(), mainspring::mailbox::CapacityError>(())
//! ```

// The kinds of rings.
#[allow(unsafe_code)] // what its producers know of their lanes
pub mod lanes;
pub mod mpsc;
#[allow(unsafe_code)] // its count of holders
pub mod spsc;
// Producers of the shared ring that don't count.
mod guest;

// What the rings are built of.
mod gate;
#[allow(unsafe_code)] // slots that one side owns at a time
mod lane;
#[allow(unsafe_code)] // slots hold requests that one side owns at a time
mod ring;
#[allow(unsafe_code)] // the slots of the shared ring
mod stamped;
mod tail;
#[allow(unsafe_code)] // counted handles
pub(crate) mod intrusive_arc;
mod drop_all;
mod ends;

// What all kinds have in common for those who use them.
mod bell;
mod capacity;
mod error;
mod kind;
mod pop;
pub(crate) mod sealed;

pub use bell::{Bell, Heat, Silent};
pub(crate) use capacity::check_capacity;
pub use capacity::{CAPACITY_MAX, CapacityError};
pub use error::PushError;
pub use kind::{ClonedKind, Guest, Kind, Lanes, Mpsc, SharedKind, Spsc};
pub use pop::Pop;
pub(crate) use ring::Position;
