//! The step that serves objects, its drivers, how they wait, and how they are woken.

pub(crate) mod caller_wait;
pub(crate) mod coalescing;
pub(crate) mod contention;
pub(crate) mod drive;
pub(crate) mod environment;
#[allow(unsafe_code)] // pushing an object's link
pub(crate) mod fan_out;
pub(crate) mod invoker;
#[allow(unsafe_code)] // a queue that one thread alone may touch
pub(crate) mod local;
pub(crate) mod newcomers;
pub(crate) mod owner;
pub(crate) mod park;
pub(crate) mod poll;
#[allow(unsafe_code)] // the intrusive stack
pub(crate) mod ready;
#[allow(unsafe_code)] // pushing the runner's own link
pub(crate) mod remote;
pub(crate) mod scheduler;
pub(crate) mod task;
pub(crate) mod timer_wheel;
pub(crate) mod traffic;
pub(crate) mod wait;
