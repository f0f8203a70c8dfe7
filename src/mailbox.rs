//! The activation queue: a bounded ring of requests before one consumer.
//!
//! There are three kinds, chosen when the mailbox is made. [`mpsc`] takes requests from any number
//! of producers and is the default. [`spsc`] takes them from one producer and is cheaper. [`lanes`]
//! gives each producer a ring of its own. No kind ever waits: a push returns at once, with the
//! value if it was refused. The code that holds the ends decides whether to wait.
//!
//! # Closing and cooling
//! Producers look at two bits of one word with each publication. `CLOSED` ends admission. `COLD`
//! says that the consumer no longer polls; the thread that clears it must wake the consumer by
//! ringing the [`Bell`]. In the shared ring the bits are in the same word as the position that
//! producers move, so the read-modify-write that claims a slot also decides whether the request is
//! admitted. A consumer that polls all the time never cools its mailbox ([`Heat::Always`]), so its
//! bell ([`Silent`]) never rings.
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
