//! Where an answer meets its caller, and everything that waits for answers.

#[allow(unsafe_code)] // a call under another type
pub(crate) mod any_call;
#[allow(unsafe_code)] // the waker, which one thread at a time may touch
pub(crate) mod atomic_waker;
#[allow(unsafe_code)] // shares of reply cells
pub(crate) mod call;
pub(crate) mod call_set;
pub(crate) mod call_table;
#[allow(unsafe_code)] // the cell's outcome and waiter
pub(crate) mod cell;
#[allow(unsafe_code)] // pushing an object's link
pub(crate) mod completions;
pub(crate) mod error;
pub(crate) mod join;
pub(crate) mod later;
#[allow(unsafe_code)] // the cells' memory
pub(crate) mod pool;
#[allow(unsafe_code)] // that the servant's end may be sent
pub(crate) mod reply;
pub(crate) mod unserved;
#[allow(unsafe_code)] // closures stored without their type
pub(crate) mod waiter;
